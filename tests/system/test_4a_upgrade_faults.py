"""USR2 when something goes wrong, or when the new binary has another layout. Rows F40 and F41 of the fault
list; what a stop does to an upgrade; children of the new binary that do not start."""
import os
import re
import signal
import time

import pytest

import segment
from client import Api, Connection, account, encode, unique
from gatepost import patience, wait_for
from load import Load, assert_all_exist
from smtp_peer import SmtpPeer
from test_41_signals import slow_hash_iterations
from upgrading import (CONFIG, own_version, assert_closes_on_exec, assert_upgraded, descriptors, family, make, page,
                       segment_of, settled, upgrade, usr2, version_like, write_config, with_a_letter_in_flight)

HANGS = "#!/bin/sh\nsleep 4713\n"


@pytest.fixture
def server(prepare):
    made = make(prepare)
    yield made
    if made.alive():
        made.stop()


@pytest.fixture
def points(server):
    with segment.open_points(server.pid) as opened:
        yield opened


# ---- another layout (F40) -------------------------------------------------------------------------------


def test_f40_another_layout_gets_a_segment_of_its_own_and_fails_no_request(server):
    name = unique("before")
    assert Api(server.address).signup(name).status == 201
    before, held = settled(server), segment_of(server.pid)
    with Load(server, keep=2, fresh=3) as load:
        load.wait_progress(10)
        server.installed.own(version=version_like("9"), salt=1)
        done = upgrade(server)
        load.wait_progress(10)
    assert_upgraded(server, done, version_like("9"))
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:3])
    assert load.longest < patience(8), load.longest
    assert "layout=another" in server.events("upgrade.tried")[-1]
    assert not set(before) & set(settled(server))
    mine = segment_of(server.pid)
    assert mine != held and all(segment_of(pid) == mine for pid in settled(server))
    assert list(descriptors(server.pid).values()).count(mine) == 1
    assert_closes_on_exec(server.pid)
    assert_all_exist(server, [name, *load.acknowledged])
    wait_for(lambda: page(server)["outbox_pending"] == "0", 20, "every letter sent")
    server.installed.own()
    assert_upgraded(server, upgrade(server), own_version())     # and back
    assert_all_exist(server, [name])
    assert server.command("reload", seconds=60).returncode == 0


def test_f40_requests_in_flight_are_answered_before_the_segment_goes(prepare):
    server = make(prepare, {"password.iterations": str(slow_hash_iterations()), "http.workers": "2"})
    connections = [Connection(server.address) for _ in range(2)]
    idle = Connection(server.address)
    assert idle.request("GET", "/healthz").status == 200
    for i, connection in enumerate(connections):
        connection.send(encode("POST", "/api/auth/signup", account(f"inflight{i}")))
    time.sleep(0.1)
    server.installed.own(salt=1)
    began = time.monotonic()
    os.kill(server.pid, signal.SIGUSR2)
    server.wait_event("upgrade.draining", seconds=15)
    late = Connection(server.address, timeout=40)
    assert late.request("GET", "/healthz").status == 200, "who connected meanwhile"
    answers = [connection.receive() for connection in connections]
    assert [answer.status for answer in answers] == [201] * 2 and all(answer.closes() for answer in answers)
    wait_for(lambda: page(server)["upgrade"].startswith("1 ok"), 30, "the end of the upgrade")
    assert time.monotonic() - began < patience(10), "an idle connection held it up"
    for connection in [*connections, idle, late]:
        connection.close()
    assert_all_exist(server, ["inflight0", "inflight1"])
    server.stop()


def test_f40_the_configuration_of_that_moment_counts(server):
    """Sockets that it names are there, others are gone; those that stay are the same."""
    listener = page(server)["listener"]
    assert (server.directory / "var" / "bounce.sock").is_socket()
    write_config(server, CONFIG + "[mail]\nbounce_socket = var/reports.sock\n[log]\nfile = var/log.txt\n")
    server.installed.own(salt=1)
    assert usr2(server, 60)[1] == "ok"
    assert (server.directory / "var" / "reports.sock").is_socket()
    assert not (server.directory / "var" / "bounce.sock").exists()
    assert page(server)["listener"] == listener
    wait_for(lambda: "upgrade.done" in (server.directory / "var" / "log.txt").read_text(), 5, "the new log")


