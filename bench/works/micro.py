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


WAKERS = {"lane": "lane, asleep", "lane_awake": "lane, awake", "futex": "futex, asleep",
          "condition": "condition variable, asleep", "pipe": "pipe, asleep"}
TRIPS = 1000


def measure_wakeup(run):
    """From the sending of a record to the other process's having it."""
    for _ in run.rounds():
        for medium, name in WAKERS.items():
            run.add_all("wakeup", name, program("wakeup_bench", medium, TRIPS))


def measure_operations(name, programs):
    """Programs that print {who_what_ns}; a who of OTHERS is named, all else is Gatepost's."""
    others = {"ours": "gatepost", "libjwt": "libjwt", "yajl": "yajl alone"}

    def measure(run):
        for _ in run.rounds():
            for program_name in programs:
                for figure, value in program(program_name).items():
                    who, _, what = figure.partition("_")
                    if who in others:
                        run.add(name, others[who], what, value)
                    else:
                        run.add(name, "gatepost", figure, value)
    return measure


measure_json = measure_operations("json", ["json_bench"])
measure_token = measure_operations("token", ["token_bench"])
measure_codec = measure_operations("codec", ["codec_bench"])
measure_letter = measure_operations("letter", ["letter_bench"])


def measure_store(run):
    """The store over its lanes, sign-ups and refreshes, and Berkeley DB by itself."""
    ms = 1000 * run.seconds // 3
    for _ in run.rounds():
        run.add_all("store", "raw store", program("raw_store", ms))
        for name, value in program("store_bench", ms).items():
            kind, _, in_flight = name.removesuffix("_per_second").rpartition("_")
            if name.endswith("_per_second"):
                run.add("store", "gatepost, %s in flight" % in_flight, kind + "_per_second", value)
            else:
                run.add("store", "gatepost", name, value)
