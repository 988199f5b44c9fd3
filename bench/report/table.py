"""The table of a run, in Markdown: what the README shows."""


def shown(value):
    """Three digits that say something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return "{:,.0f}".format(value)
    return "%.3g" % value


def of(results):
    lines = ["| mark | wanted | measured | |", "| --- | --- | --- | --- |"]
    for mark in results["marks"]:
        wanted = ("at least %s" % shown(mark["at_least"]) if mark["at_least"] is not None
                  else "at most %s" % shown(mark["at_most"]))
        lines.append("| %s | %s | %s (%s to %s) | %s |" % (
            mark["mark"], wanted, shown(mark["value"]), shown(mark["low"]), shown(mark["high"]),
            "met" if mark["met"] else "missed"))
    return "\n".join(lines) + "\n"
