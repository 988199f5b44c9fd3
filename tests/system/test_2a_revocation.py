"""Row T7 of the security list: what ends or changes is seen by every worker at once, although each
keeps the tokens that it has checked (docs/design.md section 2, epochs). Whoever has the answer of a
change, and asks after that, never sees what was before: also while caches are filled in that very
moment, and when the store dies."""
import random
import threading
import time
from datetime import datetime

import pytest

import segment
from client import PASSWORD, Api, Connection, encode, unique
from gatepost import patience, scaled, wait_for
from letters import letter_to
from load import connection_to_each

WORKERS = 4
HIT = 'gatepost_token_cache_total{result="hit"}'
MISS = 'gatepost_token_cache_total{result="miss"}'


@pytest.fixture
def server(serve):
    return serve({"http.workers": str(WORKERS), "token.sessions_max": "1000"})


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def me(connection, token):
    return connection.request("GET", "/api/auth/me", headers=bearer(token))


class Hammers:
    """A thread for each worker that asks `me` with one token again and again. `told` is what is
    known when a request begins; judge(told, answer) says whether that answer may follow it."""

    def __init__(self, connections, token, judge):
        self.connections, self.token, self.judge = connections, token, judge
        self.told, self.over, self.wrong = None, False, []
        self.answers = [0] * len(connections)
        self.threads = [threading.Thread(target=self.run, args=(number,))
                        for number in range(len(connections))]

    def run(self, number):
        while not self.over and not self.wrong:
            told = self.told
            answer = me(self.connections[number], self.token)
            # 503: the store is being replaced, and what this worker knew went with the old one.
            if answer.status != 503 and not self.judge(told, answer):
                self.wrong.append((told, answer, answer.body))
            self.answers[number] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join(patience(30))

    def wait(self, count):
        """Until every worker has answered so many more: its cache is warm."""
        goal = [answers + count for answers in self.answers]
        wait_for(lambda: self.wrong or all(a >= b for a, b in zip(self.answers, goal)), 20,
                 f"{count} answers of each worker")
        assert not self.wrong, self.wrong[0]


def person(server, prefix):
    """(name, the client that signed it up)"""
    api = Api(server.address)
    name = unique(prefix)
    assert api.signup(name).status == 201
    return name, api


def last_login_ms(answer):
    shown = answer.json()["last_login"].replace("Z", "+00:00")
    return datetime.fromisoformat(shown).timestamp() * 1000


def shows_that_login(told, answer):
    """told: the clock before a login that has succeeded since. Times are shown in milliseconds."""
    return answer.status == 200 and (told is None or last_login_ms(answer) >= told - 1)


def test_a_token_that_is_known_costs_no_question(server):
    name, api = person(server, "known")
    token = api.tokens(name)["access"]
    connections = list(connection_to_each(server).values())
    before = api.metrics()
    answers = [me(connection, token) for connection in connections * 2]
    after = api.metrics()
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert (after[MISS] - before[MISS], after[HIT] - before[HIT]) == (WORKERS, WORKERS)
    verified = [connection.request("POST", "/api/auth/token/verify", {"token": token})
                for connection in connections]
    assert {answer.status for answer in verified} == {200}
    assert api.metrics()[HIT] - after[HIT] == WORKERS


def test_without_a_cache_every_token_is_asked_about(serve):
    name, api = person(serve({"token.cache_max": "0"}), "plain")
    token = api.tokens(name)["access"]
    assert [api.me(token).status for _ in range(3)] == [200] * 3
    assert api.metrics()[HIT] == 0


def test_a_token_ends_at_its_time_in_a_warm_cache(serve):
    name, api = person(serve({"token.access_s": "2"}), "short")
    began = time.time()
    token = api.tokens(name)["access"]
    while api.me(token).status == 200:
        assert time.time() < began + 4
    assert time.time() > began + 0.9
    assert api.metrics()[HIT] > 5


def test_every_login_is_seen_by_every_worker_at_once(server):
    name, api = person(server, "seen")
    token = api.tokens(name)["access"]
    with Hammers(list(connection_to_each(server).values()), token, shows_that_login) as hammers:
        for _ in range(scaled(80)):     # fewer than token.sessions_max: the first session has to stand
            hammers.wait(3)
            before = time.time() * 1000
            assert api.login(name).status == 200
            hammers.told = before
        hammers.wait(3)
    assert api.metrics()[HIT] > scaled(100)


