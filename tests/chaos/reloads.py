"""Reloads and upgrades, good and broken ones mixed, under clients that keep their connections and under wrk: no
request fails, no sign-up is lost, the pid stays, and everything is back to normal at the end."""
import os
import random
import re
import shutil
import signal
import subprocess
import time

import census
from database import Database
from gatepost import Gatepost, wait_for
from probes import Probes
from segment import Segment
from upgrading import Installed, usr2, version_like, write_config


class Place:
    """What census.leaks looks at."""

    def __init__(self, server):
        self.server, self.settings = server, {"workers": 2}
        self.segment = Segment(server.pid)

    def processes(self):
        return [(title, pid) for title, pids in self.server.children().items() for pid in pids]


CONFIGS = ["[mail]\nsweep_s = 5\n", "[mail]\nsweep_s = 6\n"]
BROKEN = ["[nonsense]\n", "[log\n", "[http]\nworkers = none\n", "[store]\ndir = elsewhere\n"]


def reload_once(server, number, seen):
    """Every fifth one is broken."""
    broken = number % 5 == 4
    event = "reload.refused" if broken else "reload.done"
    seen[event] = seen.get(event, 0) + 1
    write_config(server, BROKEN[number // 5 % len(BROKEN)] if broken else CONFIGS[number % 2])
    os.kill(server.pid, signal.SIGHUP)
    server.wait_event(event, seen[event], 30)
    if broken:      # an upgrade that comes next reads it, too
        write_config(server, CONFIGS[0])


def upgrade_once(server, number):
    """Every third one is broken."""
    broken = number % 3 == 2
    if broken:
        server.installed.script("#!/bin/sh\nexit %d\n" % (number % 7))
    else:
        server.installed.own(version=version_like(str(number % 10)))
    words = usr2(server, 60)
    return [] if words[1] == ("refused" if broken else "ok") else [f"upgrade {number}: {words}"]


class Wrk:
    """wrk with kept connections until it is told to end; not there without wrk."""

    def __init__(self, server):
        self.process = shutil.which("wrk") and subprocess.Popen(
            ["wrk", "-t1", "-c4", "-d1h", f"http://127.0.0.1:{server.port}/healthz"], stdout=subprocess.PIPE, text=True)

    def end(self):
        """(requests, problems)."""
        if not self.process:
            return 0, []
        self.process.send_signal(signal.SIGINT)
        text = self.process.communicate(timeout=20)[0]
        wrong = [line.strip() for line in text.splitlines() if "Socket errors" in line or "Non-2xx" in line]
        return int(re.search(r"(\d+) requests in", text)[1]), [f"wrk: {line}" for line in wrong]


def look_up(result, server, names):
    """In the files of the server, which has ended; what is wrong there."""
    database = Database.of(server.directory / "var" / "db", recovers=False)
    lost = census.lost_accounts(database, names)
    if census.lost_accounts(database, ["ghost"]) != ["ghost"]:
        yield "an account that never was is not missed"
    result.totals["acknowledged"] += len(names)
    result.totals["lost"] += len(lost)
    if lost:
        yield f"{len(lost)} acknowledged sign-ups lost: {lost[:3]}"
    yield from database.problems()


def run(result, reloads, upgrades):
    server = Gatepost(config=CONFIGS[0])
    server.installed = Installed(server)
    problems, seen, most = [], {}, 0
    order = ["reload"] * reloads + ["upgrade"] * upgrades
    random.Random(reloads).shuffle(order)
    done = {"reload": 0, "upgrade": 0}
    try:
        place = Place(server.start())
        pid, before = server.pid, census.footprint(place)
        with Probes(server) as probes:
            wait_for(lambda: probes.answered() > 50, 20, "probes at work")
            wrk = Wrk(server)
            for what in order:
                if what == "reload":
                    reload_once(server, done[what], seen)
                else:
                    problems += upgrade_once(server, done[what])
                done[what] += 1
                most = max(most, len(place.processes()))
            wrk_requests, wrong = wrk.end()
            answered = probes.answered()
        problems += wrong + [str(failure) for failure in probes.failures]
        wait_for(lambda: len(place.processes()) == 5, 40, "two workers, admin, store and mailer, and nobody else")
        time.sleep(0.5)
        problems += census.leaks(place, before)
        problems += [line for line in server.log_complaints().splitlines()]
        if not server.alive() or server.pid != pid:
            problems.append(f"the server is not pid {pid} any more")
        os.kill(server.pid, signal.SIGTERM)
        server.process.wait(20)
        problems += look_up(result, server, probes.acknowledged)
        result.totals["reloads"] += reloads
        result.totals["upgrades"] += upgrades
        result.totals["reload_requests"] += answered + wrk_requests
        result.say("%d reloads and %d upgrades, good and broken ones, under load: %d sign-ups and %d requests of "
                   "wrk's, none failed or lost; at most %d processes meanwhile" % (
                       reloads, upgrades, len(probes.acknowledged), wrk_requests, most), problems)
    finally:
        server.destroy()
