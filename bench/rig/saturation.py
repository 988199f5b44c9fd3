"""A load that never lets the queue of a server be empty, for what is bound by hashing."""
import bisect
import itertools
import statistics
import time

from rig.clients import login, signup

ACCOUNTS = 4
FULL_COST, QUICK_COST = 600000, 20000
EACH = 48       # connections a worker: three times the widest kernel's lanes
FEWEST = 4      # answers of a group that a rate is made of
PATIENCE_S = 60     # by so much a load may last longer until there are enough answers


def is_enough(times, from_s, seconds):
    """Lanes answer in bursts: a rate is that between two of them at least."""
    first = bisect.bisect_left(times, from_s)
    return len(times) - first >= FEWEST and times[-1] - times[first] >= seconds / 2


def cost_of(run):
    """PBKDF2 iterations: the default's, and in a quick run such that its short loads have many answers."""
    return QUICK_COST if run.is_quick else FULL_COST


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
        self.loop.run(until + PATIENCE_S, lambda: all(
            is_enough(times, from_s, seconds) for times in self.answered))
        until = time.monotonic()
        self.over = True
        for client in itertools.chain(*self.groups):
            client.close()
        if self.wrong:
            raise SystemExit("%d wrong answers: %s" % (len(self.wrong), self.wrong[:10]))
        steady = [[at for at in times if from_s <= at < until] for times in self.answered]
        if not all(is_enough(times, from_s, seconds) for times in steady):
            raise SystemExit("too few answers within %d s" % (seconds + PATIENCE_S))
        return sum(statistics.linear_regression(times, range(len(times))).slope for times in steady)


def requests_of(kind, accounts):
    if kind == "signup":
        return (signup("user%d" % n) for n in itertools.count())
    return (login(name) for name in itertools.cycle(accounts))


def settings(iterations, *more):
    """A server's, for real passwords at that cost."""
    return ("password.iterations=%d" % iterations, "limits.enabled=no",
            *(("password.allow_weak=yes",) if iterations < 1000 else ()), *more)
