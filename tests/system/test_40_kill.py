"""kill -9 of each process under load."""
import os
import signal
import time
from collections import Counter

import pytest

from client import Api
from gatepost import patience, processes_where, wait_for
from letters import recipients
from load import Load, assert_all_exist
from smtp_peer import SmtpPeer

acknowledged = []  # of the module's server, by every test


def assert_each_has_its_letter(server, names):
    """Exactly one file each: the file transport overwrites a repeat of the same job."""
    wait_for(lambda: len(recipients(server)) >= len(names), 30,
             f"{len(names)} letters; {len(recipients(server))} lie there")
    counted = Counter(recipients(server))
    missing = [name for name in names if counted[f"{name}@example.com"] == 0]
    assert not missing, f"{len(missing)} without a letter: {missing[:3]}"
    twice = [address for address, count in counted.items() if count > 1]
    assert not twice, f"{len(twice)} have more than one: {twice[:3]}"


@pytest.fixture(scope="module")
def victim(module_servers):
    server = module_servers({"mail.sweep_s": "2"})
    server.allow_deaths = True
    return server


def test_a_killed_worker_costs_its_own_clients_one_connection(victim):
    with Load(victim, keep=6, follow_workers=True) as load:
        load.wait_progress(20)
        for name in ("worker 0", "worker 1"):
            dead = victim.kill(name)
            began = time.monotonic()
            wait_for(lambda: victim.children().get(name, [dead])[0] != dead, 10, f"a new {name}")
            respawned = time.monotonic() - began
            assert respawned < patience(1)
            others = [cut for cut in load.cut if cut[0] != dead]
            load.wait_progress(20)
            assert not [cut for cut in others if cut[0] in victim.workers()], load.cut
    assert not load.wrong, load.wrong[:3]
    assert load.cut, "nobody noticed: the test proved nothing"
    # Each client may lose one connection to each death; a survivor's clients none.
    living = set(victim.workers())
    assert not [cut for cut in load.cut if cut[0] in living], load.cut
    assert len(load.cut) <= 2 * len(load.clients), load.cut
    acknowledged.extend(load.acknowledged)
    assert_all_exist(victim, load.acknowledged)


def test_a_killed_store_is_a_pause_and_no_error(victim):
    with Load(victim, keep=6) as load:
        load.wait_progress(20)
        for _ in range(4):
            dead = victim.kill("store")
            wait_for(lambda: victim.children().get("store", [dead])[0] != dead, 10, "a new store")
            load.wait_progress(20, 20)
    assert not load.wrong, load.wrong[:3]
    assert not load.cut, load.cut[:3]
    assert load.longest < patience(5)
    print(f"longest answer over four deaths of the store: {load.longest * 1000:.0f} ms")
    acknowledged.extend(load.acknowledged)
    assert_all_exist(victim, load.acknowledged)


def test_a_killed_mailer_is_noticed_by_nobody(victim):
    with Load(victim, keep=4) as load:
        load.wait_progress(20)
        for _ in range(3):
            dead = victim.kill("mailer")
            wait_for(lambda: victim.children().get("mailer", [dead])[0] != dead, 10, "a new mailer")
            load.wait_progress(20)
    assert not load.wrong and not load.cut
    acknowledged.extend(load.acknowledged)


def test_store_and_mailer_and_a_worker_killed_at_once(victim):
    with Load(victim, keep=4, follow_workers=True) as load:
        load.wait_progress(20)
        dead = {name: victim.child(name) for name in ("store", "mailer", "worker 1")}
        for pid in dead.values():
            os.kill(pid, signal.SIGKILL)
        for name, pid in dead.items():
            wait_for(lambda: victim.children().get(name, [pid])[0] != pid, 10, f"a new {name}")
        load.wait_progress(20, 20)
    assert not load.wrong, load.wrong[:3]
    assert {cut[0] for cut in load.cut} <= {dead["worker 1"]}, load.cut
    acknowledged.extend(load.acknowledged)
    assert_all_exist(victim, load.acknowledged)


