#!/usr/bin/python3
"""Writes vectors.inc: what Python, and so Django, makes of every code point.

Run it with the Python whose Django is the model (Debian 12: Python 3.11, Unicode 14), from anywhere:
    /usr/bin/python3 tests/unit/username/make_vectors.py
"""
import pathlib
import re
import sys
import unicodedata

WORD = re.compile(r"^[\w.@+-]+\Z")  # Django's UnicodeUsernameValidator
# Letters with the property Default_Ignorable_Code_Point (DerivedCoreProperties.txt): Gatepost
# refuses them, Django does not.
INVISIBLE = {0x115F, 0x1160, 0x3164, 0xFFA0}


def key_of(text):
    normal = unicodedata.normalize("NFKC", text)
    for char in normal:
        if not WORD.match(char) and unicodedata.category(char)[0] != "M":
            return normal, None
        if ord(char) in INVISIBLE:
            return normal, None
    return normal, unicodedata.normalize("NFKC", normal.casefold())


def quoted(text):
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def filled(items):
    """Joins items with commas into lines that fit."""
    line = ""
    for item in items:
        if len(line) + len(item) > 96:
            yield line.rstrip()
            line = ""
        line += item + ", "
    yield line.rstrip()


def main():
    points = [p for p in range(0x110000) if not 0xD800 <= p <= 0xDFFF]
    allowed = [p for p in points if WORD.match(chr(p))]
    ranges = []
    for point in allowed:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])

    changed = []
    for point in allowed:
        if point in INVISIBLE:
            continue
        normal, key = key_of(chr(point))
        if key is None:
            changed.append(f"{{0x{point:X}, NULL, NULL}}")
        elif (normal, key) != (chr(point), chr(point)):
            changed.append(f"{{0x{point:X}, {quoted(normal)}, {quoted(key)}}}")

    out = pathlib.Path(__file__).with_name("vectors.inc")
    with out.open("w") as file:
        print("/* Made by make_vectors.py with Python %s, Unicode %s: do not edit. */"
              % (sys.version.split()[0], unicodedata.unidata_version), file=file)
        print("/* clang-format off */", file=file)
        print("static const uint32_t python_word_ranges[][2] = {", file=file)
        print("\n".join(filled(f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges)), file=file)
        print("};\nstatic const uint32_t python_invisible[] = {", file=file)
        print("\n".join(filled(f"0x{p:X}" for p in sorted(INVISIBLE))), file=file)
        print("};\nstatic const struct folding python_foldings[] = {", file=file)
        print("\n".join(filled(changed)), file=file)
        print("};", file=file)


if __name__ == "__main__":
    main()
