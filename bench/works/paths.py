"""The paths that are asked most: `me`, `/healthz`, refresh. Those that only read are held against
libh2o alone, one process each, measured in turn."""
import base64
import hashlib
import hmac
import json
import os
import statistics

from rig.server import PASSWORD, Server
from rig.wrk import Bare, median, wrk

CONNECTIONS = 64
ROTATION = 1000
NEW_A_SECOND = 60000    # more than are asked in a second: no token of a round comes twice
SESSIONS = 2 * CONNECTIONS


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Mint:
    """Access tokens of one session, as the server signs them with its key file."""

    def __init__(self, server, pair):
        payload = pair["access"].split(".")[1]
        self.claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        self.claims["exp"] += 3600
        with open(os.path.join(server.folder, "var/token.key"), "rb") as file:
            self.key = file.read().rstrip(b"\n")

    def token(self):
        claims = dict(self.claims, jti=os.urandom(16).hex())
        signed = "%s.%s" % (part(b'{"alg":"HS256","typ":"JWT"}'),
                            part(json.dumps(claims, separators=(",", ":")).encode()))
        return "%s.%s" % (signed, part(hmac.new(self.key, signed.encode(), hashlib.sha256).digest()))

    def file(self, server, name, count):
        path = os.path.join(server.folder, name)
        with open(path, "w") as file:
            file.writelines(self.token() + "\n" for _ in range(count))
        return path


def log_in(server, name):
    return server.call("/api/auth/login", {"username": name, "password": PASSWORD})[1]


def bench_me(options):
    """One token, a thousand in rotation, tokens that were never seen before; `/healthz`, and the key
    set of a server that has one."""
    rounds = []
    with Bare() as bare, Server("http.workers=1") as server, \
            Server("http.workers=1", "token.algorithm=ES256") as signer:
        pair = log_in(server, server.sign_up("bench"))
        mint = Mint(server, pair)
        rotation = mint.file(server, "rotation", ROTATION)
        me = server.url + "/api/auth/me"
        for number in range(options.rounds):
            new = mint.file(server, "new%d" % number, NEW_A_SECOND * options.seconds)
            one = {
                "bare_libh2o": wrk(bare.url, "get.lua", CONNECTIONS, options.seconds),
                "me": wrk(me, "get.lua", CONNECTIONS, options.seconds,
                          headers=["Authorization: Bearer " + pair["access"]]),
                "me_1000_tokens": wrk(me, "tokens.lua", CONNECTIONS, options.seconds, rotation),
                "me_new_tokens": wrk(me, "tokens.lua", CONNECTIONS, options.seconds, new),
                "healthz": wrk(server.url + "/healthz", "get.lua", CONNECTIONS, options.seconds),
                "jwks": wrk(signer.url + "/.well-known/jwks.json", "get.lua", CONNECTIONS, options.seconds),
            }
            os.remove(new)
            rounds.append(one)
    results = {name + "_per_second": median([one[name] for one in rounds], "per_second")
               for name in rounds[0]}
    for name in list(rounds[0])[1:]:
        results[name + "_p99_ms"] = median([one[name] for one in rounds], "p99_ms")
        results[name + "_errors"] = sum(one[name]["errors"] for one in rounds)
        results[name + "_to_bare_ratio"] = statistics.median(
            one[name]["per_second"] / one["bare_libh2o"]["per_second"] for one in rounds)
    return results


def bench_refresh(options):
    """Durable rotations a second: each takes the refresh token that an earlier answer gave."""
    rounds = []
    for _ in range(options.rounds):
        # Without a grace time every refresh is a rotation, however often one session has its turn.
        with Server("http.workers=1", "token.refresh_grace_s=0",
                    "token.sessions_max=%d" % SESSIONS) as server:
            name = server.sign_up("bench")
            path = os.path.join(server.folder, "refresh")
            with open(path, "w") as file:
                file.writelines(log_in(server, name)["refresh"] + "\n" for _ in range(SESSIONS))
            rounds.append(wrk(server.url, "refresh.lua", CONNECTIONS, options.seconds, path))
            rounds[-1]["commits"] = server.metric("gatepost_store_commits_total")
    return {"refreshes_per_second": median(rounds, "per_second"),
            "refresh_p50_ms": median(rounds, "p50_ms"), "refresh_p99_ms": median(rounds, "p99_ms"),
            "refresh_errors": sum(one["errors"] for one in rounds),
            "refreshes_a_commit": statistics.median(one["requests"] / one["commits"]
                                                    for one in rounds)}
