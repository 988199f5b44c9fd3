"""Signals and life: stop, drain, reload, reopen (docs/design.md 8)."""
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from client import Api, Connection, account, encode, unique
from gatepost import SLOW, clean_environment, patience, wait_for
from letters import letters_to
from load import Load, assert_all_exist

HEALTH = encode("GET", "/healthz")
CONFIG = "[password]\nmin_length = 8\nmin_strength = 0\n[token]\naccess_s = 300\n"


@pytest.fixture(scope="module", autouse=True)
def second_start(module_servers):
    """A second master on the first one's pid file, started now: it waits ten seconds for the lock,
    while the other tests run. The last test looks at its end."""
    server = module_servers({"http.workers": "1"})
    began = time.monotonic()
    second = subprocess.Popen(server.arguments(), cwd=server.directory, env=clean_environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, start_new_session=True)
    yield server, second, began
    if second.poll() is None:
        second.kill()
        second.wait()
    second.stdout.close()
    second.stderr.close()


@pytest.fixture(scope="module")
def reloaded(module_servers):
    """The server that the reload tests share: keys that they change stand in its file."""
    return module_servers(config=CONFIG)


def write_config(server, text):
    fresh = server.directory / "fresh.conf"
    fresh.write_text(text)
    fresh.rename(server.directory / "gatepost.conf")


def reload(server):
    """HUP, then wait until two new workers serve alone."""
    before = set(server.workers())
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: len(server.workers()) == 2 and not before & set(server.workers()), 40,
             "new workers only")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_stop_under_load_is_quick_and_clean(prepare, number):
    server = prepare()
    server.start()
    with Load(server, keep=4, fresh=2) as load:
        load.wait_progress(20)
        took = server.stop(number)
        for client in load.clients:
            client.finish.set()
    assert took < patience(5)
    server.start()
    assert_all_exist(server, load.acknowledged)
    for name in load.acknowledged[-3:]:
        letters_to(server, f"{name}@example.com")
    server.stop()


def test_a_second_term_changes_nothing(prepare):
    server = prepare()
    server.start()
    os.kill(server.pid, signal.SIGTERM)
    server.stop()


def slow_hash_iterations():
    """So many that a sign-up takes about a second on this machine."""
    import hashlib
    began = time.monotonic()
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 200_000)
    return int(200_000 / (time.monotonic() - began))


def test_quit_answers_what_is_in_flight(prepare):
    server = prepare({"password.iterations": str(slow_hash_iterations()), "http.workers": "2"})
    server.start()
    connections = [Connection(server.address) for _ in range(3)]
    idle = Connection(server.address)
    assert idle.request("GET", "/healthz").status == 200
    for i, connection in enumerate(connections):
        connection.send(encode("POST", "/api/auth/signup", account(f"inflight{i}")))
    api = Api(server.address)
    hashes = lambda: api.metrics()["gatepost_password_hashes_total"]  # noqa: E731
    assert hashes() == 0
    time.sleep(0.1)
    os.kill(server.pid, signal.SIGQUIT)
    answers = [connection.receive() for connection in connections]
    assert [answer.status for answer in answers] == [201] * 3
    for connection in [*connections, idle]:
        connection.close()
    api.close()
    assert server.wait(30) == 0
    server.assert_nothing_runs()
    with pytest.raises(OSError):
        Connection(server.address)
    server.start()
    assert_all_exist(server, [f"inflight{i}" for i in range(3)])
    server.stop()


def test_a_drain_has_an_end(prepare):
    """An idle connection that is never closed does not hold up QUIT beyond master.drain_s."""
    server = prepare({"master.drain_s": "1"})
    server.start()
    idle = Connection(server.address)
    assert idle.request("GET", "/healthz").status == 200
    os.kill(server.pid, signal.SIGQUIT)
    began = time.monotonic()
    assert server.wait(5) == 0
    assert time.monotonic() - began < patience(3)
    idle.close()


def test_term_during_a_drain_wins(prepare):
    server = prepare({"master.drain_s": "60"})
    server.start()
    idle = Connection(server.address)
    assert idle.request("GET", "/healthz").status == 200
    os.kill(server.pid, signal.SIGQUIT)
    os.kill(server.pid, signal.SIGTERM)
    assert server.wait(5) == 0
    server.assert_nothing_runs()
    idle.close()


def test_reloads_under_load_fail_no_request(reloaded):
    times = 5 if SLOW else 20
    with Load(reloaded, keep=3, fresh=1) as load, \
            Load(reloaded, keep=1, fresh=1, request=HEALTH) as health:
        for _ in range(times):
            reload(reloaded)
        load.wait_progress(5)
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:3])
    assert not health.wrong and not health.cut, (health.wrong[:2], health.cut[:3])
    assert len(load.acknowledged) > times
    assert_all_exist(reloaded, load.acknowledged)


