"""Gatepost and its peers: side by side, a process a core each, all started before the first load of a
work, and who is not asked is idle; or to be started by the work, one by one."""
import contextlib

from peers.table import peers_of, spared
from rig.server import FAST, Server, at_cost, smtp

CONNECTIONS = 64
WARM_S = 1      # of a load that is not counted: code that is compiled while it runs is compiled by then


@contextlib.contextmanager
def started(run, work, *settings):
    """[(who, site)]: Gatepost first. Passwords cost nothing."""
    with contextlib.ExitStack() as stack:
        sites = [("gatepost", stack.enter_context(Server(*settings, base=FAST)))]
        for who, peer in peers_of(run, work):
            with spared(run, work, who):
                sites.append((who, stack.enter_context(peer(1))))
        yield sites


def side_by_side(run, work, loads):
    """loads: [(who, a function of a load's seconds that gives it)]: each once to warm up, then in turn,
    round by round."""
    for _, load in loads:
        load(WARM_S)
    for _ in run.rounds():
        for who, load in loads:
            add_load(run, work, who, load(run.seconds))


def add_load(run, work, who, load):
    """The figures that every work with a load has."""
    run.add_all(work, who, {"requests_per_second": load["per_second"], "p50_ms": load["p50_ms"],
                            "p99_ms": load["p99_ms"], "errors_count": load["errors"]})


def gatepost(iterations, relay_port, *settings):
    """As a peer is made."""
    return Server(*(smtp(relay_port) if relay_port else ()), *settings, base=at_cost(iterations))


def sites(run, work, *settings):
    """(who, a function of iterations and relay_port that gives what `with` starts), of Gatepost with these
    settings and of each peer that can do that work. To be used within spared()."""
    yield "gatepost", lambda iterations, relay_port=None: gatepost(iterations, relay_port, *settings)
    yield from peers_of(run, work)
