"""Relays: Postfix's smtp-sink, which takes every letter; one that never says a word; none at all."""
import os
import socket
import subprocess
import threading
import time

from rig.server import BUILD

SINK = os.path.join(BUILD, "tools/bin/smtp-sink")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sink:
    """smtp-sink on a free port. delay_s: it waits so long before it answers a command."""

    def __init__(self, delay_s=0):
        self.delay_s = delay_s

    def __enter__(self):
        self.port = free_port()
        as_user = ["-u", "nobody"] if os.getuid() == 0 else []  # it refuses to be root
        slow = ["-w", str(self.delay_s)] if self.delay_s else []
        self.process = subprocess.Popen(
            [SINK, *as_user, *slow, "-m", "64", "127.0.0.1:%d" % self.port, "1024"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise SystemExit("smtp-sink did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


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
