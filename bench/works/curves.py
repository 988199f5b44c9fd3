"""Latency against offered rate, to p99.9: `me` and sign-up (one iteration, letters to smtp-sink), each
server by itself, independent clients in an open loop at rates that double until the server falls
behind what was due."""
from peers.table import spared
from rig import open_loop
from rig.sink import Sink
from rig.tokens import open_sessions
from rig.sites import sites

CONNECTIONS = 128
SESSIONS = 128
FIRST_RATE, MOST_RATE = 100, 110000
WARM_S = 0.3
DRAIN_S = 1         # what has no answer then counts as long as it waited
BEHIND = 0.9        # so little of what was due was answered before the last was due
SHARES = (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p99_9_ms"))
PROMPT_MS = 10


def climb(run, site, kinds_of):
    """[(rate, load)] of one server, to the second rate in a row that it does not keep up with: one may be
    the machine's doing. kinds_of: a function of the load's number."""
    loads, rate, behind = [], FIRST_RATE, 0
    factor, seconds = (4, 1) if run.is_quick else (2, 2)
    while rate <= MOST_RATE and behind < 2:
        number = len(loads)
        load = open_loop.load_site(site, kinds_of(number), rate, seconds, warm=WARM_S,
                                   connections=CONNECTIONS, drain=DRAIN_S, seed=run.seed + number)
        loads.append((rate, load))
        in_time = load["answered_per_second"] * seconds
        is_behind = in_time < BEHIND * (load["good"] + load["failed"]) or load["failed"]
        behind = behind + 1 if is_behind else 0
        rate *= factor
    return loads


def note_lag(run, who, what, loads):
    """Latencies are no less than the generator's lag, and hold it: they never flatter a server."""
    late = [(rate, load["lag_p99_ms"]) for rate, load in loads
            if open_loop.is_behind(load) and load["lag_p99_ms"] > load["p99_ms"] / 4]
    if late:
        run.skip("curves", who, "%s, from %d a second: what the generator itself was late (p99 up to %.1f ms) "
                 "is in its latencies" % (what, late[0][0], max(lag for _, lag in late)))


def add(run, who, what, loads):
    note_lag(run, who, what, loads)
    for name, key in SHARES:
        run.add_curve("curves", who, "%s a second, offered" % what, "%s of %s, ms" % (name, what),
                      [(rate, load[key]) for rate, load in loads])
    prompt = [rate for rate, load in loads if load["p99_ms"] <= PROMPT_MS and not load["failed"]]
    run.add("curves", who, "%s_within_%d_ms_per_second" % (what, PROMPT_MS), max(prompt, default=0))


def measure(run):
    for who, start in sites(run, "curves"):
        with spared(run, "curves", who), Sink() as sink, start(1, sink.port) as site:
            access, _ = open_sessions(site, SESSIONS)
            add(run, who, "me", climb(run, site, lambda _: [open_loop.me(site, access)]))
            if site.can_sign_up:
                add(run, who, "signup", climb(run, site, lambda number: [
                    open_loop.signup("curve%dn" % number)]))
