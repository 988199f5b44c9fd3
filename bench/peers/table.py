"""The peers, by name. A peer is a context manager like rig/server.py's Server:

    Peer(iterations, relay_port=None, count=None)
                                        starts it: PBKDF2 at that cost, letters to that port (None: nowhere),
                                        so many processes that serve (None: one a core)
    url, address                        where it answers, with the paths of docs/api.md
    works                               names of the works (works/table.py) that it can do
    pids()                              of all its processes
    sign_up(name), log_in(name)         as Server has them
    login_path, login_body(name), refresh_path, refresh_body(token), form_type, me_path
                                        for loads: what is sent where
    kill(), start()                     as kill -9 of all of it; again, on the same folder
    missing()                           a class method: why it cannot be started here, or None

It is stopped with all its processes and its folder at the end of the block."""
import contextlib

from peers.django_peer import Django, DjangoWithoutSha, RotatingDjango
from peers.glewlwyd_peer import Glewlwyd
from peers.node_peer import Node
from rig.run import Missing

PEERS = {"django": Django, "node": Node, "glewlwyd": Glewlwyd}
# The same peer, run in another way: measured where the peer is.
VARIANTS = (RotatingDjango, DjangoWithoutSha)


@contextlib.contextmanager
def spared(run, work, who):
    """A peer that does not start is skipped by name; the others are measured."""
    try:
        yield
    except Missing as missing:
        run.skip(work, who, str(missing))


def peers_of(run, work):
    """(who, class) of all that can do that work here; those that cannot be started are skipped by
    name."""
    for peer in (*PEERS.values(), *VARIANTS):
        if peer.name not in run.peers or work not in peer.works:
            continue
        missing = peer.missing()
        who = "%s, %s" % (peer.name, peer.variant) if peer.variant else peer.name
        if missing:
            run.skip(work, who, missing)
        else:
            yield who, peer
