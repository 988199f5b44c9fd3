"""Calls and words that are not written here."""
import re

import tree

NAME = "calls: none that overflow, race or leak by their timing"

FORBIDDEN = {
    r"\b(strcpy|stpcpy|strcat|sprintf|vsprintf|gets)\s*\(": "%s knows no bounds",
    r"\b(atoi|atol|atoll|atof)\s*\(": "%s knows no errors",
    r"\b(alloca)\s*\(": "%s takes stack without a limit",
    r"\b(signal)\s*\(": "%s differs between systems; sigaction does not",
    r"\b(mktemp|tmpnam|tempnam)\s*\(": "%s races; mkstemp does not",
    r"\btypedef\s+(struct|enum|union)\b(?![^;{]*\()": "typedef %s: write the word where the type is used",
}
IN_SOURCES = {
    r"\b(rand|srand|random|drand48)\s*\(": "%s can be guessed; random_bytes cannot",
}
# Comparing these stops at the first difference, which can be measured from outside. A name that
# goes on (mac_len, secret_file) is none of them; a digest is of something random already.
COMPARE = re.compile(r"\b(memcmp|strcmp|strncmp|bcmp|slice_equal)\s*\(")
SECRET = re.compile(r"(?:\b|_)(mac|hmac|secret|signature|password|hash)\b(?!\s*\()")


def arguments(text, start):
    """What stands between the parenthesis that ends at start and its partner."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position]
    return text[start:]


def offenders(root):
    found = []
    for path in tree.files(root, (".c", ".h", ".def")):
        text = tree.code_only(tree.read(root, path))
        is_source = path.startswith("src/")
        for pattern, sentence in {**FORBIDDEN, **(IN_SOURCES if is_source else {})}.items():
            for match in re.finditer(pattern, text):
                found.append((path, tree.line_of(text, match.start()), sentence % match[1]))
        for match in COMPARE.finditer(text) if is_source else ():
            if SECRET.search(arguments(text, match.end())):
                found.append((path, tree.line_of(text, match.start()),
                              "%s on a secret; secret_equal takes the same time" % match[1]))
    return sorted(found)


BAD = [
    ({"src/store/a.c": '/* strcpy(a) */\nchar *b = "strcpy(";\nstrcpy(a, b);\n'},
     "src/store/a.c:3"),
    ({"src/store/a.c": "x = atoi (text);\n"}, "src/store/a.c:1"),
    ({"bench/a.c": "sprintf(a, b);\n"}, "bench/a.c:1"),
    ({"src/master/a.c": "signal(SIGTERM, on_term);\n"}, "src/master/a.c:1"),
    ({"src/store/a.c": "id = random();\n"}, "src/store/a.c:1"),
    ({"include/gatepost/a.h": "typedef struct a a_t;\n"}, "include/gatepost/a.h:1"),
    ({"src/lib/token/a.c": "\nreturn memcmp(mac, expected,\n    MAC_BYTES) == 0;\n"},
     "src/lib/token/a.c:2"),
    ({"src/worker/a.c": "if (slice_equal(given, job->password))\n"}, "src/worker/a.c:1"),
]
