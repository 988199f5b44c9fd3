"""A run that is told to end leaves nothing behind."""
import os
import signal
import subprocess
import sys
import time

import pytest

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def wait_for(what, seconds=20):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_program_that_is_cut_short_leaves_no_files(tmp_path, number):
    """raw_store has a database then, and no time to remove it."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with open(tmp_path / "output", "w") as output:
        run = subprocess.Popen(
            [sys.executable, os.path.join(BENCH, "run"), "--only", "store", "--seconds", "30",
             "--out", str(tmp_path / "out")],
            env={**os.environ, "TMPDIR": str(temporary)}, stdout=output, stderr=output)
        try:
            wait_for(lambda: list(temporary.rglob("gatepost-raw-*/log.*")))
            run.send_signal(number)
            assert run.wait(timeout=20) != 0
        finally:
            run.kill()
            run.wait()
    assert list(temporary.iterdir()) == []
