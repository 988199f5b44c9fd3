"""The other paths that are only read: `/healthz`, the key set, `me` with one token; libh2o alone with
one constant answer is the limit. One process each, measured in turn."""
from rig.server import Server
from rig.side_by_side import CONNECTIONS, add_load
from rig.wrk import Bare, wrk


def measure(run):
    with Bare() as bare, Server("http.workers=1") as server, \
            Server("http.workers=1", "token.algorithm=ES256") as signer:
        pair = server.log_in(server.sign_up("bench"))
        asked = {
            "bare libh2o": (bare.url, ()),
            "gatepost, me, one token": (server.url + "/api/auth/me",
                                        ["Authorization: Bearer " + pair["access"]]),
            "gatepost, healthz": (server.url + "/healthz", ()),
            "gatepost, jwks.json": (signer.url + "/.well-known/jwks.json", ()),
        }
        for _ in run.rounds():
            for who, (url, headers) in asked.items():
                load = wrk(url, "get.lua", CONNECTIONS, run.seconds, headers=headers)
                add_load(run, "paths", who, load)
