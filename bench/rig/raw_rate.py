"""What the cores of this machine hash at, bare: the figure that a server's rate is held against."""
import json
import os
import subprocess
import sys

from rig.server import BUILD

PROGRAM = os.path.join(BUILD, "bench/password_bench")

# Where that program is not built: the call that Django makes.
FALLBACK = """
import hashlib, json, time
hashlib.pbkdf2_hmac("sha256", b"a", b"salt", 1000)
began, count = time.monotonic(), 0
while time.monotonic() - began < %f:
    hashlib.pbkdf2_hmac("sha256", b"correct horse 4711", b"a salt of 22 chars....", %d)
    count += 1
rate = count / (time.monotonic() - began)
print(json.dumps({"kernels": [], "best_hashes_per_second": rate, "openssl_hashes_per_second": rate}))
"""


def raw_rate(iterations, seconds=5):
    """One process pinned to each core, all at once: {"best_per_second", "openssl_per_second": over
    all cores; "chain_seconds", "eight_seconds": of the slowest core, None where it is not known}."""
    built = os.path.exists(PROGRAM)
    command = [PROGRAM, "--json"] if built else [
        sys.executable, "-c", FALLBACK % (min(5, seconds), iterations)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}))
               for core in sorted(os.sched_getaffinity(0))]
    try:
        found = [json.loads(process.communicate(timeout=300)[0].strip().splitlines()[-1])
                 for process in started]
    finally:
        for process in started:     # a run may be told to end meanwhile
            process.kill()
            process.wait()
    # The program hashes at 600,000 iterations, whatever is measured here.
    factor = 600000 / iterations if built else 1
    slowest = {key: max(one[key] for one in found) / factor if all(key in one for one in found)
               else None for key in ("chain_seconds", "eight_seconds")}
    return {"source": "password_bench" if built else "hashlib.pbkdf2_hmac",
            "best_per_second": factor * sum(one["best_hashes_per_second"] for one in found),
            "openssl_per_second": factor * sum(one["openssl_hashes_per_second"] for one in found),
            **slowest}
