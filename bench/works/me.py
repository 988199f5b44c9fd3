"""`GET /api/auth/me` with a thousand tokens in rotation, and with tokens that were never seen. libh2o
alone with one constant answer is the limit: one process each. Beside the peers Gatepost too has a
worker a core. All are measured in turn."""
import os

from rig.server import Server
from rig.side_by_side import CONNECTIONS, add_load, side_by_side, started
from rig.tokens import Mint, write_lines
from rig.wrk import Bare, wrk

ROTATION = 1000
LOGINS = 100            # in rotation, of a peer whose tokens cannot be made outside of it
NEW_A_SECOND = 60000    # more than are asked in a second: no token of a round comes twice
NAMES = {"gatepost": "gatepost, a worker a core"}


def rotation(site):
    """A file of tokens."""
    name = site.sign_up("bench")
    if site.token_key():
        return Mint(site, site.log_in(name)).file(site, "rotation", ROTATION)
    return write_lines(site, "rotation", [site.log_in(name)["access"] for _ in range(LOGINS)])


def measure_one_process(run):
    with Bare() as bare, Server("http.workers=1") as server:
        mint = Mint(server, server.log_in(server.sign_up("bench")))
        old = mint.file(server, "rotation", ROTATION)
        me = server.url + server.me_path
        for number in run.rounds():
            new = mint.file(server, "new%d" % number, NEW_A_SECOND * run.seconds)
            add_load(run, "me", "bare libh2o", wrk(bare.url, "get.lua", CONNECTIONS, run.seconds))
            add_load(run, "me", "gatepost", wrk(me, "tokens.lua", CONNECTIONS, run.seconds, old))
            add_load(run, "me", "gatepost, new tokens",
                     wrk(me, "tokens.lua", CONNECTIONS, run.seconds, new))
            os.remove(new)


def measure_peers(run):
    with started(run, "me") as sites:
        loads = []
        for who, site in sites:
            file, url = rotation(site), site.url + site.me_path
            loads.append((NAMES.get(who, who), lambda seconds, file=file, url=url: wrk(
                url, "tokens.lua", CONNECTIONS, seconds, file)))
        side_by_side(run, "me", loads)


def measure(run):
    measure_one_process(run)
    measure_peers(run)
