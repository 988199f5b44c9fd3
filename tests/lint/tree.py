"""The files of a tree and what is in them, for the checks beside this file.

A check is a module with NAME (the sentence it proves), offenders(root) -> [(path, line, sentence)],
and BAD: trees ({path: text}) with the place ("path:line") that must be found in each."""
import os
import re

SKIPPED_FOLDERS = {"build", "var", ".git", "__pycache__", ".pytest_cache", ".hypothesis"}


def files(root, suffixes=None, under=("",)):
    """Paths relative to root, sorted; of a suffix, below one of some folders."""
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            if path == ".git":      # of a worktree it is a file
                continue
            if suffixes and not path.endswith(tuple(suffixes)):
                continue
            if path.startswith(tuple(under)) and not os.path.islink(os.path.join(root, path)):
                found.append(path)
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="surrogateescape",
              newline="") as file:
        return file.read()


_PIECES = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def without_comments(text):
    """C text with comments blanked out; line numbers stay."""
    return _PIECES.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0][0] == "/" else m[0], text)


def code_only(text):
    """C text with comments and the insides of strings blanked out; line numbers stay."""
    def blank(match):
        piece = match[0]
        if piece[0] == "/":
            return re.sub(r"[^\n]", " ", piece)
        return piece[0] + " " * (len(piece) - 2) + piece[-1]
    return _PIECES.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def includes(text):
    """(line, "<" or '"', name) of every include."""
    text = without_comments(text)
    return [(line_of(text, m.start(1)), m[1], m[2]) for m in _INCLUDE.finditer(text)]
