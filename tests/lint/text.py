"""What must not stand in any file."""
import re

import tree

NAME = "text: nothing unfinished, no stray blanks, no path of somebody's machine"

BINARY = ("tests/fuzz/corpus/",)
# Written in pieces, so that this file is clean itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE = re.compile(r"(?<![\w.])/(wo" r"rk|ho" r"me/[a-z]+|ro" r"ot|tmp/bu" r"ild|tmp/s" r"rc)/")


def line_offences(path, line):
    is_source = path.endswith((".c", ".h", ".def", ".py"))
    if line.endswith("\r"):
        yield "a carriage return at the end"
    elif line != line.rstrip():
        yield "blanks at the end"
    if is_source and "\t" in line:
        yield "a tab"
    if UNFINISHED.search(line):
        yield "unfinished"
    if MACHINE.search(line):
        yield "a path of one machine"


def offenders(root):
    found = []
    for path in tree.files(root):
        text = "" if path.startswith(BINARY) else tree.read(root, path)
        if "\0" in text:
            continue
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            found += [(path, number, sentence) for sentence in line_offences(path, line)]
        if text and lines[-1] != "":
            found.append((path, len(lines), "no newline at the end of the file"))
        if len(lines) > 1 and lines[-1] == lines[-2] == "":
            found.append((path, len(lines) - 1, "an empty line at the end of the file"))
    return found


BAD = [
    ({"README.md": "a\nb \n"}, "README.md:2"),
    ({"src/a.c": "int a;\r\n"}, "src/a.c:1"),
    ({"src/a.c": "\tint a;\n"}, "src/a.c:1"),
    ({"src/a.c": "/* TO" "DO */\n"}, "src/a.c:1"),
    ({"Makefile": "X := /wo" "rk/shared\n"}, "Makefile:1"),
    ({"src/a.c": "int a;"}, "src/a.c:1"),
    ({"src/a.c": "int a;\n\n"}, "src/a.c:2"),
]
