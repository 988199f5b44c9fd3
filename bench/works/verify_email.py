"""Proofs of an address: accounts are made before, their letters kept, and each token in them is spent
once; the time is that from the first request to the last answer."""
from peers.table import spared
from rig import inbox
from rig.side_by_side import CONNECTIONS, add_load
from rig.sink import Sink
from rig.sites import sites
from rig.tokens import write_lines
from rig.wrk import post_once, wrk

PATH = "/api/auth/verify-email"
MOST_S = 60


def prove(site, sink, number, seconds):
    """Signs up for so long, then proves as many addresses as letters came."""
    load = wrk(site.url, "signup.lua", CONNECTIONS, seconds, "v%d" % number)
    tokens = inbox.tokens(sink, load["good"])
    bodies = write_lines(site, "proofs", ['{"token":"%s"}' % token for token in tokens])
    return post_once(site, PATH, bodies, CONNECTIONS, MOST_S)


def measure(run):
    for number in run.rounds():
        for who, make in sites(run, "verify-email"):
            with spared(run, "verify-email", who), Sink(keep=True) as sink, make(1, sink.port) as site:
                add_load(run, "verify-email", who, prove(site, sink, number, run.seconds))
