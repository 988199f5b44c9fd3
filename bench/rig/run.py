"""One run of the bench: every figure that is measured goes through here.

A figure is named by (work, who, what): ("me", "gatepost", "requests_per_second"). Machines are noisy,
so what is to be compared is measured in turn, round by round, and each round adds one value to it; a
ratio is the median of the rounds' own ratios."""
import random
import statistics

# The unit of a figure is the end of its name; better is what a reader wants more of.
UNITS = {"_per_second": ("1/s", "higher"), "_ms": ("ms", "lower"), "_us": ("us", "lower"),
         "_ns": ("ns", "lower"), "_s": ("s", "lower"), "_mib": ("MiB", "lower"),
         "_bytes": ("bytes", "lower"), "_ratio": ("", ""), "_percent": ("%", ""),
         "_count": ("", ""), "_instructions": ("instructions", "lower")}


def unit_of(what):
    """(unit, "higher", "lower" or "")"""
    for end, unit in UNITS.items():
        if what.endswith(end):
            return unit
    raise ValueError("a figure's name ends in its unit: %s" % what)


class Missing(Exception):
    """A work cannot be measured here: a peer that is not installed, a right that is not there."""


class Run:
    """seconds: of each load. rounds: of each comparison. is_quick: of what has sizes, the small ones.
    peers: names of those that may be measured. seed: of all that is drawn. features: the processor's,
    of rig/machine.py. users_max: of the largest database that growth is to look at, accounts: how many
    are to move in; None: what these works do by themselves."""

    def __init__(self, seconds, rounds, is_quick, peers, seed, features=(), users_max=None,
                 accounts=None):
        self.seconds, self.round_count, self.is_quick = seconds, rounds, is_quick
        self.peers, self.seed, self.random = peers, seed, random.Random(seed)
        self.features, self.users_max, self.accounts = features, users_max, accounts
        self.figures = {}       # (work, who, what): [a value a round]
        self.curves = []        # {"work", "who", "x", "y", "points": [[x, y], ...]}
        self.skipped = []       # (work, who, why)
        self.background = []    # (work, cores that others used before it, and while it was measured, s)
        self.on_figure = lambda work, who, what: None

    @classmethod
    def of(cls, results):
        """What was recorded in a results.json, so that it is judged and shown without measuring."""
        run = cls(results["seconds"], results["rounds"], results["quick"], set(), results["seed"],
                  results["machine"]["features"])
        run.figures = {(one["work"], one["who"], one["what"]): one["runs"]
                       for one in results["figures"]}
        run.curves = results["curves"]
        run.skipped = [(one["work"], one["who"], one["why"]) for one in results["skipped"]]
        return run

    def rounds(self):
        return range(self.round_count)

    def add(self, work, who, what, value):
        unit_of(what)
        self.figures.setdefault((work, who, what), []).append(float(value))

    def add_all(self, work, who, figures):
        for what, value in figures.items():
            self.add(work, who, what, value)

    def add_curve(self, work, who, x, y, points):
        """x, y: what the axes show, with unit: "users", "login lookup, us"."""
        self.curves.append({"work": work, "who": who, "x": x, "y": y,
                            "points": [[float(a), float(b)] for a, b in points]})

    def skip(self, work, who, why):
        self.skipped.append((work, who, why))

    def values(self, work, who, what):
        return self.figures.get((work, who, what), [])

    def median(self, work, who, what):
        """None when it was not measured."""
        values = self.values(work, who, what)
        return statistics.median(values) if values else None

    def ratios(self, ours, theirs):
        """Two figures' names (work, who, what): the ratio of each round; of the medians where the two
        have not as many rounds; [] when one was not measured."""
        a, b = self.figures.get(ours, []), self.figures.get(theirs, [])
        if not a or not b or not all(b):
            return []
        if len(a) == len(b):
            return [x / y for x, y in zip(a, b)]
        return [statistics.median(a) / statistics.median(b)]
