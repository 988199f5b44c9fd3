"""Row F31 of the fault list: the wall clock jumps by an hour, forth and back, under a running server."""
import time
from pathlib import Path

import pytest

from client import Api, Connection, unique
from gatepost import SLOW, free_port, wait_for
from letters import Letter
from load import Load, assert_all_exist
from smtp_peer import SmtpPeer

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")

pytestmark = [
    pytest.mark.skipif(SLOW, reason="a sanitizer must be loaded before the library that fakes the time"),
    pytest.mark.skipif(not LIBRARY.exists(), reason="libfaketime is not installed"),
]


@pytest.fixture
def clocked(serve, tmp_path):
    """A maker of servers whose wall clock is in a file."""
    clock = tmp_path / "clock"
    clock.write_text("+0")

    def start(**overrides):
        # libfaketime reads its file at every look at the clock, which no sandbox lets it.
        made = serve({"mail.sweep_s": "1", "mail.retry_s": "1", "master.drain_s": "2",
                      "master.sandbox": "no", **overrides},
                     env={"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(clock),
                          "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                          "DONT_FAKE_MONOTONIC": "1"})
        made.clock = clock
        return made
    return start


@pytest.fixture
def server(clocked):
    return clocked()


def jump(server, offset, events):
    workers = server.workers()
    server.clock.write_text(offset)
    server.wait_event("clock.jumped", events, 5)
    wait_for(lambda: not set(workers) & set(server.workers()) and len(server.workers()) == 2, 10,
             "workers with the new clock alone")


def sends_letters(server, name):
    """Each letter is looked at once, for its one unfolded line: the load makes thousands."""
    line, seen = f"To: {name}@example.com".encode(), set()

    def came():
        for path in set(server.mail_dir.glob("*.eml")) - seen:
            seen.add(path)
            if line in path.read_bytes():
                return True
        return False
    wait_for(came, 15, f"the letter of {name}")


@pytest.mark.parametrize("there, back", [("+3600", "+0"), ("-3600", "+0"), ("+315360000", "+0")],
                         ids=["an hour ahead", "an hour behind", "ten years ahead"])
def test_f31_sign_ups_letters_and_flushes_go_on(server, there, back):
    others = [server.child("store"), server.child("mailer")]   # the admin process has libh2o's timers too
    with Load(server, keep=3) as load:
        load.wait_progress(20)
        for number, offset in enumerate((there, back)):
            jump(server, offset, number + 1)
            load.wait_progress(20)
            name = unique("clock")
            assert Api(server.address).signup(name).status == 201
            sends_letters(server, name)
            assert Api(server.address).login(name).status == 200
    assert not load.wrong, load.wrong[:3]
    assert_all_exist(server, load.acknowledged[-100:])
    still = [pid for pids in server.children().values() for pid in pids]
    assert set(others) <= set(still), "store and mailer have nothing to do with the wall clock"
    assert not server.events("child.stuck") and not server.events("child.died")


def test_f31_a_silent_connection_does_not_live_an_hour_longer(server):
    with Connection(server.address) as silent:
        assert silent.request("GET", "/healthz").status == 200
        jump(server, "-3600", 1)
        assert silent.closed_by_server(5)


def test_f31_the_clock_is_slewed_and_nobody_minds(server):
    """A leap second, an NTP step of a second: no worker is replaced for it."""
    workers = server.workers()
    for offset in ("+1", "+0", "-1", "+0"):
        server.clock.write_text(offset)
        time.sleep(0.8)
        assert Api(server.address).signup(unique("slew")).status == 201
    assert server.workers() == workers and not server.events("clock.jumped")


HOURS, STEP, PEOPLE = 24, 3, 40     # of the outage; of one jump; that sign up after each
RATE = 100                          # letters a second


def test_f23_after_an_outage_of_a_day_all_letters_come_at_the_paced_rate_with_links_that_work(clocked):
    port = free_port()
    server = clocked(**{"smtp.host": "127.0.0.1", "smtp.port": str(port), "smtp.tls": "none",
                        "smtp.rate": f"{RATE}/1", "mail.retry_max_s": "2", "proof.verify_s": "43200",
                        "password.iterations": "1000", "limits.enabled": "no"})
    names = []
    for step in range(HOURS // STEP):
        api = Api(server.address)   # a jump replaces the workers
        for _ in range(PEOPLE):
            names.append(unique("outage"))
            assert api.signup(names[-1]).status == 201
        jump(server, f"+{(step + 1) * STEP * 3600}", step + 1)
    api = Api(server.address)
    assert api.metrics()["gatepost_outbox_pending"] == len(names)
    with SmtpPeer(port=port) as peer:
        wait_for(lambda: len(peer.letters) >= len(names), 60, "every letter")
        wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 10, "an empty outbox")
        came = sorted(letter.at for letter in peer.letters)
        tokens = {letter.recipients[0]: Letter(letter.raw).token for letter in peer.letters}
    assert set(tokens) == {f"{name}@example.com" for name in names} and len(came) == len(names)
    # In no second more than a full bucket and what flows in meanwhile.
    for i, at in enumerate(came):
        assert sum(at <= other < at + 1 for other in came[i:i + 3 * RATE]) <= 2 * RATE
    assert api.metrics()["gatepost_outbox_dead"] == 0
    for name in (names[0], names[-1]):
        answer = api.post("/api/auth/verify-email", {"token": tokens[f"{name}@example.com"]})
        assert answer.status == 200, (name, answer)
    assert not server.events("child.stuck") and not server.events("child.died")
