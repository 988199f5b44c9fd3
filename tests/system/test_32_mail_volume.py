"""10,000 sign-ups, 10,000 letters: none twice, none missing (issue: done when 2)."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from client import Api, unique
from gatepost import free_port, patience, scaled, wait_for
from load import sign_up_many

COUNT = scaled(10_000)


class PostfixSink:
    """smtp-sink, which writes each letter to a file of its own."""

    def __init__(self, program):
        self.directory = Path(tempfile.mkdtemp(prefix="sink-", dir="/tmp"))
        self.directory.chmod(0o777)
        self.port = free_port()
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            [program, *user, "-d", str(self.directory / "m."), f"127.0.0.1:{self.port}", "128"])

    def count(self):
        return len(os.listdir(self.directory))

    def recipients(self):
        found = []
        for path in self.directory.iterdir():
            found += re.findall(rb"^X-Rcpt-Args: <([^>]*)>", path.read_bytes(), re.MULTILINE)
        return [address.decode() for address in found]

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class PeerSink:
    """Where Postfix is not installed: the scripted peer as a process of its own."""

    def __init__(self):
        self.output = tempfile.TemporaryFile("w+b")
        self.process = subprocess.Popen([sys.executable, str(Path(__file__).parent / "peer_sink.py")],
                                        stdout=self.output)
        self.port = wait_for(self._port, 10, "the peer's port")

    def _lines(self):
        # The peer writes where this file stands: whoever moves that makes it write over its lines.
        number = self.output.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode().splitlines()

    def _port(self):
        lines = self._lines()
        return int(lines[0].split()[1]) if lines else None

    def count(self):
        return len(self._lines()) - 1

    def recipients(self):
        return [line.split()[0] for line in self._lines()[1:]]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.output.close()


@pytest.fixture
def sink():
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/lib/postfix/sbin")
    made = PostfixSink(program) if program else PeerSink()
    yield made
    made.stop()


def test_every_sign_up_has_its_one_letter(serve, sink):
    server = serve({"smtp.host": "127.0.0.1", "smtp.port": str(sink.port), "smtp.tls": "none",
                    "mail.retry_s": "1"})
    prefix = unique("v") + "n"
    names = [f"{prefix}{i}" for i in range(COUNT)]
    began = time.monotonic()
    sign_up_many(server, names, 6)
    signed_up = time.monotonic()
    wait_for(lambda: sink.count() >= COUNT, 180, f"{COUNT} letters; {sink.count()} came")
    api = Api(server.address)
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 15, "an empty outbox")
    counted = Counter(sink.recipients())
    assert len(counted) == COUNT and set(counted.values()) == {1}, counted.most_common(3)
    assert set(counted) == {f"{name}@example.com" for name in names}
    print(f"{type(sink).__name__}: {COUNT} sign-ups in {signed_up - began:.1f} s, "
          f"letters after {time.monotonic() - began:.1f} s")
    assert time.monotonic() - began < patience(180)
