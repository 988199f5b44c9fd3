"""The README shows the run that is committed in docs/measured, and so do its table and its plots."""
import json
import os
import sys

import tree

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench"))

from report import files, readme, table  # noqa: E402

NAME = "measured: README, table and plots are those of docs/measured/results.json"
RESULTS = readme.FOLDER + "/results.json"


def offenders(root):
    if not os.path.exists(os.path.join(root, RESULTS)):
        return []
    results = files.load(os.path.join(root, RESULTS))
    problem = readme.problem_of(tree.read(root, "README.md"), results, readme.plots_in(root))
    found = [("README.md", 1, problem)] if problem else []
    path = readme.FOLDER + "/table.md"
    if not os.path.exists(os.path.join(root, path)) or tree.read(root, path) != table.of(results):
        found.append((path, 1, "is not the table of results.json: make bench-readme"))
    for path in tree.files(root, (".svg",)):
        if path.startswith(readme.FOLDER) and results["began"] not in tree.read(root, path):
            found.append((path, 1, "is of another run than results.json: make bench-readme"))
    return found


EMPTY = {"machine": {"processor": "", "cores": 1, "features": [], "memory_mib": 1, "kernel": "", "filesystem": "",
                     "versions": {}, "commit": ""},
         "command": "bench/run", "began": "2026-11-28T00:00:00Z", "took_s": 1, "seed": 1, "seconds": 1,
         "rounds": 1, "quick": True, "works": {}, "background": [], "figures": [], "curves": [], "skipped": [],
         "marks": [], "not_measured": []}
BAD = [
    ({"README.md": "none\n", RESULTS: json.dumps(EMPTY)}, "README.md:1"),
    ({"README.md": "%s\nolder\n%s\n" % (readme.BEGIN, readme.END), RESULTS: json.dumps(EMPTY)}, "README.md:1"),
    ({"README.md": "none\n", RESULTS: json.dumps(EMPTY), readme.FOLDER + "/table.md": "older\n"},
     readme.FOLDER + "/table.md:1"),
    ({"README.md": "none\n", RESULTS: json.dumps(EMPTY), readme.FOLDER + "/growth.svg": "<svg/>\n"},
     readme.FOLDER + "/growth.svg:1"),
]
