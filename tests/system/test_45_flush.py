"""Flushes that fail and flushes that take long."""
import errno
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import Api, assert_refused, quick, unique
from gatepost import patience, wait_for
from letters import recipients
from load import assert_all_exist
from segment import FAIL, FOREVER, SLEEP, open_points

pytestmark = pytest.mark.points



@pytest.fixture
def faulty(serve):
    """(server, segment): a maker of servers whose fault points can be armed."""
    opened = []

    def start(overrides=None):
        server = serve(overrides)
        segment = open_points(server.pid)
        opened.append(segment)
        return server, segment
    yield start
    for segment in opened:
        segment.close()


@pytest.mark.parametrize("times", [1, FOREVER], ids=["once", "for ever"])
def test_after_a_failed_flush_nothing_is_acknowledged_until_an_operator_restarts(faulty, times):
    server, segment = faulty()
    server.allow_deaths = True
    api = Api(server.address)
    names = [unique() for _ in range(5)]
    for name in names:
        assert api.signup(name).status == 201
    access = api.tokens(names[0])["access"]
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 20, "no flush for letters")
    workers, mailer = server.workers(), server.child("mailer")

    segment.arm("io.fsync", FAIL, errno.EIO, times=times)
    assert_refused(api.signup(unique()))
    wait_for(lambda: "state: condemned" in server.command("status").stdout, 10, "the status page")
    for _ in range(3):
        assert_refused(quick(api.signup, unique()))
        assert_refused(quick(api.login, names[0]))
        assert_refused(quick(api.me, access))
        assert quick(api.get, "/healthz").status == 200
        ready = quick(api.get, "/readyz")
        assert ready.status == 503 and ready.json()["checks"]["store"] == "failed"
        time.sleep(0.5)
    assert "store" not in server.children()
    assert server.workers() == workers and server.child("mailer") == mailer
    assert api.metrics()["gatepost_store_condemned"] == 1
    reload = server.command("reload")
    assert reload.returncode != 0
    assert "flush" in reload.stdout + reload.stderr, reload
    assert len(server.events("child.died")) == 1, "one store died and no other was started"

    server.stop()
    server.start()
    assert_all_exist(server, names)
    api = Api(server.address)
    assert api.login(names[0]).status == 200
    assert api.signup(unique()).status == 201
    assert api.get("/readyz").status == 200


def test_a_failed_flush_of_a_letter_is_trouble_with_the_letter_only(faulty):
    server, segment = faulty({"mail.sweep_s": "1"})
    api = Api(server.address)
    segment.arm("m.file_flush", FAIL, errno.EIO, times=1)
    name = unique()
    assert api.signup(name).status == 201
    assert "kind=disk" in server.wait_event("relay.troubled")[0]
    assert api.get("/readyz").status == 200
    assert api.signup(unique()).status == 201
    wait_for(lambda: f"{name}@example.com" in recipients(server), 20, "the letter, later")
    assert recipients(server).count(f"{name}@example.com") == 1
    assert segment.fired("m.file_flush") == 1
    assert api.metrics()["gatepost_store_condemned"] == 0


def test_flushes_of_seven_seconds_hold_writes_and_nothing_else(faulty):
    """A serving store is shot after 5 s without a life sign: it must give them all the while."""
    server, segment = faulty()
    api = Api(server.address)
    first = unique()
    assert api.signup(first).status == 201
    access = api.tokens(first)["access"]
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 20, "no flush for letters")
    store = server.child("store")

    def sign_up(name):
        began = time.monotonic()
        return name, Api(server.address, timeout=40).signup(name), time.monotonic() - began

    segment.arm("s.before_fsync", SLEEP, 7000, times=2)
    with ThreadPoolExecutor(6) as pool:
        held = [pool.submit(sign_up, unique()) for _ in range(6)]
        wait_for(lambda: segment.fired("s.before_fsync") == 1, 10, "the first flush")
        looked = 0
        while not all(one.done() for one in held):
            assert quick(api.me, access).status == 200
            assert quick(api.get, "/healthz").status == 200
            assert quick(api.get, "/readyz").status == 200
            assert quick(api.login, first + "x").status == 401
            looked += 1
            time.sleep(0.2)
        answers = [one.result() for one in held]
    acknowledged = [name for name, answer, _ in answers if answer.status == 201]
    print([(answer.status, round(took, 1)) for _, answer, took in answers], looked)
    assert acknowledged and looked > 5
    assert all(answer.status in (201, 503) for _, answer, _ in answers), answers
    assert min(took for _, answer, took in answers if answer.status == 201) > 5
    assert max(took for _, _, took in answers) < patience(15), "the wait is bounded"
    assert server.child("store") == store
    wait_for(lambda: segment.fired("s.before_fsync") == 2, 20, "the second flush")
    segment.disarm_all()
    wait_for(lambda: api.signup(unique()).status == 201, 20, "sign-ups again")
    assert_all_exist(server, acknowledged)