def test_a_reload_keeps_the_port_the_store_and_the_sessions(reloaded):
    api = Api(reloaded.address)
    name = unique("stays")
    assert api.signup(name).status == 201
    pair = api.tokens(name)
    store = reloaded.child("store")
    api.close()
    reload(reloaded)
    assert reloaded.child("store") == store
    api = Api(reloaded.address)
    assert api.me(pair["access"]).status == 200
    assert api.post("/api/auth/token/refresh", {"refresh": pair["refresh"]}).status == 200
    api.close()


def test_changed_keys_take_effect(reloaded):
    write_config(reloaded, CONFIG.replace("min_length = 8", "min_length = 12"))
    reload(reloaded)
    api = Api(reloaded.address)
    answer = api.signup(unique(), password="elevenchars")
    assert answer.status == 400
    assert answer.json() == {"password": [
        "This password is too short. It must contain at least 12 characters."]}
    api.close()
    write_config(reloaded, CONFIG)
    reload(reloaded)
    api = Api(reloaded.address)
    assert api.signup(unique(), password="elevenchars").status == 201
    api.close()


def test_a_changed_store_key_replaces_the_store_and_fails_no_request(prepare):
    server = prepare({"store.cache_mib": None}, config="[store]\ncache_mib = 16\n")
    server.start()
    store = server.child("store")
    with Load(server, keep=3) as load:
        load.wait_progress(10)
        write_config(server, "[store]\ncache_mib = 24\n")
        os.kill(server.pid, signal.SIGHUP)
        wait_for(lambda: server.children().get("store", [store])[0] != store, 20, "a new store")
        load.wait_progress(10, 20)
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:2])
    assert_all_exist(server, load.acknowledged)
    server.stop()


@pytest.mark.parametrize("text", [
    "[http]\nworkers = zero\n", "[nonsense]\nx = 1\n", "[http\n", "no section = 1\n", "\0\1\2",
    "[token]\nsecret_file = /no/such/key\n", "[http]\ntls_cert = /no/such.pem\ntls_key = /no/such.pem\n"])
def test_a_broken_configuration_keeps_everything_as_it_is(reloaded, text):
    before = (reloaded.workers(), reloaded.child("store"), reloaded.child("mailer"))
    write_config(reloaded, CONFIG + text)
    try:
        done = reloaded.command("reload", seconds=60)
        assert done.returncode != 0, done
        # New workers may have been tried; the old ones never went away.
        wait_for(lambda: (reloaded.workers(), reloaded.child("store"), reloaded.child("mailer")) ==
                 before, 20, f"the same processes as before {before}, {reloaded.children()}")
        assert Api(reloaded.address).get("/healthz").status == 200
    finally:
        write_config(reloaded, CONFIG)
        reloaded.allow_deaths = True
        reloaded.log_complaints()
        reloaded.allow_deaths = False
    reload(reloaded)


BROKEN = """http.workers=0 http.workers=33 http.workers=two http.public_url=nowhere http.metrics_allow=everybody
http.connections_max=1 log.level=loud log.access=perhaps store.cache_mib=0 store.cache_mib=x password.iterations=0
password.iterations=999 password.threads=65 password.queue_max=0 password.min_length=65 proof.verify_s=1
limits.enabled=on token.access_s=0 token.refresh_s=forever mail.from=nobody mail.transport=pigeon mail.lifetime_s=1
mail.sweep_s=0 mail.retry_s=0 smtp.port=65536 smtp.tls=maybe smtp.connections=0 master.drain_s=0 log.such=key
http.listen=localhost""".split()


def test_f35_thirty_broken_configurations_change_nothing(prepare):
    """Each is refused by name, and a request between them is answered by the same workers."""
    server = prepare({"password.allow_weak": None, "password.iterations": None, "limits.enabled": None,
                      "http.workers": None, "store.cache_mib": None, "http.listen": None},
                     config="[http]\nlisten = 127.0.0.1:0\n")
    server.start()
    before = server.children()
    assert len(BROKEN) == 30
    for line in BROKEN:
        key, value = line.split("=")
        section, name = key.split(".")
        write_config(server, f"[{section}]\n{name} = {value}\n")
        done = server.command("reload", seconds=30)
        assert done.returncode != 0 and name in done.stdout + done.stderr, (line, done)
        assert Api(server.address).get("/healthz").status == 200
    assert server.children() == before
    server.stop()


