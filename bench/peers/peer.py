"""What every peer is made of: a folder, processes in a group of their own, an end."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from rig import processes
from rig.run import Missing
from rig.server import BUILD
from rig.sink import free_port
from rig.site import Site

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS_BUILD = os.path.join(BUILD, "peers")
START_S = 60


class Peer(Site):
    """A subclass has name, works, missing(), prepare() and command(). iterations: of PBKDF2.
    relay_port: where its letters go; None: nowhere. count: of its server processes; None: one a core."""

    variant = ""        # what follows the name where there are several of it

    def __init__(self, iterations, relay_port=None, count=None):
        self.iterations, self.relay_port = iterations, relay_port
        self.count = count or len(os.sched_getaffinity(0))
        self.environment = {}
        self.process = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="%s-bench-" % self.name)
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.url = "http://127.0.0.1:%d" % self.port
        self.log = open(os.path.join(self.folder, "log"), "w+")
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self):
        """What is done once, before the first start: a database, keys."""

    def start(self):
        """Returns after its first answer. Works that kill it start it again on the same folder."""
        self.launch()
        self.wait_until_it_answers()

    def launch(self):
        self.process = subprocess.Popen(
            self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, **self.environment}, start_new_session=True)

    def wait_until_it_answers(self):
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url + self.me_path, timeout=START_S).close()
            except urllib.error.HTTPError:
                return      # it refuses somebody without a token
            except OSError:
                time.sleep(0.001)
        self.log.seek(0)
        raise Missing("did not start: %s" % " ".join(self.log.read()[-1000:].split()))

    def stop(self):
        """All of its group, also what outlived its parent."""
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def pids(self):
        return [self.process.pid, *processes.children(self.process.pid)]


def run_once(command, folder, environment, log):
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment},
                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120)
    if done.returncode != 0:
        log.seek(0)
        raise Missing("%s fails: %s" % (command[0], " ".join(log.read()[-1000:].split())))
