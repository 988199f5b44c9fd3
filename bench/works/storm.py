"""A storm of logins, ten times what can be hashed, while tokens and health are asked for gently: who
waits, who is refused and how fast, what memory it takes, and what is left when it is over.

Two kinds: `open`, where a new client comes every so often whatever happens to the others and leaves
with its answer; `hammer`, where 200 connections ask again the moment they are answered, against a
queue that is too short for them."""
import itertools
import os
import statistics
import time

from rig import processes
from rig.balance import balanced
from rig.clients import Loop, get, login
from rig.probes import Probes, describe
from rig.saturation import ACCOUNTS, Saturation, cost_of, requests_of, settings
from rig.server import Server
from works.latency import lone

TIMES = 10
STORM_S = 20
HAMMERS = 200
HAMMERED_QUEUE = 32      # of each worker
PROBE_TAIL_S = 1


class Storm:
    """Counts what becomes of its requests."""

    def __init__(self, loop, server, accounts):
        self.loop, self.address = loop, server.address
        self.requests = itertools.cycle([login(name) for name in accounts])
        self.served, self.refused, self.wrong = [], [], []
        self.without_retry_after = self.under_way = 0
        self.over = False

    def send(self, client, after):
        self.under_way += 1

        def on_answer(client, answer):
            self.under_way -= 1
            if answer.status == 200:
                self.served.append(answer.seconds)
            elif answer.status == 503:
                self.refused.append(answer.seconds)
                self.without_retry_after += not answer.has_retry_after
            else:
                self.wrong.append(answer.status)
            after(client)
        client.send(next(self.requests), on_answer)

    def newcomer(self):
        self.send(self.loop.client(self.address), lambda client: client.close())

    def hammer(self, client):
        if self.over:
            client.close()
        else:
            self.send(client, self.hammer)

    def start(self, kind, rate, until):
        if kind == "open":
            self.loop.call_every(1 / rate, self.newcomer, until)
        else:
            for _ in range(HAMMERS):
                self.hammer(self.loop.client(self.address))


class Watch:
    """The workers' memory and descriptors, before, at the height and after, summed up as the worst."""

    def __init__(self, server):
        self.pids = server.workers()
        self.before, self.sockets_before = self.now(), self.sockets()
        self.height = list(self.before)

    def now(self):
        return [processes.memory_kib(pid) for pid in self.pids]

    def sockets(self):
        return [len(processes.sockets_of(pid)) for pid in self.pids]

    def look(self):
        self.height = [max(pair) for pair in zip(self.height, self.now())]

    def results(self):
        return {"rss_before_mib": max(self.before) / 1024, "rss_height_mib": max(self.height) / 1024,
                "rss_after_mib": max(self.now()) / 1024, "sockets_before_count": sum(self.sockets_before),
                "sockets_after_count": sum(self.sockets())}


def capacity(run, server, accounts):
    """Logins a second."""
    loop = Loop()
    load = Saturation(loop, list(balanced(loop, server, 24).values()), requests_of("login", accounts))
    rate = load.measure(1, 2 if run.is_quick else 8)
    wait_until_idle(server)
    return rate


def wait_until_idle(server):
    """Until what clients that left had asked for is over."""
    count = -1.0
    while count != (count := server.metric("gatepost_password_hashes_total")):
        time.sleep(1)


def weather(loop, server, load, kind, rate, seconds):
    """The storm itself, with gentle clients beside it; gives what they waited, and (how many were
    served before its end, how long the rest took)."""
    # Of somebody who is none of the storm's: their sessions are ended by newer ones.
    pair = server.log_in(server.sign_up("gentle"))
    asked = {"me": get("/api/auth/me", pair["access"]), "healthz": get("/healthz")}
    with Probes(server.address, asked, seconds + PROBE_TAIL_S) as probes:
        until = time.monotonic() + seconds
        load.start(kind, TIMES * rate, until)
        loop.run(until)
        load.over = True
        ended, served = time.monotonic(), len(load.served)
        if not loop.run(ended + 90, lambda: load.under_way == 0):
            raise SystemExit("%d logins of the storm were never answered" % load.under_way)
        drained = time.monotonic() - ended
        return probes.results(), served, drained


def storm(run, kind, seconds):
    queue = ["password.queue_max=%d" % HAMMERED_QUEUE] if kind == "hammer" else []
    with Server(base=settings(cost_of(run), "http.workers=%d" % len(os.sched_getaffinity(0)),
                              *queue)) as server:
        accounts = [server.sign_up("account%d" % n) for n in range(ACCOUNTS)]
        loop = Loop()
        rate = capacity(run, server, accounts)
        before = statistics.median(lone(loop, server, accounts[0]))
        watch, load = Watch(server), Storm(loop, server, accounts)
        loop.call_every(0.25, watch.look, time.monotonic() + seconds)
        results, served, drained = weather(loop, server, load, kind, rate, seconds)
        time.sleep(1)
        results.update(watch.results())
        after = statistics.median(lone(loop, server, accounts[0]))
    if load.wrong:
        raise SystemExit("wrong answers in the storm: %s" % load.wrong[:10])
    results.update(
        capacity_per_second=rate, served_per_second=len(load.served) / (seconds + drained),
        refused_count=len(load.refused), refused_without_retry_after_count=load.without_retry_after,
        drained_s=drained, drain_expected_s=(len(load.served) - served) / rate,
        alone_before_ms=before * 1000, alone_after_ms=after * 1000)
    if load.refused:
        results.update(describe("refusal", load.refused))
    return results


def measure(run):
    for kind in ("open", "hammer"):
        run.add_all("storm", "gatepost, " + kind,
                    storm(run, kind, 2 * run.seconds if run.is_quick else STORM_S))
