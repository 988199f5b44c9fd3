#!/usr/bin/python3
"""Clients of the chaos run, several threads of one process.

    clients.py PORT FOLDER SEED KIND...      one thread a KIND

Each writes what it was told into FOLDER/<number>.acks AFTER it has read the answer, one line an
acknowledgement: "S name" (201 for a sign-up), "V name" (200 for a proven address), "L name" (200 for
a login), "R token" (400 for a link that should work: its letter has come again with another one, or will);
and "O name" before it logs out. What a changing account was told stands in FOLDER/<number>.lives
(changing.py). Lines on standard input: `idle`, `load` change the pace, `finish` ends; then a JSON report
goes to standard output: how many answers of each status, and what must never be."""
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from asking import STATE, Client  # noqa: E402
from changing import Changing  # noqa: E402
from client import PASSWORD, account  # noqa: E402

IDLE_S = 0.3


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
        lost = self.lost()
        answer = self.until_answered("POST", "/api/auth/logout", {"refresh": pair["refresh"]},
                                     expect=(200, 401))
        if answer is None or answer.status == 500:
            return
        if answer.status == 401 and self.lost() == lost:
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
        lost = self.lost()
        answer = self.until_answered("POST", "/api/auth/verify-email", {"token": token}, expect=(200, 400))
        if answer is None or answer.status == 500:
            return
        # Spent already: by a try whose answer was lost, or by the same letter's second copy.
        asked_once = self.lost() == lost
        if answer.status == 400 and asked_once and name not in self.spent:
            self.acknowledge("R", token)
            return
        self.spent.add(name)
        if answer.status == 200:
            self.acknowledge("V", name)


KINDS = {"keep": Keeping, "fresh": Fresh, "retry": Retrying, "session": Session, "verify": Verifying,
         "change": Changing, "change-by-mail": Changing.by_mail}


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
