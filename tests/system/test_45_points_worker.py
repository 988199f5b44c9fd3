"""Rows F1 to F7 and F10 of the fault list: a worker dies at a named point of one request.

Fault points are in test builds only; a release skips these."""
import os
import threading
import time

import pytest

import segment
from client import Api, Closed, Connection, account, unique
from gatepost import Gatepost, patience, wait_for
from letters import letters
from load import Load

pytestmark = pytest.mark.points


@pytest.fixture
def server(serve):
    # Long: whoever gets a letter here owes it to the sweep that a worker's death orders.
    made = serve({"mail.sweep_s": "60"})
    made.allow_deaths = True
    return made


def worker_with(server):
    """(connection, pid of its worker): accepted, so that it is known whose it is."""
    connection = Connection(server.address)
    assert connection.request("GET", "/healthz").status == 200
    return connection, wait_for(lambda: server.worker_of(connection.sock), 5, "the connection's worker")


def signup_that_dies(server, points, name, point, headers=(), **arming):
    """The worker of one client dies at the point while it signs up."""
    connection, worker = worker_with(server)
    points.arm(point, segment.KILL if point != "w.half_reply" else segment.FAIL, value=1, pid=worker, **arming)
    try:
        answer = connection.request("POST", "/api/auth/signup", account(name), headers=headers)
    except Closed:
        answer = None
    wait_for(lambda: worker not in server.workers(), 5, f"the worker to die at {point}")
    assert points.fired(point) == 1
    return answer


def exists(server, name):
    return Api(server.address).login(name).status == 200


def letters_of(server, name):
    return [letter for letter in letters(server) if letter.to == f"{name}@example.com"]


def assert_one_letter(server, name):
    wait_for(lambda: letters_of(server, name), 15, f"the letter of {name}")
    time.sleep(0.3)
    assert len(letters_of(server, name)) == 1


def assert_seats_come_back(server, points):
    wait_for(lambda: not points.seats_in("dead") and len(points.seats_in("live")) == 4, 10,  # two workers, admin, mailer
             "the dead worker's seat to be closed and free")
    wait_for(lambda: len(server.workers()) == 2, 5, "two workers")


@pytest.mark.parametrize("point", ["w.parse", "w.before_hash", "w.hashed"])
def test_f1_a_worker_that_dies_before_it_asked_leaves_no_row(server, points, point):
    name = unique("f1x")
    with Load(server, keep=4, follow_workers=True) as load:
        load.wait_progress(10)
        dead = set(server.workers())
        assert signup_that_dies(server, points, name, point) is None
        dead -= set(server.workers())
        load.wait_progress(10)
    # The load may have brought the armed worker down; clients of the other one saw nothing.
    assert {cut[0] for cut in load.cut} <= dead, load.cut
    assert not load.wrong, load.wrong[:3]
    assert_seats_come_back(server, points)


@pytest.mark.parametrize("point", ["w.parse", "w.before_hash", "w.hashed"])
def test_f1_the_request_itself_left_nothing(server, points, point):
    name = unique("f1y")
    assert signup_that_dies(server, points, name, point) is None
    assert Api(server.address).signup(name).status == 201, "the name was taken by a sign-up that died"
    assert_one_letter(server, name)


@pytest.mark.parametrize("skip", [0, 1], ids=["name check", "account"])
def test_f2_a_worker_that_dies_after_it_asked(server, points, skip):
    """Whole or absent; if it is there its letter is sent, though no lane announced it."""
    name = unique("f2x")
    assert signup_that_dies(server, points, name, "w.asked", skip=skip) is None
    assert_seats_come_back(server, points)
    again = Api(server.address).signup(name)
    if again.status == 400:
        assert exists(server, name) and skip == 1
    else:
        assert again.status == 201
    assert_one_letter(server, name)


def test_f4_a_worker_that_dies_before_it_announced_the_letter(server, points):
    name = unique("f4x")
    assert signup_that_dies(server, points, name, "w.before_push") is None
    assert exists(server, name)
    assert_one_letter(server, name)


