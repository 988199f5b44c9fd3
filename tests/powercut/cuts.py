"""Power cuts of a running server: rounds of one server each, and what is found after every cut.

A cut clones the server's disk under load. The clone is looked at twice: a copy of its database is
recovered by Berkeley DB's own tool, and the real server is started on it. Both times every name that
was acknowledged before the cut must be there with all that belongs to it."""
import json
import os
import random
import re
import shutil
import signal
import time

import people
import gatepost
from client import Connection, account
from crowd import Crowd
from disks import run
from gatepost import Gatepost, wait_for
from segment import FAIL, FOREVER, Segment
from world import SMALL_LOGS

CUTS_A_ROUND = 20
CLIENTS = 8
LOGINS = 5
SETTINGS = {"mail.transport": "file", "store.cache_mib": "8"}


def forget(server):
    """Whatever its state: no process and no directory stays."""
    server.destroy()
    gatepost.servers.remove(server)


class Found:
    """What all cuts together left."""

    def __init__(self):
        self.cuts = self.first_starts = self.kills = self.looked_up = self.cuts_that_lost = 0
        self.acknowledged = set()   # before some cut
        self.lost = {}              # {name: what was missing after some cut}
        self.complaints = []        # what does not fit together, what did not start
        self.recoveries = []        # (ms from the store's fork until it serves, MiB of log there was)

    def facts(self):
        slowest, log_mib = max(self.recoveries, default=(0, 0))
        return {"cuts": self.cuts, "first_starts": self.first_starts, "kills_before": self.kills,
                "acknowledged": len(self.acknowledged), "looked_up": self.looked_up,
                "lost": len(self.lost), "contradictions": len(self.complaints),
                "cuts_that_lost": self.cuts_that_lost, "recovery_ms_max": slowest,
                "recovery_log_mib": log_mib}


def log_mib(home):
    """What is in the log files before the zeros that fill them up."""
    return round(sum(len(path.read_bytes().rstrip(b"\0")) for path in home.glob("log.*")) / 2**20, 1)


class Round:
    """One server on the disk. dice: a random.Random. lies: its fsync says yes and does nothing."""

    def __init__(self, disks, dice, found, lies=False):
        self.disks, self.dice, self.found, self.lies = disks, dice, found, lies
        self.scratch = disks.folder / "scratch"
        self.directory = disks.path / "server"
        self.small_logs = dice.random() < 0.4
        self.early_checkpoints = not lies and dice.random() < 0.5

    def run(self, cuts):
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "var" / "db").mkdir(parents=True, mode=0o700)
        if self.small_logs:
            (self.directory / "var" / "db" / "DB_CONFIG").write_text(SMALL_LOGS)
        run("sync", "-f", self.directory)       # it was there long before the first start
        server = Gatepost(SETTINGS, directory=self.directory)
        server.allow_deaths = True
        try:
            self._cut_the_first_start(server)
            self._cut_under_load(server, cuts)
            self._note(server.log_complaints())
        finally:
            forget(server)

    def _note(self, complaints):
        if complaints and not self.lies:
            self.found.complaints.append(complaints)

    def _cut_the_first_start(self, server):
        """The disk goes while the database is made; whoever finds it must be able to begin."""
        server.spawn()
        time.sleep(self.dice.random() * 0.4)
        if not self.lies:
            self.found.first_starts += 1
            with self.disks.cut() as clone:
                self._start_on(clone, [])
        line = server.read_ready(30)
        match = re.fullmatch(r"ready http=(\S+) pid=(\d+)\n", line)
        assert match, server.log_tail()
        server.listeners, server.pid = match[1].split(","), int(match[2])

    def _cut_under_load(self, server, cuts):
        with Segment(server.pid) as segment, Crowd(server.address, CLIENTS) as crowd:
            if self.lies:
                segment.arm("io.fsync_lies", FAIL, value=1, times=FOREVER)
            if self.early_checkpoints:
                segment.arm("s.checkpoint_due", FAIL, value=1, times=FOREVER)
            for _ in range(cuts):
                crowd.go()
                time.sleep(self.dice.uniform(0.1, 0.5))
                if not self.lies and self.dice.random() < 0.25:
                    self._kill_store(server)
                names = crowd.acknowledged()        # first the list, then the cut
                with self.disks.cut() as clone:
                    crowd.halt()
                    self._look(clone, names)
            for text in crowd.wrong():
                self._note(text)
            segment.disarm_all()

    def _kill_store(self, server):
        """The successor recovers from what is in the page cache; the power goes soon after."""
        os.kill(server.child("store"), signal.SIGKILL)
        self.found.kills += 1
        time.sleep(self.dice.random() * 0.3)

    # ---- after the cut ---------------------------------------------------------------------------

    def _look(self, clone, names):
        self.found.cuts += 1
        self.found.looked_up += len(names)
        self.found.acknowledged.update(names)
        lost = self._look_with_its_own_tools(clone, names)
        if not self.lies:
            lost.update(self._start_on(clone, names))
        self.found.lost.update(lost)
        self.found.cuts_that_lost += bool(lost)

    def _look_with_its_own_tools(self, clone, names):
        shutil.rmtree(self.scratch, ignore_errors=True)
        try:
            home = people.copy_recovered(clone / "server" / "var" / "db", self.scratch)
            return self._lost(people.People(home, clone / "server" / "var" / "mail"), names)
        except people.Unreadable as error:
            return self._all_lost(names, str(error))

    def _start_on(self, clone, names):
        """The server itself on the clone: it starts, some log in, it stops. Names that were lost."""
        server = Gatepost(SETTINGS, directory=clone / "server")
        server.log_path = self.disks.folder / "clone.log"
        server.log_path.unlink(missing_ok=True)
        home = server.directory / "var" / "db"
        mib = log_mib(home)
        try:
            server.start(60)
            ready = wait_for(lambda: [line for line in server.events("child.ready")
                                      if "role=store" in line], 10, "the store's line")
            self.found.recoveries.append((int(re.search(r"after_ms=(\d+)", ready[0])[1]), mib))
            refused = self._refused_logins(server, names)
            server.stop(seconds=30)
            there = people.People(home, server.mail_dir)
            self._note(server.log_complaints())
            return {**self._lost(there, names), **refused}
        except (AssertionError, people.Unreadable) as error:
            return self._all_lost(names, str(error))
        finally:
            forget(server)

    def _refused_logins(self, server, names):
        refused = {}
        with Connection(server.address) as connection:
            for name in self.dice.sample(names, min(LOGINS, len(names))):
                body = json.dumps({"username": name, "password": account(name)["password"]}).encode()
                answer = connection.request("POST", "/api/auth/login", body)
                if answer.status != 200:
                    refused[name] = f"login: {answer}"
        return refused

    def _lost(self, there, names):
        for text in there.contradictions():
            self._note(text)
        missing = ((name, there.lacks(name, account(name)["email"])) for name in names)
        return {name: what for name, what in missing if what}

    def _all_lost(self, names, why):
        """A disk that nobody can open: everybody on it is lost."""
        self._note(why)
        return dict.fromkeys(names, why)


def cut_power(disks, seed, cuts, lies=False):
    """So many cuts in rounds; everything random follows from the seed."""
    found = Found()
    for number, first in enumerate(range(0, cuts, CUTS_A_ROUND)):
        dice = random.Random(f"{seed}.{number}.{lies}")
        Round(disks, dice, found, lies).run(min(CUTS_A_ROUND, cuts - first))
    return found
