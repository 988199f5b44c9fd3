"""Rows F3, F8, F9, F11, F44 of the fault list: the store dies, stops or waits at a named point."""
import threading
import time

import pytest

import segment
from client import Api, unique
from gatepost import patience, wait_for
from letters import letters
from load import Load, assert_all_exist

pytestmark = pytest.mark.points

AT_WORK = ["s.taken", "s.begun", "s.carry_out", "s.before_put", "s.carried_out", "s.before_commit",
           "s.committed", "s.before_flush", "s.before_fsync", "s.fsynced", "s.flushed",
           "s.before_answer", "s.answered", "lane.record_half", "lane.before_wake", "lane.copied"]


@pytest.fixture(scope="module")
def server(module_servers):
    """One for all these tests: that it has died before is part of it."""
    made = module_servers({"mail.sweep_s": "2"})
    made.allow_deaths = True
    return made


def count(server, event):
    return len(server.events(event))


def assert_one_letter(server, name):
    def sent():
        return [letter for letter in letters(server) if letter.to == f"{name}@example.com"]
    wait_for(sent, 15, f"the letter of {name}")
    assert len(sent()) == 1


def arm_store(server, points, name, action, **arming):
    pid = server.child("store")
    points.arm(name, action, pid=pid, **arming)
    return pid


@pytest.mark.parametrize("point", AT_WORK)
def test_f3_a_store_that_dies_at_work_is_a_pause_for_one_client(server, points, point):
    """The asker holds its request and asks the successor: 201, once, with one letter."""
    names = [unique("f3x") for _ in range(3)]
    api = Api(server.address)
    dead = arm_store(server, points, point, segment.KILL)
    for name in names:
        assert api.signup(name).status == 201
    wait_for(lambda: points.fired(point) == 1, 5, f"{point} reached")
    wait_for(lambda: server.child("store") != dead, 5, "a new store")
    for name in names:
        assert api.signup(name).status == 400
        assert_one_letter(server, name)


@pytest.mark.parametrize("point", ["s.flushed", "s.before_answer"])
def test_f3_an_answer_that_died_with_the_store_is_given_again(server, points, point):
    """The account is on disk and nobody has been told: the repeat finds the stored answer, and the
    client hears 201 and not that the name is taken."""
    api = Api(server.address)
    for _ in range(3):
        wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 10, "a store with nothing to do")
        time.sleep(0.2)
        name = unique("f3z")
        arm_store(server, points, point, segment.KILL)
        assert api.signup(name).status == 201
        assert points.fired(point) == 1
        assert_one_letter(server, name)


@pytest.mark.parametrize("point", ["s.before_put", "s.before_commit", "s.committed", "s.before_fsync",
                                   "s.fsynced", "s.before_answer", "s.before_delete", "s.before_checkpoint",
                                   "s.checkpointed"])
def test_f3_a_store_that_dies_at_saturation(server, points, point):
    with Load(server, keep=6) as load:
        load.wait_progress(10)
        checkpoint = "checkpoint" in point
        arm_store(server, points, point, segment.KILL, skip=0 if checkpoint else 20)
        if checkpoint:
            points.arm("s.checkpoint_due", segment.FAIL, value=1)
        wait_for(lambda: points.fired(point) == 1, 20, f"{point} reached")
        load.wait_progress(10, 20)
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:2])
    assert_all_exist(server, load.acknowledged)


@pytest.mark.parametrize("action", [segment.STOP, segment.SPIN], ids=["stopped", "spinning"])
def test_f8_f9_who_stands_still_is_noticed_and_replaced(server, points, action):
    """Its progress word stands still for 5 s: SIGABRT for the line with its stack, then SIGKILL. The
    other worker answers meanwhile."""
    dead = {role: server.child(role) for role in ("worker 0", "store", "mailer")}
    stuck, crashed = count(server, "child.stuck"), count(server, "process.crashed")
    for role, pid in dead.items():
        points.arm({"w": "w.loop", "s": "s.loop", "m": "m.loop"}[role[0]], action, pid=pid)
    for role, pid in dead.items():
        wait_for(lambda: server.children().get(role, [pid])[0] != pid, 20, f"the {role} to be replaced")
    told = server.events("child.stuck")[stuck:]
    assert sorted(pid for pid in dead.values() if any(f"child={pid} " in line for line in told)) \
        == sorted(dead.values()) and len(told) == 3, told
    if action == segment.SPIN:
        assert count(server, "process.crashed") == crashed + 3, "no stack of one that span"
    name = unique("f8x")
    wait_for(lambda: Api(server.address).signup(name).status in (201, 400), 15, "a sign-up")
    assert_one_letter(server, name)


SLOW_S = 6.5  # longer than a serving process may stand still, shorter than one that flushes


