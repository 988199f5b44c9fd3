"""`GET /api/auth/me` with a thousand tokens in rotation, and with tokens that were never seen; libh2o
alone with one constant answer is the limit. One process each, measured in turn."""
import os

from rig.server import PASSWORD, Server
from rig.tokens import Mint
from rig.wrk import Bare, wrk

CONNECTIONS = 64
ROTATION = 1000
NEW_A_SECOND = 60000    # more than are asked in a second: no token of a round comes twice


def add(run, who, load):
    run.add_all("me", who, {"requests_per_second": load["per_second"], "p99_ms": load["p99_ms"],
                            "errors_count": load["errors"]})


def measure(run):
    with Bare() as bare, Server("http.workers=1") as server:
        name = server.sign_up("bench")
        mint = Mint(server, server.log_in(name))
        rotation = mint.file(server, "rotation", ROTATION)
        me = server.url + "/api/auth/me"
        for number in run.rounds():
            new = mint.file(server, "new%d" % number, NEW_A_SECOND * run.seconds)
            add(run, "bare libh2o", wrk(bare.url, "get.lua", CONNECTIONS, run.seconds))
            add(run, "gatepost", wrk(me, "tokens.lua", CONNECTIONS, run.seconds, rotation))
            add(run, "gatepost, new tokens", wrk(me, "tokens.lua", CONNECTIONS, run.seconds, new))
            os.remove(new)
