"""docs/faults.md promises a test for every row; this looks that the promise can be kept, that no number
stands twice, and that the README knows how many there are."""
import os
import re

import tree

NAME = "faults: every row of docs/faults.md names tests that exist"
PAGE = "docs/faults.md"
ROWS = 54
COUNT = re.compile(r"`docs/faults.md` lists (\d+) ways")
LATER = "not yet: "
TEST = re.compile(r"`(test_\w+\.(?:py|c))::(test_\w*)`")


def definitions(root):
    """{file name: text} of every file of tests."""
    return {os.path.basename(path): tree.read(root, path)
            for path in tree.files(root, (".py", ".c"), ("tests/",)) if os.path.basename(path).startswith("test_")}


def offenders(root):
    if not os.path.exists(os.path.join(root, PAGE)):
        return []
    files, found, seen = definitions(root), [], set()
    for number, line in enumerate(tree.read(root, PAGE).split("\n"), 1):
        row = re.match(r"\| F(\d+) \|", line)
        if not row:
            continue
        if int(row[1]) in seen:
            found.append((PAGE, number, f"F{row[1]} stands twice"))
        seen.add(int(row[1]))
        proof = line.rsplit("|", 2)[1]
        if not TEST.search(proof) and LATER not in proof:
            found.append((PAGE, number, f"F{row[1]} names no test and no reason"))
        for name, beginning in TEST.findall(proof):
            if not re.search(r"\b(def|void) %s" % beginning, files.get(name, "")):
                found.append((PAGE, number, f"there is no {name}::{beginning}"))
    missing = sorted(set(range(1, ROWS + 1)) - seen)
    if missing:
        found.append((PAGE, 1, "rows that are missing: %s" % missing))
    told = COUNT.search(tree.read(root, "README.md")) if os.path.exists(os.path.join(root, "README.md")) else None
    if told and int(told[1]) != len(seen):
        found.append(("README.md", 1, f"docs/faults.md has {len(seen)} rows, not {told[1]}"))
    return found


def page(first):
    return {PAGE: "\n".join([first] + ["| F%d | x | y | not yet: z |" % i for i in range(2, ROWS + 1)]),
            "tests/system/test_1.py": "def test_a_b():\n    pass\n"}


BAD = [
    (page("| F1 | x | y | `test_1.py::test_c` |"), "docs/faults.md:1"),
    (page("| F1 | x | y | `test_2.py::test_a` |"), "docs/faults.md:1"),
    (page("| F1 | x | y | nothing |"), "docs/faults.md:1"),
    (page("no row"), "docs/faults.md:1"),
    (page("| F1 | x | y | not yet: z |\n| F2 | x | y | not yet: z |"), "docs/faults.md:3"),
    (page("| F1 | x | y | not yet: z |") | {"README.md": "`docs/faults.md` lists 3 ways"}, "README.md:1"),
]
