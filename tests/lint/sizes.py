"""Nothing is too long to be read at once."""
import re

import tree

NAME = "sizes: files to 400 lines, functions to 60, public headers to 150"
FILE_MAX, FUNCTION_MAX, PUBLIC_HEADER_MAX = 400, 60, 150


def functions(text):
    """(first line, lines, name) of every function. clang-format puts a function's braces, and
    nothing else's, alone at the left edge."""
    lines = tree.code_only(text).split("\n")
    opened = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            opened = number
        elif line.rstrip() == "}" and opened:
            head = opened - 1
            while head > 1 and re.match(r"\s+\S", lines[head - 1]):
                head -= 1
            name = re.search(r"(\w+)\s*\(", lines[head - 1])
            yield head, number - opened + 1, name[1] if name else "a function"
            opened = None


def offenders(root):
    found = []
    for path in tree.files(root, (".c", ".h", ".def", ".py")):
        text = tree.read(root, path)
        length = text.count("\n")
        public = path.startswith("include/") and path.endswith(".h")
        limit = PUBLIC_HEADER_MAX if public else FILE_MAX
        if length > limit:
            found.append((path, limit + 1, "%d lines, over %d" % (length, limit)))
        if not path.endswith((".c", ".h")):
            continue
        for line, count, name in functions(text):
            is_list_of_tests = name == "main" and path.startswith("tests/unit/")
            if count > FUNCTION_MAX and not is_list_of_tests:
                found.append((path, line, "%s has %d lines, over %d" % (name, count,
                                                                        FUNCTION_MAX)))
    return found


BAD = [
    ({"src/store/a.c": "\n" * 401}, "src/store/a.c:401"),
    ({"tests/system/a.py": "\n" * 401}, "tests/system/a.py:401"),
    ({"include/gatepost/a.h": "\n" * 151}, "include/gatepost/a.h:151"),
    ({"src/store/a.c": "\nstatic int long_one(int a,\n    int b)\n{\n" + "    a++;\n" * 59 + "}\n"},
     "src/store/a.c:2"),
]
