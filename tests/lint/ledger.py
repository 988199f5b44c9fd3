"""The README quotes the ledger of tests/chaos: the sums are those of its lines."""
import importlib.util
import os

import tree

NAME = "ledger: the README's sums are those of tests/chaos/ledger.jsonl"
PAGE, LEDGER = "README.md", "tests/chaos/ledger.jsonl"
BEGINNING = "So far: "


def sums_of(root):
    """By the ledger's own program, on the ledger of that tree."""
    spec = importlib.util.spec_from_file_location(
        "chaos_ledger", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../chaos/ledger.py"))
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    program.PATH = program.Path(root) / LEDGER
    return program.sums()


def offenders(root):
    if not os.path.exists(os.path.join(root, LEDGER)):
        return []
    lines = tree.read(root, PAGE).split("\n")
    quoted = [(number, line) for number, line in enumerate(lines, 1) if line.startswith(BEGINNING)]
    if len(quoted) != 1:
        return [(PAGE, 1, "no line, or several, begin with %r" % BEGINNING)]
    number, line = quoted[0]
    return [] if line == BEGINNING + sums_of(root) else [(PAGE, number, "the ledger says: " + sums_of(root))]


BAD = [({PAGE: "So far: 7 kills\n", LEDGER: '{"kind": "chaos", "kills": 8, "lost": 0}\n'}, "README.md:1")]
