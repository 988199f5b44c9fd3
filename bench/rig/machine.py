"""What the figures were measured on: machine, versions, commit, and who else was at work on it."""
import ctypes
import os
import re
import subprocess
import time

from rig.server import BUILD, ROOT

FEATURES = ("sha_ni", "avx2", "avx512f", "avx512bw", "avx512vl", "aes", "vaes")
PACKAGES = ("libh2o-evloop0.13", "libdb5.3", "libssl3", "libcurl4", "libyajl2", "libc6", "wrk",
            "nghttp2-client", "python3-django", "python3-djangorestframework",
            "python3-djangorestframework-simplejwt", "gunicorn", "nodejs", "glewlwyd", "postfix",
            "libck0", "gnuplot-nox")
BUSY_CORES = 0.15       # more than that used by others: the run says so


def output(*command):
    """Its first line, "" when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    except OSError:
        return ""
    return (done.stdout.strip().splitlines() or [""])[0] if done.returncode == 0 else ""


def cpu_info():
    """(model, [features], MHz) of the first processor; "" and 0 where the kernel does not tell."""
    with open("/proc/cpuinfo") as file:
        first = file.read().split("\n\n")[0]
    fields = dict(re.findall(r"^([^\t:]+?)\s*: (.*)$", first, re.M))
    flags = fields.get("flags", fields.get("Features", "")).split()
    return (fields.get("model name", ""), [name for name in FEATURES if name in flags],
            float(fields.get("cpu MHz", 0)))


def memory_mib():
    with open("/proc/meminfo") as file:
        return int(re.search(r"MemTotal:\s+(\d+)", file.read())[1]) // 1024


def versions():
    found = {}
    for name in PACKAGES:
        version = output("dpkg-query", "-W", "-f=${Version}", name)
        if version:
            found[name] = version
    for program in ("node", "gcc"):
        found[program] = output(program, "--version")
    return {name: version for name, version in found.items() if version}


def describe():
    model, features, mhz = cpu_info()
    return {"processor": model, "cores": len(os.sched_getaffinity(0)), "mhz": mhz,
            "features": features, "memory_mib": memory_mib(), "kernel": os.uname().release,
            "filesystem": output("stat", "-f", "-c", "%T", BUILD if os.path.isdir(BUILD) else ROOT),
            "versions": versions(), "commit": output("git", "describe", "--always", "--dirty")}


def used_ticks():
    """Of all cores together, time stolen by the hypervisor's other guests included."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return user + nice + system + irq + softirq + steal


def background_cores(seconds=0.5):
    """Cores that others use while the bench does nothing."""
    before, began = used_ticks(), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return (used_ticks() - before) / os.sysconf("SC_CLK_TCK") / took


PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """From now on a process that outlives its parent becomes a child of this one: a peer's worker
    whose master was killed counts as the bench's own."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap():
    """What has ended, at a moment when nobody here waits for a child."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


class Others:
    """Cores that others use from now on, while the bench and all it starts are at work: what the
    machine worked, less what its processes did that have ended. The kernel's interrupts are nobody's."""

    def __init__(self):
        self.at, self.used, self.ours = time.monotonic(), self.ticks(), self.own_seconds()

    @staticmethod
    def ticks():
        with open("/proc/stat") as file:
            user, nice, system, _, _, _, _, steal = map(int, file.readline().split()[1:9])
        return user + nice + system + steal

    @staticmethod
    def own_seconds():
        return sum(os.times()[:4])

    def cores(self):
        reap()
        took = max(time.monotonic() - self.at, 0.01)
        used = (self.ticks() - self.used) / os.sysconf("SC_CLK_TCK")
        return max(0.0, used - (self.own_seconds() - self.ours)) / took


def is_busy(cores):
    return cores > BUSY_CORES
