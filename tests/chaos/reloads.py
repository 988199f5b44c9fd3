"""Reloads and upgrades, good and broken ones, under load: no request fails, the pid stays, and everything is
back to normal at the end."""
import os
import random
import signal
import time

import census
from gatepost import Gatepost, wait_for
from probes import Probes
from segment import Segment
from upgrading import Installed, usr2, version_like


class Place:
    """What census.leaks looks at."""

    def __init__(self, server):
        self.server, self.settings = server, {"workers": 2}
        self.segment = Segment(server.pid)

    def processes(self):
        return [(title, pid) for title, pids in self.server.children().items() for pid in pids]


def reload_once(server, count):
    os.kill(server.pid, signal.SIGHUP)
    server.wait_event("reload.done", count, 30)


def upgrade_once(server, number):
    """Every third one is broken."""
    broken = number % 3 == 2
    if broken:
        server.installed.script("#!/bin/sh\nexit %d\n" % (number % 7))
    else:
        server.installed.own(version=version_like(str(number % 10)))
    words = usr2(server, 60)
    return [] if words[1] == ("refused" if broken else "ok") else [f"upgrade {number}: {words}"]


def run(result, reloads, upgrades):
    server = Gatepost()
    server.installed = Installed(server)
    problems, most = [], 0
    order = ["reload"] * reloads + ["upgrade"] * upgrades
    random.Random(reloads).shuffle(order)
    done = {"reload": 0, "upgrade": 0}
    try:
        place = Place(server.start())
        before = census.footprint(place)
        with Probes(server) as probes:
            wait_for(lambda: probes.answered() > 50, 20, "probes at work")
            for what in order:
                done[what] += 1
                if what == "reload":
                    reload_once(server, done[what])
                else:
                    problems += upgrade_once(server, done[what])
                most = max(most, len(place.processes()))
            answered = probes.answered()
        problems += [str(failure) for failure in probes.failures]
        wait_for(lambda: len(place.processes()) == 5, 40, "two workers, admin, store and mailer, and nobody else")
        time.sleep(0.5)
        problems += census.leaks(place, before)
        problems += [line for line in server.log_complaints().splitlines()]
        result.totals["reloads"] += reloads
        result.totals["upgrades"] += upgrades
        result.totals["reload_requests"] += answered
        result.say("%d reloads and %d upgrades under load: %d requests, none failed; at most %d processes meanwhile" % (
            reloads, upgrades, answered, most), problems)
        os.kill(server.pid, signal.SIGTERM)
        server.process.wait(20)
    finally:
        server.destroy()
