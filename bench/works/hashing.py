"""Sign-ups and logins a second at 600,000 iterations when there are always more of them than can be
hashed: Gatepost, the bare rate of all cores, and the peers under the same load. A process a core each."""
import itertools

from peers.table import peers_of, spared
from rig.balance import balanced
from rig.clients import Loop, post_text, signup
from rig.raw_rate import raw_rate
from rig.saturation import ACCOUNTS, EACH, Saturation, settings
from rig.server import Server

ITERATIONS = 600000
WARM_S = 2
LEAST_S = 5         # of a load: the slowest peers answer a few times a second
QUICK_S = 2
WHAT = {"signup": "signups_per_second", "login": "logins_per_second"}


def requests(site, kind):
    """Of ever new people, or of a few accounts in turn."""
    if kind == "signup":
        return (signup("user%d" % n) for n in itertools.count())
    accounts = [site.sign_up("account%d" % n) for n in range(ACCOUNTS)]
    return itertools.cycle([post_text(site.login_path, site.form_type, site.login_body(name))
                            for name in accounts])


def gatepost_rate(kind, seconds):
    with Server(base=settings(ITERATIONS, "password.queue_max=1000")) as server:
        asked, loop = requests(server, kind), Loop()
        groups = list(balanced(loop, server, EACH).values())
        return Saturation(loop, groups, asked).measure(WARM_S, seconds)


def peer_rate(peer, kind, seconds):
    with peer(ITERATIONS) as site:
        asked, loop = requests(site, kind), Loop()
        clients = [loop.client(site.address) for _ in range(EACH * site.count)]
        return Saturation(loop, [clients], asked).measure(WARM_S, seconds)


def measure_peer(run, who, peer, kinds, seconds):
    for kind in kinds:
        if kind == "signup" and not peer.can_sign_up:
            continue
        with spared(run, "hash", who):
            run.add("hash", who, WHAT[kind], peer_rate(peer, kind, seconds))


def measure(run):
    """A variant of a peer, and one that has logins alone, are measured in the first round: they take
    long and are no mark."""
    kinds = ("signup",) if run.is_quick else ("signup", "login")
    seconds = QUICK_S if run.is_quick else max(LEAST_S, run.seconds)
    peers = list(peers_of(run, "hash"))
    for number in run.rounds():
        raw = raw_rate(ITERATIONS, seconds)
        run.add("hash", "raw kernel", "hashes_per_second", raw["best_per_second"])
        run.add("hash", "bare OpenSSL", "hashes_per_second", raw["openssl_per_second"])
        for kind in kinds:
            run.add("hash", "gatepost", WHAT[kind], gatepost_rate(kind, seconds))
        for who, peer in peers:
            if number == 0 or not peer.variant and peer.can_sign_up:
                measure_peer(run, who, peer, kinds, seconds)
