"""HTTP/2 while workers come and go: a client that follows RFC 9113 loses no request, and the switch
itself is one of the keys that a reload changes."""
import json
import os
import signal
import subprocess
import threading
import time

from client import Connection, JSON, account, unique
from gatepost import patience, scaled, wait_for
from h2_frames import DATA, END_STREAM, NO_ERROR, PREFACE, SETTINGS, Api2, Frames, frame, request_headers, trusting
from http2_server import serve, server  # noqa: F401  (fixtures)


class Strict(threading.Thread):
    """Keeps several streams open on one connection. After a GOAWAY it begins none there, waits for
    those up to the stream that is named, and begins the others anew on a new connection: they were
    not looked at."""

    def __init__(self, server, at_once=4):
        super().__init__(daemon=True)
        self.server, self.at_once = server, at_once
        self.problems, self.connections, self.goaways = [], 0, 0
        self.again = []
        self.acknowledged = []
        self.ended = False

    def run(self):
        try:
            while not self.ended:
                self.one_connection()
        except Exception as problem:
            self.problems.append(repr(problem))

    def one_connection(self):
        self.connections += 1
        waiting = {}
        with Frames(self.server.address, self.server.tls) as frames:
            while True:
                while not frames.goaways and not self.ended and len(waiting) < self.at_once:
                    self.begin(frames, waiting)
                if frames.goaways:
                    last = frames.goaways[-1][0]
                    self.again += [waiting.pop(stream) for stream in list(waiting) if stream > last]
                if not waiting and (frames.goaways or self.ended):
                    break
                if not frames.read(20):
                    self.problems.append(f"the connection ended with {waiting}: {frames.goaways}")
                    break
                for stream in [stream for stream in waiting if stream in frames.done]:
                    self.judge(waiting.pop(stream), frames, stream)
            self.goaways += len(frames.goaways)

    def begin(self, frames, waiting):
        name = self.again.pop() if self.again else unique("strict")
        body = json.dumps(account(name)).encode()
        waiting[frames.ask("POST", "/api/auth/signup", body, [("Content-Type", JSON)])] = name

    def judge(self, name, frames, stream):
        if stream in frames.resets or frames.answers[stream].status != 201:
            self.problems.append(f"{name}: {frames.resets.get(stream)} {frames.answers.get(stream)}")
        else:
            self.acknowledged.append(name)


def reload(server):
    done = server.command("reload")
    assert done.returncode == 0, done


def test_reloads_fail_no_request_of_a_strict_client(serve):
    server = serve({"http.http2_hashes_max": "100"})
    clients = [Strict(server) for _ in range(2)]
    for client in clients:
        client.start()
    for _ in range(scaled(6)):
        before = [len(client.acknowledged) for client in clients]
        reload(server)
        wait_for(lambda: any(client.problems for client in clients) or
                 all(len(client.acknowledged) > count + 20 for client, count in zip(clients, before)),
                 20, "answers go on")
    wait_for(lambda: all(client.problems or client.connections >= 2 and client.goaways >= 1 for client in clients),
             30, "each to meet a reload")
    for client in clients:
        client.ended = True
    for client in clients:
        client.join(patience(20))
        assert not client.problems, client.problems
    api = Api2(server.address, server.tls)
    for name in clients[0].acknowledged[::10]:
        assert api.login(name).status == 200


def test_reloads_fail_no_request_of_a_client_that_others_wrote(serve):
    """curl, by nghttp2, which has its own idea of what a GOAWAY means. Not with --parallel: there
    curl 7.88 leaves what it has received lying for up to 20 s."""
    server, count = serve(), scaled(3000)
    clients = [subprocess.Popen(
        ["curl", "-sS", "--http2", "--cacert", str(server.directory / "ca.pem"), "-o", "/dev/null",
         "-w", "%{http_code} %{http_version}\n", f"https://localhost:{server.port}/healthz?[1-{count}]"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    reloads = 0
    while any(client.poll() is None for client in clients) and reloads < 50:
        reload(server)
        reloads += 1
    for client in clients:
        out, err = client.communicate(timeout=patience(60))
        assert client.returncode == 0 and not err, err
        assert out.splitlines() == ["200 2"] * count
    assert reloads >= 1


def test_an_idle_client_is_told_and_let_go(serve):
    server = serve({"http.workers": "1"})
    with Frames(server.address, server.tls) as frames:
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200
        old = server.child("worker 0")
        reload(server)
        frames.until(lambda: frames.goaways, 10, "a goaway")
        assert frames.goaways[0][:2] == (2**31 - 1, NO_ERROR)
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200, "sent before it was heard"
        assert frames.end() == NO_ERROR and frames.goaways[-1][0] == 3
    wait_for(lambda: old not in server.workers(), 10, "the old worker to be gone")


def test_a_body_that_is_under_way_when_the_worker_leaves_is_waited_for(serve):
    server = serve({"http.workers": "1"})
    body = json.dumps(account(unique())).encode()
    with Frames(server.address, server.tls) as frames:
        stream = frames.stream()
        fields = request_headers("POST", "/api/auth/signup", [("content-type", JSON)])
        frames.send(frames.head(fields, stream, end=False) + frame(DATA, 0, stream, body[:10]))
        reload(server)
        frames.until(lambda: frames.goaways, 10, "a goaway")
        end = time.monotonic() + 2      # longer than the time between the two GOAWAYs
        while time.monotonic() < end:
            frames.read(end - time.monotonic())
        assert not frames.ended
        frames.send(frame(DATA, END_STREAM, stream, body[10:]))
        assert frames.answer(stream).status == 201
        assert frames.end() == NO_ERROR


def test_a_graceful_stop_answers_what_is_under_way(serve):
    server = serve({"http.workers": "1", "password.iterations": "1000000"})
    with Frames(server.address, server.tls) as frames:
        stream = frames.ask("POST", "/api/auth/signup", json.dumps(account(unique())).encode(), [("Content-Type", JSON)])
        frames.answer(frames.ask("GET", "/healthz"))    # it has been read
        os.kill(server.pid, signal.SIGQUIT)
        assert frames.answer(stream).status == 201
        assert frames.end() == NO_ERROR
    assert server.wait(20) == 0


def test_a_reload_switches_it_on_and_off(serve):
    server = serve({"http.http2": None}, config="[http]\nhttp2 = no\n")
    offered = trusting(server.directory, ["h2", "http/1.1"])

    def chosen():
        with Connection(server.address, tls=offered) as connection:
            return connection.sock.selected_alpn_protocol()
    assert chosen() == "http/1.1"
    for switch, protocol in (("yes", "h2"), ("no", "http/1.1")):
        (server.directory / "gatepost.conf").write_text(f"[http]\nhttp2 = {switch}\n")
        reload(server)
        assert chosen() == protocol


def test_a_client_that_greets_a_worker_on_its_way_out_is_served(serve):
    """Its handshake was over when the worker was told to leave; its first request comes then."""
    server = serve({"http.workers": "1"})
    with Frames(server.address, server.tls, greet=False) as frames, \
            Frames(server.address, server.tls, greet=False) as silent:
        os.kill(server.pid, signal.SIGQUIT)
        server.wait_event("server.stopping")
        end = time.monotonic() + 0.4    # longer than one look takes to come
        while time.monotonic() < end:
            frames.read(end - time.monotonic())
        assert not frames.ended and not frames.goaways
        frames.send(PREFACE + frame(SETTINGS))
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200
        assert frames.end() == NO_ERROR
        silent.end()        # who never greets is not waited for
    assert server.wait(10) == 0
