"""h2load as a load: the same request on HTTP/1.1 or HTTP/2, plain or over TLS."""
import re
import shutil
import subprocess

from rig.run import Missing

RATE = re.compile(r"finished in [\d.]+\w+, ([\d.]+) req/s")
GOOD = re.compile(r"status codes: (\d+) 2xx, (\d+) 3xx")
FAILED = re.compile(r" (\d+) failed, ")     # refused by 4xx or 5xx, or never answered
UNTIL_ANSWER = re.compile(r"time for request: +\S+ +\S+ +([\d.]+)(us|ms|s)")
MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
WARM_S = 1


def parsed(text):
    """requests_per_second counts those that were answered well."""
    good, redirected = map(int, GOOD.search(text).groups())
    errors = redirected + int(FAILED.search(text)[1])
    mean, unit = UNTIL_ANSWER.search(text).groups()
    return {"requests_per_second": float(RATE.search(text)[1]) * good / max(1, good + errors),
            "mean_ms": float(mean) * MS[unit], "errors_count": errors}


def h2load(url, connections, seconds, streams=1, http2=False, headers=()):
    """One closed-loop load. streams: requests under way at once on each connection."""
    if shutil.which("h2load") is None:
        raise Missing("h2load is not installed: make bench-deps")
    command = ["h2load", "-t1", "-c%d" % connections, "-m%d" % streams, "-D%d" % seconds,
               "--warm-up-time=%d" % WARM_S, *([] if http2 else ["--h1"])]
    for header in headers:
        command += ["-H", header]
    return parsed(subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout)
