"""Hash threads work for those who still wait, and tell what they do; a password whose hash is not
today's is hashed again after its login."""
import re
import select
import signal
import socket
import time

import pytest

from client import PASSWORD, Api, Connection, encode, quick, raw
from gatepost import patience, wait_for
from users_db import dump, needs_db_tools, put, record_of

# A second or two; the queue that a sanitizer's speed would give is too short for the crowd.
COSTLY = {"http.workers": "1", "password.iterations": "4000000", "password.queue_max": "64"}


def login(name="nobody", password="a wrong password 1"):
    return encode("POST", "/api/auth/login", {"username": name, "password": password})


def took(call):
    began = time.monotonic()
    return call(), time.monotonic() - began


# ---- clients that leave ------------------------------------------------------------------------

def leave_by_closing(connection):
    connection.close()


def leave_by_reset(connection):
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def leave_by_half_closing(connection):
    """Taken for gone, although it would read."""
    connection.sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("leave", [leave_by_closing, leave_by_reset, leave_by_half_closing])
@pytest.mark.parametrize("over", ["TCP", "a Unix socket"])
def test_who_leaves_frees_the_hash_threads_for_those_who_stay(serve, tmp_path, leave, over):
    server = serve({**COSTLY, "http.listen": f"127.0.0.1:0, unix:{tmp_path}/gate"})
    address = server.address if over == "TCP" else f"{tmp_path}/gate"
    api = Api(server.address, timeout=60)
    answer, alone = took(lambda: api.login("nobody"))
    assert answer.status == 401
    clients = [Connection(address) for _ in range(20)]
    for client in clients:
        client.send(login() + encode("GET", "/healthz"))    # what is pipelined changes nothing
    wait_for(lambda: api.metrics()["gatepost_password_lanes_busy"] +
             api.metrics()["gatepost_password_queue_depth"] == 20, 5, "20 hashes under way")
    for client in clients:
        leave(client)
    answer, later = took(lambda: api.login("nobody"))
    assert answer.status == 401
    assert later < 2 * alone + patience(1), f"{later:.1f} s, alone {alone:.1f} s"
    metrics = api.metrics()
    done = metrics["gatepost_password_hashes_total"] - 2
    assert done <= 1 and metrics["gatepost_password_cancelled_total"] == 20 - done
    assert metrics["gatepost_http_clients_gone_total"] == 20 - done
    assert metrics["gatepost_password_queue_depth"] == metrics["gatepost_password_lanes_busy"] == 0
    assert metrics['gatepost_http_responses_total{status="5xx"}'] == 0
    for client in clients if leave is leave_by_half_closing else []:
        assert client.rest() == b""
        client.close()


def test_who_stays_is_answered_while_his_neighbours_leave(serve):
    server = serve({**COSTLY, "log.access": "yes"})
    api = Api(server.address, timeout=60)
    gone = [Connection(server.address) for _ in range(5)]
    with Connection(server.address, timeout=60) as stays:
        for client in gone[:3]:
            client.send(login())
        stays.send(login() + encode("GET", "/healthz"))
        for client in gone[3:]:
            client.send(login())
        time.sleep(0.3)
        for client in gone:
            client.close()
        assert stays.receive().status == 401
        assert stays.receive("GET").status == 200
    wait_for(lambda: api.metrics()["gatepost_password_cancelled_total"] >= 4, 5, "cancelled ones")
    wait_for(lambda: server.log_text().count(" status=499 ") >= 4, 5, "they are in the access log")


def test_an_answer_that_is_quick_reaches_a_client_that_has_half_closed(serve):
    """Hashes of a millisecond are done before anybody looks."""
    server = serve({"http.workers": "1"})
    answer = raw(server.address, login(), half_close=True)
    assert answer.startswith(b"HTTP/1.1 401 ")


# ---- a full queue -------------------------------------------------------------------------------

