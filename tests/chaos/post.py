"""What a letter is: told from its head, whichever way it was sent."""
import re
from types import SimpleNamespace

from database import DEAD, PENDING

# enum mail_purpose: number, name, how the subject reads (conf/mail/en).
PURPOSES = [
    (1, "verify", r"Confirm your e-mail address for "), (2, "reset", r"Choose a new password for "),
    (3, "change", r"Confirm your new e-mail address for "), (4, "asked", r"A new e-mail address for "),
    (5, "moved", r"Your e-mail address at "), (6, "password", r"Your password at "),
    (7, "attempt", r"You have an account at "), (8, "reused", r"A session of yours at "),
    (9, "deleted", r"Your account at .* was deleted"),
]
BY_NUMBER = {number: name for number, name, _ in PURPOSES}
TOKEN = re.compile(rb"(?:verify-email|reset-password)\?token=([A-Za-z0-9_-]+)\r?\n")


def purpose_of(subject):
    return next((name for _, name, words in PURPOSES if re.match(words, subject)), f"unknown: {subject}")


def read(raw):
    """id: the job's, 32 hex digits, from Message-ID; to, purpose, token (or None)."""
    head = re.sub(rb"\r?\n[ \t]+", b" ", re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0])
    fields = {name: re.search(rb"^%s: (.*?)\r?$" % name.encode(), head, re.MULTILINE | re.IGNORECASE)[1].decode()
              for name in ("Message-ID", "To", "Subject")}
    token = TOKEN.search(raw)
    return SimpleNamespace(id=fields["Message-ID"].strip("<>").split("@")[0].replace("-", ""), to=fields["To"],
                           purpose=purpose_of(fields["Subject"]), token=token and token[1].decode())


def in_files(directory):
    """{id: letter} of what the file transport wrote."""
    letters = [read(path.read_bytes()) for path in directory.glob("*.eml")]
    return {letter.id: letter for letter in letters}


def in_outbox(database):
    """{id: letter} of those that wait, or are dead with a reason."""
    return {job_id.hex(): SimpleNamespace(
        id=job_id.hex(), to=letter.content.to.decode(), purpose=BY_NUMBER[letter.content.purpose], token=None)
            for job_id, letter in database.letters.items()
            if letter.state == PENDING or (letter.state == DEAD and letter.reply)}