def test_every_login_is_seen_also_when_the_store_dies_in_it(server):
    name, api = person(server, "dying")
    token = api.tokens(name)["access"]
    server.allow_deaths = True
    with Hammers(list(connection_to_each(server).values()), token, shows_that_login) as hammers:
        for number in range(scaled(20)):
            hammers.wait(3)
            killer = threading.Timer(random.random() * 0.02, server.kill, ["store"])
            killer.start()
            before = time.time() * 1000
            answer = api.login(name)
            assert answer.status in (200, 503), answer
            if answer.status == 200:
                hammers.told = before
            killer.join()
            hammers.wait(3)


@pytest.mark.points
def test_what_changed_while_the_answer_was_on_its_way_is_not_kept(server, points):
    """The worker asks, and stands still until a login elsewhere has been answered: what it then
    takes from its lane is older than that."""
    name, api = person(server, "late")
    token = api.tokens(name)["access"]
    slow, quick = list(connection_to_each(server).values())[:2]
    points.arm("w.asked", segment.SLEEP, value=500, pid=server.worker_of(slow.sock))
    slow.send(encode("GET", "/api/auth/me", headers=bearer(token)))
    wait_for(lambda: points.fired("w.asked") == 1, 5, "the worker to ask")
    before = time.time() * 1000
    login = quick.request("POST", "/api/auth/login", {"username": name, "password": PASSWORD})
    assert login.status == 200
    late = slow.receive("GET")
    assert late.status == 200 and last_login_ms(late) < before    # asked before it
    assert shows_that_login(before, me(slow, token))
    assert shows_that_login(before, me(quick, token))


def test_a_verified_address_is_seen_by_every_worker_at_once(server):
    connections = list(connection_to_each(server).values())
    for _ in range(scaled(8)):
        name, api = person(server, "proven")
        token = api.tokens(name)["access"]
        link = letter_to(server, name + "@example.com").token
        with Hammers(connections, token,
                     lambda told, answer: answer.status == 200 and
                     (not told or answer.json()["email_verified"] is True)) as hammers:
            hammers.wait(5)
            assert api.post("/api/auth/verify-email", {"token": link}).status == 200
            hammers.told = True
            hammers.wait(5)


# ---- what ends a session -------------------------------------------------------------------------

def refused_since(told, answer):
    """Before the end is told the token may be refused already; after it, it must."""
    return answer.status == 401 or (answer.status == 200 and not told)


def log_out(api, pair, _name):
    return api.post("/api/auth/logout", {"refresh": pair["refresh"]})


def end_all_others(api, _pair, name):
    other = api.tokens(name)["access"]
    return api.call("DELETE", "/api/auth/sessions", headers=bearer(other))


def change_password(api, _pair, name):
    other = api.tokens(name)["access"]
    return api.post("/api/auth/password/change",
                    {"current_password": PASSWORD, "new_password": "another long phrase 4711"},
                    headers=bearer(other))


def delete_account(api, pair, _name):
    return api.call("DELETE", "/api/auth/me", {"password": PASSWORD}, headers=bearer(pair["access"]))


ENDS = {"logout": log_out, "sessions": end_all_others, "password": change_password,
        "account": delete_account}


@pytest.mark.parametrize("kills", [False, True], ids=["", "store-dies"])
@pytest.mark.parametrize("end", ENDS)
def test_a_session_that_ended_is_refused_by_every_worker_at_once(server, end, kills):
    connections = list(connection_to_each(server).values())
    server.allow_deaths = kills
    for _ in range(scaled(4)):
        name, api = person(server, "ended")
        pair = api.tokens(name)
        with Hammers(connections, pair["access"], refused_since) as hammers:
            hammers.wait(5)
            killer = threading.Timer(random.random() * 0.02, server.kill, ["store"])
            if kills:
                killer.start()
            answer = ENDS[end](api, pair, name)
            assert answer.status in (200, 204) or (kills and answer.status == 503), answer
            hammers.told = answer.status != 503
            hammers.wait(5)
            if kills:
                killer.join()
