"""What backups and compaction cost those who sign up meanwhile: `bench/run --only backup`. In turn, on one
server: alone, with one backup after the other, with one compaction after the other."""
import os
import statistics
import subprocess
import threading

from rig.server import BUILD, Server
from rig.wrk import median, wrk


class Repeated:
    """A command of the running server, one after the other, until the block ends."""

    def __init__(self, server, *words):
        self.server, self.words = server, words
        self.done, self.finish = 0, threading.Event()

    def run(self):
        while self.words and not self.finish.is_set():
            subprocess.run([os.path.join(BUILD, "gatepost"), *self.words, *self.server.overrides],
                           cwd=self.server.folder, stdout=subprocess.DEVNULL, check=True)
            self.done += 1

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.finish.set()
        self.thread.join()


def bench_backup(options):
    kinds = {"alone": (), "backup": ("backup", "copy"), "compact": ("compact",)}
    rounds, done = {kind: [] for kind in kinds}, dict.fromkeys(kinds, 0)
    with Server() as server:
        wrk(server.url, "signup.lua", 16, options.seconds, "grow")  # something to copy
        for number in range(options.rounds + 1):
            for kind, words in kinds.items():
                with Repeated(server, *words) as repeated:
                    rounds[kind].append(wrk(server.url, "signup.lua", 8, options.seconds, f"{kind}{number}"))
                done[kind] += repeated.done
    results = {"signup_p99_ms_" + kind: median(rounds[kind], "p99_ms") for kind in kinds}
    for kind in ("backup", "compact"):
        results[kind + "_to_alone_p99_ratio"] = statistics.median(
            b["p99_ms"] / a["p99_ms"] for a, b in zip(rounds["alone"], rounds[kind]))
        results[kind + "_runs"] = done[kind]
    results["errors"] = sum(one["errors"] for kind in kinds for one in rounds[kind])
    return results
