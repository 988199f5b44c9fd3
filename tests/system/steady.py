"""Strict clients for reloads: they keep their connections, they count. A request fails when its
connection ends without an answer to it, unless the answer before said that the connection closes; when
the answer is wrong; when no connection can be had. What a pipelining client sent behind an answer that
closes is sent again (RFC 9112, 9.3.2) and counted as such."""
import random
import ssl
import threading
import time

from client import Closed, Connection, encode
from gatepost import wait_for

GET = encode("GET", "/healthz")


def settled(server):
    """The server's children when the last one that a reload replaced has left."""
    def alone():
        children = server.children()
        # One that is about to be gone has no title any more.
        return "" not in children and all(len(pids) == 1 for pids in children.values()) and children
    return wait_for(alone, 20, "one process of each name")


def trusting():
    """A TLS context of a client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Steady(threading.Thread):
    """One client. together: requests that are sent at once. rest: the longest pause between two rounds.
    fresh: a new connection for each round."""

    def __init__(self, address, tls=None, together=1, rest=0.0, fresh=False, request=GET, status=200):
        super().__init__(daemon=True)
        self.address, self.tls, self.together, self.rest, self.fresh = address, tls, together, rest, fresh
        self.request, self.status = request, status
        self.random = random.Random(id(self))
        self.took = []              # seconds of each answer
        self.failures = []
        self.opened = self.repeated = 0
        self.finish = threading.Event()

    def one_round(self, connection):
        """Sends `together` requests and reads their answers. Returns how many are without one because
        the connection was closed in order, or None when it goes on."""
        began = time.monotonic()
        connection.send(self.request * self.together)
        for i in range(self.together):
            answer = connection.receive("GET")
            self.took.append(time.monotonic() - began)
            if answer.status != self.status:
                self.failures.append(f"answer {answer!r}")
            if answer.closes():
                return self.together - 1 - i
        return None

    def run(self):
        connection, used, owed = None, 0, 0
        while not self.finish.is_set():
            try:
                if connection is None:
                    connection = Connection(self.address, timeout=20, tls=self.tls)
                    self.opened, used = self.opened + 1, 0
                owed = self.one_round(connection)
                used += 1
            except (Closed, OSError) as error:
                self.failures.append(f"{error!r} after {used} rounds ({self})")
                owed = 0
            if owed is not None:
                self.repeated += owed
            if (owed is not None or self.fresh) and connection is not None:
                connection.close()
                connection = None
            if self.rest:
                time.sleep(self.random.random() * self.rest)
        if connection is not None:
            connection.close()

    def __repr__(self):
        return (f"tls={bool(self.tls)} together={self.together} rest={self.rest} fresh={self.fresh} "
                f"to {self.address}")


class Crowd:
    """with Crowd([...]) as crowd: ... ; at the end all clients have stopped."""

    def __init__(self, clients):
        self.clients = clients

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.finish.set()
        for client in self.clients:
            client.join(60)
            assert not client.is_alive(), f"a client hangs: {client!r}"

    @property
    def failures(self):
        return [failure for client in self.clients for failure in client.failures]

    @property
    def requests(self):
        return sum(len(client.took) for client in self.clients)

    @property
    def repeated(self):
        return sum(client.repeated for client in self.clients)

    def percentile(self, share):
        took = sorted(seconds for client in self.clients for seconds in client.took)
        return took[min(len(took) - 1, int(share * len(took)))]
