"""What an operator orders while letters are written and in the mailer's hand."""
import threading

import pytest

from client import Api, unique
from gatepost import wait_for
from mail_desk import REFUSED, done, in_state, letter_of, mail, relay, sign_up, status
from smtp_peer import Rule, SmtpPeer


@pytest.fixture
def peer():
    with SmtpPeer() as peer:
        yield peer


def test_what_is_taken_back_while_paused_is_not_sent_when_that_ends(serve, peer):
    """Though the mailer had it in hand, and nothing stood in its way but the pause."""
    server = serve(relay(peer))
    done(server, "pause")
    names = {what: unique(what) for what in ("cancel", "suppress", "keep")}
    sign_up(server, *names.values())
    wait_for(lambda: Api(server.address).metrics()["gatepost_mail_waiting"] == 3, 5, "three letters in hand")
    done(server, "cancel", letter_of(server, names["cancel"])["id"])
    done(server, "suppress", "add", f"{names['suppress']}@example.com")
    done(server, "resume")
    in_state(server, names["keep"], "sent")
    assert done(server, "drain") == "drained: no letter waits\n"
    assert [letter.recipients for letter in peer.letters] == [[f"{names['keep']}@example.com"]]


def test_drain_does_not_wait_for_what_is_written_meanwhile(serve, peer):
    peer.rules = [Rule("DOT", action="delay", seconds=0.7)]
    server = serve(relay(peer, **{"smtp.connections": "2"}))
    stops = threading.Event()

    def write():
        while not stops.wait(0.2):
            sign_up(server, unique("stream"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_for(lambda: status(server)["due"] > 3, 10, "letters that wait")
        ran = mail(server, "drain")
        assert ran.returncode == REFUSED and "written since then" in ran.stdout, ran
        assert status(server)["due"] > 0
    finally:
        stops.set()
        writer.join()