def test_after_all_that_each_acknowledged_sign_up_has_its_letter(victim):
    assert acknowledged
    api = Api(victim.address)
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 30, "an empty outbox")
    assert_each_has_its_letter(victim, acknowledged)
    assert api.metrics()["gatepost_child_deaths_total"] >= 12


def test_a_killed_master_leaves_nothing_behind_and_a_new_start_works(victim):
    with Load(victim, keep=4) as load:
        load.wait_progress(20)
        os.kill(victim.pid, signal.SIGKILL)
        wait_for(lambda: not victim.session_processes(), 1.0, "every process gone within a second")
        for client in load.clients:
            client.finish.set()
    acknowledged.extend(load.acknowledged)
    victim.process.wait()
    victim.process.stdout.close()
    victim.start()
    assert_all_exist(victim, acknowledged)
    assert_each_has_its_letter(victim, acknowledged)
    api = Api(victim.address)
    for name in acknowledged[-20:]:
        assert api.login(name).status == 200


def test_a_new_start_at_once_waits_for_the_children_of_the_killed_master(victim):
    assert Api(victim.address).signup("beforethekill").status == 201
    first = victim.process
    leftover = victim.session_processes()
    os.kill(victim.pid, signal.SIGKILL)
    victim.start()
    first.wait()
    first.stdout.close()
    alive = set(leftover) & set(processes_where(lambda fields: True))
    assert not alive, [victim.title(pid) for pid in alive]
    assert Api(victim.address).signup("beforethekill").status == 400


def test_a_mailer_killed_at_work_sends_few_letters_twice_and_none_never(serve):
    with SmtpPeer() as peer:
        server = serve({"smtp.host": "127.0.0.1", "smtp.port": str(peer.port), "smtp.tls": "none",
                        "mail.retry_s": "1", "mail.retry_max_s": "1", "mail.sweep_s": "1",
                        "smtp.connections": "4"})
        kills = 3
        with Load(server, keep=3) as load:
            for _ in range(kills):
                load.wait_progress(40)
                dead = server.kill("mailer")
                wait_for(lambda: server.children().get("mailer", [dead])[0] != dead, 10, "a successor")
            load.wait_progress(10)
        assert not load.wrong and not load.cut
        api = Api(server.address)
        wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 40, "an empty outbox")
        counted = Counter(letter.recipients[0] for letter in list(peer.letters))
        missing = [n for n in load.acknowledged if counted[f"{n}@example.com"] == 0]
        assert not missing, missing[:3]
        extra = sum(counted.values()) - len(counted)
        assert extra <= kills * 4, f"{extra} letters more than once"
        by_address = {}
        for letter in peer.letters:
            by_address.setdefault(letter.recipients[0], set()).add(letter.message["Message-ID"])
        assert all(len(ids) == 1 for ids in by_address.values()), "a repeat has another Message-ID"


def test_a_worker_that_keeps_dying_is_slowed_down_and_the_master_stays(serve):
    """SIGABRT is the process's own fault: more than five in ten seconds delay the next start."""
    server = serve({"http.workers": "1"})
    server.allow_deaths = True
    gaps = []
    for _ in range(9):
        dead = server.child("worker 0")
        os.kill(dead, signal.SIGABRT)
        began = time.monotonic()
        wait_for(lambda: server.children().get("worker 0", [dead])[0] != dead, 15, "a successor")
        gaps.append(time.monotonic() - began)
        wait_for(lambda: answers(server), 10, "an answer")
    assert max(gaps[6:]) >= 0.1, gaps
    assert max(gaps[:4]) < patience(1), gaps


def answers(server):
    try:
        return Api(server.address, timeout=2).get("/healthz").status == 200
    except Exception:  # noqa: BLE001
        return False


def test_a_process_that_stands_still_is_replaced(serve):
    """SIGSTOP: no life sign for its limit, then SIGABRT and SIGKILL (design 7)."""
    server = serve({"http.workers": "2"})
    server.allow_deaths = True
    dead = server.child("worker 1")
    os.kill(dead, signal.SIGSTOP)
    wait_for(lambda: not os.path.exists(f"/proc/{dead}/fd") or server.children().get(
        "worker 1", [dead])[0] != dead, 20, "the stopped worker to be replaced")
    wait_for(lambda: answers(server), 10, "an answer")