def test_one_address_that_floods_leaves_room_for_the_others(serve):
    """Its newest waiting login is refused in favour of somebody who has none there."""
    server = serve({**COSTLY, "password.iterations": "10000000", "password.lanes": "1",
                    "password.queue_max": "4"})
    api = Api(server.address, timeout=60)
    flood = [Connection(server.address, timeout=60) for _ in range(5)]
    flood[0].send(login())
    wait_for(lambda: api.metrics()["gatepost_password_lanes_busy"] == 1, 5, "a hash under way")
    for client in flood[1:]:
        client.send(login())
    wait_for(lambda: api.metrics()["gatepost_password_queue_depth"] == 4, 5, "a full queue")
    with Connection(server.address) as late:
        late.send(login())
        assert late.receive().status == 503
    with Connection(server.address, timeout=60, source="127.0.0.2") as other:
        other.send(login())
        ready, _, _ = select.select([client.sock for client in flood[1:]], [], [], patience(5))
        answer = next(client for client in flood if client.sock in ready).receive()
        assert answer.status == 503 and int(answer.header("retry-after")) >= 1
        metrics = api.metrics()
        assert metrics["gatepost_password_refused_total"] == metrics["gatepost_password_expired_total"] == 1
        for client in flood:
            client.close()
        assert other.receive().status == 401


# ---- a call that nobody can stop ----------------------------------------------------------------

@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGQUIT])
def test_a_stop_does_not_wait_for_a_call_of_a_library(serve, end):
    """Of half a second and more each; QUIT answers who waits, TERM and every end leave in time."""
    server = serve({"http.workers": "1", "password.algorithm": "scrypt", "password.scrypt_log2_n": "17",
                    "password.scrypt_p": "4"})
    api = Api(server.address, timeout=60)
    clients = [Connection(server.address, timeout=60) for _ in range(3)]
    for client in clients:
        client.send(login())
    wait_for(lambda: api.metrics()["gatepost_password_lanes_busy"] == 1, 5, "a call under way")
    api.close()
    server.stop(end, 5 if end == signal.SIGTERM else 25)
    statuses = [client.receive().status for client in clients]
    assert set(statuses) == {401} if end == signal.SIGQUIT else set(statuses) <= {401, 503}, statuses
    assert "child.overdue" not in server.log_text()


# ---- what is measured --------------------------------------------------------------------------

def test_waiting_and_hashing_are_measured(serve):
    server = serve({**COSTLY, "password.iterations": "400000"})
    api = Api(server.address, timeout=60)
    clients = [Connection(server.address, timeout=60) for _ in range(4)]
    for client in clients:
        client.send(login())
    wait_for(lambda: api.metrics()["gatepost_password_lanes_busy"] >= 1, 5, "a busy lane")
    for client in clients:
        assert client.receive().status == 401
        client.close()
    metrics = api.metrics()
    for name in ("gatepost_password_wait_seconds", "gatepost_password_hash_seconds"):
        assert metrics[f"{name}_count"] == metrics[f'{name}_bucket{{le="+Inf"}}'] == 4
        assert metrics[f'{name}_bucket{{le="60"}}'] == 4
    assert metrics['gatepost_password_hash_seconds_bucket{le="0.01"}'] == 0
    assert 0.04 < metrics["gatepost_password_hash_seconds_sum"] < patience(20)
    assert metrics["gatepost_password_lanes_busy"] == metrics["gatepost_password_queue_depth"] == 0


def test_what_a_dead_worker_had_queued_is_not_counted_any_more(serve):
    server = serve(COSTLY)
    server.allow_deaths = True
    clients = [Connection(server.address) for _ in range(8)]
    for client in clients:
        client.send(login())
    api = Api(server.address)
    wait_for(lambda: api.metrics()["gatepost_password_lanes_busy"] > 0, 5, "a busy lane")
    server.kill("worker 0")
    for client in clients:
        client.close()
    metrics = api.fresh().metrics()     # of the next worker: what connects meanwhile waits
    assert metrics["gatepost_password_queue_depth"] == metrics["gatepost_password_lanes_busy"] == 0


# ---- hashed again ------------------------------------------------------------------------------

ENCODED = re.compile(rb"pbkdf2_sha256\$\d+\$[A-Za-z0-9]+\$[A-Za-z0-9+/=]+")


def forms(server):
    """{user name: stored form} of a stopped server."""
    return {re.search(rb"[a-z]+@", record)[0][:-1].decode(): ENCODED.findall(record)[0]
            for record in dump(server)[1].values()}


def iterations(form):
    return int(form.split(b"$")[1])


