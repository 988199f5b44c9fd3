"""What a run measures, in this order. A work is a function of a Run (rig/run.py): it adds its figures,
one value a round, and skips by name what this machine or its peers cannot do."""
from works import curves, disk, lost, me, memory, mixed, relay, signup, start


class Work:
    """in_quick, in_full: it is part of `make bench-quick`, of `make bench`; else by --only alone."""

    def __init__(self, name, measure, text, in_quick=True, in_full=True):
        self.name, self.measure, self.text = name, measure, text
        self.in_quick, self.in_full = in_quick and in_full, in_full


WORKS = [
    Work("me", me.measure, "GET /api/auth/me, held against libh2o alone and the peers"),
    Work("signup", signup.measure, "durable sign-ups of a password that costs nothing, letters to smtp-sink"),
    Work("mixed", mixed.measure, "60 % me, 25 % refresh, 10 % login, 5 % sign-up, open loop, passwords of 1,000 iterations"),
    Work("curves", curves.measure, "latency against offered rate, me and sign-up, open loop", in_quick=False),
    Work("relay", relay.measure, "sign-ups with the relay fast, slow, stalled, down; open loop, 8 connections"),
    Work("lost", lost.measure, "kill -9 in the middle of sign-ups: accounts and letters lost of those acknowledged"),
    Work("memory", memory.measure, "PSS of all processes, idle and after some load"),
    Work("start", start.measure, "cold start: exec to the first 200 of me, the database there"),
    Work("disk", disk.measure, "bytes on the disk for each user"),
]
