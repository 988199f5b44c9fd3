"""What a run measures, in this order. A work is a function of a Run (rig/run.py): it adds its figures,
one value a round, and skips by name what this machine or its peers cannot do."""
from works import (backup, crowd, curves, disk, equal_time, farewell, growth, hashing, http2, latency,
                   letters, login, lost, me, memory, micro, mixed, moving_in, paths, refresh, relay,
                   scaling, signup, start, storm, verify_email)


class Work:
    """in_quick, in_full: it is part of `make bench-quick`, of `make bench`; else by --only alone."""

    def __init__(self, name, measure, text, in_quick=True, in_full=True):
        self.name, self.measure, self.text = name, measure, text
        self.in_quick, self.in_full = in_quick and in_full, in_full


WORKS = [
    Work("me", me.measure, "GET /api/auth/me, held against libh2o alone and the peers"),
    Work("login", login.measure, "logins of a password that costs nothing", in_quick=False),
    Work("refresh", refresh.measure, "durable rotations of refresh tokens"),
    Work("verify-email", verify_email.measure, "proofs of an address, each by a letter's token", in_quick=False),
    Work("signup", signup.measure, "durable sign-ups of a password that costs nothing, letters to smtp-sink"),
    Work("signup-1000", signup.measure_1000, "the same with 1,000 iterations of PBKDF2", in_quick=False),
    Work("hash", hashing.measure, "sign-ups and logins at 600,000 iterations, more than can be hashed"),
    Work("mixed", mixed.measure, "60 % me, 25 % refresh, 10 % login, 5 % sign-up, open loop, passwords of 1,000 iterations"),
    Work("curves", curves.measure, "latency against offered rate, me and sign-up, open loop", in_quick=False),
    Work("relay", relay.measure, "sign-ups with the relay fast, slow, stalled, down; open loop, 8 connections"),
    Work("lost", lost.measure, "kill -9 in the middle of sign-ups: accounts and letters lost of those acknowledged"),
    Work("memory", memory.measure, "PSS of all processes, idle and after some load"),
    Work("start", start.measure, "cold start: exec to the first 200 of me, the database there"),
    Work("growth", growth.measure, "cost of an operation against the number of users, caches of 1 GiB and 64 MiB"),
    Work("scaling", scaling.measure, "1 to 8 workers, 1 to 8 askers of one store: measured, and modelled where cores do not suffice",
         in_quick=False),
    Work("moving-in", moving_in.measure, "accounts from a Django dump, in and out, by the command line"),
    Work("disk", disk.measure, "bytes on the disk for each user"),
    Work("letters", letters.measure, "letters a second to smtp-sink, on four kept connections"),
    Work("paths", paths.measure, "/healthz, the key set and me with one token, held against libh2o alone"),
    Work("http2", http2.measure, "me by h2load: HTTP/1.1 plain and over TLS, HTTP/2 with one stream and with ten"),
    Work("latency", latency.measure, "one login alone and eight at once, held against the hash kernels"),
    Work("backup", backup.measure, "sign-ups beside backups and compactions", in_full=False),
    Work("crowd", crowd.measure, "10,000 idle connections, 1,000 that trickle, 200 that log in without a pause",
         in_full=False),
    Work("storm", storm.measure, "ten times as many logins as can be hashed", in_full=False),
    Work("equal-time", equal_time.measure, "unknown user to wrong password, in time", in_full=False),
    Work("farewell", farewell.measure, "QUIT while every place of the queue is taken", in_full=False),
    Work("store", micro.measure_store, "durable sign-ups and refreshes in the store, without HTTP: against Berkeley DB by itself"),
    Work("lane", micro.measure_lane, "records from one process to another: our lane, libck's ring, the kernel's media"),
    Work("wakeup", micro.measure_wakeup, "from the sending of a record to the other process's having it"),
    Work("json", micro.measure_json, "a sign-up's body read, the answer of me written: ours, and yajl alone"),
    Work("token", micro.measure_token, "access tokens signed and checked, every algorithm: ours, and libjwt"),
    Work("codec", micro.measure_codec, "the rows and the ask of a sign-up packed and unpacked"),
    Work("letter", micro.measure_letter, "a letter composed, and signed by each kind of key"),
]
