"""A mixed day: 60 % `me`, 25 % refresh, 10 % login, 5 % sign-up, passwords of 1,000 iterations, letters
to smtp-sink; an open loop of independent clients at a rate that every peer can carry, and for Gatepost
at fifty times that. The same servers are measured in turn, round by round."""
import contextlib

from peers.table import spared
from rig import open_loop
from rig.sink import Sink
from rig.tokens import open_sessions, write_lines
from rig.side_by_side import CONNECTIONS
from rig.sites import sites

ITERATIONS = 1000
SESSIONS = 2 * CONNECTIONS      # no two requests under way refresh the same one
ACCOUNTS = 50
RATE, HIGH_RATE = 200, 10000
WARM_S = 0.5
# Without a grace time every refresh is a rotation, however often a session has its turn.
SETTINGS = ("token.refresh_grace_s=0", "token.sessions_max=1000")


class Day:
    """One server and what its clients come with."""

    def __init__(self, site):
        self.site = site
        self.access, self.refresh = open_sessions(site, SESSIONS)
        for number in range(ACCOUNTS):
            site.sign_up("account%d" % number)
        self.load_number = 0

    def load(self, run, rate):
        self.load_number += 1
        kinds = [open_loop.me(self.site, self.access, 60),
                 open_loop.refresh(self.site, self.refresh, 25),
                 open_loop.login(self.site, "account", ACCOUNTS, 10),
                 open_loop.signup("day%dn" % self.load_number, 5)]
        found = open_loop.load_site(self.site, kinds, rate, run.seconds, connections=CONNECTIONS,
                                    warm=WARM_S, seed=run.seed + self.load_number)
        self.reopen_sessions()
        return found

    def reopen_sessions(self):
        """The refresh tokens of the last load are spent; its successors went with it."""
        names = ["session%d" % number for number in range(SESSIONS)]
        write_lines(self.site, "refresh", [self.site.log_in(name)["refresh"] for name in names])


def add(run, who, load):
    run.add_all("mixed", who, {
        "requests_per_second": load["good_per_second"], "p50_ms": load["p50_ms"],
        "p99_ms": load["p99_ms"], "p99_9_ms": load["p99_9_ms"], "failed_count": load["failed"],
        "generator_lag_p99_ms": load["lag_p99_ms"],
        **{name + "_p99_ms": kind["p99_ms"] for name, kind in load["kinds"].items()}})


def measure(run):
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(Sink())
        days = {}
        for who, start in sites(run, "mixed", *SETTINGS):
            with spared(run, "mixed", who):
                days[who] = Day(stack.enter_context(start(ITERATIONS, sink.port)))
        for _ in run.rounds():
            for who, day in days.items():
                add(run, who, day.load(run, RATE))
            add(run, "gatepost, %d a second" % HIGH_RATE, days["gatepost"].load(run, HIGH_RATE))