def disable(server, name):
    """In the stopped server's database: `active` stands behind the password and the language."""
    key, record = record_of(server, name)
    at = record.index(ENCODED.findall(record)[0]) + len(ENCODED.findall(record)[0]) + 2
    assert record[at - 2:at + 1] == b"\0\0\1", "no language, active"
    put(server, key, record[:at] + b"\0" + record[at + 1:])


@pytest.fixture
def older(prepare):
    """A maker of servers whose accounts have hashes of 2,000 iterations, restarted with 3,000."""
    def make(names, change=lambda server: None, **settings):
        server = prepare({"http.workers": "1", "password.iterations": "2000"})
        server.start()
        for name in names:
            assert Api(server.address).signup(name).status == 201
        server.stop()
        assert {iterations(form) for form in forms(server).values()} == {2000}
        before = forms(server)
        change(server)
        server.settings.update({"password.iterations": "3000", **settings})
        server.start()
        return server, before
    return make


def rehashes(server):
    return Api(server.address).metrics()["gatepost_password_rehashes_total"]


@needs_db_tools
def test_a_login_brings_its_hash_to_todays_cost_and_no_other(older):
    server, before = older(["anna", "bert"])
    api = Api(server.address)
    assert api.login("anna").status == 200
    wait_for(lambda: rehashes(server) == 1, 1, "a re-hash")
    assert api.login("anna").status == 200
    assert api.login("anna", "another password 1").status == 401
    time.sleep(0.2)
    assert rehashes(server) == 1, "what is of today stays"
    assert server.log_text().count(" password.rehashed ") == 1
    server.stop()
    after = forms(server)
    assert iterations(after["anna"]) == 3000 and after["bert"] == before["bert"]
    assert before["anna"] not in record_of(server, "anna")[1], "the old form is gone"
    assert after["anna"].split(b"$")[2] != before["anna"].split(b"$")[2], "another salt"
    server.start()
    assert Api(server.address).login("anna").status == 200


@needs_db_tools
def test_a_wrong_password_changes_nothing(older):
    server, before = older(["anna"])
    api = Api(server.address)
    for password in ("another password 1", "testpass12", "x" * 1025):
        assert api.login("anna", password).status in (400, 401)
    time.sleep(0.2)
    assert rehashes(server) == 0
    server.stop()
    assert forms(server) == before


@needs_db_tools
def test_who_may_not_log_in_is_not_hashed_again(older):
    """anna is disabled, bert has not proven his address."""
    server, before = older(["anna", "bert"], lambda server: disable(server, "anna"),
                           **{"login.require_verified": "yes"})
    api = Api(server.address)
    for name in before:
        assert api.login(name).status == 401
    time.sleep(0.2)
    assert rehashes(server) == 0
    server.stop()
    assert forms(server) == before


@needs_db_tools
def test_a_disk_that_takes_no_sign_ups_takes_no_new_forms_either(older):
    server, before = older(["anna"], **{"store.signup_free_mib": "1000000"})
    api = Api(server.address)
    assert api.signup("bert").status == 503
    for _ in range(3):
        assert api.login("anna").status == 200
        time.sleep(0.1)
    assert rehashes(server) == 0 and api.metrics()["gatepost_disk_state"] == 1
    server.stop()
    assert forms(server) == before


@needs_db_tools
def test_logins_at_once_are_hashed_again_once_and_all_succeed(older):
    server, _ = older(["anna"], **{"http.workers": "2"})
    clients = [Connection(server.address) for _ in range(12)]
    for client in clients:
        client.send(login("anna", PASSWORD))
    for client in clients:
        assert client.receive().status == 200
        client.close()
    wait_for(lambda: rehashes(server) == 1, 2, "a re-hash")
    time.sleep(0.2)
    assert rehashes(server) == 1
    assert Api(server.address).login("anna").status == 200


@needs_db_tools
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGQUIT])
def test_a_stop_does_not_wait_for_it_and_nobody_waits_for_its_hash(older, end):
    server, before = older(["anna"], **{"password.iterations": "10000000"})
    api = Api(server.address, timeout=60)
    answer = quick(api.login, "anna")
    assert answer.status == 200
    wait_for(lambda: api.metrics()["gatepost_password_lanes_busy"] == 1, 2, "a re-hash under way")
    api.close()
    server.stop(end)
    assert forms(server) == before
