"""Sign-ups and logins a second when there are always more of them than can be hashed: Gatepost, the
bare rate of the cores before and after, and Django under the same load."""
import itertools
import os
import statistics
import subprocess
import sys
import time

from rig.balance import balanced
from rig.clients import Loop, login, signup
from rig.raw_rate import raw_rate
from rig.server import ROOT, Server

EACH = 48       # connections a worker: three times the widest kernel's lanes
ACCOUNTS = 4


class Saturation:
    """Every client always has a request under way, so the queue is never empty."""

    def __init__(self, loop, groups, requests):
        self.loop, self.groups, self.requests = loop, groups, requests
        self.answered = [[] for _ in groups]
        self.wrong, self.over = [], False

    def start(self):
        for client, number in [(c, n) for n, group in enumerate(self.groups) for c in group]:
            self.again(client, number)

    def again(self, client, number):
        def on_answer(client, answer):
            if self.over:
                return
            self.answered[number].append(answer.at)
            if answer.status not in (200, 201):
                self.wrong.append(answer.status)
                if len(self.wrong) > 100:
                    raise SystemExit("nothing but wrong answers: %s" % self.wrong[:10])
            self.again(client, number)
        client.send(next(self.requests), on_answer)

    def measure(self, warm_s, seconds):
        """Answers a second. Between two moments: after every group has answered for a while, and
        before the load ends. Lanes answer in bursts, so a line is laid through the answers' times
        instead of counting what falls between."""
        self.start()
        began = time.monotonic()
        self.loop.run(began + 120, lambda: all(len(times) >= 2 for times in self.answered))
        from_s = max(time.monotonic(), began + warm_s)
        until = from_s + seconds
        self.loop.run(until)
        self.over = True
        for client in itertools.chain(*self.groups):
            client.close()
        if self.wrong:
            raise SystemExit("%d wrong answers: %s" % (len(self.wrong), self.wrong[:10]))
        steady = [[at for at in times if from_s <= at < until] for times in self.answered]
        if any(len(times) < 3 for times in steady):
            raise SystemExit("too few answers: measure for longer")
        return sum(statistics.linear_regression(times, range(len(times))).slope for times in steady)


def requests_of(kind, accounts):
    if kind == "signup":
        return (signup("user%d" % n) for n in itertools.count())
    return (login(name) for name in itertools.cycle(accounts))


def settings(options, *more):
    """Real passwords at the cost that is measured."""
    return ("password.iterations=%d" % options.iterations, "limits.enabled=no",
            *(("password.allow_weak=yes",) if options.iterations < 1000 else ()), *more)


def gatepost_rate(options, kind):
    more = ("http.workers=%d" % options.cores, "password.queue_max=1000")
    with Server(base=settings(options, *more)) as server:
        accounts = [server.sign_up("account%d" % n) for n in range(ACCOUNTS if kind == "login" else 0)]
        loop = Loop()
        load = Saturation(loop, list(balanced(loop, server, EACH).values()),
                          requests_of(kind, accounts))
        return load.measure(2, options.seconds)


class Django:
    """bench/django_peer.py: one process a core, all accepting from one socket."""

    def __init__(self, options):
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", os.path.join(ROOT, "bench/django_peer.py"),
             str(self.options.iterations), str(self.options.cores)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = ("127.0.0.1", int(self.process.stdout.readline()))
        return self

    def __exit__(self, *_):
        self.process.stdin.close()      # its end
        self.process.wait(timeout=30)


def django_rate(options, kind):
    with Django(options) as peer:
        loop = Loop()
        accounts = ["account%d" % n for n in range(ACCOUNTS if kind == "login" else 0)]
        for name in accounts:
            answer = loop.ask(peer.address, signup(name))
            if answer.status != 201:
                raise SystemExit("Django answers %d" % answer.status)
        clients = [loop.client(peer.address) for _ in range(EACH * options.cores)]
        return Saturation(loop, [clients], requests_of(kind, accounts)).measure(2, options.seconds)


def measure(options):
    before = raw_rate(options)
    gatepost = {kind: gatepost_rate(options, kind) for kind in ("signup", "login")}
    after = raw_rate(options)
    raw = (before["best_per_second"] + after["best_per_second"]) / 2
    openssl = (before["openssl_per_second"] + after["openssl_per_second"]) / 2
    results = {"raw_source": after["source"], "raw_before_per_second": before["best_per_second"],
               "raw_after_per_second": after["best_per_second"], "openssl_per_second": openssl}
    for kind, rate in gatepost.items():
        results[kind + "s_per_second"] = rate
        results[kind + "s_to_raw_ratio"] = rate / raw
        results[kind + "s_to_openssl_ratio"] = rate / openssl
    for kind, rate in gatepost.items():
        if options.no_django:
            break
        peer = django_rate(options, kind)
        results["django_%ss_per_second" % kind] = peer
        results["%ss_to_django_ratio" % kind] = rate / peer
    return results
