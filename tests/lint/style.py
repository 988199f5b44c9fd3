"""clang-format has nothing to say."""
import os
import re
import shutil
import subprocess

import tree

NAME = "style: clang-format 14 changes nothing"
PROGRAM = shutil.which("clang-format-14") or shutil.which("clang-format")
STYLE = os.path.join(os.path.dirname(__file__), "..", "..", ".clang-format")


def skipped():
    return None if PROGRAM else "clang-format 14 is not installed"


def offenders(root):
    paths = tree.files(root, (".c", ".h"))
    if not paths:
        return []
    done = subprocess.run([PROGRAM, "--style=file:" + os.path.abspath(STYLE), "--dry-run",
                           "-Werror", *paths], cwd=root, capture_output=True, text=True)
    found = re.findall(r"^(\S+?):(\d+):\d+: error: (.*?)(?: \[.*)?$", done.stderr, re.MULTILINE)
    first = {}
    for path, line, sentence in found:
        first.setdefault(path, (path, int(line), sentence + " (make fmt)"))
    if done.returncode != 0 and not first:
        return [(paths[0], 1, "clang-format: " + done.stderr.strip()[:200])]
    return list(first.values())


BAD = [
    ({"src/a.c": "int a;\nint main(void) { return a; }\n"}, "src/a.c:2"),
    ({"src/b.h": "char * text;\n"}, "src/b.h:1"),
]
