"""Latency against offered rate, to p99.9: `me` and sign-up (one iteration, letters to smtp-sink), each
server by itself, independent clients in an open loop at rates that double until the server falls
behind. Where the generator falls behind first, the curve ends, and it says so."""
from rig import open_loop
from rig.sink import Sink
from rig.sites import open_sessions, sites

CONNECTIONS = 128
SESSIONS = 128
FIRST_RATE, MOST_RATE = 100, 110000
WARM_S = 0.3
DRAIN_S = 1         # what has no answer then counts as long as it waited
BEHIND = 0.95       # of the offered rate
SHARES = (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p99_9_ms"))
PROMPT_MS = 10


def climb(run, who, what, site, kinds_of):
    """[(rate, load)] of one server. kinds_of: a function of the load's number."""
    loads, rate, number = [], FIRST_RATE, 0
    factor, seconds = 4 if run.is_quick else 2, max(1, run.seconds - 1)
    while rate <= MOST_RATE:
        load = open_loop.load_site(site, kinds_of(number), rate, seconds, warm=WARM_S,
                                   connections=CONNECTIONS, drain=DRAIN_S, seed=run.seed + number)
        number += 1
        if open_loop.is_behind(load) and load["lag_p99_ms"] > load["p99_ms"] / 4:
            run.skip("curves", who, "%s at %d a second: the generator itself was %.1f ms late (p99)" % (
                what, rate, load["lag_p99_ms"]))
        else:
            loads.append((rate, load))
        if load["good"] / seconds < BEHIND * rate or load["p99_ms"] > 1000 * seconds:
            break
        rate *= factor
    return loads


def add(run, who, what, loads):
    for name, key in SHARES:
        run.add_curve("curves", who, "%s a second, offered" % what, "%s of %s, ms" % (name, what),
                      [(rate, load[key]) for rate, load in loads])
    prompt = [rate for rate, load in loads if load["p99_ms"] <= PROMPT_MS and not load["failed"]]
    run.add("curves", who, "%s_within_%d_ms_per_second" % (what, PROMPT_MS), max(prompt, default=0))


def measure(run):
    for who, start in sites(run, "curves"):
        with Sink() as sink, start(1, sink.port) as site:
            access, _ = open_sessions(site, SESSIONS)
            add(run, who, "me", climb(run, who, "me", site, lambda _: [open_loop.me(site, access)]))
            if site.can_sign_up:
                add(run, who, "signup", climb(run, who, "signup", site, lambda number: [
                    open_loop.signup("curve%dn" % number)]))
