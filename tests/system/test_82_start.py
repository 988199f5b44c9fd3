"""A cold start: from the command to the first 200, with a small database that is there already.

What it takes is mostly processor time: the master is linked with its libraries, reads configuration and
letters and makes the segment; then, side by side, the store recovers and a worker checks and measures
its hash kernels. So that is looked at always, as if one came after the other; the clock only where the
machine has nothing else to do."""
import os
import time
from pathlib import Path

import pytest

import gatepost
from client import Api, Closed, Connection, unique
from gatepost import free_port

TRIES = 8
MOST_MS = 60

pytestmark = pytest.mark.skipif(gatepost.BINARY != gatepost.Gatepost.release_binary(),
                                reason="only a release is fast")


@pytest.fixture
def small(prepare):
    """A server that has a database, and is not running; as it is configured by default, two workers."""
    port = free_port()
    server = prepare({"http.listen": f"127.0.0.1:{port}", "store.cache_mib": None,
                      "password.iterations": None, "password.allow_weak": None})
    server.start()
    api = Api(server.address)
    assert api.signup(unique()).status == 201
    api.close()
    server.stop()
    return server, ("127.0.0.1", port)


def first_answer(address):
    while True:
        try:
            with Connection(address) as connection:
                if connection.request("GET", "/healthz").status == 200:
                    return
        except (ConnectionError, Closed, OSError):
            time.sleep(0.0005)


def cpu_ms(pid):
    return sum(int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
               for task in os.listdir(f"/proc/{pid}/task")) / 1e6


def start_once(server, address):
    """(milliseconds to the first 200, milliseconds of processor time on the way to it)."""
    began = time.monotonic()
    server.spawn()
    first_answer(address)
    took = (time.monotonic() - began) * 1000
    assert server.read_ready(15).startswith("ready ")
    server.pid = server.process.pid
    workers = min(cpu_ms(pid) for pid in server.workers())
    spent = cpu_ms(server.pid) + cpu_ms(server.child("store")) + workers
    server.stop()
    return took, spent


def test_the_first_200_comes_within_60_ms(small):
    server, address = small
    quiet = os.getloadavg()[0] < os.cpu_count() / 2
    tries = [start_once(server, address) for _ in range(TRIES)]
    print("first 200 after %.0f ms, %.0f ms of processor time on the way (the best of %d starts)" % (
        min(took for took, _ in tries), min(spent for _, spent in tries), TRIES))
    assert min(spent for _, spent in tries) < MOST_MS, tries
    if quiet:
        assert min(took for took, _ in tries) < MOST_MS, tries
