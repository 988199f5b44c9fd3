"""Who else was at work."""
import os
import subprocess
import sys

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ORPHAN = """
import subprocess, sys, time
sys.path.insert(0, %r)
from rig import machine
machine.adopt_orphans()
before = machine.Others.own_seconds()
subprocess.run(["sh", "-c", "timeout 0.5 sh -c 'while :; do :; done' &"], check=True)
time.sleep(1)
machine.reap()
print(machine.Others.own_seconds() - before)
""" % BENCH


def test_what_outlives_its_parent_is_the_benchs_own():
    done = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 0.1
