#!/usr/bin/python3
"""Clients of the chaos run, several threads of one process.

    clients.py PORT FOLDER SEED KIND...      one thread a KIND

Each writes what it was told into FOLDER/<number>.acks AFTER it has read the answer, one line an
acknowledgement: "S name" (201 for a sign-up), "V name" (200 for a proven address), "L name" (200 for
a login); and "O name" before it logs out. Lines on standard input: `idle`, `load` change the pace, `finish` ends; then a JSON report
goes to standard output: how many answers of each status, and what must never be."""
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from client import Closed, Connection, PASSWORD, account  # noqa: E402

IDLE_S = 0.3
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


class Keeping(Client):
    """Signs up over one connection."""

    def step(self):
        self.sign_up_once()


class Fresh(Client):
    """Signs up, with a connection for each."""

    def step(self):
        self.sign_up_once()
        self.close()


class Retrying(Client):
    """Signs up with an Idempotency-Key and asks again until it has a 201: never anything else."""

    def step(self):
        name = self.name()
        headers = (("Idempotency-Key", f"key-{name}"),)
        answer = self.until_answered("POST", "/api/auth/signup", account(name), headers, expect=(201,))
        if answer is not None and answer.status == 201:
            self.acknowledge("S", name)


class Session(Client):
    """Signs up, logs in, and holds the server to the session that it was given: a refresh that is
    asked for again because its answer was lost is answered, and who has logged out stays out."""

    def authorized(self, method, path, pair, expect):
        return self.until_answered(method, path, None, (("Authorization", f"Bearer {pair['access']}"),),
                                   expect=expect)

    def look(self, name, pair):
        answer = self.authorized("GET", "/api/auth/me", pair, (200,))
        if answer is not None and answer.status == 200 and answer.json()["username"] != name:
            self.violation(f"{name} is {answer!r}")
        return pair

    def list(self, name, pair):
        answer = self.authorized("GET", "/api/auth/sessions", pair, (200,))
        if answer is not None and answer.status == 200:
            current = [session["current"] for session in answer.json()]
            if current.count(True) != 1:
                self.violation(f"{name} has the sessions {answer!r}")
        return pair

    def refresh(self, name, pair):
        answer = self.until_answered("POST", "/api/auth/token/refresh", {"refresh": pair["refresh"]},
                                     expect=(200,))
        return answer.json() if answer is not None and answer.status == 200 else None

    def log_out(self, name, pair):
        """Written down before: a lost answer may have been a yes, and 401 then is what a second try gets."""
        self.acknowledge("O", name)
        lost = self.cut + self.statuses[503]
        answer = self.until_answered("POST", "/api/auth/logout", {"refresh": pair["refresh"]},
                                     expect=(200, 401))
        if answer is None or answer.status == 500:
            return
        if answer.status == 401 and self.cut + self.statuses[503] == lost:
            self.violation(f"{name} could not log out: {answer!r}")
        self.authorized("GET", "/api/auth/me", pair, (401,))
        self.until_answered("POST", "/api/auth/token/refresh", {"refresh": pair["refresh"]}, expect=(401,))

    def step(self):
        name = self.sign_up_once()
        if name is None:
            return
        answer = self.until_answered("POST", "/api/auth/login", {"username": name, "password": PASSWORD},
                                     expect=(200,))
        if answer is None or answer.status != 200:
            return
        self.acknowledge("L", name)
        pair = answer.json()
        for _ in range(self.random.randrange(6)):
            pair = self.random.choice((self.look, self.look, self.list, self.refresh))(name, pair)
            if pair is None:
                return
        if self.random.random() < 0.3:
            self.log_out(name, pair)


class Verifying(Client):
    """Proves addresses with the tokens that the relay's keeper writes into FOLDER/tokens."""

    folder = None

    def run(self):
        self.tokens = open(self.folder / "tokens", "a+")
        self.tokens.seek(0)
        self.spent = set()
        super().run()

    def step(self):
        line = self.tokens.readline()
        if not line.endswith("\n"):
            time.sleep(0.05)
            return
        name, token = line.split()
        lost = self.cut + self.statuses[503]
        answer = self.until_answered("POST", "/api/auth/verify-email", {"token": token}, expect=(200, 400))
        if answer is None or answer.status == 500:
            return
        # Spent already: by a try whose answer was lost, or by the same letter's second copy.
        asked_once = self.cut + self.statuses[503] == lost
        if answer.status == 400 and asked_once and name not in self.spent:
            self.violation(f"the link of {name} does not work: {answer!r}")
        self.spent.add(name)
        if answer.status == 200:
            self.acknowledge("V", name)


KINDS = {"keep": Keeping, "fresh": Fresh, "retry": Retrying, "session": Session, "verify": Verifying}


def report(clients):
    return {
        "statuses": dict(sum((client.statuses for client in clients), Counter())),
        "violations": [text for client in clients for text in client.violations],
        "cut": sum(client.cut for client in clients),
        "longest_s": round(max(client.longest for client in clients), 3),
        "hanging": [client.prefix for client in clients if client.is_alive()],
    }


def main():
    port, folder, seed, kinds = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    Verifying.folder = folder
    clients = [KINDS[kind](port, folder, number, seed) for number, kind in enumerate(kinds)]
    for client in clients:
        client.start()
    for line in sys.stdin:
        if line.strip() == "finish":
            break
        STATE["pause_s"] = IDLE_S if line.strip() == "idle" else 0.0
    STATE["finish"] = True
    until = time.monotonic() + 60
    for client in clients:
        client.join(max(0, until - time.monotonic()))
    print(json.dumps(report(clients)), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
