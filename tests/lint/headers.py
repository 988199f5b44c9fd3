"""Every header compiles alone, and twice in a row."""
import concurrent.futures
import os
import shlex
import re
import subprocess

import tree

NAME = "headers: each one compiles alone and may be included twice"
PACKAGES = ["libh2o-evloop", "yajl", "libcurl", "libidn2", "inih"]


def library_flags():
    done = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True)
    return [re.sub(r"^-I", "-isystem", flag) for flag in done.stdout.split()]


def compile_alone(root, path, flags):
    command = [*shlex.split(os.environ.get("CC", "gcc")), "-std=gnu11", "-D_GNU_SOURCE", "-DH2O_USE_LIBUV=0",
               "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I" + os.path.join(root, "include"),
               *flags, "-x", "c", "-"]
    source = '#include "%s"\n' % os.path.join(root, path) * 2
    done = subprocess.run(command, input=source, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode == 0:
        return []
    found = re.search(re.escape(path) + r":(\d+):(?:\d+:)? (?:fatal )?error: (.*)", done.stderr)
    if found:
        return [(path, int(found[1]), found[2])]
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    return [(path, 1, lines[0] if lines else "does not compile")]


def offenders(root):
    flags = library_flags()
    paths = tree.files(root, (".h",), ("src/", "include/"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [one for some in pool.map(lambda path: compile_alone(root, path, flags), paths)
                for one in some]


BAD = [
    ({"include/gatepost/a.h": "\nsize_t a_length(void);\n"}, "include/gatepost/a.h:2"),
    ({"src/store/b.h": "struct twice {\n    int a;\n};\n"}, "src/store/b.h:1"),
]
