"""SVG plots of a run, by gnuplot, of what its results.json holds: throughput.svg, bars with the spread
of the rounds; and a file for each work that has curves, one panel for each pair of axes."""
import os
import shutil
import subprocess

from report.table import kind_of, shown

# (label, [(work, figure, who; None: all that have it)]): who is held against whom.
BARS = [
    ("sign-up\\n600,000 iterations", [("hash", "signups_per_second", None),
                                      ("hash", "hashes_per_second", "raw kernel")]),
    ("sign-up\\n1 iteration", [("signup", "requests_per_second", None),
                               ("store", "signups_per_second", "raw store")]),
    ("the same\\nuntil mailed", [("signup", "with_letter_per_second", None)]),
    ("login\\n1 iteration", [("login", "requests_per_second", None)]),
    ("refresh", [("refresh", "requests_per_second", None), ("store", "refreshes_per_second", "raw store")]),
    ("verify-email", [("verify-email", "requests_per_second", None)]),
    ("me", [("me", "requests_per_second", None)]),
    ("letters", [("letters", "letters_per_second", None)]),
]
# Okabe and Ito's colours, which nearly everybody can tell apart; a limit is grey.
PEER_COLOURS = {"django": "#E69F00", "node": "#009E73", "glewlwyd": "#CC79A7"}
OURS, OURS_OTHERWISE, LIMIT = "#0072B2", "#56B4E9", "#999999"
LINES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"]
POINT_TYPES = [7, 5, 9, 13, 11, 6, 4, 8]
WIDTH = 1000
HEAD = """set encoding utf8
set terminal svg size %d,%d dynamic font "Helvetica,Arial,sans-serif" fontscale 1.0 background "#ffffff"
set output "%s"
set border 3 lc rgb "#555555"
set tics nomirror textcolor rgb "#222222"
set grid ytics lc rgb "#dddddd" lt 1
"""


def name_of(who):
    """How the legend calls it: limits are one colour, each bar has its name below it."""
    kind = kind_of(who)
    return (who.split(",")[0] if kind == 1 else "limit" if kind == 2 else
            "gatepost" if who == "gatepost" else "gatepost, a variant")


def colour_of(who):
    kind = kind_of(who)
    return (LIMIT if kind == 2 else PEER_COLOURS[who.split(",")[0]] if kind == 1 else
            OURS if who == "gatepost" else OURS_OTHERWISE)


def quoted(text):
    """For gnuplot, where a backslash and an n are a new line."""
    return '"%s"' % text.replace('"', "'")


def groups_of(results):
    """[(label, [figure, ...])]: Gatepost, its variants, peers, limits; of those works that were measured."""
    groups = []
    for label, wanted in BARS:
        found = sorted((one for one in results["figures"] for work, what, who in wanted
                        if (one["work"], one["what"]) == (work, what) and who in (None, one["who"]) and
                        one["median"] > 0), key=lambda one: (
                            kind_of(one["who"]), kind_of(one["who"]) == 1 and one["who"]))
        if found:
            groups.append((label, found))
    return groups


def bars(results, path):
    """A script for gnuplot; None when there is nothing to draw."""
    groups = groups_of(results)
    if not groups:
        return None
    lines, tics, labels, at, legend = {}, [], [], 0, {}
    for label, found in groups:
        tics.append("%s %g" % (quoted(label), at + (len(found) - 1) / 2))
        for one in found:
            name = name_of(one["who"])
            legend[name] = colour_of(one["who"])
            lines.setdefault(name, []).append("%g %g %g %g" % (
                at, one["median"], min(one["runs"]), max(one["runs"])))
            variant = [one["who"]] if kind_of(one["who"]) == 2 else one["who"].split(", ", 1)[1:]
            note = "  ".join([shown(one["median"]), *variant])
            labels.append("set label %s at %g,%g left rotate by 90 offset 0,0.5 font ',11' "
                          "textcolor rgb '#333333'" % (quoted(note), at, max(one["runs"])))
            at += 1
        at += 1.2
    most = max(max(one["runs"]) for _, found in groups for one in found)
    least = min(min(one["runs"]) for _, found in groups for one in found)
    order = sorted(legend, key=lambda name: (name.startswith("limit"), not name.startswith("gatepost"), name))
    blocks = ["$data%d << EOD\n%s\nEOD" % (number, "\n".join(lines[name]))
              for number, name in enumerate(order)]
    plotted = ["$data%d using 1:2 with boxes fs solid 1 noborder lc rgb '%s' title %s" % (
        number, legend[name], quoted(name)) for number, name in enumerate(order)]
    plotted += ["$data%d using 1:3:(0):($4-$3) with vectors heads size graph 0.004,90 lw 1.2 lc rgb '#222222' notitle" % number
                for number in range(len(order))]
    return "\n".join([
        HEAD % (WIDTH, 560, path), *blocks, *labels,
        "set title 'Done in a second, median of the rounds; the lines reach from the least to the most' font ',15'",
        "set ylabel 'a second (logarithmic)'", "set logscale y",
        "set yrange [%g:%g]" % (least / 3, most * 60), "set format y '%.0s%c'",
        "set xrange [-1:%g]" % (at - 0.6), "set xtics (%s) scale 0 font ',12'" % ", ".join(tics),
        "set boxwidth 0.82",
        "set key outside above center horizontal font ',12' samplen 1.5",
        "plot " + ", \\\n  ".join(plotted), ""])