@pytest.mark.parametrize("skip", [0, 1, 2], ids=["name check", "account", "mail job"])
def test_f5_a_half_written_record_is_seen_by_nobody(server, points, skip):
    name = unique("f5x")
    assert signup_that_dies(server, points, name, "lane.record_half", skip=skip) is None
    assert_seats_come_back(server, points)
    assert exists(server, name) == (skip == 2)
    assert Api(server.address).signup(name).status == (400 if skip == 2 else 201)
    assert_one_letter(server, name)


@pytest.mark.parametrize("skip", [0, 1, 2], ids=["name check", "account", "mail job"])
def test_f6_a_worker_that_dies_before_it_woke_the_reader(server, points, skip):
    """The reader's bounded wait finds the record, though nobody called it."""
    name = unique("f6x")
    time.sleep(0.3)  # store and mailer sleep
    assert signup_that_dies(server, points, name, "lane.before_wake", skip=skip) is None
    if Api(server.address).signup(name).status == 201:
        assert skip < 2
    assert_one_letter(server, name)


@pytest.mark.parametrize("point", ["w.pushed", "w.before_reply", "w.half_reply", "w.replied"])
def test_f7_a_retry_after_a_lost_reply_gets_the_same_answer(server, points, point):
    name, key = unique("f7x"), (("Idempotency-Key", unique("key")),)
    answer = signup_that_dies(server, points, name, point, headers=key)
    if point == "w.replied":
        assert answer is None or answer.status == 201
    else:
        assert answer is None
    assert exists(server, name)
    again = Api(server.address).signup(name, headers=key)
    assert (again.status, again.json()) == (201, {"message": "User registered successfully"})
    assert_one_letter(server, name)


def test_f10_a_worker_that_dies_at_its_start_is_started_ever_more_slowly(server, points):
    """The master and everybody else stay; once the cause is gone the worker is back by itself."""
    points.arm("w.opened", segment.ABORT, times=7)
    server.kill("worker 0")
    server.wait_event("child.delayed", 1, 10)
    assert Api(server.address).get("/healthz").status == 200
    wait_for(lambda: points.fired("w.opened") == 7, 20, "seven deaths at the start")
    wait_for(lambda: len(server.workers()) == 2, 20, "the worker back")
    delays = [int(line.rsplit("delay_ms=", 1)[1]) for line in server.events("child.delayed")]
    assert delays == sorted(delays) and delays[-1] >= 2 * delays[0], delays


def test_a_request_that_kills_the_store_twice_is_refused_and_all_others_go_on(server, points):
    """Poison: the third store does not touch it, and nobody else notices more than two pauses."""
    points.arm("s.carried_out", segment.KILL, times=1000, match=b"poison")
    told = []

    def poison(name):
        told.append(Api(server.address, timeout=30).signup(name))
    with Load(server, keep=4) as load:
        load.wait_progress(10)
        bad = threading.Thread(target=poison, args=(unique("poison"),))
        bad.start()
        bad.join(patience(40))
        assert not bad.is_alive()
        load.wait_progress(10, 20)
    assert told[0].status == 500
    assert points.fired("s.carried_out") == 2
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:2])
    assert len(server.events("store.request_poison")) == 1
    points.disarm_all()
    assert len(server.events("child.died")) == 2


def test_f34_a_fork_that_fails_is_tried_again(server, points):
    points.arm("k.fork", segment.FAIL, value=11, times=2)
    dead = server.kill("worker 1")
    server.wait_event("child.unborn", 1, 10)
    assert Api(server.address).get("/healthz").status == 200
    wait_for(lambda: server.children().get("worker 1", [dead])[0] != dead, 15, "a new worker")


def test_a_release_has_no_fault_points():
    """What this file leans on must not be in what people install."""
    data = Gatepost.release_binary().read_bytes()
    assert b"w.before_push" not in data and b"fault_points" not in data
    assert b"w.before_push" in open(os.environ["GATEPOST_BINARY"], "rb").read()
