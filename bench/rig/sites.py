"""Gatepost and those of its peers that can do a work, to be started one by one or side by side."""
import os

from peers.table import peers_of
from rig.server import Server, at_cost, smtp


def gatepost(iterations, relay_port, *overrides):
    relay = smtp(relay_port) if relay_port else []
    return Server(*relay, *overrides, base=at_cost(iterations))


def sites(run, work, overrides=()):
    """(who, a function of iterations and relay_port that gives what `with` starts); overrides: Gatepost's
    configuration."""
    yield "gatepost", lambda iterations, relay_port: gatepost(iterations, relay_port, *overrides)
    yield from peers_of(run, work)


def write_tokens(site, name, tokens):
    """A file of them, one a line, that goes with the site."""
    path = os.path.join(site.folder, name)
    with open(path, "w") as file:
        file.writelines(token + "\n" for token in tokens)
    return path


def open_sessions(site, count):
    """(file of access tokens, file of refresh tokens) of so many accounts with a session each."""
    pairs = [site.log_in(site.sign_up("session%d" % number)) for number in range(count)]
    return (write_tokens(site, "access", [pair["access"] for pair in pairs]),
            write_tokens(site, "refresh", [pair["refresh"] for pair in pairs]))
