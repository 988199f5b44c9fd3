"""A Gatepost under callgrind: what its processes do between two moments, in instructions, which no
other work on the machine changes. All of it starts with counting switched off, at nearly full speed."""
import collections
import glob
import os
import re
import shutil
import subprocess
import tempfile

from rig import processes
from rig.server import Server

VGDB_S = 60


def missing():
    """Why nothing can be counted here; None when it can."""
    for program in ("valgrind", "vgdb"):
        if shutil.which(program) is None:
            return "%s is not installed (make bench-deps)" % program
    return None


class Counted(Server):
    """One worker; toy passwords, hashed by one kernel always. Its children have no names in their
    command lines but in comm, of which the kernel keeps 15 bytes."""

    def __init__(self, *overrides):
        self.dumps = tempfile.mkdtemp(prefix="gatepost-counted-")
        self.vgdb = ["vgdb", "--vgdb-prefix=" + os.path.join(self.dumps, "vgdb")]
        self.wrapper = ["valgrind", "-q", "--tool=callgrind", "--trace-children=yes", "--instr-atstart=no",
                        "--vgdb-prefix=" + os.path.join(self.dumps, "vgdb"),
                        "--log-file=" + os.path.join(self.dumps, "log.%p"),
                        "--callgrind-out-file=" + os.path.join(self.dumps, "out.%p")]
        # The kernel's filter knows nothing of what valgrind does beside the program.
        super().__init__("http.workers=1", "password.lanes=1", "master.sandbox=no", "log.level=warning",
                         "mail.sweep_s=3600", *overrides)

    def __enter__(self):
        super().__enter__()
        self.pid_of = {}
        for pid in processes.children(self.process.pid):
            with open("/proc/%d/comm" % pid) as file:
                self.pid_of[file.read().strip()[len("gatepost: "):]] = pid
        return self

    def __exit__(self, *how):
        try:
            super().__exit__(*how)
        finally:
            shutil.rmtree(self.dumps)

    def tell(self, role, order):
        """An order to the valgrind of that process."""
        pid = next(pid for name, pid in self.pid_of.items() if role.startswith(name))
        subprocess.run([*self.vgdb, "--pid=%d" % pid, order], check=True, timeout=VGDB_S,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return pid

    def counting(self, role, wanted):
        self.tell(role, "instrumentation %s" % ("on" if wanted else "off"))

    def zero(self, role):
        self.tell(role, "zero")

    def dump(self, role):
        """The path of what was counted since zero()."""
        before = set(glob.glob(os.path.join(self.dumps, "out.*.*")))
        self.tell(role, "dump")
        (path,) = set(glob.glob(os.path.join(self.dumps, "out.*.*"))) - before
        return path


NAME = re.compile(r"(fn|ob|cfn|cob|fl|fi|fe|cfi|cfl)=\((\d+)\)(?: (.*))?")


def costs_of(path):
    """{(library, function): instructions of its own} of a dump."""
    names, costs = collections.defaultdict(dict), collections.Counter()
    library = function = ""
    skips = False       # the line after "calls=" is what somebody else did
    with open(path, errors="replace") as file:
        for line in file:
            found = NAME.match(line)
            if found:
                kind, number, name = found.groups()
                table = names["ob" if kind in ("ob", "cob") else "fn" if kind in ("fn", "cfn") else "fl"]
                if name is not None:
                    table[number] = name
                if kind == "fn":
                    function = table[number]
                elif kind == "ob":
                    library = table[number]
            elif line.startswith("calls="):
                skips = True
            elif line[:1] in "0123456789+-*":
                fields = line.split()
                if skips:
                    skips = False
                elif len(fields) == 2:
                    costs[os.path.basename(library) or "?", tidy(function)] += int(fields[1])
    return costs


def tidy(function):
    """Without what compilers and callgrind add, which changes from build to build."""
    return re.sub(r"(\.(constprop|isra|part|cold|lto_priv)(\.\d+)?)+|'\d+$|@@.*$", "", function)
