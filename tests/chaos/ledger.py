#!/usr/bin/python3
"""The ledger: one JSON line for each run of `make chaos`, `make powercut`, `make fuzz` and
`bench/run --only letters --ledger` by hand.

    ledger.append("chaos", seed=7, kills=2000, lost=0, ...)    adds date and commit
    tests/chaos/ledger.py                                      prints the sums, as the README has them

append writes the README's line anew; tests/lint looks that it is the ledger's.

A run in `make test` appends nothing: a test leaves the tree as it was."""
import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

PATH = Path(__file__).with_name("ledger.jsonl")
ROOT = PATH.parents[2]
README = ROOT / "README.md"
QUOTED = "So far: "    # how the README's line of sums begins


def commit():
    """The commit that was run; with a plus when the tree differs from it (the ledger aside)."""
    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True).stdout
    changed = [line for line in git("status", "--porcelain").splitlines()
               if not line.endswith(("tests/chaos/ledger.jsonl", "README.md"))]
    return git("rev-parse", "--short=12", "HEAD").strip() + ("+" if changed else "")


def append(kind, **facts):
    line = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "commit": commit(), "kind": kind, **facts}
    with open(PATH, "a") as file:
        file.write(json.dumps(line) + "\n")
    text = README.read_text()
    README.write_text(re.sub(rf"^{QUOTED}.*$", QUOTED + sums(), text, flags=re.MULTILINE))


def lines():
    return [json.loads(line) for line in PATH.read_text().splitlines()] if PATH.exists() else []


# What is added up: (key of a line, words after the number).
SUMS = [("kills", "processes killed"), ("faults", "fault points fired"), ("reloads", "reloads"),
        ("upgrades", "upgrades"),
        ("cuts", "power cuts"), ("executions", "fuzz executions"),
        ("acknowledged", "acknowledged sign-ups"),
        ("changes", "acknowledged changes of accounts looked up afterwards"), ("lost", "lost")]


def sums():
    """The line that the README quotes; controls, which must lose, are left out."""
    def total(key):
        return sum(line.get(key, 0) for line in lines() if not line.get("control"))
    return ", ".join("%s %s" % ("{:,}".format(total(key)), words) for key, words in SUMS)


if __name__ == "__main__":
    print(sums())
    sys.exit(0)
