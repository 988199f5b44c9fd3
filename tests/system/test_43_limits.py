"""Limits under pressure: descriptors, the hash queue, slow clients."""
import select
import socket
import threading
import time

import pytest

from client import Api, Closed, Connection, PASSWORD, account, encode, unique
from gatepost import SLOW, cpu_seconds, patience, wait_for


class Slow(threading.Thread):
    """A client that sends a byte now and then; how long the server bore with it."""

    def __init__(self, address, beginning, every):
        super().__init__(daemon=True)
        self.connection = Connection(address)
        self.beginning, self.every = beginning, every
        self.seconds = None
        self.received = b""

    def run(self):
        began = time.monotonic()
        sock = self.connection.sock
        try:
            sock.sendall(self.beginning)
            sock.settimeout(self.every)
            while time.monotonic() - began < patience(15):
                try:
                    piece = sock.recv(4096)
                    if not piece:
                        break
                    self.received += piece
                    continue
                except socket.timeout:
                    pass
                sock.sendall(b"a")
        except OSError:
            pass
        self.seconds = time.monotonic() - began
        self.connection.close()


@pytest.fixture(scope="module", autouse=True)
def slow_clients(server):
    """They take ten seconds: begun here, looked at by the last test."""
    head = b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    clients = {
        "silent": Slow(server.address, b"", 1000),
        "slow head": Slow(server.address, b"POST /api/auth/signup HTTP/1.1\r\nX-Slow: ", 0.5),
        "slow body": Slow(server.address, head + b"Content-Length: 1000\r\n\r\n{", 0.5),
        "slow chunks": Slow(server.address, head + b"Transfer-Encoding: chunked\r\n\r\n400\r\n", 0.5),
    }
    clients["silent"].connection.sock.settimeout(patience(15))
    for client in clients.values():
        client.start()
    return clients


def test_many_idle_connections_neither_spin_nor_lock_out(serve):
    server = serve({"http.workers": "1"}, wrap=("prlimit", "--nofile=96:96", "--"))
    worker = server.child("worker 0")
    first = Connection(server.address)
    assert first.request("GET", "/healthz").status == 200
    crowd = []
    for _ in range(200):
        crowd.append(Connection(server.address, timeout=2))
    before, began = cpu_seconds(worker), time.monotonic()
    wait_for(lambda: time.monotonic() - began > 1.0, 3, "a second")
    used = cpu_seconds(worker) - before
    assert used < 0.3 * (time.monotonic() - began), f"{used:.2f} s of CPU while nothing happens"
    assert first.request("GET", "/healthz").status == 200, "who was there first is served"
    for connection in crowd:
        connection.close()
    wait_for(lambda: answers_quickly(server), 15, "new connections to be served again")
    assert server.child("worker 0") == worker
    assert Api(server.address).signup("after").status == 201
    first.close()


def answers_quickly(server):
    try:
        with Connection(server.address, timeout=1) as connection:
            return connection.request("GET", "/healthz").status == 200
    except (Closed, OSError):
        return False


def test_connections_beyond_the_limit_wait_in_the_backlog(serve):
    server = serve({"http.workers": "1", "http.connections_max": "16"})
    held = [Connection(server.address) for _ in range(16)]
    for connection in held:
        assert connection.request("GET", "/healthz").status == 200
    waiting = Connection(server.address)
    waiting.send(encode("GET", "/healthz"))
    assert not waiting.closed_by_server(0.3)
    held.pop().close()
    waiting.sock.settimeout(patience(5))
    assert waiting.receive("GET").status == 200
    for connection in [*held, waiting]:
        connection.close()


def test_a_full_hash_queue_refuses_at_once_while_the_rest_stays_fast(serve):
    server = serve({"http.workers": "1", "password.iterations": "1000000",
                    "password.threads": "1", "password.lanes": "1", "password.queue_max": "2"})
    answers, lock = [], threading.Lock()

    def sign_up(i):
        with Connection(server.address, timeout=60) as connection:
            began = time.monotonic()
            answer = connection.signup(f"queue{i}")
            with lock:
                answers.append((answer, time.monotonic() - began))
    threads = [threading.Thread(target=sign_up, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    api = Api(server.address)
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        assert api.get("/healthz").status == 200
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    good = [answer for answer, _ in answers if answer.status == 201]
    full = [(answer, took) for answer, took in answers if answer.status == 503]
    assert len(good) + len(full) == 12 and 1 <= len(good) <= 4, [a.status for a, _ in answers]
    for answer, took in full:
        assert answer.json() == {"detail": "Service temporarily unavailable, try again later."}
        assert int(answer.header("retry-after")) >= 1
        assert took < patience(0.5), f"refused after {took:.3f} s"
    assert slowest < patience(0.25), f"healthz took {slowest:.3f} s"
    assert api.metrics()["gatepost_password_refused_total"] == len(full)


def test_clients_that_leave_do_not_keep_the_queue_busy(serve):
    server = serve({"http.workers": "1", "password.iterations": "1000000",
                    "password.queue_max": "64"})
    for i in range(20):
        connection = Connection(server.address)
        connection.send(encode("POST", "/api/auth/signup", account(f"gone{i}")))
        connection.close()
    api = Api(server.address, timeout=60)
    assert api.get("/healthz").status == 200
    answer = api.signup("stayed")
    assert answer.status in (201, 503), answer


def resident_mib(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20


@pytest.mark.skipif(SLOW, reason="a sanitizer's memory is no measure")
def test_clients_that_pipeline_without_end_cost_little_memory(serve):
    """They send as fast as they can and read nothing; what is taken in meanwhile is bounded."""
    server = serve({"http.workers": "1", "password.iterations": "200000"})
    worker = server.workers()[0]
    before = resident_mib(worker)
    login = encode("POST", "/api/auth/login", {"username": "nobody", "password": PASSWORD})
    pipeline = login + encode("GET", "/healthz") * 4000
    connections = [Connection(server.address) for _ in range(30)]
    for connection in connections:
        connection.sock.setblocking(False)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for sock in select.select([], [c.sock for c in connections], [], 0.05)[1]:
            try:
                sock.send(pipeline)
            except BlockingIOError:
                pass
    assert Api(server.address).get("/healthz").status == 200
    assert resident_mib(worker) - before < 15
    for connection in connections:
        connection.close()


def test_slow_clients_are_cut_after_ten_seconds_and_disturb_nobody(server, api, slow_clients):
    assert api.signup(unique()).status == 201
    for name, client in slow_clients.items():
        client.join(patience(16))
        assert client.seconds is not None, f"{name} was never cut"
        assert 2 < client.seconds < patience(13), f"{name} was cut after {client.seconds:.1f} s"
        assert b" 201 " not in client.received
    assert api.fresh().signup(unique()).status == 201
