"""Tables, plots and the README, of a results.json and nothing else."""
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

from report import files, plots, readme, table
from samples import figure, results

BENCH = Path(__file__).resolve().parent.parent
drawn = pytest.mark.skipif(shutil.which("gnuplot") is None, reason="gnuplot is not installed")


@pytest.mark.parametrize("value, text", [(0, "0"), (0.1234, "0.123"), (12.34, "12.3"), (123.4, "123"),
                                         (1234567, "1,234,567"), (None, "")])
def test_a_number_has_three_digits_that_say_something(value, text):
    assert table.shown(value) == text


@pytest.mark.parametrize("what, text", [("requests_per_second", "requests/s"), ("p99_ms", "p99, ms"),
                                        ("errors_count", "errors"), ("pss_mib", "pss, MiB")])
def test_a_figure_is_headed_with_its_unit(what, text):
    assert table.words_of(what) == text


def test_gatepost_comes_first_then_peers_then_limits():
    text = table.of(files.judged(results()))
    order = [text.index("| %s |" % who) for who in ("gatepost", "gatepost, new tokens", "django", "bare libh2o")]
    assert order == sorted(order)


def test_a_figure_is_shown_with_where_its_rounds_went():
    assert "| gatepost | 110,000 (100,000 to 120,000) | 3 (2 to 4) |" in table.of(files.judged(results()))


def test_a_missed_mark_says_by_how_much():
    lines = table.marks_of(files.judged(results())).splitlines()
    (line,) = [line for line in lines if line.startswith("| letters, to bare libcurl")]
    assert line.endswith("| at least 0.8 | 0.667 (0.6 to 0.733) | **missed by 16.7 %** |")


def test_marks_that_were_not_measured_are_named():
    text = table.marks_of(files.judged(results(figures=[])))
    assert text.startswith("Not measured in this run: ") and "; me, HS256, 1,000 tokens" in text


def test_what_was_skipped_is_named_with_its_reason():
    assert "- node: not measured: it is not installed" in table.of(files.judged(results()))


def test_a_busy_machine_is_told_in_words():
    busy = {"work": "me", "cores": 0.1, "during_cores": 1.5, "took_s": 9.5, "busy": True}
    assert "This machine was busy" in table.of(files.judged(results(background=[busy])))
    assert "busy" not in table.of(files.judged(results())).split("## Who else")[0]


def test_many_figures_of_few_stand_below_each_other():
    figures = [figure(("storm", "gatepost, open", "n%d_count" % n), [n]) for n in range(9)]
    text = table.of(files.judged(results(figures=figures, works={"storm": "x"})))
    assert "| n8 | 8 |" in text


def test_a_curve_is_a_table_too():
    assert "| 10,000 | 6 |" in table.of(files.judged(results()))


@drawn
def test_plots_are_svg_of_that_run(tmp_path):
    names = plots.draw(results(), tmp_path)
    assert names == ["throughput.svg", "growth.svg"]
    for name in names:
        text = (tmp_path / name).read_text()
        assert xml.etree.ElementTree.fromstring(text).tag.endswith("svg")
        assert "of the run of 2026-11-28T13:00:00Z" in text
    bars, curves = ((tmp_path / name).read_text() for name in names)
    for word in ("gatepost", "django", "node", "limit", "110,000", "new tokens"):
        assert word in bars
    assert "login lookup, us" in curves and "users" in curves


@drawn
def test_a_name_with_marks_of_its_own_is_drawn(tmp_path):
    odd = [{"work": "growth", "who": 'a "b" 10^4_c', "x": "x", "y": "y, ms", "points": [[1, 1], [2, 0]]}]
    assert plots.draw(results(curves=odd, figures=[]), tmp_path) == ["growth.svg"]
    assert xml.etree.ElementTree.fromstring((tmp_path / "growth.svg").read_text()) is not None


def test_without_figures_there_is_nothing_to_draw(tmp_path):
    assert plots.draw(results(figures=[], curves=[]), tmp_path) == []


def test_a_run_is_shown_again_without_measuring(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(results()))
    subprocess.run([sys.executable, BENCH / "report/make", tmp_path / "a.json", tmp_path / "out"], check=True,
                   stdout=subprocess.DEVNULL)
    again = json.loads((tmp_path / "out/results.json").read_text())
    assert again["figures"] == results()["figures"] and again["marks"]
    assert (tmp_path / "out/table.md").read_text() == table.of(again)


def readme_of(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    return tmp_path / "README.md"


def test_the_readme_shows_what_is_committed(tmp_path):
    page = readme_of(tmp_path, "# A\n\n%s\nwhat was there\n%s\n\nmore\n" % (readme.BEGIN, readme.END))
    run = files.judged(results())
    readme.write(tmp_path, run)
    text = page.read_text()
    assert text.startswith("# A\n\n" + readme.BEGIN) and text.endswith(readme.END + "\n\nmore\n")
    assert "what was there" not in text and "| letters, to the best peer |" in text
    assert readme.problem_of(text, run, readme.plots_in(tmp_path)) is None
    assert readme.problem_of(text.replace("at least 0.75", "at least 0.7"), run, readme.plots_in(tmp_path))


def test_a_readme_without_a_place_for_it_is_left_alone(tmp_path):
    page = readme_of(tmp_path, "# A\n")
    with pytest.raises(SystemExit):
        readme.write(tmp_path, files.judged(results()))
    assert page.read_text() == "# A\n"


def test_a_terminal_is_told_how_many_marks_were_not_measured():
    some = results(not_measured=["one", "another"], marks=[])
    assert table.marks_in_brief(some) == "2 marks were not measured in this run; table.md names them."
    assert "one; another" in table.marks_of(some)
