"""What a client may do over HTTP/2 for nothing has a bound, at which it loses its connection and
nobody else anything; what it leaves lying ends in time (docs/http2.md)."""
import json
import os
import random
import struct
import threading
import time

import pytest

from client import JSON, PASSWORD, unique
from gatepost import SLOW, cpu_seconds, patience, scaled, wait_for
from h2_frames import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY,
                       RST_STREAM, SETTINGS, WINDOW_UPDATE, Api2, Frames, frame,
                       request_headers)
from http2_server import serve, server, api  # noqa: F401  (fixtures)

HEALTH = request_headers("GET", "/healthz")
LOGIN = json.dumps({"username": "nobody", "password": PASSWORD}).encode()
LOGIN_HEAD = request_headers("POST", "/api/auth/login", [("content-type", JSON)])
CANCELLED = struct.pack(">I", CANCEL)


def resident_mib(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20


def cut_reasons(server):
    return [line.split("reason=", 1)[1] for line in server.events("http2.cut")]


def assert_serves(server):
    assert Api2(server.address, server.tls).get("/healthz").status == 200


# ---- resets -----------------------------------------------------------------------------------------------

class Steady(threading.Thread):
    """A client that behaves well, beside what a test does: how long each answer took."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.api, self.times, self.ended, self.problem = Api2(server.address, server.tls), [], False, None
        name = unique()
        assert self.api.signup(name).status == 201
        self.access = self.api.tokens(name)["access"]

    def run(self):
        try:
            while not self.ended:
                began = time.monotonic()
                answer = self.api.me(self.access)
                self.times.append(time.monotonic() - began)
                assert answer.status == 200, answer
                time.sleep(0.002)
        except Exception as problem:    # told by percentile
            self.problem = problem

    def percentile(self, part):
        """Of all that were there so far; at least of so many that one means nothing."""
        wait_for(lambda: self.problem or len(self.times) >= 200, 10, "200 answers")
        self.ended = True
        self.join()
        assert self.problem is None, self.problem
        return sorted(self.times)[int(len(self.times) * part)]


def attack(server, total, open_and_reset):
    """Opens and resets that many streams, on as many connections as that takes; how many."""
    sent = connections = 0
    while sent < total:
        with Frames(server.address, server.tls) as frames:
            connections += 1
            while sent < total and frames.send(b"".join(open_and_reset(frames) for _ in range(500))):
                sent += 500
                frames.read(0)
                if frames.goaways:
                    break
            if frames.end() is not None:
                assert frames.goaways[-1][1] == ENHANCE_YOUR_CALM
    return connections


def test_a_hundred_thousand_resets_cost_the_attacker_alone(serve):
    server = serve({"http.workers": "1"})
    worker = server.child("worker 0")
    steady = Steady(server)
    before = resident_mib(worker)
    steady.start()
    total = scaled(100_000)
    sent = 0
    # All on one connection: it is cut, and what the attacker still sends is not read.
    with Frames(server.address, server.tls) as frames:
        alive = frames.send(frames.head(HEALTH))
        block = frames.encoder.encode(HEALTH)     # a byte a field by now

        def piece(stream):
            return frame(HEADERS, END_HEADERS | END_STREAM, stream, block) + frame(RST_STREAM, 0, stream, CANCELLED)
        while sent < total:
            data = b"".join(piece(3 + 2 * (sent + i)) for i in range(1000))
            alive = alive and frames.send(data)
            sent += 1000
        assert frames.end() in (ENHANCE_YOUR_CALM, None)    # None: a reset of TCP took the word away
    slow = steady.percentile(0.99)
    assert cut_reasons(server) == ['"too many streams were reset"']
    metrics = Api2(server.address, server.tls).metrics()
    assert 100 <= metrics["gatepost_http2_resets_total"] <= 200, "the rest was not read"
    assert slow < patience(0.3), f"p99 {slow:.3f} s"
    if not SLOW:
        assert resident_mib(worker) - before < 10


def test_resets_of_logins_drop_their_hashes(serve):
    server = serve({"http.workers": "1", "password.iterations": "600000", "password.threads": "1"})
    steady = Steady(server)
    steady.start()

    def open_and_reset(frames):
        stream = frames.stream()
        return (frames.head(LOGIN_HEAD, stream, end=False) + frame(DATA, END_STREAM, stream, LOGIN) +
                frame(RST_STREAM, 0, stream, CANCELLED))
    connections = attack(server, scaled(10_000), open_and_reset)
    assert connections >= 2
    api = Api2(server.address, server.tls)
    wait_for(lambda: api.metrics()["gatepost_password_queue_depth"] == 0, 5, "an empty queue")
    metrics = api.metrics()
    assert metrics["gatepost_password_hashes_total"] < scaled(10_000) / 10
    assert steady.percentile(0.99) < patience(0.3)
    name = unique()
    began = time.monotonic()
    assert api.signup(name).status == 201
    assert time.monotonic() - began < patience(5)


def test_streams_that_we_are_made_to_reset_count_as_well(server):
    """CVE-2025-8671: frames that are an error of the stream alone."""
    with Frames(server.address, server.tls) as frames:
        for _ in range(300):
            stream = frames.stream()
            alive = frames.send(frames.head(LOGIN_HEAD, stream, end=False) +
                                frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 2**31 - 1)))
            if not alive:
                break
        assert frames.end() == ENHANCE_YOUR_CALM
    assert_serves(server)


def test_a_client_that_cancels_now_and_then_is_served(server):
    with Frames(server.address, server.tls) as frames:
        for _ in range(90):
            stream = frames.stream()
            frames.send(frames.head(LOGIN_HEAD, stream, end=False) + frame(RST_STREAM, 0, stream, CANCELLED))
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200
        assert not frames.goaways


def test_the_bound_is_that_of_the_configuration(serve):
    server = serve({"http.http2_resets_max": "5", "http.workers": "1"})
    for resets, served in ((5, True), (6, False)):
        with Frames(server.address, server.tls) as frames:
            for _ in range(resets):
                stream = frames.stream()
                frames.send(frames.head(LOGIN_HEAD, stream, end=False) + frame(RST_STREAM, 0, stream, CANCELLED))
            stream = frames.ask("GET", "/healthz")
            if served:
                assert frames.answer(stream).status == 200
            else:
                assert frames.end() == ENHANCE_YOUR_CALM


# ---- frames that ask for nothing --------------------------------------------------------------------------

def open_body(frames):
    stream = frames.stream()
    frames.send(frames.head(LOGIN_HEAD, stream, end=False))
    return stream


FLOODS = {
    "ping": lambda frames: frame(PING, 0, 0, b"12345678"),
    "settings": lambda frames: frame(SETTINGS),
    "settings that change windows": lambda frames: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1000)),
    "settings of one thousand rows": lambda frames: frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 100) * 1000),
    "acks": lambda frames: frame(SETTINGS, 1),
    "priority": lambda frames: frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 10)),
    "window updates": lambda frames: frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
    "empty data": lambda frames: frame(DATA, 0, 1),
    "padding alone": lambda frames: frame(DATA, 0x8, 1, b"\0"),
    "unknown kinds": lambda frames: frame(0xfe, 0, 0, b"x" * 100),
    "resets of streams that are gone": lambda frames: frame(RST_STREAM, 0, 1, CANCELLED),
    "data for streams that are gone": lambda frames: frame(DATA, 0, 1, b"x"),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_is_cut(server, kind):
    worker_cpu = sum(map(cpu_seconds, server.workers()))
    noise = len(server.log_text())
    with Frames(server.address, server.tls) as frames:
        stream = open_body(frames)
        if kind.endswith("gone"):
            frames.send(frame(RST_STREAM, 0, stream, CANCELLED))
        piece = FLOODS[kind](frames) * 50
        for _ in range(2000):
            if not frames.send(piece):
                break
            frames.read(0)
            if frames.goaways:
                break
        assert frames.end() == ENHANCE_YOUR_CALM, frames
    assert_serves(server)
    assert sum(map(cpu_seconds, server.workers())) - worker_cpu < patience(2)
    assert len(server.log_text()) - noise < 2000, "the log is not flooded"


def test_unknown_frames_are_passed_over_and_not_written_about(server):
    noise = server.log_text()
    with Frames(server.address, server.tls) as frames:
        stream = open_body(frames)
        frames.send(frame(0xee, 0xff, stream, b"GREASE") + frame(0x77, 0, 0, b""))
        frames.send(frame(DATA, END_STREAM, stream, LOGIN))
        assert frames.answer(stream).status == 401
    assert "skipping" not in server.log_text()[len(noise):]


def test_a_busy_client_with_its_window_updates_is_no_flood(server):
    with Frames(server.address, server.tls) as frames:
        for _ in range(400):
            stream = frames.ask("GET", "/healthz")
            frames.send((frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) +
                         frame(PING, 0, 0, b"12345678")) * 4)
            assert frames.answer(stream).status == 200
        assert not frames.goaways


def test_bodies_for_nobody_end_at_eight_mib(serve):
    server = serve({"http.workers": "1", "http.http2_frames_max": "100000"})
    with Frames(server.address, server.tls) as frames:
        stream = frames.ask("POST", "/api/auth/login", b"x" * 20000, [("Content-Type", JSON)])
        assert frames.answer(stream).status == 413
        piece = frame(DATA, 0, stream, b"x" * 16384)
        sent = 0
        while frames.send(piece) and sent < 64 << 20:
            sent += 16384
            frames.read(0)
            if frames.goaways:
                break
        assert frames.end() == ENHANCE_YOUR_CALM
        assert sent < 32 << 20


# ---- header blocks ----------------------------------------------------------------------------------------

def test_a_header_block_without_end_is_cut(server):
    """CVE-2024-27316 and its like, with large, small and empty pieces."""
    for piece in (b"\x40\x01a\x7f\x80\x7f" + b"b" * 16000, b"\x82", b""):
        with Frames(server.address, server.tls) as frames:
            assert frames.answer(frames.ask("GET", "/healthz")).status == 200   # settings are exchanged
            stream = frames.stream()
            frames.send(frame(HEADERS, END_STREAM, stream, frames.encoder.encode(HEALTH)))
            for _ in range(10000):
                if not frames.send(frame(CONTINUATION, 0, stream, piece)):
                    break
                frames.read(0)
                if frames.goaways:
                    break
            assert frames.end() == ENHANCE_YOUR_CALM
    assert_serves(server)


def test_few_bytes_that_make_many_fields_are_cut(serve):
    """A byte may be a field of 4 KiB that was said before (the "HPACK bomb")."""
    server = serve({"http.workers": "1"})
    worker = server.child("worker 0")
    assert_serves(server)
    before = resident_mib(worker)
    with Frames(server.address, server.tls) as frames:
        frames.send(frames.head([*HEALTH, ("x-bomb", "b" * 4000)]))
        frames.answer(1)
        block = frames.encoder.encode(HEALTH) + b"\xbe" * 16000
        frames.send(frame(HEADERS, END_HEADERS | END_STREAM, frames.stream(), block))
        assert frames.end() == ENHANCE_YOUR_CALM
    for parts in (1, 4):
        with Frames(server.address, server.tls) as frames:
            stream = frames.stream()
            block = frames.encoder.encode(HEALTH) + b"\x82" * 200
            size = len(block) // parts + 1
            pieces = [block[i:i + size] for i in range(0, len(block), size)]
            for i, piece in enumerate(pieces):
                last = END_HEADERS if i == len(pieces) - 1 else 0
                frames.send(frame(CONTINUATION, last, stream, piece) if i else
                            frame(HEADERS, last | END_STREAM, stream, piece))
            assert frames.end() == ENHANCE_YOUR_CALM
    if not SLOW:
        assert resident_mib(worker) - before < 10


def test_a_hundred_fields_are_served(server):
    with Frames(server.address, server.tls) as frames:
        stream = frames.stream()
        frames.send(frames.head(HEALTH + [(f"x-{i}", "y") for i in range(96)], stream))
        assert frames.answer(stream).status == 200


# ---- hashes -----------------------------------------------------------------------------------------------

def test_one_connection_has_four_hashes_at_once(serve):
    server = serve({"http.workers": "1", "password.iterations": "1000000", "password.threads": "1",
                    "password.lanes": "1"})
    with Frames(server.address, server.tls) as frames:
        streams = [frames.ask("POST", "/api/auth/login", LOGIN, [("Content-Type", JSON)]) for _ in range(12)]
        health = frames.ask("GET", "/healthz")
        assert frames.answer(health).status == 200
        answers = [frames.answer(stream, 60) for stream in streams]
        assert sorted(answer.status for answer in answers) == [401] * 4 + [503] * 8
        assert all(answer.header("retry-after") for answer in answers if answer.status == 503)
        assert frames.answer(frames.ask("POST", "/api/auth/login", LOGIN, [("Content-Type", JSON)]), 30).status == 401
    with Frames(server.address, server.tls) as one, Frames(server.address, server.tls) as other:
        streams = [(each, each.ask("POST", "/api/auth/login", LOGIN, [("Content-Type", JSON)]))
                   for each in (one, other) for _ in range(4)]
        assert [each.answer(stream, 60).status for each, stream in streams] == [401] * 8


def test_what_a_job_finds_when_its_stream_is_gone(serve):
    """libh2o frees the request while the store or a hash thread has its job: under a sanitizer this
    would be told."""
    server = serve({"http.workers": "1", "password.iterations": "100000", "http.http2_resets_max": "1000000",
                    "http.http2_hashes_max": "1000"})
    name = unique()
    api = Api2(server.address, server.tls)
    assert api.signup(name).status == 201
    access = api.tokens(name)["access"]
    body = json.dumps({"username": name, "password": PASSWORD}).encode()
    for delay in (0, 0.001, 0.01, 0.05):
        with Frames(server.address, server.tls) as frames:
            streams = []
            for _ in range(20):
                streams.append(frames.ask("POST", "/api/auth/login", body, [("Content-Type", JSON)]))
                streams.append(frames.ask("GET", "/api/auth/me/export", headers=[("Authorization", f"Bearer {access}")]))
                streams.append(frames.ask("GET", "/readyz"))
            time.sleep(delay)
            for stream in streams[::2]:
                frames.send(frame(RST_STREAM, 0, stream, CANCELLED))
        # The rest goes with the connection.
    assert Api2(server.address, server.tls).login(name).status == 200
    wait_for(lambda: Api2(server.address, server.tls).metrics()["gatepost_password_queue_depth"] == 0, 10, "rest")


# ---- garbage ----------------------------------------------------------------------------------------------

def test_random_frames_neither_crash_nor_hang(serve):
    server = serve({"http.workers": "1", "http.http2_resets_max": "1000", "http.http2_frames_max": "100000"})
    worker = server.child("worker 0")
    seed = int(os.environ.get("GATEPOST_SEED", time.time_ns() % 10**6))
    chance = random.Random(seed)
    for _ in range(scaled(200)):
        with Frames(server.address, server.tls) as frames:
            for _ in range(chance.randrange(1, 60)):
                kind = chance.choice([DATA, HEADERS, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, 7, WINDOW_UPDATE,
                                      CONTINUATION, 5, chance.randrange(256)])
                stream = chance.choice([0, 1, 3, 5, 7, 9, 11, 2, frames.next_stream, chance.randrange(2**31)])
                flags = chance.choice([0, 1, 4, 5, 5, 8, 0x20, 0x25, chance.randrange(256)])
                if kind == HEADERS and chance.random() < 0.7:
                    stream = frames.stream()
                    payload = frames.encoder.encode(chance.choice([HEALTH, LOGIN_HEAD]))
                    flags &= ~0x28
                else:
                    payload = chance.randbytes(chance.choice([0, 1, 4, 4, 5, 6, 8, 8, 30, 1000]))
                if not frames.send(frame(kind, flags, stream, payload)):
                    break
            frames.read(0.001)
    assert server.child("worker 0") == worker, f"seed {seed}"
    assert_serves(server)
