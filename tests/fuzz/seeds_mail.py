"""Seeds of what comes back of letters: the collection of reports of the unit tests, and LMTP sessions."""
from pathlib import Path

REPORTS = Path(__file__).resolve().parents[1] / "unit" / "mailer" / "reports"
HELLO, MAIL = b"LHLO x\r\n", b"MAIL FROM:<>\r\n"
DATA = b"RCPT TO:<a@b.example>\r\nDATA\r\n"


def reports():
    return {path.stem: path.read_bytes() for path in sorted(REPORTS.glob("*.eml"))}


def sessions():
    many = b"".join(b"RCPT TO:<%c@b.example>\r\n" % (97 + number) for number in range(18))
    return {
        "session": b"\0" + HELLO + MAIL + DATA + b"a: b\r\n\r\n..c\r\n.\r\nQUIT\r\n",
        "session_dots": b"\2" + HELLO + MAIL + DATA + b".\r\r\n.\n.\r.\r\n..\r\n\r\n.\r\n\r\n.\r\nNOOP\r\n",
        "session_recipients": b"\4" + HELLO + MAIL + many + b"DATA\r\n.\r\n" + MAIL + b"RSET\r\n",
        "session_order": b"\1" + MAIL + HELLO + b"DATA\r\nRCPT TO:<a@b>\r\nRSET\r\nVRFY a\r\nEHLO x\r\n",
        "session_parameters": b"\1" + HELLO + b"MAIL FROM:<a@b> SIZE=12 BODY=8BITMIME SMTPUTF8\r\nRSET\r\n"
                              b"MAIL FROM:<> SIZE=999999\r\nMAIL FROM:<> BODY=X\r\nMAIL FROM:<> SIZE=\r\n",
        "session_long_line": b"\7" + b"NOOP " + b"a" * 1100 + b"\r\nNOOP\n",
        "session_noops": b"\5" + b"NOOP\r\n" * 700,
    }
