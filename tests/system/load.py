"""Clients that keep signing up while a test does something to the server. Each writes down what it
was told AFTER it read the answer: that list is what the server must keep its word on."""
import os
import signal
import socket
import threading
import time

from client import Closed, Connection, account, encode, unique
from gatepost import wait_for


def kept_connection(server):
    """(connection, pid of its worker). Accepted once answered; only then is it known by whom. A worker
    that is about to leave says that it closes: then another one."""
    while True:
        connection = Connection(server.address, timeout=20)
        if not connection.request("GET", "/healthz").closes():
            return connection, server.worker_of(connection.sock)
        connection.close()


TAKEN_S = 1     # much less than a worker may stand still


def connection_of(server, worker):
    """A connection that this worker accepted, or None: it was not ready to. The others are stopped
    meanwhile: left to the kernel, who is awake takes most of them, and on a loaded machine one takes all."""
    others = [pid for pid in server.workers() if pid != worker]
    try:
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        connection = Connection(server.address)
        connection.sock.settimeout(TAKEN_S)
        leaves = connection.request("GET", "/healthz").closes()
    except (Closed, socket.timeout):
        leaves = True
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)
    if leaves or server.worker_of(connection.sock) != worker:
        connection.close()
        time.sleep(0.3)     # the others show that they live: who stands still for long is replaced
        return None
    connection.sock.settimeout(connection.timeout)
    return connection


def connection_to_each(server):
    """{pid of a worker: a connection that it accepted} of all workers."""
    return {worker: wait_for(lambda pid=worker: connection_of(server, pid), 20, f"a connection to {worker}")
            for worker in server.workers()}


class Client(threading.Thread):
    """One client on one connection at a time. keep=False opens a new one for each request."""

    def __init__(self, server, keep=True, request=None):
        super().__init__(daemon=True)
        self.server, self.keep = server, keep
        self.prefix = unique("load") + "x"
        self.request = request
        self.acknowledged = []      # names, in the order of their 201
        self.asked = 0
        self.wrong = []             # any answer that is not the expected one
        self.cut = []               # (worker pid, when, text) of connections that ended under it
        self.worker = None          # pid of the worker that has the connection
        self.longest = 0.0          # seconds of the slowest answer
        self.follow_worker = False
        self.finish = threading.Event()

    def connect(self):
        if not self.follow_worker:
            return self.server.connect(timeout=20) if hasattr(self.server, "connect") else \
                Connection(self.server.address, timeout=20)
        connection, self.worker = kept_connection(self.server)
        return connection

    def run(self):
        connection = None
        while not self.finish.is_set():
            name = f"{self.prefix}{self.asked}"
            self.asked += 1
            began = time.monotonic()
            try:
                if connection is None:
                    connection = self.connect()
                if self.request is not None:
                    connection.send(self.request)
                else:
                    connection.send(encode("POST", "/api/auth/signup", account(name)))
                answer = connection.receive()
            except (Closed, OSError) as error:
                self.cut.append((self.worker, time.monotonic(), repr(error)))
                if connection is not None:
                    connection.close()
                connection = None
                continue
            self.longest = max(self.longest, time.monotonic() - began)
            if answer.status == (201 if self.request is None else 200):
                self.acknowledged.append(name)
            else:
                self.wrong.append(answer)
            if not self.keep or answer.closes():
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


class Load:
    """with Load(server, 4) as load: ... ; at the end all clients have stopped."""

    def __init__(self, server, keep=4, fresh=0, request=None, follow_workers=False):
        self.clients = [Client(server, True, request) for _ in range(keep)]
        self.clients += [Client(server, False, request) for _ in range(fresh)]
        for client in self.clients:
            client.follow_worker = follow_workers

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for client in self.clients:
            client.finish.set()
        for client in self.clients:
            client.join(60)
            assert not client.is_alive(), "a client hangs"

    @property
    def acknowledged(self):
        return [name for client in self.clients for name in client.acknowledged]

    @property
    def wrong(self):
        return [answer for client in self.clients for answer in client.wrong]

    @property
    def cut(self):
        return [cut for client in self.clients for cut in client.cut]

    @property
    def longest(self):
        return max(client.longest for client in self.clients)

    def wait_progress(self, count=20, seconds=10):
        """Every client was answered so many times more."""
        goals = [(client, len(client.acknowledged) + count) for client in self.clients]
        wait_for(lambda: all(len(client.acknowledged) >= goal for client, goal in goals), seconds,
                 f"{count} more answers for each client; {self.wrong[:2]} {self.cut[:2]}")


def assert_all_exist(server, names):
    """Every name is taken: what was acknowledged is in the database."""
    with Connection(server.address) as connection:
        missing = []
        for begin in range(0, len(names), 32):
            batch = names[begin:begin + 32]
            for name in batch:
                answer = connection.signup(name)
                if answer.status != 400 or set(answer.json()) != {"username", "email"}:
                    missing.append((name, answer))
                assert not answer.closes()
        assert not missing, f"{len(missing)} of {len(names)} lost: {missing[:3]}"


def sign_up_many(server, names, connections=4):
    """All of these names, over several connections, as fast as they are answered."""
    from concurrent.futures import ThreadPoolExecutor

    def work(part):
        connection, refused = Connection(server.address, timeout=30), []
        for name in part:
            answer = connection.signup(name)
            if answer.status != 201:
                refused.append((name, answer))
            if answer.closes():
                connection.close()
                connection = Connection(server.address, timeout=30)
        connection.close()
        return refused
    with ThreadPoolExecutor(connections) as pool:
        refused = [item for part in pool.map(work, [names[i::connections] for i in range(connections)])
                   for item in part]
    assert not refused, f"{len(refused)} refused: {refused[:3]}"
