"""Many idle connections, some that trickle and a storm of logins together: who behaves well is served in
time, memory is bounded, and a worker that can take no more connections does nothing. In the small, as
two cores that tests share allow; bench/works/crowd.py is the whole, and docs/measured has its figures."""
import os
import resource
import time

import pytest

from client import Api, unique
from crowd_clients import Running
from gatepost import SLOW, cpu_seconds, patience, scaled, wait_for

IDLE, TRICKLING, STORM = scaled(2000), scaled(200), scaled(60)
P99_S = 0.3
KIB_FOR_EACH = 24       # of a worker's memory, for a connection that asks for nothing


def resident_kib(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4


@pytest.fixture(autouse=True)
def descriptors():
    """Of the crowd's process, which inherits it; the server's limit is its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        if hard != resource.RLIM_INFINITY and hard < 4096:
            pytest.skip(f"no more than {hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_crowd_keeps_nobody_waiting_who_behaves_well(serve):
    server = serve({"password.iterations": "100000"})
    api = Api(server.address)
    names = [unique("crowd") for _ in range(20)]
    for name in names:
        assert api.signup(name).status == 201
    access = api.tokens(names.pop())["access"]  # of an account whose sessions the storm does not end
    before = sum(map(resident_kib, server.workers()))
    with Running("crowd", address=server.address, idle=IDLE, trickling=TRICKLING, storm=STORM,
                 accounts=names) as crowd, Running("witness", address=server.address, token=access) as witness:
        end = time.monotonic() + 12     # longer than idle and trickling ones may stay
        while time.monotonic() < end:
            time.sleep(0.5)
        height = sum(map(resident_kib, server.workers()))
    assert not witness.seen["wrong"] and witness.seen["asked"] > 100, witness.seen
    assert witness.seen["p99_s"] < patience(P99_S), witness.seen
    assert crowd.seen["closed_by_server"] >= IDLE + TRICKLING, "they were let go after ten seconds"
    assert set(crowd.seen["statuses"]) <= {"200", "503"} and crowd.seen["statuses"]["200"] > 10, crowd.seen
    if not SLOW:
        assert height - before < KIB_FOR_EACH * (IDLE + TRICKLING) + 8 * 1024, (before, height)
    assert Api(server.address).tokens(names[0]) and not server.events("child.died")


def test_a_worker_at_its_limit_does_nothing(serve):
    """The limit is worked out from RLIMIT_NOFILE; beyond it connections wait in the backlog."""
    server = serve({"http.workers": "1"}, wrap=("prlimit", "--nofile=600:600", "--"))
    worker = server.child("worker 0")
    with Running("crowd", address=server.address, idle=1000, there_s=patience(30)):
        wait_for(lambda: len(os.listdir(f"/proc/{worker}/fd")) > 450, 10, "the limit to be reached")
        time.sleep(0.5)
        before, began = cpu_seconds(worker), time.monotonic()
        time.sleep(3)
        used = (cpu_seconds(worker) - before) / (time.monotonic() - began)
        assert len(os.listdir(f"/proc/{worker}/fd")) <= 600
    assert used < 0.10 * (4 if SLOW else 1), f"{used:.0%} of a core"
    assert not server.events("child.died")
    wait_for(lambda: Api(server.address, timeout=2).get("/healthz").status == 200, 15, "the next to be served")
