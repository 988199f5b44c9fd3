"""10,000 idle connections, 1,000 trickling ones and a storm of logins together, at the real cost of a
hash: what somebody waits who behaves well, what memory the workers take, and what a worker does that
is at its limit and asked for nothing. test_86_crowd.py is the same in the small."""
import os
import resource
import sys
import time

from rig import processes
from rig.run import Missing
from rig.server import ROOT, Server
from rig.site import PASSWORD

sys.path.append(os.path.join(ROOT, "tests/system"))   # behind the bench's own modules
from crowd_clients import Running  # noqa: E402

IDLE, TRICKLING, STORM = 10_000, 1_000, 200
SETTINGS = ("limits.enabled=no",)
RESTS_S = 5
CROWD_S = 20


def allow_descriptors():
    """For the crowd and the server; without the right to, what there is must do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + TRICKLING + STORM + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Missing("%d descriptors are needed, %d allowed" % (wanted, hard))
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


KINDS = {"alone": {}, "a storm": {"storm": STORM},
         "all of it": {"idle": IDLE, "trickling": TRICKLING, "storm": STORM}}


def measure(run):
    allow_descriptors()
    seconds = 3 * run.seconds if run.is_quick else CROWD_S
    with Server(base=SETTINGS) as server:
        names = [server.sign_up("account%d" % n) for n in range(20)]
        token = server.log_in(names[0])["access"]
        before = sum(map(processes.memory_kib, server.workers()))
        for kind, crowd in KINDS.items():
            seen, witness, height = witnessed(server, token, seconds, accounts=names, **crowd)
            run.add_all("crowd", "gatepost, " + kind, {
                "me_p50_ms": witness["p50_s"] * 1000, "me_p99_ms": witness["p99_s"] * 1000,
                "grown_mib": (height - before) / 1024,
                "logins_answered_count": sum(seen["statuses"].values()),
                "logins_served_count": seen["statuses"].get("200", 0),
                "let_go_count": seen["closed_by_server"]})
    with Server("http.workers=1", "http.connections_max=1000", base=SETTINGS) as server, \
            Running("crowd", address=server.address, idle=2000):
        time.sleep(1)
        began = cpu_of(server.workers())
        time.sleep(RESTS_S)
        run.add("crowd", "gatepost, at its limit and asked for nothing", "of_a_core_percent",
                (cpu_of(server.workers()) - began) / RESTS_S * 100)