@pytest.mark.parametrize("salt", [1, 2], ids=["same layout", "another layout"])
def test_f40_when_nobody_starts_on_the_new_segment_the_next_binary_does(server, salt):
    """Nobody is left to go on: clients wait, and a mended file is found."""
    server.allow_deaths = True
    name = unique("waits")
    assert Api(server.address).signup(name).status == 201
    broken = CONFIG + "[http]\ntls_cert = /no/such.pem\ntls_key = /no/such.pem\n"
    write_config(server, broken)
    server.installed.own(salt=1)
    words = usr2(server, 60)
    assert words[1] == "refused" and "could not start" in words[3], words
    assert server.alive() and page(server)["state"] == "starting"
    write_config(server, CONFIG)
    server.installed.own(version=version_like("4"), salt=salt)
    waiting = Connection(server.address, timeout=60)
    waiting.send(encode("GET", "/healthz"))
    assert usr2(server, 60)[1] == "ok"
    assert waiting.receive().status == 200
    waiting.close()
    assert page(server)["version"] == version_like("4") and page(server)["state"] == "serving"
    assert_all_exist(server, [name])


# ---- children that do not start ---------------------------------------------------------------------------


def test_when_new_workers_do_not_start_the_old_ones_go_on(server):
    server.allow_deaths = True
    before = settled(server)
    server.installed.own(version=version_like("3"))
    write_config(server, CONFIG + "[http]\ntls_cert = /no/such.pem\ntls_key = /no/such.pem\n")
    with Load(server, keep=2, fresh=1) as load:
        words = usr2(server)
        assert words[1] == "refused" and re.match(r"worker\.[01] could not start: ", words[3]), words
        load.wait_progress(5)
    assert not load.wrong and not load.cut
    assert settled(server) == before
    assert page(server)["version"] == version_like("3"), "the master is the new one"
    write_config(server, CONFIG)
    server.installed.own(version=version_like("2"))
    assert_upgraded(server, upgrade(server), version_like("2"))
    assert not set(before) & set(settled(server))
    assert_all_exist(server, load.acknowledged)


@pytest.mark.points
def test_a_configuration_that_breaks_after_the_trial_leaves_the_children_as_they_are(server, points):
    before = settled(server)
    points.arm("u.before_exec", segment.SLEEP, value=int(patience(0.6) * 1000))
    server.installed.own(version=version_like("3"))
    os.kill(server.pid, signal.SIGUSR2)
    wait_for(lambda: points.fired("u.before_exec") == 1, 20, "the moment before the execve")
    write_config(server, "[http\n")
    wait_for(lambda: page(server)["upgrade"].startswith("1 refused"), 20, "the outcome")
    assert family(server) == before and page(server)["version"] == version_like("3")
    write_config(server, CONFIG)
    assert_upgraded(server, upgrade(server), version_like("3"))


@pytest.mark.points
def test_a_child_that_writes_over_what_is_shared_does_not_end_the_server(server, points):
    """After the trial, when only the new image can find it. All begin anew then, on the same sockets."""
    server.allow_deaths = True
    name = unique("before")
    assert Api(server.address).signup(name).status == 201
    before, held = settled(server), segment_of(server.pid)
    points.arm("u.before_exec", segment.SLEEP, value=int(patience(0.6) * 1000))
    os.kill(server.pid, signal.SIGUSR2)
    wait_for(lambda: points.fired("u.before_exec") == 1, 20, "the moment before the execve")
    points.memory[8:16] = bytes(8)
    wait_for(lambda: page(server)["upgrade"].startswith("1 ok"), 30, "the outcome")
    assert "another layout" in server.events("upgrade.anew")[-1]
    assert not set(before) & set(settled(server)) and segment_of(server.pid) != held
    assert list(descriptors(server.pid).values()).count(segment_of(server.pid)) == 1
    assert held not in descriptors(server.pid).values()
    assert_closes_on_exec(server.pid)
    assert_all_exist(server, [name])


