"""Hash threads work for those who still wait, and tell what they do; a password whose hash is not
today's is hashed again after its login."""
import socket
import time

import pytest

from client import Api, Connection, encode, raw
from gatepost import patience, wait_for

COSTLY = {"http.workers": "1", "password.iterations": "4000000"}     # a second or two


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
