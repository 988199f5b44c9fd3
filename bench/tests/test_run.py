"""What works add to a run, and what is made of it."""
import pytest

from report import marks, table
from rig.probes import percentile
from rig.run import Run, unit_of
from samples import figure, results
from works.table import WORKS, Work


def a_run():
    return Run(3, 3, False, set(), 7)


def test_a_figure_is_named_by_its_unit():
    assert unit_of("requests_per_second") == ("1/s", "higher")
    assert unit_of("p99_ms") == ("ms", "lower")
    with pytest.raises(ValueError):
        a_run().add("me", "gatepost", "speed", 1)


def test_a_ratio_is_one_of_the_same_round():
    run = a_run()
    for ours, theirs in ((100, 10), (300, 20), (50, 10)):
        run.add("w", "us", "requests_per_second", ours)
        run.add("w", "them", "requests_per_second", theirs)
    assert run.ratios(("w", "us", "requests_per_second"), ("w", "them", "requests_per_second")) == [10, 15, 5]


def test_rounds_that_do_not_match_are_held_against_each_other_by_their_medians():
    run = a_run()
    for value in (100, 300, 50):
        run.add("w", "us", "x_ms", value)
    run.add("w", "them", "x_ms", 50)
    assert run.ratios(("w", "us", "x_ms"), ("w", "them", "x_ms")) == [2]


@pytest.mark.parametrize("theirs", [[], [0.0]])
def test_there_is_no_ratio_to_nothing(theirs):
    run = a_run()
    run.add("w", "us", "x_ms", 1)
    for value in theirs:
        run.add("w", "them", "x_ms", value)
    assert run.ratios(("w", "us", "x_ms"), ("w", "them", "x_ms")) == []


def test_a_run_comes_back_from_its_results():
    run = Run.of(results())
    assert run.median("me", "gatepost", "requests_per_second") == 110000
    assert run.curves[0]["points"][2] == [100000.0, 7.5]
    assert run.skipped == [("me", "node", "it is not installed")]


def judged(text):
    (one,) = [mark for mark in marks.judge(Run.of(results())) if mark["mark"].startswith(text)]
    return one


def test_a_mark_is_the_median_of_the_rounds_ratios():
    one = judged("me, HS256, 1,000 tokens in rotation, to bare libh2o")
    assert (one["value"], one["low"], one["high"], one["met"]) == (0.8, 0.8, 0.8, True)


def test_a_mark_can_be_missed():
    one = judged("letters, to bare libcurl")
    assert one["value"] == pytest.approx(10000 / 15000) and not one["met"]


def test_without_one_of_the_peers_nobody_knows_the_best():
    found = results()
    found["figures"] = [one for one in found["figures"] if one["who"] != "node"]
    assert "letters, to the best peer" in marks.unmeasured(Run.of(found))


def test_the_best_peer_is_the_one_that_was_best_in_that_round():
    one = judged("letters, to the best peer")
    assert one["value"] == pytest.approx(10000 / 2500) and one["low"] == 3 and one["high"] == 5


@pytest.mark.parametrize("failed, met", [(0, True), (1, False)])
def test_refusals_do_not_make_a_stalled_relay_fast(failed, met):
    relay = {("relay", "gatepost, fast relay", "p99_ms"): [2, 2],
             ("relay", "gatepost, stalled relay", "p99_ms"): [1, 1],
             ("relay", "gatepost, stalled relay", "failed_count"): [0, failed]}
    run = Run.of(results(figures=[figure(name, runs) for name, runs in relay.items()]))
    (one,) = marks.judge(run)
    assert one["mark"].startswith("sign-up p99, stalled relay") and one["met"] == met
    assert "missed" in table.verdict_of(one) or met


def test_what_was_not_measured_is_not_judged_and_is_named():
    run = Run.of(results(figures=[]))
    assert marks.judge(run) == []
    assert len(marks.unmeasured(run)) == len(marks.MARKS)


def test_a_mark_wants_one_thing_and_has_one_name():
    names = [mark.text for mark in marks.MARKS]
    assert len(names) == len(set(names))
    assert all((mark.at_least is None) != (mark.at_most is None) for mark in marks.MARKS)


def test_works_have_names_of_their_own():
    names = [work.name for work in WORKS]
    assert len(names) == len(set(names)) and all(callable(work.measure) for work in WORKS)


def test_what_is_left_out_of_a_full_run_is_left_out_of_a_quick_one():
    assert not Work("long", None, "", in_full=False).in_quick
    assert Work("short", None, "").in_quick and not Work("middle", None, "", in_quick=False).in_quick


def test_a_percentile_is_the_nearest_rank():
    values = list(range(1, 101))
    assert (percentile(values, 50), percentile(values, 99), percentile([7], 99)) == (50, 99, 7)
