"""What a client leaves lying over HTTP/2 ends in time: requests that do not come, answers that are not
taken, connections that ask for nothing (docs/http2.md)."""
import json
import socket
import ssl
import struct
import threading
import time

import pytest

from client import PASSWORD
from gatepost import SLOW, patience
from h2_frames import (CANCEL, CONTINUATION, DATA, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, NO_ERROR, PING,
                       WINDOW_UPDATE, Api2, Frames, frame, request_headers, trusting)
from http2_server import serve, server  # noqa: F401  (fixtures)
from test_84_http2_guard import assert_serves, cut_reasons, open_body

HEALTH = request_headers("GET", "/healthz")
LOGIN = json.dumps({"username": "nobody", "password": PASSWORD}).encode()


# ---- time -------------------------------------------------------------------------------------------------

class Slow(threading.Thread):
    """Sends a piece now and then, until the server ends the stream or the connection; how long that
    took. The first piece may begin a stream."""

    def __init__(self, server, begin, piece, every=0.5, **options):
        super().__init__(daemon=True)
        self.frames = Frames(server.address, server.tls, **options)
        self.stream = begin(self.frames)
        self.piece, self.every, self.seconds = piece, every, None

    def over(self):
        return self.frames.ended or self.frames.goaways or self.stream in self.frames.resets

    def run(self):
        began = time.monotonic()
        while not self.over() and time.monotonic() - began < patience(20):
            data = self.piece(self.stream)
            if data and not self.frames.send(data):
                break
            pause = time.monotonic() + self.every
            while not self.over() and time.monotonic() < pause:
                self.frames.read(pause - time.monotonic())
        self.seconds = time.monotonic() - began


def begin_block(frames):
    assert frames.answer(frames.ask("GET", "/healthz")).status == 200   # settings are exchanged
    stream = frames.stream()
    frames.send(frame(HEADERS, END_STREAM, stream, frames.encoder.encode(HEALTH)))
    return stream


def begin_page(frames):
    return frames.ask("GET", "/openapi.json")


def begin_nothing(frames):
    return 0


def half_a_frame(frames):
    stream = open_body(frames)
    frames.send(frame(DATA, 0, stream, b"x" * 1000)[:20])
    return stream


def nothing(stream):
    return b""


SLOW_CLIENTS = {
    "trickles its body": (open_body, lambda stream: frame(DATA, 0, stream, b" "), {}),
    "stops amid its body": (open_body, nothing, {}),
    "trickles a frame": (half_a_frame, lambda stream: b"x", {}),
    "pings instead of a body": (open_body, lambda stream: frame(PING, 0, 0, b"12345678"), {}),
    "trickles a header block": (begin_block, lambda stream: frame(CONTINUATION, 0, stream, b"\x82"), {"every": 1}),
    "stops amid a header block": (begin_block, nothing, {}),
    "takes no answer": (begin_page, nothing, {"initial_window": 0}),
    "takes an answer by the byte": (
        begin_page, lambda stream: frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1)), {"initial_window": 1}),
    "asks for nothing": (begin_nothing, nothing, {}),
    "asks for nothing, and pings": (begin_nothing, lambda stream: frame(PING, 0, 0, b"12345678"), {}),
    "greets by the byte": (begin_nothing, lambda stream: b"P", {"greet": False, "every": 2}),
    "does not greet": (begin_nothing, nothing, {"greet": False}),
}
ENDS_THE_STREAM = {"trickles its body", "stops amid its body", "trickles a frame", "pings instead of a body",
                   "takes no answer", "takes an answer by the byte"}


@pytest.fixture(scope="module", autouse=True)
def slow_clients(server):
    """They take ten seconds: begun here, looked at by the last test."""
    clients = {name: Slow(server, begin, piece, **options)
               for name, (begin, piece, options) in SLOW_CLIENTS.items()}
    for client in clients.values():
        client.start()
    return clients


def test_a_client_that_takes_its_time_within_bounds_is_served(server):
    """A body in four pieces over a second, and a quiet time of five between two requests."""
    with Frames(server.address, server.tls) as frames:
        stream = open_body(frames)
        for i in range(4):
            frames.send(frame(DATA, END_STREAM if i == 3 else 0, stream, LOGIN[i * 20:(i + 1) * 20 if i < 3 else None]))
            frames.read(0.25)
        assert frames.answer(stream).status == 401
        end = time.monotonic() + 5
        while time.monotonic() < end:
            frames.read(end - time.monotonic())
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200


def test_a_client_that_leaves_its_answers_lying_is_cut(serve):
    server = serve({"http.http2_resets_max": "20", "http.workers": "1"})
    with Frames(server.address, server.tls, initial_window=0) as frames:
        for _ in range(50):
            frames.ask("GET", "/openapi.json")
        assert frames.end(20) == ENHANCE_YOUR_CALM
    assert cut_reasons(server) == ['"too many streams were left lying"']


# ---- the handshake ----------------------------------------------------------------------------------------

def test_a_handshake_that_does_not_end_is_ended(serve):
    server = serve({"http.workers": "1"})
    hello = trusting(server.directory)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = hello.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(Exception):
        talk.do_handshake()
    first = outgoing.read()
    socks = [socket.create_connection(server.address) for _ in range(20)]
    began = time.monotonic()
    for i, sock in enumerate(socks):
        sock.sendall(first[:i * len(first) // 20])
    assert_serves(server)
    while any(socks) and time.monotonic() - began < patience(10):
        for i, sock in enumerate(socks):
            if sock is None:
                continue
            sock.settimeout(0.05)
            try:
                sock.sendall(first[:1])
                while sock.recv(4096):
                    pass
            except TimeoutError:
                continue
            except OSError:
                pass
            sock.close()
            socks[i] = None
    assert not any(socks), "a client that never finishes its handshake is let go"
    assert time.monotonic() - began > 2 or SLOW


# ---- the slow ones, at last -------------------------------------------------------------------------------

def test_slow_clients_end_after_ten_seconds(server, slow_clients):
    for name, client in slow_clients.items():
        client.join(patience(22))
        assert client.seconds is not None, f"{name} goes on"
        assert 5 < client.seconds < patience(15), (name, client.seconds, client.frames)
        frames = client.frames
        if name in ENDS_THE_STREAM:
            assert frames.resets.get(client.stream) == CANCEL, (name, frames)
            assert not frames.goaways, (name, frames)
        elif "header block" in name:
            assert frames.end() == ENHANCE_YOUR_CALM, (name, frames)
        elif "greet" in name:
            frames.end()
        else:
            assert frames.end() == NO_ERROR, (name, frames)
        frames.close()
    metrics = Api2(server.address, server.tls).metrics()
    assert metrics["gatepost_http2_overdue_total"] >= 0
    assert_serves(server)
