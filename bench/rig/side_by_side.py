"""Gatepost and its peers side by side, a process a core each, all started before the first load of a
work; who is not asked is idle."""
import contextlib

from peers.table import spared
from rig.sites import sites

CONNECTIONS = 64
WARM_S = 1      # of a load that is not counted: code that is compiled while it runs is compiled by then


@contextlib.contextmanager
def started(run, work, *overrides):
    """[(who, site)]: Gatepost first, with that configuration. Passwords cost nothing, and nobody has a
    relay."""
    with contextlib.ExitStack() as stack:
        found = []
        for who, make in sites(run, work, *overrides):
            with spared(run, work, who):
                found.append((who, stack.enter_context(make(1, None))))
        yield found


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
