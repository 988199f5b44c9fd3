"""Durable sign-ups a second with their letters on their way to smtp-sink, and a second until the last
letter has arrived. Beside the peers; and with letters as files, and held back, where no relay has a
part in it."""
import contextlib
import time

from peers.table import peers_of, spared
from rig.server import Server
from rig.side_by_side import CONNECTIONS, WARM_S, add_load
from rig.sink import Sink
from rig.sites import gatepost
from rig.wrk import wrk

ARRIVE_WITHIN_S = 60
QUIET_S = 0.3


def sign_up(site, number, seconds):
    return wrk(site.url, "signup.lua", CONNECTIONS, seconds, "s%s" % number)


def with_letters(run, work, who, load, began, arrived):
    """Adds the figures of a load, once all of its letters are there."""
    wanted, until = load["good"], time.monotonic() + ARRIVE_WITHIN_S
    while arrived() < wanted and time.monotonic() < until:
        time.sleep(0.02)
    add_load(run, work, who, load)
    run.add(work, who, "with_letter_per_second", arrived() / (time.monotonic() - began))


def measure_gatepost(run, work, number, iterations):
    with Sink() as sink, gatepost(iterations, sink.port) as server:
        began = time.monotonic()
        load = sign_up(server, number, run.seconds)
        with_letters(run, work, "gatepost", load, began,
                     lambda: server.metric('gatepost_mail_total{verdict="delivered"}'))


def settled(sink):
    """How many letters have come, once none comes any more: those of what went before are no part of
    what follows."""
    until, count = time.monotonic() + ARRIVE_WITHIN_S, -1
    while sink.arrived() != count and time.monotonic() < until:
        count = sink.arrived()
        time.sleep(QUIET_S)
    return count


def measure_peer(run, work, number, who, site, sink):
    before, began = settled(sink), time.monotonic()
    load = sign_up(site, number, run.seconds)
    with_letters(run, work, who, load, began, lambda: sink.arrived() - before)


def measure_without_relay(run, number):
    """Of files, the last is written after the load; held back, none is."""
    with Server("mail.transport=file") as server:
        add_load(run, "signup", "gatepost, letters to files", sign_up(server, number, run.seconds))
    with Sink() as sink, gatepost(1, sink.port) as server:
        server.command("mail", "pause")
        add_load(run, "signup", "gatepost, letters held back", sign_up(server, number, run.seconds))


def beside_peers(run, work, iterations, also=lambda run, number: None):
    with contextlib.ExitStack() as stack:
        peers = []
        for who, peer in peers_of(run, work):
            with spared(run, work, who):
                sink = stack.enter_context(Sink(count=True))
                site = stack.enter_context(peer(iterations, sink.port))
                sign_up(site, "warm", WARM_S)
                peers.append((who, site, sink))
        for number in run.rounds():
            measure_gatepost(run, work, number, iterations)
            also(run, number)
            for who, site, sink in peers:
                measure_peer(run, work, number, who, site, sink)


def measure(run):
    beside_peers(run, "signup", 1, measure_without_relay)


def measure_1000(run):
    beside_peers(run, "signup-1000", 1000)
