"""What backups and compaction cost those who sign up meanwhile. In turn, on one server: alone, with one
backup after the other, with one compaction after the other."""
import threading

from rig.server import Server
from rig.side_by_side import add_load
from rig.wrk import wrk

KINDS = {"alone": (), "beside backups": ("backup", "copy"), "beside compactions": ("compact",)}


class Repeated:
    """A command of the running server, one after the other, until the block ends."""

    def __init__(self, server, *words):
        self.server, self.words = server, words
        self.done, self.failed, self.finish = 0, None, threading.Event()

    def repeat(self):
        while self.words and not self.finish.is_set():
            try:
                self.server.command(*self.words)
            except SystemExit as failure:       # of this thread alone
                self.failed = failure
                return
            self.done += 1

    def __enter__(self):
        self.thread = threading.Thread(target=self.repeat)
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.finish.set()
        self.thread.join()
        if self.failed is not None and kind is None:
            raise self.failed


def measure(run):
    with Server() as server:
        wrk(server.url, "signup.lua", 16, run.seconds, "grow")  # something to copy
        for number in run.rounds():
            for index, (kind, words) in enumerate(KINDS.items()):
                with Repeated(server, *words) as repeated:
                    load = wrk(server.url, "signup.lua", 8, run.seconds, "k%dr%d" % (index, number))
                add_load(run, "backup", "gatepost, " + kind, load)
                if words:
                    run.add("backup", "gatepost, " + kind, "done_count", repeated.done)
