"""docs/security.md names the tests of every row of the checklist; this looks that they exist."""
import os
import re

import faults
import tree

PAGE = "docs/security.md"
ROWS = [letter + str(number) for letter, count in (("P", 10), ("E", 8), ("T", 13), ("I", 9), ("H", 10), ("S", 12))
        for number in range(1, count + 1)]
LATER = "*(to come)*"
ROW = re.compile(r"\| ([PETIHS]\d+) \|")
# What is no test and still proof: a check of the lint, a measurement.
OTHER = re.compile(r"`((?:tests/lint|bench)/\w+\.py)`")


def rows(root):
    """(line number, row, text of the last column)."""
    if os.path.exists(os.path.join(root, PAGE)):
        for number, line in enumerate(tree.read(root, PAGE).split("\n"), 1):
            row = ROW.match(line)
            if row:
                yield number, row[1], line.rsplit("|", 2)[1]


def offenders(root):
    if not os.path.exists(os.path.join(root, PAGE)):
        return []
    files, found, seen = faults.definitions(root), [], []
    for number, row, proof in rows(root):
        seen.append(row)
        if not faults.TEST.search(proof) and not OTHER.search(proof) and LATER not in proof:
            found.append((PAGE, number, f"{row} names no test"))
        for name, beginning in faults.TEST.findall(proof):
            if not re.search(r"\b(def|void) %s" % beginning, files.get(name, "")):
                found.append((PAGE, number, f"there is no {name}::{beginning}"))
        for path in OTHER.findall(proof):
            if not os.path.exists(os.path.join(root, path)):
                found.append((PAGE, number, f"there is no {path}"))
    if seen != ROWS:
        found.append((PAGE, 1, "rows missing, twice or out of order: %s"
                      % (sorted(set(ROWS) ^ set(seen)) or "order")))
    return found


def name():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    later = sum(LATER in proof for _, _, proof in rows(root))
    return "security: every row of docs/security.md names tests that exist" + (
        f" ({later} rows have some to come)" if later else "")


NAME = name()


def page(first):
    return {PAGE: "\n".join([first] + [f"| {row} | x | {LATER} |" for row in ROWS[1:]]),
            "tests/system/test_1.py": "def test_a_b():\n    pass\n"}


BAD = [
    (page("| P1 | x | `test_1.py::test_c` |"), "docs/security.md:1"),
    (page("| P1 | x | `test_2.py::test_a` |"), "docs/security.md:1"),
    (page("| P1 | x | `bench/nothing.py` |"), "docs/security.md:1"),
    (page("| P1 | x | nothing |"), "docs/security.md:1"),
    (page("no row"), "docs/security.md:1"),
]
