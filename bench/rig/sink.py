"""Relays: Postfix's smtp-sink, which takes every letter; one that never says a word; none at all."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from rig.server import BUILD

SINK = os.path.join(BUILD, "tools/bin/smtp-sink")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sink:
    """smtp-sink on a free port. delay_s: it waits so long before it answers a command. keep: each
    letter is a file in .folder, else they are thrown away. count: arrived() tells how many came,
    for a call of the system more a letter."""

    def __init__(self, delay_s=0, keep=False, count=False):
        self.delay_s, self.keep, self.count = delay_s, keep, count

    def __enter__(self):
        self.port = free_port()
        as_user = ["-u", "nobody"] if os.getuid() == 0 else []  # it refuses to be root
        slow = ["-w", str(self.delay_s)] if self.delay_s else []
        self.folder = tempfile.mkdtemp(prefix="smtp-sink-")
        os.chmod(self.folder, 0o777)
        kept = ["-d", os.path.join(self.folder, "letter.")] if self.keep else []
        self.numbers = open(os.path.join(self.folder, "numbers"), "w") if self.count else None
        self.process = subprocess.Popen(
            [SINK, *as_user, *slow, *kept, *(["-c"] if self.count else []), "-m", "64",
             "127.0.0.1:%d" % self.port, "1024"],
            stdout=self.numbers or subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_it_listens(self):
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("smtp-sink did not start")

    def arrived(self):
        with open(os.path.join(self.folder, "numbers"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 200))
            counts = re.findall(rb"mesg=(\d+)", file.read())
        return int(counts[-1]) if counts else 0

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        if self.numbers:
            self.numbers.close()
        shutil.rmtree(self.folder)


class StalledRelay:
    """Accepts connections and never says a word."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.held = []
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        try:
            while True:
                self.held.append(self.listener.accept()[0])
        except OSError:
            pass

    def __exit__(self, *_):
        self.listener.close()
        for connection in self.held:
            connection.close()


class NoRelay:
    """A port where nobody listens."""

    def __enter__(self):
        self.port = free_port()
        return self

    def __exit__(self, *_):
        pass
