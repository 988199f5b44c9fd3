"""Who is in a database, read from its files with Berkeley DB's own tools and none of our code; the
forms of the rows are those of src/store/records.def."""
import os
import struct
import subprocess

TABLES = ("users", "users_by_name", "users_by_email", "users_by_subject", "answers", "sessions",
          "sessions_by_user", "proofs", "outbox", "outbox_by_due", "audit", "meta")


class Unreadable(Exception):
    pass


def tool(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Unreadable(f"{' '.join(map(str, command))}: {done.stderr.strip()[-300:]}")
    return done.stdout


def recover(home):
    tool("db5.3_recover", "-h", home)


def rows(path):
    """{key: value} of a table, both bytes."""
    lines = tool("db5.3_dump", path).splitlines()
    body = lines[lines.index("HEADER=END") + 1:lines.index("DATA=END")]
    return {bytes.fromhex(key): bytes.fromhex(value) for key, value in zip(body[::2], body[1::2])}


class Fields:
    """A record from its front: a version byte, then what is asked for."""

    def __init__(self, record):
        self.record, self.at = record, 0
        assert self.take(1) == b"\x01", record[:16]

    def take(self, count):
        piece = self.record[self.at:self.at + count]
        assert len(piece) == count, self.record
        self.at += count
        return piece

    def text(self):
        return self.take(struct.unpack(">H", self.take(2))[0]).decode()

    def numbers(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))


class Census:
    """home: a database that was recovered and is open nowhere. mail_dir: letters that were written."""

    def __init__(self, home, mail_dir):
        for table in TABLES:
            tool("db5.3_verify", "-q", home / f"{table}.db")
        tables = {table: rows(home / f"{table}.db") for table in TABLES}
        self.mail_dir = mail_dir
        self.users = {key: self._user(value) for key, value in tables["users"].items()}
        self.by_name, self.by_email, self.by_subject = (
            tables[f"users_by_{key}"] for key in ("name", "email", "subject"))
        self.proofs = {key: self._proof(value) for key, value in tables["proofs"].items()}
        self.outbox = {key: Fields(value).take(1) == b"\x01" for key, value in tables["outbox"].items()}
        self.due = {key[8:] for key in tables["outbox_by_due"]}
        meta = tables["meta"].get(b"tally")
        self.tally = Fields(meta).numbers(">QQQ") if meta else None

    @staticmethod
    def _user(record):
        fields = Fields(record)
        subject, name, name_key, email, email_key, _, _ = (fields.text() for _ in range(7))
        fields.numbers(">BBQQ")
        return {"subject": subject, "name": name, "name_key": name_key, "email": email,
                "email_key": email_key, "proof": fields.take(16)}

    @staticmethod
    def _proof(record):
        fields = Fields(record)
        user = fields.take(16)
        fields.numbers(">BBQ")
        return user, fields.take(16)

    def lacks(self, name, email):
        """What is missing of an account that was acknowledged, in words; None: it is whole."""
        key = self.by_name.get(name.encode())
        if key is None:
            return "no such name"
        user = self.users.get(key)
        if user is None or user["name"] != name or user["email"] != email:
            return f"the user behind the name is {user}"
        if self.by_email.get(email.encode()) != key:
            return "no such address"
        if self.by_subject.get(user["subject"].encode()) != key:
            return "no such subject"
        owner, job = self.proofs.get(user["proof"], (None, None))
        if owner != key:
            return "no proof"
        return None if self._has_letter(job, email) else "neither letter nor row"

    def _has_letter(self, job, email):
        if job in self.outbox:
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
        found = []
        counts = [len(rows) for rows in (self.users, self.by_name, self.by_email, self.by_subject)]
        if len(set(counts)) != 1:
            found.append(f"users and their indexes differ: {counts}")
        for key, user in self.users.items():
            if self.by_name.get(user["name_key"].encode()) != key:
                found.append(f"{user['name']} is not found by name")
        pending = {job for job, dead in self.outbox.items() if not dead}
        if pending != self.due:
            found.append(f"{len(pending)} letters pending, {len(self.due)} due")
        tally = (len(self.users), len(pending), len(self.outbox) - len(pending))
        if self.tally != tally:
            found.append(f"the tally says {self.tally}, there are {tally}")
        return found


def copy_recovered(home, target):
    """A copy of a database home, recovered by Berkeley DB's own tool."""
    tool("cp", "-a", "--sparse=always", home, target)
    for name in os.listdir(target):
        if name.startswith("__db.0"):
            os.unlink(target / name)
    recover(target)
    return target
