"""Reading the letters that the file transport wrote or a relay received."""
import email
import email.policy
import re
import subprocess
from urllib.parse import parse_qs, urlsplit

from gatepost import BINARY, clean_environment, patience, wait_for


class Letter:
    def __init__(self, data, path=None):
        self.data, self.path = data, path
        self.message = email.message_from_bytes(data, policy=email.policy.default)

    @property
    def to(self):
        return str(self.message["To"])

    @property
    def plain(self):
        return self.message.get_body(("plain",)).get_content()

    @property
    def html(self):
        return self.message.get_body(("html",)).get_content()

    @property
    def link(self):
        """The link, which stands alone on its line in the text part."""
        links = [line for line in self.plain.splitlines() if re.fullmatch(r"https?://\S+", line)]
        assert len(links) == 1, f"{len(links)} links alone on a line in {self.plain!r}"
        return links[0]

    @property
    def token(self):
        return parse_qs(urlsplit(self.link).query, strict_parsing=True)["token"][0]


def letters(server):
    """All letters of the file transport, oldest first."""
    found = []
    for path in server.mail_dir.glob("*.eml"):
        found.append((path.stat().st_mtime_ns, path))
    return [Letter(path.read_bytes(), path) for _, path in sorted(found)]


def recipients(server):
    """The address of every letter, cheaply: one entry for each file."""
    found = []
    for path in server.mail_dir.glob("*.eml"):
        match = re.search(rb"^To: (\S+)\r?$", path.read_bytes(), re.MULTILINE)
        found.append(match[1].decode() if match else f"no To in {path.name}")
    return found


def letters_to(server, address, count=1, seconds=10):
    """Waits until that many letters to the address lie there; returns them, oldest first."""
    def look():
        found = [letter for letter in letters(server) if letter.to == address]
        return found if len(found) >= count else None
    return wait_for(look, seconds, f"{count} letters to {address}")


def letter_to(server, address, seconds=10):
    found = letters_to(server, address, 1, seconds)
    assert len(found) == 1, f"{len(found)} letters to {address}"
    return found[0]


LANGUAGES = ["en", "de", "fr", "es", "pt", "ja"]
LINKED = ["verify", "reset_password", "change_email"]
PURPOSES = LINKED + ["email_change_asked", "email_changed", "password_changed", "signup_attempt", "token_reused",
                     "account_deleted"]


def preview(purpose, *arguments, check=True):
    """What `gatepost mail preview` writes, as text; with check=False the whole outcome."""
    done = subprocess.run([str(BINARY), "mail", "preview", purpose,
                           "-o", "http.public_url=https://id.example.org", *arguments], cwd="/", timeout=patience(20),
                          capture_output=True, stdin=subprocess.DEVNULL, env=clean_environment())
    if not check:
        return done
    assert done.returncode == 0, done
    return done.stdout.decode()
