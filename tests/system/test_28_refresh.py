"""Families of refresh tokens: one successor for the grace time however often it is asked for, nobody
logged out by storms, reloads or kills, and the end of the session when a token comes back later."""
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import Api, Closed, Connection, encode, unique
from gatepost import patience, scaled
from letters import letters_to

REFRESH, VERIFY = "/api/auth/token/refresh", "/api/auth/token/verify"
WORKERS = 4


@pytest.fixture(scope="module")
def server(module_servers):
    return module_servers({"http.workers": str(WORKERS)})


def person(server):
    """(name, pair) of a new account that has logged in."""
    api, name = Api(server.address), unique("family")
    assert api.signup(name).status == 201
    pair = api.tokens(name)
    api.close()
    return name, pair


def refresh(api, token):
    return api.post(REFRESH, {"refresh": token})


def test_fifty_parallel_refreshes_get_one_successor(serve):
    server = serve({"http.workers": str(WORKERS), "log.access": "yes"})
    name, pair = person(server)
    connections = [Connection(server.address) for _ in range(50)]
    request = encode("POST", REFRESH, {"refresh": pair["refresh"]})
    for connection in connections:
        connection.send(request)
    answers = [connection.receive() for connection in connections]
    workers = {line.split()[2] for line in server.events("http.answered") if REFRESH in line}
    assert len(workers) > 1, workers
    assert {answer.status for answer in answers} == {200}
    bodies = [answer.json() for answer in answers]
    assert len({body["refresh"] for body in bodies}) == 1
    assert len({body["access"] for body in bodies}) == len(bodies)
    api = Api(server.address)
    assert all(api.me(body["access"]).status == 200 for body in bodies[::10])
    successor = refresh(api, bodies[0]["refresh"])
    assert successor.status == 200
    assert refresh(api, successor.json()["refresh"]).status == 200
    assert api.post(VERIFY, {"token": pair["refresh"]}).status == 401
    # Whoever has not heard of it yet still gets the same.
    late = refresh(api, pair["refresh"])
    assert late.json()["refresh"] == bodies[0]["refresh"]
    for connection in connections:
        connection.close()


def test_an_answer_that_was_lost_can_be_asked_for_again(server):
    name, pair = person(server)
    with Connection(server.address) as connection:
        connection.send(encode("POST", REFRESH, {"refresh": pair["refresh"]}))
    api = Api(server.address)
    again = refresh(api, pair["refresh"])
    assert again.status == 200
    assert refresh(api, pair["refresh"]).json()["refresh"] == again.json()["refresh"]
    assert refresh(api, again.json()["refresh"]).status == 200


def test_after_the_grace_time_the_family_ends_and_one_letter_tells(serve):
    server = serve({"token.refresh_grace_s": "1", "http.workers": str(WORKERS)})
    name, pair = person(server)
    api = Api(server.address)
    other = api.tokens(name)
    second = refresh(api, pair["refresh"]).json()
    third = refresh(api, second["refresh"]).json()
    time.sleep(1.2)
    reused = refresh(api.fresh(), pair["refresh"])
    assert reused.status == 401
    assert reused.json() == {"detail": "Token is invalid or expired", "code": "token_not_valid"}
    for token in (pair, second, third):
        assert refresh(api, token["refresh"]).status == 401
        assert api.post(VERIFY, {"token": token["refresh"]}).status == 401
    for _ in range(3 * WORKERS):        # in every worker
        for token in (pair, second, third):
            assert api.fresh().me(token["access"]).status == 401
    assert api.me(other["access"]).status == 200
    assert refresh(api, other["refresh"]).status == 200
    letters = letters_to(server, f"{name}@example.com", 2)
    time.sleep(0.5)
    told = [letter for letter in letters_to(server, f"{name}@example.com", 2) if "VERIFY" not in letter.plain.upper()
            and "confirm" not in letter.plain.lower()]
    assert len(letters) == 2 and len(told) == 1, [letter.plain for letter in letters]
    assert len(server.events("token.reused")) == 1
    assert api.metrics()["gatepost_tokens_reused_total"] == 1


