"""Who is in a database: tests/chaos/database.py, asked for one person at a time."""
import os

from database import Database, Unreadable, record, recover, tool  # noqa: F401 who asks for a census catches it


class People:
    """home: a database that was recovered and is open nowhere. mail_dir: letters that were written."""

    def __init__(self, home, mail_dir):
        self.database = Database(home)
        self.mail_dir = mail_dir

    def lacks(self, name, email):
        """What is missing of an account that was acknowledged, in words; None: it is whole."""
        database = self.database
        key = database.users_by_name.get(name.encode())
        if key is None:
            return "no such name"
        owner, user = database.by_email.get(email, (None, None))
        if owner != key or user.username != name.encode() or user.email != email.encode():
            return f"the user behind the name is {user}"
        if database.users_by_email.get(email.encode()) != key:
            return "no such address"
        if database.users_by_subject.get(user.subject) != key:
            return "no such subject"
        proof = database.proofs.get(user.verify_proof)
        if proof is None or record(proof, "proof").user_id != key:
            return "no proof"
        return None if self._has_letter(record(proof, "proof").job_id, email) else "neither letter nor row"

    def _has_letter(self, job, email):
        if job in self.database.letters:
            return True
        hex_id = job.hex()
        groups = (hex_id[:8], hex_id[8:12], hex_id[12:16], hex_id[16:20], hex_id[20:])
        try:
            letter = (self.mail_dir / ("-".join(groups) + ".eml")).read_bytes()
        except FileNotFoundError:
            return False
        return f"\r\nTo: {email}\r\n".encode() in letter and letter.endswith(b"\r\n")

    def contradictions(self):
        """What does not fit together, whoever was acknowledged."""
        return list(self.database.problems())


def copy_recovered(home, target):
    """A copy of a database home, recovered by Berkeley DB's own tool."""
    tool("cp", "-a", "--sparse=always", home, target)
    for name in os.listdir(target):
        if name.startswith("__db.0"):
            os.unlink(target / name)
    recover(target)
    return target