def test_f36_a_new_listener_whose_port_is_taken_is_refused_and_the_old_one_stays(prepare):
    server = prepare({"http.listen": None}, config="[http]\nlisten = 127.0.0.1:0\n")
    server.start()
    before = server.children()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        write_config(server, f"[http]\nlisten = 127.0.0.1:0, 127.0.0.1:{taken}\n")
        done = server.command("reload")
    assert done.returncode != 0 and str(taken) in done.stdout + done.stderr
    assert server.children() == before
    assert Api(server.address).get("/healthz").status == 200
    server.stop()


def test_a_changed_key_that_needs_a_restart_is_refused_by_name(reloaded):
    before = reloaded.workers()
    write_config(reloaded, CONFIG + "[master]\npid_file = var/other.pid\n")
    done = reloaded.command("reload")
    write_config(reloaded, CONFIG)
    assert done.returncode != 0
    assert "master.pid_file" in done.stdout + done.stderr + reloaded.log_tail(10)
    assert reloaded.workers() == before


def reloads_of(server):
    api = Api(server.address)
    count = api.metrics()["gatepost_reloads_total"]
    api.close()
    return count


def test_a_storm_of_reloads_is_folded(reloaded):
    peak = [0]
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            peak[0] = max(peak[0], len(reloaded.session_processes()))
            time.sleep(0.02)
    watcher = threading.Thread(target=watch)
    watcher.start()
    before = set(reloaded.workers())
    reloads_before = reloads_of(reloaded)
    with Load(reloaded, keep=2, fresh=1) as load:
        for _ in range(200):
            os.kill(reloaded.pid, signal.SIGHUP)
            time.sleep(0.002)
        wait_for(lambda: not before & set(reloaded.workers()) and len(reloaded.workers()) == 2, 40,
                 "two new workers")
        load.wait_progress(5)
    stop.set()
    watcher.join()
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:3])
    usual = 1 + len(sum(reloaded.children().values(), []))
    assert peak[0] <= (3 if SLOW else 2) * usual, f"{peak[0]} processes at once"
    assert 1 <= reloads_of(reloaded) - reloads_before < 100, "200 HUPs were not folded"
    assert_all_exist(reloaded, load.acknowledged)


def test_signals_to_children_do_nothing(reloaded):
    wait_for(lambda: len(reloaded.workers()) == 2, 20, "two workers")
    before = reloaded.children()
    for name in ("worker 0", "store", "mailer"):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1,
                       signal.SIGUSR2, signal.SIGPIPE):
            os.kill(before[name][0], number)
    api = Api(reloaded.address)
    for _ in range(5):
        assert api.signup(unique()).status == 201
    assert reloaded.children() == before


def test_usr1_reopens_the_log(serve):
    server = serve({"log.file": "var/log.txt", "log.access": "yes"})
    path = server.directory / "var" / "log.txt"
    api = Api(server.address)
    api.get("/before-rotation")
    wait_for(lambda: "/before-rotation" in path.read_text(), 5, "a line")
    path.rename(server.directory / "var" / "log.1")
    os.kill(server.pid, signal.SIGUSR1)

    def both_workers_write_there():
        Api(server.address).get("/after-rotation")
        return path.exists() and all(f"worker.{n}" in path.read_text() for n in (0, 1))
    wait_for(both_workers_write_there, 10, "lines of both workers in the new file")
    old = (server.directory / "var" / "log.1").read_text()
    size = len(old)
    api.get("/the-last")
    wait_for(lambda: "/the-last" in path.read_text(), 5, "the last line")
    assert len((server.directory / "var" / "log.1").read_text()) == size


def test_any_signals_in_any_order_leave_a_server_or_a_clean_end(prepare):
    import random
    random.seed(4711)
    server = prepare()
    server.start()
    with Load(server, keep=2, request=HEALTH) as load:
        for _ in range(60):
            os.kill(server.pid, random.choice([signal.SIGHUP, signal.SIGUSR1, signal.SIGHUP]))
            time.sleep(random.random() / 100)
        load.wait_progress(5)
        for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            os.kill(server.pid, number)
        assert server.wait(5) == 0
        for client in load.clients:
            client.finish.set()
    server.assert_nothing_runs()


def test_two_masters_on_one_pid_file_do_not_live_together(second_start):
    server, second, began = second_start
    out, err = second.communicate(timeout=patience(20))
    assert second.returncode == 13, (second.returncode, out, err)
    assert out == "" and "gatepost.pid" in err + server.log_text()
    assert time.monotonic() - began > 5, "it did not wait for the lock"
    assert server.alive() and Api(server.address).get("/healthz").status == 200
    assert (server.directory / "var" / "gatepost.pid").read_text().strip() == str(server.pid)
