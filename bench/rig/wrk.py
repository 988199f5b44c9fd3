"""wrk as a load, and libh2o alone as the yardstick."""
import os
import re
import statistics
import subprocess

from rig.server import BUILD, ROOT

LOAD = os.path.join(ROOT, "bench/load")


def wrk(url, script, connections, seconds, *arguments, headers=()):
    """One closed-loop load; gives requests a second and latencies in milliseconds."""
    command = ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--timeout", "20s", "-s",
               os.path.join(LOAD, script)]
    for header in headers:
        command += ["-H", header]
    text = subprocess.run(command + [url, "--", *arguments], capture_output=True, text=True,
                          check=True, env={**os.environ, "GATEPOST_LOAD": LOAD}).stdout
    found = re.search(r"GATEPOST p50_us=(\d+) p99_us=(\d+) requests=(\d+) errors=(\d+) "
                      r"seconds=([\d.]+)", text)
    p50, p99, requests, errors = (int(found.group(i)) for i in range(1, 5))
    return {"per_second": requests / float(found.group(5)), "p50_ms": p50 / 1000,
            "p99_ms": p99 / 1000, "requests": requests, "errors": errors}


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


class Bare:
    """libh2o alone, one process, one constant answer."""

    def __enter__(self):
        self.process = subprocess.Popen([os.path.join(BUILD, "bench/bare_h2o")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = "http://127.0.0.1:%s/" % self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
