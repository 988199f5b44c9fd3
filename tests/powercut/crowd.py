"""Clients that sign up as fast as they are answered, and stand still on demand. Each writes a name
down after it read the 201: that list is what a power cut must leave."""
import threading

from client import Closed, Connection, unique


class Client(threading.Thread):
    def __init__(self, address, gate):
        super().__init__(daemon=True)
        self.address, self.gate = address, gate
        self.prefix = unique("cut") + "x"
        self.acknowledged = []
        self.wrong = []
        self.finish = False
        self.stands = threading.Event()

    def run(self):
        connection, number = None, 0
        while not self.finish:
            if not self.gate.is_set():
                self.stands.set()
                self.gate.wait()
                self.stands.clear()
                connection = None  # the server closes one that is silent for ten seconds
                continue
            name = f"{self.prefix}{number}"
            number += 1
            try:
                connection = connection or Connection(self.address, timeout=60)
                answer = connection.signup(name)
            except (Closed, OSError) as error:
                self.wrong.append(repr(error))
                connection = None
                continue
            if answer.status == 201:
                self.acknowledged.append(name)
            elif answer.status != 503:      # a full queue, or a store that has just been killed
                self.wrong.append(str(answer))
            if answer.closes():
                connection = None


class Crowd:
    """with Crowd(address, 8) as crowd: they wait until go()."""

    def __init__(self, address, size):
        self.gate = threading.Event()
        self.clients = [Client(address, self.gate) for _ in range(size)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.finish = True
        self.gate.set()
        for client in self.clients:
            client.join(90)

    def go(self):
        self.gate.set()

    def halt(self):
        self.gate.clear()
        for client in self.clients:
            assert client.stands.wait(90), "a client hangs"

    def acknowledged(self):
        return [name for client in self.clients for name in tuple(client.acknowledged)]

    def wrong(self):
        return [text for client in self.clients for text in client.wrong]
