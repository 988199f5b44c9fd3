"""10,000 idle connections, 1,000 trickling ones and a storm of logins together, at the real cost of a
hash: what somebody waits who behaves well, what memory the workers take, and what a worker does that
is at its limit and asked for nothing. `bench/run --only crowd`; test_86_crowd.py is the same in the small."""
import os
import resource
import sys
import time

from rig import processes
from rig.server import PASSWORD, ROOT, Server

sys.path.append(os.path.join(ROOT, "tests/system"))   # behind the bench's own modules
from crowd_clients import Running  # noqa: E402

IDLE, TRICKLING, STORM = 10_000, 1_000, 200
SETTINGS = ("limits.enabled=no",)
RESTS_S = 5


def allow_descriptors():
    """For the crowd and the server; without the right to, what there is must do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + TRICKLING + STORM + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SystemExit("crowd: %d descriptors are needed, %d allowed" % (wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def cpu_of(pids):
    return sum(processes.cpu_seconds(pid) for pid in pids)


def witnessed(server, token, seconds, **crowd):
    """What a witness waited beside that crowd, and the workers' memory at its height."""
    height = 0
    with Running("crowd", address=server.address, password=PASSWORD, **crowd) as run, \
            Running("witness", address=server.address, token=token) as witness:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            height = max(height, sum(map(processes.memory_kib, server.workers())))
            time.sleep(0.5)
    if witness.seen["wrong"]:
        raise SystemExit("crowd: wrong answers: %s" % witness.seen["wrong"][:5])
    return run.seen, witness.seen, height


def bench_crowd(options):
    allow_descriptors()
    results, seconds = {}, max(options.seconds, 20)
    with Server(base=SETTINGS) as server:
        names = [server.sign_up("account%d" % n) for n in range(20)]
        _, pair = server.call("/api/auth/login", {"username": names[0], "password": PASSWORD})
        before = sum(map(processes.memory_kib, server.workers()))
        for kind, crowd in (("alone", {}), ("storm", {"storm": STORM}),
                            ("crowd", {"idle": IDLE, "trickling": TRICKLING, "storm": STORM})):
            seen, witness, height = witnessed(server, pair["access"], seconds, accounts=names, **crowd)
            results.update({"me_p50_ms_%s" % kind: witness["p50_s"] * 1000,
                            "me_p99_ms_%s" % kind: witness["p99_s"] * 1000,
                            "memory_mib_%s" % kind: (height - before) / 1024})
        results.update(logins_answered=sum(seen["statuses"].values()), logins_served=seen["statuses"].get("200", 0),
                       let_go=seen["closed_by_server"])
    with Server("http.workers=1", "http.connections_max=1000", base=SETTINGS) as server, \
            Running("crowd", address=server.address, idle=2000):
        time.sleep(1)
        began = cpu_of(server.workers())
        time.sleep(RESTS_S)
        results["percent_of_a_core_at_the_limit"] = (cpu_of(server.workers()) - began) / RESTS_S * 100
    return results
