"""The README's section "Measured", of the results that are committed in docs/measured: marks and two plots."""
import os
import re

from report import files, table

FOLDER = "docs/measured"
PLOTS = ("throughput.svg", "growth.svg")
BEGIN = "<!-- begin of what `make bench-readme` wrote -->"
END = "<!-- end of what `make bench-readme` wrote -->"
BLOCK = re.compile(re.escape(BEGIN) + r"\n.*?" + re.escape(END), re.S)
ALT = {"throughput.svg": "Requests a second of Gatepost, peers and limits, as bars",
       "growth.svg": "Cost of an operation against the number of users"}


def plots_in(root):
    return [name for name in PLOTS if os.path.exists(os.path.join(root, FOLDER, name))]


def block(results, plots):
    """All between the two markers, and they."""
    machine = results["machine"]
    features = " (%s)" % ", ".join(machine["features"]) if machine["features"] else ""
    lines = [BEGIN,
             "One run of `%s`, %s, commit %s: %d cores of %s%s for server, load and peers together." % (
                 results["command"], results["began"][:10], machine["commit"], machine["cores"],
                 machine["processor"] or "an unnamed processor", features),
             ("A figure is the median of %d rounds, in brackets the least and the most; a ratio is one of "
              "figures of the same round." % results["rounds"] if results["rounds"] > 1 else
              "A figure is that of one round."),
             *([table.busy_of(results)] if table.busy_of(results) else []), "",
             table.marks_of(results).rstrip("\n"), ""]
    for name in plots:
        lines += ["![%s](%s/%s)" % (ALT[name], FOLDER, name), ""]
    return "\n".join([*lines, END])


def problem_of(text, results, plots):
    """Why that README does not show those results; None when it does."""
    found = BLOCK.findall(text)
    if len(found) != 1:
        return "it has not one block that `make bench-readme` wrote"
    if found[0] != block(results, plots):
        return "its block is not what %s/results.json gives: make bench-readme" % FOLDER
    return None


def write(root, results):
    """Commits to those results, in files: docs/measured and README.md."""
    files.write(results, os.path.join(root, FOLDER))
    path = os.path.join(root, "README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if len(BLOCK.findall(text)) != 1:
        raise SystemExit("README.md: no block, or several, between %r and %r" % (BEGIN, END))
    with open(path, "w", encoding="utf-8") as file:
        file.write(BLOCK.sub(lambda _: block(results, plots_in(root)), text))
