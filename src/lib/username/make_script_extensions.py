#!/usr/bin/python3
"""Writes script_extensions.inc: where the scripts that a character is used in (Script_Extensions) are
not its one script. libunistring 1.0 does not have that property; perl-base's tables do. Only letters,
numbers and marks that NFKC leaves alone: nothing else stands in a user name.

    /usr/bin/python3 src/lib/username/make_script_extensions.py   (Debian 12: Unicode 14)
"""
import glob
import pathlib
import unicodedata


def table(name):
    """{code point: value} of one of perl's tables."""
    path = sorted(glob.glob(f"/usr/share/perl/5.*/unicore/To/{name}.pl"))[-1]
    text = pathlib.Path(path).read_text().split("<<'END';\n")[1].split("END")[0]
    values = {}
    for line in text.splitlines():
        first, last, value = line.split("\t")
        for point in range(int(first, 16), int(last or first, 16) + 1):
            values[point] = value
    return values


def main():
    script, extensions = table("Sc"), table("Scx")
    ranges = []
    for point in sorted(extensions):
        char = chr(point)
        if (point < 0x80 or unicodedata.category(char)[0] not in "LNM"
                or unicodedata.normalize("NFKC", char) != char or script.get(point) == extensions[point]):
            continue
        if ranges and ranges[-1][1:] == [point - 1, extensions[point]]:
            ranges[-1][1] = point
        else:
            ranges.append([point, point, extensions[point]])
    lines = [f'    {{0x{first:04X}, 0x{last:04X}, "{names}"}},\n' for first, last, names in ranges]
    pathlib.Path(__file__).with_name("script_extensions.inc").write_text(
        "/* Written by make_script_extensions.py from Unicode 14. */\n"
        "static const struct extension extensions[] = {\n" + "".join(lines) + "};\n")


main()
