"""Load at a fixed rate, measured from the moment each request was due: bench/load/open_loop."""
import json
import os
import subprocess
import tempfile

from rig.clients import Loop, get
from rig.server import BUILD
from rig.site import PASSWORD

PROGRAM = os.path.join(BUILD, "bench/open_loop")
# More than that is no longer little beside the latencies of a server that is not stalled.
LAG_MS = 1.0


def kind(weight, name, method, path, body="", bearer=None, refresh=None):
    """A line of the program's --mix. bearer, refresh: files of tokens, one a line. Bodies and paths may
    hold {n}, {n%K} and {token}; see bench/load/open_loop/mix.h."""
    tokens = "bearer:" + bearer if bearer else "refresh:" + refresh if refresh else "-"
    body = json.dumps(body, separators=(",", ":")) if isinstance(body, dict) else body
    return "%d %s %s %s %s %s" % (weight, name, method, path, tokens, body)


def me(site, bearer, weight=1):
    return kind(weight, "me", "GET", site.me_path, bearer=bearer)


def refresh(site, tokens, weight=1):
    return kind(weight, "refresh", "POST", site.refresh_path,
                site.refresh_body("TOKEN").replace("TOKEN", "{token}"), refresh=tokens)


def login(site, prefix, accounts, weight=1):
    """Of prefix0, prefix1, ... in turn, so many."""
    return kind(weight, "login", "POST", site.login_path,
                site.login_body(prefix + "NUMBER").replace("NUMBER", "{n%%%d}" % accounts))


def signup(prefix, weight=1):
    """Of prefix0, prefix1, ...: a prefix is good for one load."""
    return kind(weight, "signup", "POST", "/api/auth/signup",
                {"username": prefix + "{n}", "email": prefix + "{n}@example.com",
                 "password": PASSWORD})


def closes(site):
    """Does it close a connection with its answer? Then one that is opened beforehand would only keep one
    of its processes waiting: they are opened when they are needed."""
    return Loop().ask(site.address, get(site.me_path)).closes


def load_site(site, kinds, rate, seconds, **more):
    return open_loop(site.address, kinds, rate, seconds, late=closes(site), **more)


def open_loop(address, kinds, rate, seconds, connections=64, warm=0.0, poisson=True, seed=1,
              drain=5.0, timeout=20.0, late=False):
    """What the program prints, of one load; "good": how many were answered with 2xx, "failed": how many
    were due and were not; "good_per_second": as answered_per_second, without the refusals."""
    with tempfile.NamedTemporaryFile("w", prefix="gatepost-mix-") as mix:
        mix.write("".join(line + "\n" for line in kinds))
        mix.flush()
        command = [PROGRAM, "--address", "%s:%d" % address, "--mix", mix.name, "--rate", str(rate),
                   "--seconds", str(seconds), "--warm", str(warm), "--drain", str(drain),
                   "--timeout", str(timeout), "--connections", str(connections), "--seed", str(seed)]
        command += ["--poisson"] * poisson + ["--late"] * late
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit("the load failed: %s" % done.stderr.strip())
    found = json.loads(done.stdout)
    good = sum(count for status, count in found["statuses"].items() if status.startswith("2"))
    found["good"] = good
    found["good_per_second"] = found["answered_per_second"] * good / (found["answered"] or 1)
    found["failed"] = found["answered"] + found["unanswered"] + sum(found["errors"].values()) - good
    return found


def is_behind(load):
    """Was the generator itself so late that its latencies are not the server's?"""
    return load["lag_p99_ms"] > LAG_MS
