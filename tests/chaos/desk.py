"""The operator of a world: the real `gatepost mail ...`, asked while everything is killed.

A command whose answer is lost (the admin process died, no server was there) may have been carried out, and
may be late: a process that died leaves its questions behind. So what is looked at afterwards is only
what was answered, and what nobody can have undone since."""
import json
import random
import subprocess
import threading
import time
from collections import Counter
from types import SimpleNamespace

GIVE_UP_S = 90
KNOWN_S = 4         # so long after a pause, a suppression, a cancel was answered a letter's MAIL may still come: what
                    # was handed to its connection before, by a mailer that a fault point then let sleep or stand still
LATE_S = 10         # so long a question that a dead process left behind may take
REFUSALS = ("no such letter", "not suppressed", "was sent", "suppressed", "paused")


class Desk:
    """Commands. Any thread."""

    def __init__(self, world):
        self.world, self.done = world, Counter()
        self.windows = []       # of pauses: from, until, is_sure
        self.resumes_lost = []  # when a `resume` had no answer
        self.ending = threading.Event()

    def once(self, *words):
        """What it answered: done (bool), text, why; None when it has no outcome that anybody knows."""
        try:
            ran = self.world.server.command("mail", *words, seconds=25)
        except subprocess.TimeoutExpired:
            return None
        refused = next((why for why in REFUSALS if why in ran.stderr), None)
        if ran.returncode == 0 or words[0] == "drain" and ran.returncode == 1 and ran.stdout:
            self.done[words[0]] += 1
            return SimpleNamespace(done=True, text=ran.stdout, why=None)
        return SimpleNamespace(done=False, text=ran.stdout, why=refused) if refused else None

    def insist(self, *words):
        """Until it is answered. (answer or None, tries that had none)."""
        until, lost = time.monotonic() + GIVE_UP_S, 0
        while time.monotonic() < until:
            answer = self.once(*words)
            if answer is not None:
                return answer, lost
            lost += 1
            if words == ("resume",):
                self.resumes_lost.append(time.time())
            time.sleep(0.1)
        return None, lost

    def letters(self, address):
        answer = self.once("list", "--to", address, "--json")
        return [json.loads(line) for line in answer.text.splitlines()] if answer is not None and answer.done else []

    def pause(self, seconds):
        """For so long nothing is to be sent."""
        began = time.time()
        answer, _ = self.insist("pause")
        start = time.time()
        if answer is not None:
            self.ending.wait(seconds)
        end = time.time()
        self.insist("resume")
        if answer is not None and answer.done:
            late = any(began - LATE_S < when < end for when in self.resumes_lost)
            self.windows.append((start, end, not late))


class Operator(threading.Thread):
    """Does what needs no particular letter: each of it must lose none."""

    def __init__(self, desk, seed):
        super().__init__(daemon=True)
        self.desk, self.random = desk, random.Random(f"operator {seed}")

    def run(self):
        actions = [(lambda: self.desk.pause(KNOWN_S + self.random.uniform(0.5, 2)), 2),
                   (lambda: self.desk.once("drain", "--wait", "1"), 3),
                   (lambda: self.desk.once("retry", "--all"), 3),
                   (lambda: self.desk.once("retry", "--all", "--state", "pending"), 1),
                   (lambda: self.desk.once("list", "--limit", "200", "--json"), 1)]
        self.desk.ending.wait(1)
        chosen = actions[0][0]
        while not self.desk.ending.is_set():
            chosen()
            self.desk.ending.wait(self.random.uniform(0.3, 1.5))
            chosen = self.random.choices([act for act, _ in actions], [weight for _, weight in actions])[0]