def test_a_long_recovery_is_not_mistaken_for_a_stuck_store(server, points):
    stuck, died = count(server, "child.stuck"), count(server, "child.died")
    points.arm("s.opening", segment.SLEEP, value=int(SLOW_S * 1000))
    server.kill("store")
    answer = Api(server.address, timeout=60).signup(unique("slow"))
    assert answer.status in (201, 503)  # waits for 10 s, then is told to come again
    wait_for(lambda: Api(server.address).signup(unique("slow")).status == 201, 15, "the store back")
    assert points.fired("s.opening") == 1
    assert (count(server, "child.stuck"), count(server, "child.died")) == (stuck, died + 1)


def test_f44_a_slow_flush_holds_answers_back_and_is_no_reason_to_die(server, points):
    """Lookups go on meanwhile; the answers that wait for the flush come after it."""
    api, told, point = Api(server.address), [], "s.before_fsync"
    stuck = count(server, "child.stuck")
    assert api.signup("quick").status == 201
    store = arm_store(server, points, point, segment.SLEEP, value=int(SLOW_S * 1000))
    began = time.monotonic()
    slow = threading.Thread(target=lambda: told.append(Api(server.address, timeout=60).signup("slow")))
    slow.start()
    wait_for(lambda: points.fired(point) == 1, 5, "the slow flush")
    longest = 0.0
    while time.monotonic() - began < SLOW_S - 1.5:
        asked = time.monotonic()
        assert api.get("/readyz").status == 200
        assert api.post("/api/auth/login", {"username": "nobody", "password": "wrongpassword"}).status == 401
        longest = max(longest, time.monotonic() - asked)
        assert not told, "answered before the flush"
    slow.join(patience(20))
    assert told and told[0].status == 201 and longest < 3
    assert server.child("store") == store and count(server, "child.stuck") == stuck


def test_f44_a_flush_that_does_not_come_back_is_told_by_health_and_ends_by_itself(server, points):
    """After ten seconds nobody who asks now would be told in time: 503 at once, logins go on."""
    api = Api(server.address)
    store = arm_store(server, points, "s.before_fsync", segment.SLEEP, value=14000)
    held = threading.Thread(target=lambda: Api(server.address, timeout=60).signup(unique("held")))
    held.start()
    wait_for(lambda: api.get("/readyz").status == 503, 14, "health that says so")
    assert api.get("/readyz").json()["checks"]["disk"] == "failed"
    asked = time.monotonic()
    assert api.signup(unique("refused")).status == 503
    assert time.monotonic() - asked < patience(2)
    assert api.post("/api/auth/login", {"username": "nobody", "password": "wrongpassword"}).status == 401
    wait_for(lambda: api.get("/readyz").status == 200, 15, "the disk back")
    assert api.signup(unique("again")).status == 201
    held.join(patience(20))
    assert server.child("store") == store


def test_a_log_at_its_cap_holds_writes_back_and_health_says_so(server, points):
    """32 MiB since the last checkpoint, and none succeeds: what recovery would cost stays bounded.
    Writes wait, then are refused at once; logins' lookups go on; all of it ends by itself."""
    api = Api(server.address)
    points.arm("s.log_full", segment.FAIL, value=1, times=segment.FOREVER)
    held = threading.Thread(target=lambda: Api(server.address, timeout=60).signup(unique("held")))
    held.start()
    wait_for(lambda: api.get("/readyz").status == 503, 15, "health that says so")
    asked = time.monotonic()
    assert api.signup(unique("refused")).status == 503
    assert time.monotonic() - asked < patience(2)
    assert api.post("/api/auth/login", {"username": "nobody", "password": "wrongpassword"}).status == 401
    points.disarm("s.log_full")
    wait_for(lambda: api.get("/readyz").status == 200, 10, "room in the log")
    assert api.signup(unique("again")).status == 201
    held.join(patience(20))


def test_a_long_checkpoint_is_not_mistaken_for_a_stuck_store(server, points):
    """It is made by a thread of its own, and sign-ups go on."""
    store, stuck = server.child("store"), count(server, "child.stuck")
    points.arm("s.before_checkpoint", segment.SLEEP, value=int(SLOW_S * 1000))
    points.arm("s.checkpoint_due", segment.FAIL, value=1)
    wait_for(lambda: points.fired("s.before_checkpoint") == 1, 5, "a checkpoint")
    began = time.monotonic()
    while time.monotonic() - began < SLOW_S - 0.5:
        assert Api(server.address).signup(unique("meanwhile")).status == 201
        time.sleep(0.1)
    assert server.child("store") == store and count(server, "child.stuck") == stuck


# Last: a store that dies before it is ready is started ever more slowly.
@pytest.mark.parametrize("point", ["s.opening", "s.recovered", "s.announced"])
def test_f11_a_store_that_dies_while_it_recovers_recovers_again(server, points, point):
    names = [unique("f11x") for _ in range(20)]
    api = Api(server.address)
    for name in names[:10]:
        assert api.signup(name).status == 201
    points.arm(point, segment.KILL, skip=0, times=3)
    server.kill("store")
    for name in names[10:]:
        assert api.signup(name).status == 201
    assert points.fired(point) == 3
    assert_all_exist(server, names)
