"""The tables of a run, in Markdown, of what its results.json holds and nothing else."""
from rig.run import unit_of

PEERS = ("django", "node", "glewlwyd")
WIDE = 6            # more figures than that of one stand below each other
POINTS_MAX = 24     # of a curve; results.json has them all


def shown(value):
    """Three digits that say something."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return "{:,.0f}".format(value)
    return "%.3g" % value


def words_of(what):
    """A figure's name with its unit: "p99_ms" is "p99, ms", "requests_per_second" "requests/s"."""
    unit, _ = unit_of(what)
    if what.endswith("_per_second"):
        return what[:-len("_per_second")].replace("_", " ") + "/s"
    name = what.rsplit("_", 1)[0].replace("_", " ")
    return "%s, %s" % (name, unit) if unit else name


def kind_of(who):
    """0: Gatepost, 1: a peer, 2: a limit of the machine."""
    name = who.split(",")[0]
    return 0 if name == "gatepost" else 1 if name in PEERS else 2


def row(cells):
    return "| %s |" % " | ".join(cells)


def grid(heads, rows):
    return [row(heads), row(["---"] * len(heads)), *map(row, rows)]


def spread(figure):
    """The median, and from where to where the rounds went."""
    runs = figure["runs"]
    text = shown(figure["median"])
    if len(runs) > 1 and shown(min(runs)) != shown(max(runs)):
        text += " (%s to %s)" % (shown(min(runs)), shown(max(runs)))
    return text


def wanted_of(mark):
    return ("at least %s" % shown(mark["at_least"]) if mark["at_least"] is not None
            else "at most %s" % shown(mark["at_most"]))


def verdict_of(mark):
    """A mark that is missed says by how much."""
    if mark["met"]:
        return "met"
    wanted = mark["at_least"] if mark["at_least"] is not None else mark["at_most"]
    return "**missed by %s %%**" % shown(abs(1 - mark["value"] / wanted) * 100)


def judged_of(results):
    """Lines: the marks whose figures are there."""
    rows = []
    for mark in results["marks"]:
        measured = shown(mark["value"])
        if shown(mark["low"]) != shown(mark["high"]):
            measured += " (%s to %s)" % (shown(mark["low"]), shown(mark["high"]))
        rows.append([mark["mark"], wanted_of(mark), measured, verdict_of(mark)])
    return grid(["mark", "wanted", "measured", ""], rows) if rows else []


def marks_of(results):
    lines = judged_of(results)
    if results["not_measured"]:
        lines += [""] * bool(lines) + ["Not measured in this run: %s." % "; ".join(results["not_measured"])]
    return "\n".join(lines) + "\n"


def marks_in_brief(results):
    """For a terminal: how many were not measured, not which."""
    count = len(results["not_measured"])
    return "\n".join([*judged_of(results), *(["%d marks were not measured in this run; table.md names them." % count]
                                             if count else [])])


def busy_of(results):
    """In words; "" when nobody else was at work."""
    busy = [one for one in results["background"] if one["busy"]]
    if not busy:
        return ""
    most = max(busy, key=lambda one: max(one["cores"], one["during_cores"]))
    return ("**This machine was busy**: others used its cores in %d of %d works, at most %s of them "
            "(`%s`). Ratios of one round suffer less than figures; both say less than on a quiet "
            "machine." % (len(busy), len(results["background"]),
                          shown(max(most["cores"], most["during_cores"])), most["work"]))


def machine_of(results):
    """One sentence: on what, of what, when, how."""
    machine = results["machine"]
    features = " (%s)" % ", ".join(machine["features"]) if machine["features"] else ""
    return ("`%s` at %s, in %d s: %d cores of %s%s, %s MiB, Linux %s, %s; commit %s; "
            "%d rounds of %s s; seed %d." % (
                results["command"], results["began"], results["took_s"], machine["cores"],
                machine["processor"] or "an unnamed processor", features,
                shown(machine["memory_mib"]), machine["kernel"], machine["filesystem"],
                machine["commit"], results["rounds"], results["seconds"], results["seed"]))


def figures_of(work, results):
    """A row a who, a column a figure; the other way round where that would be too wide."""
    found = [one for one in results["figures"] if one["work"] == work]
    cells = {(one["who"], one["what"]): spread(one) for one in found}
    whos = sorted(dict.fromkeys(one["who"] for one in found), key=kind_of)
    whats = list(dict.fromkeys(one["what"] for one in found))
    if not found:
        return []
    if len(whats) > WIDE and len(whats) > len(whos):
        return grid(["", *whos], [[words_of(what), *(cells.get((who, what), "") for who in whos)]
                                  for what in whats])
    return grid(["", *map(words_of, whats)],
                [[who, *(cells.get((who, what), "") for what in whats)] for who in whos])


def curves_of(work, results):
    """A row an x, a column a who; a curve of very many points by some of them."""
    lines = []
    panels = dict.fromkeys((one["x"], one["y"]) for one in results["curves"] if one["work"] == work)
    for x, y in panels:
        curves = {one["who"]: {shown(a): shown(b) for a, b in one["points"]}
                  for one in results["curves"] if (one["work"], one["x"], one["y"]) == (work, x, y)}
        xs = sorted({a for one in results["curves"] if (one["work"], one["x"], one["y"]) == (work, x, y)
                     for a, _ in one["points"]})
        places = list(dict.fromkeys(shown(value) for value in xs))
        step = -(-len(places) // POINTS_MAX)
        rows = [[place, *(points.get(place, "") for points in curves.values())]
                for place in (places[::step] if step else [])]
        lines += ["", "%s against %s:" % (y, x), "", *grid([x, *curves], rows)]
    return lines


def work_of(work, text, results):
    lines = ["", "## %s" % work, "", text[:1].upper() + text[1:] + "."]
    figures = figures_of(work, results)
    lines += ["", *figures] if figures else []
    lines += curves_of(work, results)
    skipped = [one for one in results["skipped"] if one["work"] == work]
    if skipped:
        lines += ["", *("- %snot measured: %s" % (one["who"] + ": " if one["who"] else "", one["why"])
                        for one in skipped)]
    return lines


def background_of(results):
    rows = [[one["work"], shown(one["cores"]), shown(one["during_cores"]), shown(one.get("took_s")), "busy" * one["busy"]]
            for one in results["background"]]
    return ["", "## Who else was at work", "",
            "Cores that others used in the half second before a work, and while it was measured.", "",
            *grid(["work", "before", "during", "took, s", ""], rows)]


def of(results):
    """All of it."""
    lines = ["# One run of the bench", "", machine_of(results), "",
             *([busy_of(results), ""] if busy_of(results) else []), "## Marks", "",
             marks_of(results).rstrip("\n")]
    for work, text in results["works"].items():
        lines += work_of(work, text, results)
    lines += background_of(results)
    lines += ["", "## Versions", "", *grid(["", "version"], [
        [name, version] for name, version in sorted(results["machine"]["versions"].items())])]
    return "\n".join(lines) + "\n"
