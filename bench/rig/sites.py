"""Gatepost and those of its peers that can do a work, to be started one by one or side by side."""
from peers.table import peers_of
from rig.server import Server, at_cost, smtp


def gatepost(iterations, relay_port=None, *settings):
    """As a peer is made."""
    return Server(*(smtp(relay_port) if relay_port else ()), *settings, base=at_cost(iterations))


def sites(run, work, *settings):
    """(who, a function of iterations and relay_port that gives what `with` starts), of Gatepost with these
    settings and of each peer that can do that work. To be used within spared()."""
    yield "gatepost", lambda iterations, relay_port=None: gatepost(iterations, relay_port, *settings)
    yield from peers_of(run, work)
