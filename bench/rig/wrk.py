"""wrk as a load, and libh2o alone as the yardstick."""
import os
import re
import subprocess

from rig.server import BUILD, ROOT

LOAD = os.path.join(ROOT, "bench/load")
SUMMARY = re.compile(r"GATEPOST p50_us=(\d+) p99_us=(\d+) requests=(\d+) refused=(\d+) "
                     r"errors=(\d+) seconds=([\d.]+)")
ONCE = re.compile(r"GATEPOST_ONCE answered=(\d+) seconds=([\d.]+)")


def output(url, script, connections, seconds, arguments, headers):
    command = ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--timeout", "20s", "-s",
               os.path.join(LOAD, script)]
    for header in headers:
        command += ["-H", header]
    return subprocess.run(command + [url, "--", *arguments], capture_output=True, text=True,
                          check=True, env={**os.environ, "GATEPOST_LOAD": LOAD}).stdout


def parsed(text):
    """requests: those with an answer, of which good are no refusals. A connection that broke has none, so
    it takes nothing from those; errors counts both."""
    found = SUMMARY.search(text)
    p50, p99, requests, refused, errors = (int(found.group(i)) for i in range(1, 6))
    return {"per_second": (requests - refused) / float(found.group(6)), "p50_ms": p50 / 1000,
            "p99_ms": p99 / 1000, "requests": requests, "good": requests - refused, "errors": errors}


def wrk(url, script, connections, seconds, *arguments, headers=()):
    """One closed-loop load; gives requests a second that were answered well, and latencies in
    milliseconds."""
    return parsed(output(url, script, connections, seconds, arguments, headers))


def post(site, path, bodies, connections, seconds):
    """The bodies of a file, a line each, again and again."""
    return wrk(site.url, "post.lua", connections, seconds, bodies, path, site.form_type, "again")


def post_once(site, path, bodies, connections, most_s):
    """Each body once, which takes as long as it takes, at most so many seconds. An answer that is not
    200 is an error."""
    with open(bodies) as file:
        count = sum(1 for _ in file)
    text = output(site.url, "post.lua", connections, most_s, (bodies, path, site.form_type, "once"), ())
    found = ONCE.search(text)
    answered = int(found.group(1))
    return {**parsed(text), "requests": answered, "good": answered, "errors": count - answered,
            "per_second": answered / (float(found.group(2)) or 1)}


def refresh(site, tokens, connections, seconds):
    """tokens: a file of refresh tokens, a line each, more than connections."""
    before, after = site.refresh_body("TOKEN").split("TOKEN")
    return wrk(site.url, "refresh.lua", connections, seconds, tokens, site.refresh_path,
               site.form_type, before, after, "rotate" if site.rotates else "keep")


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
