"""Clients that write down when each of their answers came: what gaps and failures are measured with.
In this process, one thread each; a handful, so that they measure the server and not Python."""
import threading
import time

from client import Closed, unique
from load import kept_connection


class Probe(threading.Thread):
    def __init__(self, server, pause_s=0.002):
        super().__init__(daemon=True)
        self.server, self.pause_s = server, pause_s
        self.successes = []     # (asked, answered), monotonic
        self.acknowledged = []  # the names of those
        self.failures = []      # (when, what)
        self.worker = None      # pid of the one that has the connection
        self.finish = threading.Event()

    def connect(self):
        connection, self.worker = kept_connection(self.server)
        return connection

    def run(self):
        connection, prefix = None, unique("probe") + "x"
        while not self.finish.is_set():
            asked = time.monotonic()
            name = f"{prefix}{len(self.successes) + len(self.failures)}"
            try:
                connection = connection or self.connect()
                answer = connection.signup(name)
            except (Closed, OSError) as error:
                self.failures.append((time.monotonic(), self.worker, repr(error)))
                connection, self.worker = None, None
                continue
            if answer.status == 201:
                self.successes.append((asked, time.monotonic()))
                self.acknowledged.append(name)
            else:
                self.failures.append((time.monotonic(), self.worker, repr(answer)[:200]))
            if answer.closes():
                connection.close()
                connection = None
            time.sleep(self.pause_s)
        if connection is not None:
            connection.close()

    def first_success_after(self, when):
        """Seconds from then to the first answer that came after it; None: there was none."""
        return next((answered - when for _, answered in self.successes if answered >= when), None)


class Probes:
    def __init__(self, server, count=4):
        self.all = [Probe(server) for _ in range(count)]

    def __enter__(self):
        for probe in self.all:
            probe.start()
        return self

    def __exit__(self, *_):
        for probe in self.all:
            probe.finish.set()
        for probe in self.all:
            probe.join(30)

    @property
    def failures(self):
        return [failure for probe in self.all for failure in probe.failures]

    @property
    def acknowledged(self):
        return [name for probe in self.all for name in probe.acknowledged]

    def answered(self):
        return sum(len(probe.successes) for probe in self.all)


def percentile(values, share):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]