def test_without_grace_the_second_use_ends_the_family(serve):
    server = serve({"token.refresh_grace_s": "0"})
    name, pair = person(server)
    api = Api(server.address)
    second = refresh(api, pair["refresh"]).json()
    assert refresh(api, pair["refresh"]).status == 401
    assert api.me(second["access"]).status == 401


# ---- storms -------------------------------------------------------------------------------------------
class Storm:
    """Threads that refresh in a tight loop. shared: all of them go by one variable; else each has an
    account of its own, and asks again with the same token when an answer is lost."""

    def __init__(self, server, threads, shared):
        self.server, self.finish = server, threading.Event()
        self.refused, self.count, self.lost = [], 0, 0
        self.lock = threading.Lock()
        _, pair = person(server)
        self.tokens = [pair["refresh"]] if shared else [person(server)[1]["refresh"] for _ in range(threads)]
        self.threads = [threading.Thread(target=self.run, args=(0 if shared else i,), daemon=True)
                        for i in range(threads)]

    def once(self, api, slot):
        try:
            answer = refresh(api, self.tokens[slot])
        except (Closed, OSError):
            with self.lock:
                self.lost += 1
            return
        if answer.status == 200:
            self.tokens[slot] = answer.json()["refresh"]
            with self.lock:
                self.count += 1
        elif answer.status == 503:
            time.sleep(0.02)
        else:
            self.refused.append(answer)
            self.finish.set()

    def run(self, slot):
        api = Api(self.server.address, timeout=30)
        while not self.finish.is_set():
            self.once(api, slot)
        api.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.finish.set()
        for thread in self.threads:
            thread.join(patience(30))
            assert not thread.is_alive(), "a client hangs"

    def progress(self, count):
        goal, deadline = self.count + count, time.monotonic() + patience(20)
        while self.count < goal:
            assert not self.refused, f"logged out after {self.count}: {self.refused[:3]}"
            assert time.monotonic() < deadline, f"{self.count} of {goal} refreshes"
            time.sleep(0.01)

    def check(self):
        assert not self.refused, f"logged out after {self.count}: {self.refused[:3]}"
        api = Api(self.server.address)
        for token in self.tokens:
            assert refresh(api, token).status == 200
        assert not self.server.events("token.reused")


@pytest.fixture(params=[True, False], ids=["one token for all", "one account each"])
def storm(request, server):
    with Storm(server, 8, request.param) as running:
        running.progress(scaled(100))
        yield running


def test_a_storm_logs_nobody_out(storm):
    storm.progress(scaled(2000))
    storm.finish.set()
    storm.check()


def test_a_storm_across_reloads_logs_nobody_out(server, storm):
    for number in range(2):
        before = len(server.events("reload.done"))
        os.kill(server.pid, signal.SIGHUP)
        storm.progress(scaled(300))
        server.wait_event("reload.done", before + 1, 20)
    storm.progress(scaled(200))
    storm.check()


@pytest.mark.parametrize("victim", ["worker 0", "store"])
def test_a_storm_across_kills_logs_nobody_out(server, storm, victim):
    for _ in range(3):
        server.kill(victim)
        storm.progress(scaled(200))
    storm.check()


def test_one_token_for_all_while_it_storms_can_be_logged_out_for_good(server):
    """Who logs out is out: no refresh that was under way brings the session back."""
    name, pair = person(server)
    api = Api(server.address)
    with ThreadPoolExecutor(8) as pool:
        def work(_):
            return refresh(Api(server.address), pair["refresh"])
        running = [pool.submit(work, i) for i in range(40)]
        out = api.post("/api/auth/logout", {"refresh": pair["refresh"]})
        answers = [task.result() for task in running]
    assert out.status == 200
    for answer in answers:
        assert answer.status in (200, 401)
        if answer.status == 200:
            assert api.me(answer.json()["access"]).status == 401
            assert refresh(api, answer.json()["refresh"]).status == 401
