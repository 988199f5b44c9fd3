"""Keys rotate while everything is killed: what a client that keeps the key set is given it can check,
and what still lives is taken by every worker (docs/design.md section 9, Token keys)."""
import os
import random
import signal
import threading
import time

import jwt

from client import Api, Closed
from gatepost import patience, scaled, wait_for
from load import connection_to_each
from test_27_token_keys import key_command, public_keys, user_of, verify

WORKERS = 4
KEPT = 150


class Customer(threading.Thread):
    """Logs in and refreshes, checks each token by a key set that it keeps for cache_s, shows old and new
    ones to the server. Connections may end under it, and the store may be away: then it asks again."""

    def __init__(self, server, name, cache_s):
        super().__init__(daemon=True)
        self.api, self.name, self.cache_s = Api(server.address), name, cache_s
        self.keys, self.fetched = {}, 0
        self.kept, self.kids, self.checked, self.again = [], set(), 0, 0
        self.wrong, self.finish = [], threading.Event()

    def ask(self, call, *arguments, **options):
        until = time.monotonic() + patience(30)
        while True:
            try:
                answer = call(*arguments, **options)
            except (Closed, OSError):
                self.api.fresh()
                answer = None
            if answer is not None and answer.status != 503:
                assert answer.status == 200, (arguments, answer)
                return answer
            assert time.monotonic() < until, (arguments, answer)
            self.again += 1
            time.sleep(0.01)

    def check(self, token):
        if time.monotonic() - self.fetched > self.cache_s:
            began = time.monotonic()    # the set is as old as the question, not as the answer
            self.keys = public_keys(self.ask(self.api.get, "/.well-known/jwks.json").json())
            self.fetched = began
        verify(token, self.keys)
        self.checked += 1

    def turn(self, pair):
        if pair is None or random.random() < 0.2:
            pair = self.ask(self.api.login, self.name).json()
        else:
            pair = self.ask(self.api.post, "/api/auth/token/refresh", {"refresh": pair["refresh"]}).json()
        self.kept = (self.kept + [pair["access"]])[-KEPT:]
        self.kids.add(jwt.get_unverified_header(pair["access"])["kid"])
        for token in (pair["access"], pair["refresh"], self.kept[0], random.choice(self.kept)):
            self.check(token)
        for token in (pair["access"], self.kept[0], random.choice(self.kept)):
            self.ask(self.api.me, token)
        return pair

    def run(self):
        pair = None
        try:
            while not self.finish.is_set():
                pair = self.turn(pair)
        except Exception as error:      # noqa: BLE001 whatever it is, it must not be
            self.wrong.append(repr(error))


class Killer(threading.Thread):
    """kill -9 of the store, then of a worker, then of the store ... and a HUP now and then."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.finish = server, threading.Event()
        self.killed = {"worker": 0, "store": 0}

    def run(self):
        for number in range(10**6):
            if self.finish.wait(random.uniform(0.8, 1.4)):      # oftener would meet the back-off
                return
            role = ("store", "worker")[number % 2]
            victims = [pid for title, pids in self.server.children().items() for pid in pids
                       if title.startswith(role)]
            try:
                if number % 5 == 4:
                    os.kill(self.server.pid, signal.SIGHUP)
                    time.sleep(random.uniform(0, 0.1))
                os.kill(random.choice(victims), signal.SIGKILL)
                self.killed[role] += 1
            except (ProcessLookupError, IndexError):
                pass


def rotate(server):
    """A new key that every worker knows. A worker that is killed before it is ready ends the reload:
    then the operator, who is told so, reloads again. Returns its kid."""
    done = server.command("key", "rotate", seconds=60)
    kid = done.stdout.split()[0]
    if done.returncode != 0:
        wait_for(lambda: server.command("reload", seconds=60).returncode == 0, 20, "a reload that is done")
    return kid


def test_keys_rotate_under_load_and_kills_and_no_token_is_refused(serve):
    rotations = scaled(2)
    publish_s, cache_s = int(patience(6)), patience(3)
    server = serve({"token.algorithm": "ES256", "token.publish_s": str(publish_s), "master.drain_s": "1",
                    "token.refresh_s": "3600", "http.workers": str(WORKERS)})
    server.allow_deaths = True
    customers = [Customer(server, user_of(server)[1], cache_s) for _ in range(4)]
    killer = Killer(server)
    for thread in (*customers, killer):
        thread.start()

    def wrong():
        return [text for customer in customers for text in customer.wrong]
    try:
        for _ in range(rotations):
            kid = rotate(server)
            wait_for(lambda: wrong() or all(kid in customer.kids for customer in customers), publish_s + 20,
                     f"{kid} signs")
    finally:
        killer.finish.set()
        killer.join()
        for customer in customers:
            customer.finish.set()
        for customer in customers:
            customer.join()
    assert not wrong(), wrong()
    assert min(killer.killed.values()) >= 2, killer.killed
    assert all(len(customer.kids) == 1 + rotations and customer.checked > 50 for customer in customers)
    # One generation alone, and each of its workers takes what any of them ever gave.
    assert server.command("reload", seconds=60).returncode == 0
    wait_for(lambda: len(server.workers()) == WORKERS, 20, "four workers")
    keys = public_keys(Api(server.address).get("/.well-known/jwks.json").json())
    tokens = [token for customer in customers for token in customer.kept]
    for token in tokens:
        verify(token, keys)
    for connection in connection_to_each(server).values():
        for token in tokens[::5]:
            answer = connection.request("GET", "/api/auth/me", headers=[("Authorization", f"Bearer {token}")])
            assert answer.status == 200, answer
    assert "signing" in key_command(server, "list")
