"""Seeds of what one master leaves the next: made from the tables that both sides are made from."""
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "master" / "handover.c"


def names(what):
    return re.findall(what, SOURCE.read_text())


def text(children):
    fds = iter(range(20, 200))
    lines = ["gatepost handover 1", "version 0.1.0", "layout 4711"]
    lines += [f"number {name} 1" for name in names(r'\{"(\w+)", HANDOVER_')]
    lines += [f"descriptor {name} {next(fds)}" for name in names(r'\{"(\w+)", AT\([^)]*fd\)')]
    lines += [f"text {name} unix:var/x" for name in names(r'TEXT\("(\w+)"')]
    lines += [f"backoff {role} 2 3 4 1 2 3 4 5 6" for role in ("worker", "store", "mailer", "admin")]
    for name in ("127.0.0.1:8000", "unix:/a path"):
        lines += [f"listener {next(fds)} 0 0", f"listener-name {name}", f"listener-text {name}", "listener-fd-name x"]
    if children:
        lines.append(f"segment {next(fds)} 2")
        lines += [f"wake {slot} {next(fds)}" for slot in range(5)]
        lines += ["seat 0 1 1", "seat 1 1 3", "seat 2 0 1"]
        lines += [f"child 1000 mailer 0 0 1 1 {next(fds)} 1 0 0 5 0", f"child 1001 worker 1 0 1 3 {next(fds)} 1 0 0 5 0",
                  f"child 1002 store 3 0 1 1 {next(fds)} 1 0 0 5 0"]
    lines += ["text config_file gatepost.conf", "configuration", "[http]", "workers = 2", "# end of handover", ""]
    return "\n".join(lines).encode()


def handovers():
    whole = text(True)
    return {"handover_with_children": whole, "handover_alone": text(False), "handover_cut": whole[:-20],
            "handover_twice": whole.replace(b"child 1001 worker 1", b"child 1001 worker 0"),
            "handover_unknown": whole.replace(b"layout 4711", b"layout 4711\nlater 1 2 3\nnumber later 7")}
