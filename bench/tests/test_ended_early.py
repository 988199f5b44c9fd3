"""A run that is told to end: bench/run itself, with works that measure nothing."""
import importlib.machinery
import importlib.util
import os

from rig.run import Run
from works.table import Work

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "run")


def bench_run():
    loader = importlib.machinery.SourceFileLoader("bench_run", PATH)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", loader))
    loader.exec_module(module)
    return module


def interrupted(_):
    raise KeyboardInterrupt


def test_what_was_measured_before_ctrl_c_is_kept():
    run = Run(1, 1, True, set(), 7)
    works = [Work("first", lambda run: run.add("first", "gatepost", "x_ms", 1), ""),
             Work("second", interrupted, ""), Work("third", interrupted, "")]
    begun, good = bench_run().measure_all(run, works)
    assert [work.name for work in begun] == ["first", "second"] and not good
    assert run.values("first", "gatepost", "x_ms") == [1]
    assert [one[0] for one in run.skipped] == ["second"]
