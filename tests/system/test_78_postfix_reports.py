"""The whole round with a real Postfix: a letter that it takes and cannot deliver, its own report of that,
and the way back by lmtp(8) and by pipe(8), as docs/bounces.md wires them."""
import shutil
import smtplib

import pytest

import postfix_relay
from client import Api, unique
from gatepost import BINARY, patience, wait_for
from smtp_peer import Rule, SmtpPeer

pytestmark = pytest.mark.skipif(postfix_relay.why_not() is not None, reason=str(postfix_relay.why_not()))

TRANSPORTS = "inline:{{ {{ example.com = smtp:[127.0.0.1]:{} }}, {{ bounces.test = {} }} }}"
SERVICES = """lmtp unix - - n - - lmtp
smtp unix - - n - - smtp
verify unix - - n - 1 verify
gatepost unix - n n - 4 pipe
  flags=q user=nobody argv={program} mail bounce --to ${{recipient}}
  -o mail.bounce_socket={socket} -o mail.from=id@example.org
"""


class Round:
    """Postfix as the relay and as who reports, and who refuses its letters: the peer behind it."""

    RULES = [Rule("RCPT", "550 5.1.1 no such user", match="gone"), Rule("RCPT", "552 5.2.2 over quota", match="full"),
             Rule("RCPT", "450 4.2.1 not now", match="slow")]

    def __init__(self, way, mode):
        checks = ("check_recipient_access inline:{ { bounces.test = reject_unverified_recipient } }, "
                  "permit_mynetworks, reject")
        self.peer = SmtpPeer()
        self.peer.rules = list(self.RULES)
        self.peer.start()
        self.postfix = postfix_relay.Postfix(
            transport_maps=TRANSPORTS.format(self.peer.port, way), relay_domains="bounces.test",
            smtpd_recipient_restrictions=checks, unverified_recipient_reject_code="550",
            gatepost_destination_recipient_limit="1", minimal_backoff_time="1s", queue_run_delay="1s")
        self.folder = self.postfix.folder / "queue" / "gatepost"
        self.folder.mkdir()
        shutil.chown(self.folder, "root", postfix_relay.OWNER)
        self.folder.chmod(0o2750 if mode == "0660" else 0o2755)
        self.socket = self.folder / "bounce.sock"
        program = self.postfix.folder / "gatepost"  # where nobody may read it
        shutil.copy(BINARY, program)
        program.chmod(0o755)
        with open(self.postfix.folder / "etc" / "master.cf", "a", encoding="ascii") as file:
            file.write(SERVICES.format(program=program, socket=self.socket))
        self.settings = {"mail.bounce_socket": str(self.socket), "mail.bounce_mode": mode,
                         "smtp.host": "127.0.0.1", "smtp.port": str(self.postfix.port), "smtp.tls": "none",
                         "mail.from": "id@example.org", "mail.return_path": "b@bounces.test",
                         "http.workers": "1"}

    def tries_back(self):
        return sum("@bounces.test>" in line and "status=deferred" in line
                   for line in self.postfix.log().splitlines())

    def __enter__(self):
        self.postfix.start()
        return self

    def __exit__(self, *_):
        self.postfix.__exit__()
        self.peer.stop()


def account(server, kind):
    name = unique(kind)
    assert Api(server.address).signup(name).status == 201
    return name


def is_bounced(server, name):
    api = Api(server.address)
    return api.me(api.tokens(name)["access"]).json()["email_bounced"]


WAYS = [("lmtp:unix:gatepost/bounce.sock", "0660"), ("gatepost:", "0666")]


@pytest.mark.parametrize("way, mode", WAYS, ids=["lmtp", "pipe"])
def test_what_postfix_cannot_deliver_comes_back_and_is_noted(serve, way, mode):
    with Round(way, mode) as around:
        server = serve(around.settings)
        gone, full = account(server, "gone"), account(server, "full")
        wait_for(lambda: is_bounced(server, gone), 15, "the report of a mailbox that is not there")
        lines = server.wait_event("mail.bounced", 2, 15)
        assert len(lines) == 2 and all("matched=return_path" in line for line in lines)
        assert sorted(line.split("status=")[1].split()[0] for line in lines) == ["5.1.1", "5.2.2"]
        assert not is_bounced(server, full)
        wait_for(lambda: around.postfix.log().count("status=sent") == 2, 5, "two reports off Postfix's hands")


def test_without_a_return_path_the_message_id_tells(serve):
    with Round(*WAYS[0]) as around:
        settings = {**around.settings, "mail.from": "b@bounces.test"}
        del settings["mail.return_path"]
        server = serve(settings)
        gone = account(server, "gone")
        wait_for(lambda: is_bounced(server, gone), 15, "the report")
        assert "matched=message_id" in server.wait_event("mail.bounced")[0]


@pytest.mark.parametrize("way, mode", WAYS, ids=["lmtp", "pipe"])
def test_a_report_waits_in_postfix_while_no_server_runs(prepare, way, mode):
    with Round(way, mode) as around:
        server = prepare(around.settings)
        gone = account(server.start(), "slow")  # taken, and put off
        wait_for(lambda: "status=deferred" in around.postfix.log(), 15, "Postfix tries")
        server.stop()
        around.peer.rules = [Rule("RCPT", "550 5.1.1 no such user")]
        wait_for(lambda: around.tries_back() >= 1, 20, "the report is put off")
        server.start()
        wait_for(lambda: is_bounced(server, gone), 30, "the report")
        server.stop()


def test_strangers_mail_is_refused_at_the_door(serve):
    with Round(*WAYS[0]) as around:
        serve(around.settings)
        with smtplib.SMTP("127.0.0.1", around.postfix.port, timeout=patience(20)) as smtp:
            smtp.ehlo()
            smtp.mail("")
            assert smtp.rcpt("b+" + "a" * 42 + "@bounces.test")[0] == 550
            assert smtp.rcpt("b@bounces.test")[0] == 250
