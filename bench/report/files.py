"""The files of a run: results.json, which is all there is, and what is made of it."""
import json
import os

from report import marks, plots, table
from rig.run import Run


def judged(results):
    """The same results, held against the marks as they are wanted today."""
    run = Run.of(results)
    return {**results, "marks": marks.judge(run), "not_measured": marks.unmeasured(run)}


def load(path):
    """As it was judged when it was written."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read(path):
    return judged(load(path))


def write(results, folder):
    """results.json, table.md and the plots; gives the plots' names."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as file:
        file.write(table.of(results))
    return plots.draw(results, folder)
