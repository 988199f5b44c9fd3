"""Memory of all processes together, as PSS: what several share counts once. Idle after the start with
two processes that serve, and after some load; passwords as they are configured by default."""
import time

from peers.table import peers_of, spared
from rig import open_loop
from rig.run import Missing
from rig.server import Server
from rig.tokens import open_sessions

ITERATIONS = 600000
SERVING = 2         # processes, of those that can have several
SETTLE_S = 1
SESSIONS = 8
RATE, LOAD_S = 200, 3


def pss_mib(site):
    total = 0
    for pid in site.pids():
        try:
            with open("/proc/%d/smaps_rollup" % pid) as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except PermissionError:
            raise Missing("PSS of other users' processes is root's to read") from None
    return total / 1024


def sites_of(run):
    """Gatepost as it is configured by default, but for two workers and limits that would end a load."""
    yield "gatepost", lambda: Server("http.workers=%d" % SERVING, base=("limits.enabled=no",))
    for who, peer in peers_of(run, "memory"):
        yield who, lambda peer=peer: peer(ITERATIONS, count=SERVING)


def measure(run):
    for who, start in sites_of(run):
        with spared(run, "memory", who), start() as site:
            time.sleep(SETTLE_S)
            run.add("memory", who, "pss_mib", pss_mib(site))
            access, _ = open_sessions(site, SESSIONS)
            open_loop.load_site(site, [open_loop.me(site, access)], RATE, LOAD_S)
            time.sleep(SETTLE_S)
            run.add("memory", who, "after_load_pss_mib", pss_mib(site))