# ---- a stop, an execve that fails ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=["TERM", "QUIT"])
def test_a_stop_during_the_trial_wins(server, number):
    server.installed.script(HANGS)
    os.kill(server.pid, signal.SIGUSR2)
    server.wait_event("upgrade.begun")
    server.stop(number)
    assert "told to stop" in server.events("upgrade.refused")[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=["TERM", "QUIT"])
def test_a_stop_during_the_drain_wins(prepare, number):
    server = make(prepare, {"password.iterations": str(slow_hash_iterations())})
    connection = Connection(server.address)
    connection.send(encode("POST", "/api/auth/signup", account("last")))
    time.sleep(0.1)
    server.installed.own(salt=1)
    os.kill(server.pid, signal.SIGUSR2)
    server.wait_event("upgrade.draining", seconds=15)
    os.kill(server.pid, number)
    assert server.wait(15) == 0
    connection.close()
    server.assert_nothing_runs()
    assert not server.events("upgrade.executing")


@pytest.mark.points
def test_a_stop_right_after_the_execve_wins(server, points):
    points.arm("u.after_exec", segment.SLEEP, value=500)
    os.kill(server.pid, signal.SIGUSR2)
    wait_for(lambda: points.fired("u.after_exec") == 1, 20, "the new image")
    server.stop()


@pytest.mark.points
def test_an_execve_that_fails_changes_nothing(server, points):
    before = settled(server)
    points.arm("u.exec", segment.FAIL, value=12)
    words = usr2(server)
    assert words[1] == "refused" and "Cannot allocate memory" in words[3], words
    assert family(server) == before
    assert_closes_on_exec(server.pid)
    assert upgrade(server).returncode == 0


@pytest.mark.points
def test_an_execve_that_fails_after_the_drain_brings_everybody_back(server, points):
    """They have gone for another layout; as this binary they come again."""
    server.installed.own(salt=1)
    points.arm("u.exec", segment.FAIL, value=12)
    with Load(server, keep=1, fresh=2) as load:
        assert usr2(server)[1] == "refused"
        load.wait_progress(10, 20)
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:3])
    assert len(settled(server)) == 5
    assert upgrade(server).returncode == 0
    assert_all_exist(server, load.acknowledged)


# ---- the master is killed in the middle (F41) ---------------------------------------------------------------


# A segment of another layout is a new one, in which nothing is armed.
@pytest.mark.points
@pytest.mark.parametrize("point, salt", [("u.before_trial", None), ("u.before_exec", None), ("u.after_exec", None),
                                         ("u.taken_over", None), ("u.before_exec", 1)])
def test_f41_a_master_that_is_killed_in_the_middle(server, points, point, salt):
    server.installed.own(salt=salt)
    points.arm(point, segment.KILL)
    with Load(server, keep=2, fresh=1) as load:
        load.wait_progress(10)
        os.kill(server.pid, signal.SIGUSR2)
        assert server.process.wait(patience(30)) == -signal.SIGKILL
        wait_for(lambda: not server.session_processes(), 1.5, "every process gone within a second")
        for client in load.clients:
            client.finish.set()
    server.process.stdout.close()
    server.start()
    assert_all_exist(server, load.acknowledged)


@pytest.mark.points
def test_f41_a_trial_that_is_killed_is_a_refusal(server, points):
    before = settled(server)
    points.arm("u.trial", segment.KILL)
    words = usr2(server)
    assert words[1] == "refused" and "SIGKILL" in words[3], words
    assert family(server) == before


def test_f41_after_an_upgrade_children_still_end_with_their_master(server):
    assert upgrade(server).returncode == 0
    name = unique()
    assert Api(server.address).signup(name).status == 201
    settled(server)
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    wait_for(lambda: not server.session_processes(), 1.0, "every process gone within a second")
    server.process.stdout.close()
    server.start()
    assert_all_exist(server, [name])


def test_letters_are_settled_before_the_segment_goes(prepare):
    """A letter that a relay has at that moment is not sent again."""
    with SmtpPeer() as peer:
        server, address = with_a_letter_in_flight(prepare, peer)
        server.installed.own(salt=1)
        assert upgrade(server).returncode == 0
        wait_for(lambda: page(server)["outbox_pending"] == "0", 20, "the letter settled")
        assert [letter.recipients for letter in peer.letters] == [[address]]
        server.stop()
