"""A Gatepost for a bench: of its own folder, on a free port; stops with the `with` block."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from rig import processes
from rig.site import Site

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
# Passwords that cost nothing, to measure everything else.
FAST = ("password.iterations=1", "password.allow_weak=yes", "password.min_strength=0",
        "limits.enabled=no")


def smtp(port):
    return ["smtp.host=127.0.0.1", "smtp.port=%d" % port, "smtp.tls=none"]


def at_cost(iterations):
    """As FAST, with passwords that cost so many iterations."""
    return ("password.iterations=%d" % iterations, *FAST[1:])


class Server(Site):
    """As a peer (bench/peers): it has url, address, pids(), sign_up(), log_in(), kill() and start()."""

    name = "gatepost"
    wrapper = ()    # what the program is started by

    def __init__(self, *overrides, base=FAST):
        self.overrides = [part for text in (*base, *overrides) for part in ("-o", text)]
        self.process = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="gatepost-bench-")
        self.log = open(os.path.join(self.folder, "log"), "w")
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        """Returns when it is ready. Works that kill or stop it start it again on the same folder."""
        self.launch()
        ready = self.process.stdout.readline()
        found = re.match(r"ready http=127\.0\.0\.1:(\d+) ", ready)
        if not found:
            with open(self.log.name) as log:
                raise SystemExit("gatepost did not start:\n%s" % log.read()[-2000:])
        self.port = int(found.group(1))
        self.address = ("127.0.0.1", self.port)
        self.url = "http://127.0.0.1:%d" % self.port

    def launch(self):
        self.process = subprocess.Popen(
            [*self.wrapper, os.path.join(BUILD, "gatepost"), "serve", "-o", "http.listen=127.0.0.1:0",
             *self.overrides],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()

    def restart(self, *overrides):
        """On the same folder, with more configuration."""
        self.stop()
        self.overrides += [part for text in overrides for part in ("-o", text)]
        self.start()

    def kill(self):
        """All of its processes, as nearly at once as can be; children that are left end by themselves
        when their master is gone."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process.stdout.close()

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.log.close()
            shutil.rmtree(self.folder)

    def workers(self):
        return processes.workers(self.process.pid)

    def token_key(self):
        with open(os.path.join(self.folder, "var/token.key"), "rb") as file:
            return file.read().rstrip(b"\n")

    def pids(self):
        """Of all its processes."""
        return [self.process.pid, *processes.children(self.process.pid)]

    def wait_until_mailed(self, seconds=60):
        until = time.monotonic() + seconds
        while self.metric("gatepost_outbox_pending") > 0:
            if time.monotonic() > until:
                raise SystemExit("letters still wait after %d s" % seconds)
            time.sleep(0.05)

    def command(self, *words):
        """What an operator would type: gatepost WORDS. The bench ends where it fails."""
        ended = subprocess.run([os.path.join(BUILD, "gatepost"), *words, *self.overrides],
                               cwd=self.folder, capture_output=True, text=True)
        if ended.returncode != 0:
            raise SystemExit("gatepost %s: %s" % (" ".join(words), ended.stderr[-500:]))

    def metric(self, name):
        with urllib.request.urlopen(self.url + "/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[-1])
        raise KeyError(name)
