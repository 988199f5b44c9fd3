"""Backups while everything is killed: a command that says done has everybody who was told so before it began.
At the end the newest one is restored, and looked at as the server's own database is."""
import shutil
import subprocess
import threading
from collections import Counter

from census import lost_accounts
from database import Database

DONE, REFUSED, NOT_RUNNING, SHORT = 0, 1, 3, 25
PAUSE_S = 0.4


class Backups(threading.Thread):
    def __init__(self, world):
        super().__init__(name="backups", daemon=True)
        self.world, self.done, self.ending = world, Counter(), threading.Event()
        self.held = None        # names that the newest backup must hold; None: there is none
        self.wrong = []

    def run(self):
        while not self.ending.is_set():
            self.once()
            self.ending.wait(PAUSE_S)

    def once(self):
        """The log in three of four."""
        words = ["--logs"] if self.held is not None and sum(self.done.values()) % 4 else []
        known = self.world.acknowledged("S")
        try:
            ran = self.world.server.command("backup", "backup", *words, seconds=60)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"a backup hangs: {words}")
            return
        self.done[ran.returncode] += 1
        if ran.returncode == DONE:
            self.held = known
        elif ran.returncode not in (REFUSED, NOT_RUNNING, SHORT):
            self.wrong.append(f"exit code {ran.returncode}: {ran.stderr}")

    def finish(self):
        """Before the server ends: one more, in peace."""
        self.ending.set()
        self.join(90)
        self.once()

    def judge(self):
        """What is wrong with them. The server has ended."""
        if self.held is None:
            return self.wrong + [f"no backup came through: {dict(self.done)}"]
        server = self.world.server
        ran = server.command("restore", "backup", "--into", "restored", seconds=120)
        if ran.returncode != 0:
            return self.wrong + [f"restore: {ran.returncode} {ran.stderr}"]
        there = Database.of(server.directory / "restored", recovers=False)
        lost = lost_accounts(there, self.held)
        shutil.rmtree(server.directory / "restored")
        return self.wrong + [f"of the backup: {problem}" for problem in there.problems()] + \
            ([f"{len(lost)} lost in the backup: {lost[:3]}"] if lost else [])
