"""One client of the chaos run, a thread: how it asks, and how it writes down what it was told."""
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

from client import Closed, Connection, account

GIVE_UP_S = 90     # of one thing asked for again and again
STATE = {"pause_s": 0.0, "finish": False}


class Client(threading.Thread):
    def __init__(self, port, folder, number, seed):
        super().__init__(daemon=True)
        self.address = ("127.0.0.1", port)
        self.random = random.Random(f"{seed}/{number}")
        self.prefix = f"c{seed % 10**6}n{number}x"
        self.acks = os.open(Path(folder) / f"{number}.acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.count, self.statuses, self.violations = 0, Counter(), []
        self.cut, self.longest, self.connection = 0, 0.0, None

    # ---- the connection --------------------------------------------------------------------------

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def once(self, method, path, body=None, headers=()):
        """One request. None: the connection ended, nobody knows what became of it."""
        began = time.monotonic()
        try:
            if self.connection is None:
                self.connection = Connection(self.address, timeout=40)
            answer = self.connection.request(method, path, body, headers=headers)
        except (Closed, OSError):
            self.close()
            self.cut += 1
            time.sleep(self.random.uniform(0, 0.02))
            return None
        self.longest = max(self.longest, time.monotonic() - began)
        self.statuses[answer.status] += 1
        if answer.closes():
            self.close()
        return answer

    def until_answered(self, *request, expect):
        """Asks until it is answered by something else than 503. None: given up, or told to finish."""
        until = time.monotonic() + GIVE_UP_S
        while time.monotonic() < until:
            answer = self.once(*request)
            if answer is not None and answer.status != 503:
                if answer.status not in expect and answer.status != 500:
                    self.violation(f"{request[:2]}: {answer!r}")
                return answer
            if STATE["finish"]:
                return None
            time.sleep(0.02)
        self.violation(f"no answer to {request[:2]} in {GIVE_UP_S} s")
        return None

    def authorized(self, method, path, pair, expect, body=None):
        return self.until_answered(method, path, body, (("Authorization", f"Bearer {pair['access']}"),),
                                   expect=expect)

    def lost(self):
        """How many requests so far have an outcome that nobody knows, or may know: a 503 can hide a yes."""
        return self.cut + self.statuses[503]

    def violation(self, text):
        self.violations.append(text[:400])

    def acknowledge(self, kind, name):
        os.write(self.acks, f"{kind} {name}\n".encode())

    def name(self):
        self.count += 1
        return f"{self.prefix}{self.count}"

    # ---- what it does ----------------------------------------------------------------------------

    def run(self):
        while not STATE["finish"]:
            self.step()
            if STATE["pause_s"]:
                time.sleep(self.random.uniform(0, 2 * STATE["pause_s"]))
        self.close()

    def sign_up_once(self, headers=()):
        """Asked for once; what became of it when the connection ends nobody will know."""
        name = self.name()
        answer = self.once("POST", "/api/auth/signup", account(name), headers)
        if answer is not None and answer.status == 201:
            self.acknowledge("S", name)
            return name
        if answer is not None and answer.status not in (500, 503):
            self.violation(f"sign-up of {name}: {answer!r}")
        return None
