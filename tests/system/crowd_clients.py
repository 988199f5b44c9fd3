"""A crowd in a process of its own: many connections that ask for nothing, some that send a byte now and
then, a storm of logins; and a witness in another, who behaves well and takes the time of his answers.

    crowd_clients.py crowd   {"address": [host, port], "idle": n, "trickling": n, "storm": n, "accounts": [...]}
    crowd_clients.py witness {"address": [host, port], "token": "..."}

Each prints a line when it is there, and what it has seen as JSON when its standard input ends. What
the server closes is opened again: the crowd stays as large as it was asked for."""
import json
import select
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

TRICKLE_S = 1.0
AGAIN_S = 0.2           # after a refusal
OPENED_AT_ONCE = 100
PASSWORD = "securepassword123"


def login(name, password):
    body = json.dumps({"username": name, "password": password})
    return (f"POST /api/auth/login HTTP/1.1\r\nHost: crowd\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Crowd:
    def __init__(self, order):
        self.address = tuple(order["address"])
        self.wanted = {kind: order.get(kind, 0) for kind in ("idle", "trickling", "storm")}
        self.logins = [login(name, order.get("password", PASSWORD)) for name in order.get("accounts") or ["nobody"]]
        self.open = {kind: {} for kind in self.wanted}      # fd: socket
        self.epoll = select.epoll()
        self.buffers, self.again, self.asked = {}, [], 0
        self.seen = {"opened": 0, "closed_by_server": 0, "statuses": {}}
        self.trickled = 0.0

    def connect(self, kind):
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect_ex(self.address)
        self.open[kind][sock.fileno()] = sock
        self.epoll.register(sock.fileno(), select.EPOLLIN if kind != "storm" else select.EPOLLOUT)
        self.seen["opened"] += 1

    def close(self, kind, fd):
        self.epoll.unregister(fd)
        self.open[kind].pop(fd).close()
        self.buffers.pop(fd, None)

    def fill(self):
        """Some at a time, so that those who are there are not kept waiting."""
        for kind, count in self.wanted.items():
            for _ in range(min(OPENED_AT_ONCE, count - len(self.open[kind]))):
                self.connect(kind)

    def is_whole(self):
        return all(len(self.open[kind]) >= count for kind, count in self.wanted.items())

    def trickle(self, now):
        if now - self.trickled < TRICKLE_S:
            return
        self.trickled = now
        for sock in self.open["trickling"].values():
            try:
                sock.send(b"P")
            except OSError:
                pass

    def ask(self, fd):
        self.asked += 1
        self.buffers[fd] = b""
        try:
            self.open["storm"][fd].send(self.logins[self.asked % len(self.logins)])
            self.epoll.modify(fd, select.EPOLLIN)
        except OSError:
            self.close("storm", fd)

    def on_answer(self, fd, now):
        head, blank, body = self.buffers[fd].partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        if not blank or len(body) < int(length or 0):
            return
        status = head[9:12].decode()
        self.seen["statuses"][status] = self.seen["statuses"].get(status, 0) + 1
        if b"connection: close" in head.lower():
            self.close("storm", fd)
        elif status == "200":
            self.ask(fd)
        else:
            self.again.append((now + AGAIN_S, fd))

    def on_event(self, fd, now):
        kind = next((kind for kind in self.open if fd in self.open[kind]), None)
        if kind is None:
            return
        if kind == "storm" and fd not in self.buffers:
            self.ask(fd)
            return
        try:
            data = self.open[kind][fd].recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.seen["closed_by_server"] += 1
            self.close(kind, fd)
        elif kind == "storm":
            self.buffers[fd] += data
            self.on_answer(fd, now)

    def run(self):
        self.epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        told = False
        while True:
            self.fill()
            now = time.monotonic()
            self.trickle(now)
            while self.again and self.again[0][0] <= now:
                fd = self.again.pop(0)[1]
                if fd in self.open["storm"]:
                    self.ask(fd)
            for fd, _ in self.epoll.poll(0.02, 512):
                if fd == sys.stdin.fileno():
                    return self.seen
                self.on_event(fd, now)
            if not told and self.is_whole():
                told = True
                print("there", flush=True)


class Witness:
    """Asks for its account on one connection, every ten milliseconds."""

    def __init__(self, order):
        self.address, self.times, self.wrong = tuple(order["address"]), [], []
        self.request = (f"GET /api/auth/me HTTP/1.1\r\nHost: witness\r\n"
                        f"Authorization: Bearer {order['token']}\r\n\r\n").encode()

    def ask(self, sock):
        began = time.monotonic()
        sock.sendall(self.request)
        data = b""
        while b"}" not in data:
            piece = sock.recv(65536)
            if not piece:
                raise ConnectionError("closed")
            data += piece
        self.times.append(time.monotonic() - began)
        if not data.startswith(b"HTTP/1.1 200 "):
            self.wrong.append(data[:60].decode())

    def run(self):
        print("there", flush=True)
        sock = socket.create_connection(self.address, timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not select.select([sys.stdin], [], [], 0.01)[0]:
            try:
                self.ask(sock)
            except OSError as error:
                self.wrong.append(repr(error))
                sock = socket.create_connection(self.address, timeout=30)
        times = sorted(self.times)
        return {"asked": len(times), "wrong": self.wrong, "p50_s": statistics.median(times),
                "p99_s": times[int(len(times) * 0.99)], "longest_s": times[-1]}


class Running:
    """One of the two as a process: `with Running("crowd", ...) as crowd: ...; crowd.seen`."""

    def __init__(self, kind, there_s=60, **order):
        self.process = subprocess.Popen([sys.executable, str(Path(__file__).resolve()), kind, json.dumps(order)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.there_s, self.seen = there_s, None

    def __enter__(self):
        assert select.select([self.process.stdout], [], [], self.there_s)[0], "the crowd does not come"
        assert self.process.stdout.readline() == "there\n"
        return self

    def __exit__(self, *_):
        try:
            out, _ = self.process.communicate(timeout=60)
            self.seen = json.loads(out)
        finally:
            self.process.kill()
            self.process.wait()


if __name__ == "__main__":
    member = {"crowd": Crowd, "witness": Witness}[sys.argv[1]](json.loads(sys.argv[2]))
    print(json.dumps(member.run()), flush=True)
