"""Proofs of an address: accounts are made before, their letters kept, and each token in them is spent
once; the time is that from the first request to the last answer."""
from peers.table import peers_of, spared
from rig import inbox
from rig.server import FAST, Server, smtp
from rig.sink import Sink
from rig.tokens import write_lines
from rig.wrk import post_once, wrk
from works.sites import CONNECTIONS, add_load

PATH = "/api/auth/verify-email"
MOST_S = 60


def prove(site, sink, number, seconds):
    """Signs up for so long, then proves as many addresses as letters came."""
    load = wrk(site.url, "signup.lua", CONNECTIONS, seconds, "v%d" % number)
    tokens = inbox.tokens(sink, load["requests"] - load["errors"])
    bodies = write_lines(site, "proofs", ['{"token":"%s"}' % token for token in tokens])
    return post_once(site, PATH, bodies, CONNECTIONS, MOST_S)


def measure(run):
    makers = [("gatepost", lambda port: Server(*smtp(port), base=FAST)),
              *((who, lambda port, peer=peer: peer(1, port)) for who, peer in peers_of(run, "verify-email"))]
    for number in run.rounds():
        for who, make in makers:
            with spared(run, "verify-email", who), Sink(keep=True) as sink, make(sink.port) as site:
                add_load(run, "verify-email", who, prove(site, sink, number, run.seconds))
