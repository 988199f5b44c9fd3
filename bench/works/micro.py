"""What single parts cost, each by a small program of bench/micro against what one would take else.
The programs do the measuring; here they have their turns, round by round."""
import json
import os
import subprocess

from rig.run import Missing
from rig.server import BUILD

SIZES = (64, 256, 1024)
# The program's name of a medium, and the bench's.
MEDIA = {"lane": "lane", "lane_spins": "lane that spins", "lane_yields": "lane that yields",
         "libck_spins": "libck ring that spins", "libck_yields": "libck ring that yields",
         "libck_plain_yields": "libck ring without checks", "datagram": "unix datagram",
         "seqpacket": "unix seqpacket", "stream": "unix stream", "pipe": "pipe",
         "queue": "posix message queue"}
FLOW_MS = 150


def program(name, *arguments):
    """What it prints: its last line is one JSON object."""
    path = os.path.join(BUILD, "bench", name)
    if not os.path.exists(path):
        raise Missing("build/bench/%s is not built" % name)
    done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Missing("%s: %s" % (name, done.stderr.strip().splitlines()[-1:]))
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure_lane(run):
    """Records of three sizes from one process to another."""
    for _ in run.rounds():
        for size in SIZES:
            for medium, name in MEDIA.items():
                found = program("lane_bench", medium, size, FLOW_MS)
                run.add_all("lane", "%s, %s bytes" % (name, size),
                            {"records_per_second": found["records_per_second"],
                             "cpu_ns": found["cpu_ns"]})
