"""Sign-ups while the relay is fast, slow (a second for every command), stalled (it takes connections and
never says a word) or not there: does anybody who signs up wait for it? Eight connections, an open loop
at a fixed rate, so that a stall would show; one iteration. Each server runs four times, side by side,
one for each relay, and they are asked in turn."""
import contextlib

from peers.table import spared
from rig import open_loop
from rig.sink import NoRelay, Sink, StalledRelay
from rig.sites import sites

CONNECTIONS = 8
RATE = {"gatepost": 1000}
PEER_RATE = 100         # what every peer can carry
# Of Gatepost so long that one stall of the disk, of some 50 ms and with any relay, is less than one
# request in a hundred: of 2 s it is more, and the p99 tells whether there was one.
LOAD_S = {"gatepost": 8}
PEER_LOAD_S, QUICK_LOAD_S = 2, 1
WARM_S = 0.2
RELAYS = {"fast relay": Sink, "slow relay": lambda: Sink(delay_s=1), "stalled relay": StalledRelay,
          "no relay": NoRelay}


def load(run, who, relay, site, number):
    seconds = QUICK_LOAD_S if run.is_quick else LOAD_S.get(who, PEER_LOAD_S)
    found = open_loop.load_site(
        site, [open_loop.signup("r%dn" % number)], RATE.get(who, PEER_RATE), seconds,
        connections=CONNECTIONS, warm=WARM_S, poisson=False)
    run.add_all("relay", "%s, %s" % (who, relay), {
        "p50_ms": found["p50_ms"], "p99_ms": found["p99_ms"],
        "requests_per_second": found["good_per_second"], "failed_count": found["failed"],
        "generator_lag_p99_ms": found["lag_p99_ms"]})
    return found["p99_ms"]


def turns_of(run):
    """The relays in the order that they are asked: fast beside stalled, now this one first, now that; the
    others in the first round."""
    yield from ("slow relay", "no relay")
    for number in run.rounds():
        yield from ("fast relay", "stalled relay") if number % 2 else ("stalled relay", "fast relay")


def measure_site(run, who, start):
    with contextlib.ExitStack() as stack:
        running = {}
        for name, relay in RELAYS.items():
            port = stack.enter_context(relay()).port
            running[name] = stack.enter_context(start(1, port))
        p99 = {name: [] for name in RELAYS}
        for number, name in enumerate(turns_of(run)):
            p99[name].append(load(run, who, name, running[name], number))
        for fast, stalled in zip(p99["fast relay"], p99["stalled relay"]):
            run.add("relay", who, "stalled_to_fast_p99_ratio", stalled / fast)


def measure(run):
    for who, start in sites(run, "relay"):
        with spared(run, "relay", who):
            measure_site(run, who, start)
