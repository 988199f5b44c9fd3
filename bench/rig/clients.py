"""Many HTTP/1 clients in one thread, cheap enough not to be what is measured: plain sockets, one
selector, and no more of an answer is looked at than a bench needs."""
import heapq
import itertools
import json
import re
import selectors
import socket
import time

from rig.site import PASSWORD

POST = ("POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: %s\r\n"
        "Content-Length: %d\r\n\r\n%s")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
RETRY_AFTER = re.compile(rb"(?i)\r\nretry-after: *\d+\r\n")
CLOSES = re.compile(rb"(?i)\r\nconnection: *close\r\n")


def post_text(path, kind, body):
    return (POST % (path, kind, len(body), body)).encode()


def post(path, fields):
    return post_text(path, "application/json", json.dumps(fields))


def login(name, password=PASSWORD):
    return post("/api/auth/login", {"username": name, "password": password})


def signup(name):
    return post("/api/auth/signup", {"username": name, "email": name + "@example.com",
                                     "password": PASSWORD})


def get(path, token=None):
    header = "Authorization: Bearer %s\r\n" % token if token else ""
    return ("GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n" % (path, header)).encode()


class Answer:
    """status 0: the connection ended, or could not be made."""

    def __init__(self, status, head, at, seconds):
        self.status, self.at, self.seconds = status, at, seconds
        self.has_retry_after = RETRY_AFTER.search(head + b"\r\n") is not None
        self.closes = (status == 0 or head.startswith(b"HTTP/1.0") or
                       CLOSES.search(head + b"\r\n") is not None)


class Client:
    """One connection at a time, one request at a time."""

    def __init__(self, loop, address):
        self.loop, self.address = loop, address
        self.sock = self.on_answer = None
        self.waiting = False

    def connect(self):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex(self.address)
        self.loop.selector.register(self.sock, selectors.EVENT_READ, self)

    def send(self, request, on_answer):
        """on_answer(client, answer) is called once, unless the client is closed before."""
        self.began = time.monotonic()
        if self.sock is None:
            self.connect()
        self.request, self.on_answer, self.buffer, self.waiting = request, on_answer, b"", True
        self.write()

    def write(self):
        try:
            self.sock.send(self.request)    # far smaller than the kernel's buffer
            self.request = None
        except BlockingIOError:             # not connected yet
            self.loop.selector.modify(self.sock, selectors.EVENT_WRITE, self)
        except OSError:
            self.end(0, b"")

    def on_ready(self, events):
        if events & selectors.EVENT_WRITE:
            self.loop.selector.modify(self.sock, selectors.EVENT_READ, self)
            self.write()
            return
        try:
            piece = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not self.waiting:                # the server closed an idle connection
            self.close()
            return
        self.buffer += piece
        self.look(ended=not piece)

    def look(self, ended):
        head, blank, body = self.buffer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if blank and (ended or not length or len(body) >= int(length[1])):
            self.end(int(head[9:12]), head)
        elif ended:
            self.end(0, b"")

    def end(self, status, head):
        now = time.monotonic()
        answer = Answer(status, head, now, now - self.began)
        self.waiting = False
        if answer.closes:
            self.close()
        self.on_answer(self, answer)

    def close(self):
        self.waiting = False
        if self.sock is not None:
            self.loop.selector.unregister(self.sock)
            self.sock.close()
            self.sock = None

    @property
    def port(self):
        return self.sock.getsockname()[1]


class Loop:
    """Runs clients and what is to be done at a certain time."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.calls, self.number = [], itertools.count()

    def client(self, address):
        return Client(self, address)

    def call_at(self, when, function):
        heapq.heappush(self.calls, (when, next(self.number), function))

    def call_every(self, seconds, function, until):
        def again(due):
            function()
            if due + seconds < until:
                self.call_at(due + seconds, lambda: again(due + seconds))
        first = time.monotonic()
        self.call_at(first, lambda: again(first))

    def run(self, until=None, done=lambda: False):
        """Until that moment, or until done() says so; False when the moment came first."""
        while not done():
            now = time.monotonic()
            if until is not None and now >= until:
                return False
            while self.calls and self.calls[0][0] <= now:
                heapq.heappop(self.calls)[2]()
            limit = now + 0.1 if until is None else min(now + 0.1, until)
            if self.calls:
                limit = min(limit, self.calls[0][0])
            for key, events in self.selector.select(max(0, limit - time.monotonic())):
                if key.data.sock is key.fileobj:
                    key.data.on_ready(events)
        return True

    def ask(self, address, request, seconds=60):
        """One request on a connection of its own; gives the answer."""
        return self.ask_all([self.client(address)], [request], seconds)[0]

    def ask_all(self, clients, requests, seconds=60):
        """One request each, all at once; gives the answers. Those that are not kept are closed."""
        answers = {}
        for client, request in zip(clients, requests):
            client.send(request, lambda which, answer: answers.__setitem__(which, answer))
        if not self.run(time.monotonic() + seconds, lambda: len(answers) == len(clients)):
            raise SystemExit("no answer within %d s" % seconds)
        return [answers[client] for client in clients]
