"""What an operator orders while letters are written and in the mailer's hand."""
import threading

from client import Api, unique
from gatepost import wait_for
from smtp_peer import Rule
from test_75_mail_desk import REFUSED, done, in_state, letter_of, mail, peer, relay, sign_up, status  # noqa: F401


def test_what_is_cancelled_in_a_pause_is_not_sent_after_it(serve, peer):
    """However short it was: the mailer asks again about what it had in hand."""
    server = serve(relay(peer))
    done(server, "pause")
    names = [unique("pause") for _ in range(8)]
    sign_up(server, *names)
    wait_for(lambda: Api(server.address).metrics()["gatepost_mail_waiting"] == 8, 5, "letters in hand")
    for name in names[1:]:
        done(server, "cancel", letter_of(server, name)["id"])
    done(server, "resume")
    in_state(server, names[0], "sent")
    wait_for(lambda: status(server)["pending"] == 0, 10, "nothing that waits")
    assert [letter.recipients for letter in peer.letters] == [[f"{names[0]}@example.com"]]


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