def is_wide(values):
    """Worth a logarithmic axis."""
    positive = [value for value in values if value > 0]
    return len(positive) == len(values) and max(positive) / min(positive) > 30


def panel(number, x, y, curves):
    """What draws the curves of one pair of axes."""
    lines = []
    for index, one in enumerate(curves):
        points = sorted(one["points"])
        lines.append("$panel%d_%d << EOD\n%s\nEOD" % (
            number, index, "\n".join("%.10g %.10g" % (a, b) for a, b in points)))
    for axis, values in (("x", [a for one in curves for a, _ in one["points"]]),
                         ("y", [b for one in curves for _, b in one["points"]])):
        if is_wide(values):
            lines += ["set logscale %s" % axis,
                      "set %srange [%g:%g]" % (axis, min(values) / 1.4, max(values) * 1.4),
                      "set format %s '%s'" % (axis, "10^{%T}" if axis == "x" else "%g")]
        else:
            lines += ["unset logscale %s" % axis, "set format %s '%%g'" % axis]
            lines += ["set autoscale %s" % axis] if axis == "x" else ["set yrange [0:*]"]
    lines += ["set xlabel %s" % quoted(x), "set ylabel %s" % quoted(y), "plot " + ", \\\n  ".join(
        "$panel%d_%d with linespoints lw 2 pt %d ps 0.7 lc rgb '%s' title %s" % (
            number, index, POINT_TYPES[index % len(POINT_TYPES)], LINES[index % len(LINES)],
            quoted(one["who"])) for index, one in enumerate(curves))]
    return lines


def curves(results, work, path):
    """All curves of a work: a panel for each pair of axes, two in a row."""
    found = [one for one in results["curves"] if one["work"] == work and one["points"]]
    axes = list(dict.fromkeys((one["x"], one["y"]) for one in found))
    columns = min(2, len(axes))
    rows = -(-len(axes) // columns)
    lines = [HEAD % (WIDTH, 380 * rows + 60 if columns == 2 else 520, path),
             "set key above left horizontal Left reverse font ',12' samplen 2 noenhanced", "set xtics font ',12'", "set ytics font ',12'",
             "set multiplot layout %d,%d title %s font ',15'" % (
                 rows, columns, quoted("%s: %s" % (work, results["works"].get(work, ""))))]
    for number, (x, y) in enumerate(axes):
        lines += panel(number, x, y, [one for one in found if (one["x"], one["y"]) == (x, y)])
    return "\n".join([*lines, "unset multiplot", ""])


def stamp(path, results):
    """Which run it shows, where no eye meets it; the lint looks for it."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n") +
                   "\n<!-- of the run of %s -->\n" % results["began"])


def draw(results, folder):
    """Gives the names of what was drawn."""
    if shutil.which("gnuplot") is None:
        print("no plots: gnuplot is not installed (make bench-deps)")
        return []
    folder, drawn = os.path.abspath(folder), []
    scripts = {"throughput": lambda path: bars(results, path)}
    for work in dict.fromkeys(one["work"] for one in results["curves"] if one["points"]):
        scripts[work] = lambda path, work=work: curves(results, work, path)
    for name, script in scripts.items():
        path = os.path.join(folder, name + ".svg")
        text = script(path)
        if text is not None:
            subprocess.run(["gnuplot"], input=text, text=True, check=True)
            stamp(path, results)
            drawn.append(name + ".svg")
    return drawn
