"""Reloads by HUP under load: no request fails, and everything is back to normal at the end."""
import os
import signal
import time

import census
from gatepost import Gatepost, wait_for
from probes import Probes
from segment import Segment


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


def run(result, reloads):
    server = Gatepost()
    problems, most = [], 0
    try:
        place = Place(server.start())
        before = census.footprint(place)
        with Probes(server) as probes:
            wait_for(lambda: probes.answered() > 50, 20, "probes at work")
            for number in range(reloads):
                reload_once(server, number + 1)
                most = max(most, len(place.processes()))
            answered = probes.answered()
        problems += [str(failure) for failure in probes.failures]
        wait_for(lambda: len(place.processes()) == 5, 40, "two workers, admin, store and mailer, and nobody else")
        time.sleep(0.5)
        problems += census.leaks(place, before)
        problems += [line for line in server.log_complaints().splitlines()]
        result.totals["reloads"] += reloads
        result.totals["reload_requests"] += answered
        result.say("%d reloads under load: %d requests, none failed; at most %d processes meanwhile" % (
            reloads, answered, most), problems)
        os.kill(server.pid, signal.SIGTERM)
        server.process.wait(20)
    finally:
        server.destroy()
