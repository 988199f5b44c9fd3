"""What comes back of letters: the unit tests' collection of reports, made to be about a letter of ours, and
the socket they are brought to."""
import smtplib
from pathlib import Path

from gatepost import patience

FOLDER = Path(__file__).resolve().parents[1] / "unit" / "mailer" / "reports"
FROM = "gatepost@accounts.example"
JOB, ANNA = "01a220c3-a1b4-7818-8c99-5f9bb890a91f", "anna@example.com"


def expected():
    """{name: (kind, status, recipient, where our Message-ID stands)} of the whole collection."""
    lines = [line.split() for line in (FOLDER / "expected.txt").read_text().splitlines()
             if not line.startswith("#")]
    return {line[0].removesuffix(".eml"): tuple(line[1:]) for line in lines}


def report(name, letter):
    """The report of that name about that letter, as LMTP has it: CRLF. What is encoded stays about anna."""
    text = (FOLDER / f"{name}.eml").read_text()
    job = letter.message["Message-ID"].strip("<>")
    to = str(letter.message["To"])
    return text.replace(f"{JOB}@accounts.example", job).replace(ANNA, to).replace("\n", "\r\n").encode()


def sock_of(server):
    return server.directory / "var" / "bounce.sock"


class Lmtp(smtplib.LMTP):
    """One connection to the server's mail.bounce_socket."""

    def __init__(self, server, **options):
        super().__init__(str(sock_of(server)), timeout=patience(20), **options)

    def bring(self, message, to=FROM):
        """(code, text) for the one recipient."""
        self.ehlo_or_helo_if_needed()
        for reply in (self.mail(""), self.rcpt(to)):
            if reply[0] != 250:
                self.rset()
                return reply
        return self.data(message)


def bring(server, message, to=FROM):
    with Lmtp(server) as lmtp:
        return lmtp.bring(message, to)
