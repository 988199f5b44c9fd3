"""A storm of logins, ten times what can be hashed, while tokens and health are asked for gently: who
waits, who is refused and how fast, what memory it takes, and what is left when it is over.

Two kinds: `open`, where a new client comes every so often whatever happens to the others and leaves
with its answer; `hammer`, where 200 connections ask again the moment they are answered, against a
queue that is too short for them."""
import itertools
import statistics
import time

from rig import processes
from rig.balance import balanced
from rig.clients import Loop, get, login
from works.latency import lone
from rig.probes import Probes, describe
from rig.server import PASSWORD, Server
from works.throughput import ACCOUNTS, Saturation, requests_of, settings

TIMES = 10
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
        return {"rss_before_kib": self.before, "rss_height_kib": self.height,
                "rss_after_kib": self.now(), "sockets_before": self.sockets_before,
                "sockets_after": self.sockets()}


def capacity(options, server, accounts):
    """Logins a second: of this run's throughput part, or measured now."""
    if "throughput" in options.done:
        return options.done["throughput"]["logins_per_second"]
    loop = Loop()
    load = Saturation(loop, list(balanced(loop, server, 24).values()), requests_of("login", accounts))
    rate = load.measure(1, min(options.seconds, 8))
    wait_until_idle(server)
    return rate


def wait_until_idle(server):
    """Until what clients that left had asked for is over."""
    count = -1.0
    while count != (count := server.metric("gatepost_password_hashes_total")):
        time.sleep(1)


def storm(options, kind):
    queue = ["password.queue_max=%d" % HAMMERED_QUEUE] if kind == "hammer" else []
    with Server(base=settings(options, "http.workers=%d" % options.cores, *queue)) as server:
        accounts = [server.sign_up("account%d" % n) for n in range(ACCOUNTS)]
        _, pair = server.call("/api/auth/login", {"username": accounts[0], "password": PASSWORD})
        loop = Loop()
        rate = capacity(options, server, accounts)
        lone_before = statistics.median(lone(loop, server, accounts[0], options.rounds))
        watch, load = Watch(server), Storm(loop, server, accounts)
        asked = {"me": get("/api/auth/me", pair["access"]), "healthz": get("/healthz")}
        with Probes(server.address, asked, options.seconds + PROBE_TAIL_S) as probes:
            until = time.monotonic() + options.seconds
            loop.call_every(0.25, watch.look, until)
            load.start(kind, TIMES * rate, until)
            loop.run(until)
            load.over = True
            ended, served = time.monotonic(), len(load.served)
            if not loop.run(ended + 90, lambda: load.under_way == 0):
                raise SystemExit("%d logins of the storm were never answered" % load.under_way)
            drained = time.monotonic() - ended
            results = probes.results()
        time.sleep(1)
        results.update(watch.results())
        lone_after = statistics.median(lone(loop, server, accounts[0], options.rounds))
        if load.wrong:
            raise SystemExit("wrong answers in the storm: %s" % load.wrong[:10])
        results.update(
            capacity_per_second=rate, served=len(load.served), refused=len(load.refused),
            refused_without_retry_after=load.without_retry_after,
            served_per_second=len(load.served) / (options.seconds + drained),
            drained_s=drained, drain_expected_s=(len(load.served) - served) / rate,
            lone_before_s=lone_before, lone_after_s=lone_after)
        if load.refused:
            results.update(describe("refusal", load.refused))
        return results


def measure(options):
    return {"%s_%s" % (kind, key): value for kind in ("open", "hammer")
            for key, value in storm(options, kind).items()}
