"""bench/load/open_loop: that it hides nothing, and sends what it is told to."""
import http.server
import json
import os
import re
import signal
import socketserver
import threading
import time

import pytest

from rig import open_loop as rig
from rig.site import Site
from rig.wrk import Bare

STALL_S = 0.2


class Handler(http.server.BaseHTTPRequestHandler):
    """As the server's answer() says: (status, object), or None to hang up, unless it set goes_on."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        length = int(self.headers.get("Content-Length", 0))
        said = self.server.answer(self, self.rfile.read(length).decode())
        if said is None:
            self.close_connection = not getattr(self, "goes_on", False)
            return
        status, fields = said
        body = json.dumps(fields).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Peer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads, request_queue_size = True, 128

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def load(peer, kinds, rate=100, seconds=0.5, **more):
    return rig.open_loop(peer.server_address, kinds, rate, seconds, **{"poisson": False, **more})


GET = rig.kind(1, "get", "GET", "/")


def test_a_stall_of_200_ms_shows_in_what_was_due_meanwhile():
    """Of 2 s, 0.2 are a tenth: what was due in them waited for 100 ms on average. A closed loop would
    have sent nothing meanwhile, and have 64 slow answers among all of its own."""
    with Bare() as bare:
        address = ("127.0.0.1", int(re.search(r":(\d+)/", bare.url)[1]))

        def stall():
            os.kill(bare.process.pid, signal.SIGSTOP)
            time.sleep(STALL_S)
            os.kill(bare.process.pid, signal.SIGCONT)
        stalls = threading.Timer(1, stall)
        stalls.start()
        found = rig.open_loop(address, [GET], 1000, 2, poisson=False)
        stalls.join()
    assert found["statuses"] == {"200": 2000}
    assert found["p99_ms"] > 1000 * STALL_S * 0.8
    assert found["p99_ms"] <= found["max_ms"]
    slow = 1 - max(share for share, ms in found["points"] if ms < 100)
    assert slow > 0.04      # what was due in the stall's first half


def test_refusals_are_no_good_answers():
    numbers = iter(range(1000))
    with Peer(lambda *_: (503 if next(numbers) % 2 else 200, {})) as peer:
        found = load(peer, [GET], connections=1)
    assert (found["answered"], found["good"], found["failed"]) == (50, 25, 25)
    assert found["good_per_second"] == pytest.approx(found["answered_per_second"] / 2)


def test_latency_is_no_less_than_the_server_takes():
    with Peer(lambda *_: (time.sleep(0.05), (200, {}))[1]) as peer:
        found = load(peer, [GET])
    assert found["sent"] == found["answered"] == 50
    assert found["p50_ms"] >= 50
    assert found["points"][0][1] >= 50


def test_what_waits_for_a_connection_is_measured_from_when_it_was_due():
    """One connection, 20 ms an answer: at 100 a second each waits 10 ms more than the one before."""
    with Peer(lambda *_: (time.sleep(0.02), (200, {}))[1]) as peer:
        found = load(peer, [GET], seconds=0.4, connections=1)
    assert found["answered"] == 40
    assert found["max_ms"] >= 40 * 10 + 9
    assert found["queue_max_ms"] >= 40 * 10 - 11


def test_what_has_no_answer_in_the_end_counts_as_long_as_it_waited():
    with Peer(lambda *_: (time.sleep(0.3), (200, {}))[1]) as peer:
        found = load(peer, [GET], seconds=0.5, connections=1, drain=0.2)
    assert found["answered"] + found["unanswered"] == 50
    assert found["unanswered"] >= 47
    assert found["max_ms"] > 390
    assert found["failed"] == found["unanswered"]


def test_an_answer_that_is_waited_for_in_vain_times_out():
    never = threading.Event()
    with Peer(lambda *_: (never.wait(20), (200, {}))[1]) as peer:
        found = load(peer, [GET], rate=20, seconds=0.5, timeout=0.1)
        never.set()
    assert found["errors"]["timed_out"] == 10
    assert found["points"][0][1] >= 100


def test_errors_are_told_apart():
    with Peer(lambda *_: None) as peer:
        found = load(peer, [GET])
    assert found["errors"]["closed"] == 50 and found["answered"] == 0
    with Peer(lambda *_: (503, {})) as peer:
        found = load(peer, [GET])
    assert found["statuses"] == {"503": 50} and found["failed"] == 50


def test_the_same_seed_gives_the_same_schedule():
    kinds = [rig.kind(3, "often", "GET", "/often"), rig.kind(1, "seldom", "GET", "/seldom")]
    with Peer(lambda *_: (200, {})) as peer:
        def counts(seed):
            found = load(peer, kinds, rate=400, poisson=True, seed=seed)
            return [found["kinds"][name]["sent"] for name in ("often", "seldom")]
        first = counts(7)
        assert counts(7) == first
        assert [counts(seed) for seed in (8, 9)] != [first, first]
    assert 120 < sum(first) < 280
    assert first[0] > first[1]


def test_names_are_used_once_and_accounts_in_turn(tmp_path):
    seen = []
    with Peer(lambda handler, body: (seen.append((handler.path, body)), (201, {}))[1]) as peer:
        found = load(peer, [rig.signup("new"), rig.login(Site(), "old", 3)], rate=200)
    assert found["failed"] == 0
    bodies = [(path, json.loads(body)) for path, body in seen]
    new = [body["username"] for path, body in bodies if path == "/api/auth/signup"]
    assert sorted(new) == sorted("new%d" % n for n in range(len(new)))
    assert {body["email"] for path, body in bodies if path == "/api/auth/signup"} == {
        name + "@example.com" for name in new}
    old = [body["username"] for path, body in bodies if path == "/api/auth/login"]
    assert {"old0", "old1", "old2"} == set(old)
    assert max(map(old.count, set(old))) - min(map(old.count, set(old))) <= 1


def test_bearer_tokens_come_in_turn(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("a\nb\nc\n")
    seen = []
    with Peer(lambda handler, _: (seen.append(handler.headers["Authorization"]), (200, {}))[1]) as peer:
        load(peer, [rig.me(Site(), str(tokens))], rate=60)
    assert len(seen) == 30
    assert {seen.count("Bearer " + token) for token in "abc"} == {10}


@pytest.mark.parametrize("rotates", [True, False])
def test_a_refresh_token_is_used_by_one_request_and_its_successor_after_it(tmp_path, rotates):
    tokens = tmp_path / "tokens"
    tokens.write_text("".join("t%d-0\n" % n for n in range(8)))
    lock, under_way, used = threading.Lock(), set(), []

    def answer(_, body):
        token = json.loads(body)["refresh"]
        with lock:
            assert token not in under_way
            under_way.add(token)
            used.append(token)
        time.sleep(0.01)
        with lock:
            under_way.remove(token)
        name, number = token.split("-")
        successor = {"refresh": "%s-%d" % (name, int(number) + 1)} if rotates else {}
        return 200, {"access": "x", **successor}
    with Peer(answer) as peer:
        found = load(peer, [rig.refresh(Site(), str(tokens))], rate=160, connections=4)
    assert found["statuses"] == {"200": 80}
    for n in range(8):
        numbers = sorted(int(token.split("-")[1]) for token in used if token.startswith("t%d-" % n))
        assert len(numbers) >= 5    # in turn
        assert numbers == (list(range(len(numbers))) if rotates else [0] * len(numbers))


def test_a_server_that_closes_after_each_answer_is_connected_to_again():
    def answer(handler, _):
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        return None
    with Peer(answer) as peer:
        found = load(peer, [GET])
    assert found["answered"] == 50 and not sum(found["errors"].values())


def test_chunks_are_read_to_the_last_one():
    """In pieces, as a slow server sends them: the connection is good for the next request."""
    ports = set()

    def answer(handler, _):
        ports.add(handler.client_address)
        for piece in (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\r\n", b"1}\r\n1",
                      b"0\r\n0123456789abcdef\r\n0\r", b"\n\r\n"):
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(0.002)
        handler.goes_on = True
    with Peer(answer) as peer:
        found = load(peer, [GET], rate=20, connections=2)
    assert found["statuses"] == {"200": 10}
    assert len(ports) == 2


def test_an_answer_that_is_cut_short_is_none():
    def answer(handler, _):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshor")
    with Peer(answer) as peer:
        found = load(peer, [GET], rate=20)
    assert found["answered"] == 0 and found["errors"]["closed"] == 10
