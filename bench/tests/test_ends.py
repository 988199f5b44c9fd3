"""A run that is told to end leaves nothing behind."""
import os
import signal
import subprocess
import sys
import time

import pytest

from rig import raw_rate, sink

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


def test_a_run_under_nohup_outlives_its_terminal(tmp_path):
    with open(tmp_path / "output", "w") as output:
        run = subprocess.Popen(
            [sys.executable, os.path.join(BENCH, "run"), "--only", "store", "--seconds", "3", "--rounds", "1",
             "--out", str(tmp_path / "out")],
            env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=output, stderr=output,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        try:
            wait_for(lambda: list(tmp_path.rglob("gatepost-raw-*/log.*")))
            run.send_signal(signal.SIGHUP)
            time.sleep(0.3)     # what would end it has ended it by then
            assert run.poll() is None
        finally:
            run.terminate()
            run.wait(timeout=20)


def test_a_sink_that_does_not_listen_is_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(sink, "SINK", "/usr/bin/yes")
    monkeypatch.setattr(sink.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sink.time, "sleep", lambda _: None)
    unheard = sink.Sink()
    with pytest.raises(SystemExit), unheard:
        pass
    assert unheard.process.poll() is not None and list(tmp_path.iterdir()) == []


def test_programs_that_measure_the_cores_end_with_the_run(monkeypatch):
    started, start = [], subprocess.Popen

    def remember(*arguments, **more):
        started.append(start(*arguments, **more))
        monkeypatch.setattr(started[-1], "communicate", interrupted)
        return started[-1]

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(raw_rate, "PROGRAM", "/nowhere")
    monkeypatch.setattr(raw_rate.subprocess, "Popen", remember)
    with pytest.raises(KeyboardInterrupt):
        raw_rate.raw_rate(600000, 5)
    assert started and all(process.poll() is not None for process in started)
