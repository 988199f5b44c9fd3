"""A Gatepost for a bench: of its own folder, on a free port; stops with the `with` block."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request

from rig import processes
from rig.site import PASSWORD, Site

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
__all__ = ["BUILD", "FAST", "PASSWORD", "ROOT", "Server", "smtp"]
# Passwords that cost nothing, to measure everything else.
FAST = ("password.iterations=1", "password.allow_weak=yes", "password.min_strength=0",
        "limits.enabled=no")


def smtp(port):
    return ["smtp.host=127.0.0.1", "smtp.port=%d" % port, "smtp.tls=none"]


class Server(Site):
    """As a peer (bench/peers): it has url, address, pids(), sign_up() and
    log_in()."""

    name = "gatepost"

    def __init__(self, *overrides, base=FAST):
        self.overrides = [part for text in (*base, *overrides) for part in ("-o", text)]

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="gatepost-bench-")
        self.log = open(os.path.join(self.folder, "log"), "w")
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "gatepost"), "serve", "-o", "http.listen=127.0.0.1:0",
             *self.overrides],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=self.log, text=True)
        ready = self.process.stdout.readline()
        found = re.match(r"ready http=127\.0\.0\.1:(\d+) ", ready)
        if not found:
            self.process.wait()
            raise SystemExit("gatepost did not start; see %s/log" % self.folder)
        self.port = int(found.group(1))
        self.address = ("127.0.0.1", self.port)
        self.url = "http://127.0.0.1:%d" % self.port
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.log.close()
            shutil.rmtree(self.folder)

    def workers(self):
        return processes.workers(self.process.pid)

    def pids(self):
        """Of all its processes."""
        return [self.process.pid, *processes.children(self.process.pid)]

    def metric(self, name):
        with urllib.request.urlopen(self.url + "/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[-1])
        raise KeyError(name)
