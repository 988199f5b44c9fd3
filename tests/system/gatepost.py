"""The server under test: starts the real binary in a directory of its own, knows its processes
from /proc, reads its log, stops it and looks whether anything stayed behind."""
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("GATEPOST_BINARY", "build/gatepost"))
if not BINARY.is_absolute():
    BINARY = ROOT / BINARY
SLOW = bool(os.environ.get("GATEPOST_SLOW"))

# What a sanitizer writes into the log of a process that it condemns.
SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:")
# What happens to no server that is well, and with allow_deaths to one whose children a test kills.
NEVER = re.compile(r" (store\.request_refused|seat\.broken|child\.mad|outbox\.unreadable|"
                   r"store\.row_unreadable|store\.row_failed|batch\.failed|store\.panicked|mail\.unsettled) ")
DEATH = re.compile(r" (child\.died|child\.stuck|child\.overdue|child\.delayed|child\.unborn|"
                   r"process\.crashed|server\.stop_forced) ")

DEFAULTS = {
    "http.listen": "127.0.0.1:0",
    "http.workers": "2",
    "password.iterations": "1",
    "password.allow_weak": "yes",
    "limits.enabled": "no",
    "store.cache_mib": "16",
    "store.signup_free_mib": "1",
    "store.write_free_mib": "1",
}

# Every server that this session started; conftest.py looks after them.
servers = []


def patience(seconds):
    """A deadline for something that should be quick: longer on a build with sanitizers."""
    return seconds * (4 if SLOW else 1)


def scaled(count):
    """A count of repetitions: fewer on a build with sanitizers."""
    return max(1, count // 4) if SLOW else count


def make(*words, timeout=900, **options):
    """make in the tree, one at a time: tests run side by side, and share what it makes there. Its output."""
    with open(ROOT / "build" / "make.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", *words], cwd=ROOT, capture_output=True, text=True, timeout=timeout,
                              **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_for(condition, seconds, what):
    """Calls condition until it is true; the value is returned. The deadline is the proof's limit."""
    deadline = time.monotonic() + patience(seconds)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience(seconds)} s: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(extra=None):
    ours = ("EMAIL_", "LISTEN_", "GATEPOST_", "NOTIFY_", "WATCHDOG_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    env.update(extra or {})
    return env


def stat_fields(pid):
    """Fields of /proc/PID/stat from the state on: [0] state, [1] ppid, [3] session, [11] utime,
    [12] stime; None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2:].split()


def cpu_seconds(pid):
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processes_where(test):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(entry)
            if fields and fields[0] != "Z" and test(fields):
                found.append(int(entry))
    return found


class Gatepost:
    """One server and its directory. Keyword `config` is the text of gatepost.conf, `wrap` a command
    that the binary is started under (prlimit, unshare, sh -c ...)."""

    def __init__(self, overrides=None, env=None, config=None, wrap=(), directory=None, pass_fds=(),
                 owner=None):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="gatepost-", dir="/tmp"))
        if owner is not None:
            os.chown(self.directory, owner, -1)
            os.chmod(self.directory, 0o755)
        self.settings = {**DEFAULTS, **(overrides or {})}
        self.env = env or {}
        self.wrap = tuple(wrap)
        self.pass_fds = pass_fds
        self.log_path = self.directory / "log.txt"
        self.process = None
        self.listeners = []
        self.allow_deaths = False
        self.keep = False           # the directory, for somebody to look into
        self.log_checked = 0
        self.binary = BINARY        # that serves
        if config is not None:
            (self.directory / "gatepost.conf").write_text(config)
        servers.append(self)

    @staticmethod
    def release_binary():
        return ROOT / "build" / "gatepost"

    # ---- life ------------------------------------------------------------------------------------

    def arguments(self, command="serve"):
        line = [str(self.binary if command == "serve" else BINARY), command]
        for key, value in self.settings.items():
            if value is not None:
                line += ["-o", f"{key}={value}"]
        return line

    def spawn(self):
        """Starts the binary and returns at once."""
        log = open(self.log_path, "ab")
        try:
            self.process = subprocess.Popen(
                [*self.wrap, *self.arguments()], cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, env=clean_environment(self.env),
                pass_fds=self.pass_fds, start_new_session=True)
        finally:
            log.close()
        return self.process

    def start(self, seconds=15):
        self.spawn()
        line = self.read_ready(seconds)
        match = re.fullmatch(r"ready http=(\S+) pid=(\d+)\n", line)
        assert match, f"ready line {line!r}\n{self.log_tail()}"
        assert int(match[2]) == self.process.pid or self.wrap
        self.pid = int(match[2])
        self.listeners = match[1].split(",")
        return self

    def read_ready(self, seconds):
        """The first line of standard output; '' when the server ended instead."""
        import select
        deadline = time.monotonic() + patience(seconds)
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            assert left > 0, f"no ready line in {patience(seconds)} s: {line!r}\n{self.log_tail()}"
            if select.select([self.process.stdout], [], [], left)[0]:
                piece = os.read(self.process.stdout.fileno(), 1)
                if not piece:
                    break
                line += piece
        return line.decode()

    def stop(self, with_signal=signal.SIGTERM, seconds=5):
        """Ends the server and checks how: exit code, time, output, nothing left running."""
        began = time.monotonic()
        os.kill(self.pid, with_signal)
        code = self.wait(seconds)
        took = time.monotonic() - began
        assert code == 0, f"exit code {code}\n{self.log_tail()}"
        self.assert_nothing_runs()
        assert self.process.stdout.read() == b"", "standard output holds more than the ready line"
        return took

    def wait(self, seconds):
        try:
            return self.process.wait(patience(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {patience(seconds)} s\n{self.log_tail()}") from None

    def session_processes(self):
        return processes_where(lambda fields: int(fields[3]) == self.process.pid)

    def assert_nothing_runs(self, seconds=1.0):
        wait_for(lambda: not self.session_processes(), seconds,
                 f"every process gone; {[self.title(p) for p in self.session_processes()]} left")

    def destroy(self):
        """After a test, whatever its outcome: no process and no directory stays."""
        if self.process is not None:
            for pid in self.session_processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def command(self, name, *arguments, seconds=20):
        """Another command of the binary, in the server's directory and environment."""
        return subprocess.run(self.arguments(name) + list(arguments), cwd=self.directory,
                              env=clean_environment(self.env), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=patience(seconds))

    # ---- processes -------------------------------------------------------------------------------

    @staticmethod
    def title(pid):
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def children(self):
        """{title without 'gatepost: ': [pids]} of the master's children."""
        found = {}
        for pid in processes_where(lambda fields: int(fields[1]) == self.pid):
            found.setdefault(self.title(pid).replace("gatepost: ", "", 1).strip(), []).append(pid)
        return found

    def child(self, name):
        """The one process of that title: 'worker 0', 'store', 'mailer'."""
        return wait_for(lambda: self.children().get(name, [None])[0], 5, f"a {name}")

    def workers(self):
        return sorted(pid for title, pids in self.children().items()
                      if title.startswith("worker") for pid in pids)

    def kill(self, name, with_signal=signal.SIGKILL):
        self.allow_deaths = True
        pid = self.child(name)
        os.kill(pid, with_signal)
        return pid

    def worker_of(self, sock):
        """The pid of the worker that accepted this TCP connection of ours."""
        port = sock.getsockname()[1]
        inode = None
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[2].split(":")[1], 16) == port and int(fields[1].split(":")[1], 16) == self.port:
                inode = fields[9]
        for pid in self.workers():
            try:
                for name in os.listdir(f"/proc/{pid}/fd"):
                    if inode and os.readlink(f"/proc/{pid}/fd/{name}") == f"socket:[{inode}]":
                        return pid
            except (FileNotFoundError, ProcessLookupError):
                continue
        return None

    # ---- where it is -----------------------------------------------------------------------------

    @property
    def address(self):
        host, port = self.listeners[0].rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def port(self):
        return self.address[1]

    @property
    def mail_dir(self):
        return self.directory / "var" / "mail"

    # ---- log -------------------------------------------------------------------------------------

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines=40):
        quiet = (" mail.delivered ", " http.answered ")
        told = [line for line in self.log_text().splitlines() if not any(q in line for q in quiet)]
        return "\n".join(["---- log ----", *told[-lines:]])

    def events(self, name):
        return [line for line in self.log_text().splitlines() if f" {name} " in line + " "]

    def wait_event(self, name, count=1, seconds=10):
        return wait_for(lambda: len(self.events(name)) >= count and self.events(name), seconds,
                        f"{count} log lines {name}")

    def log_complaints(self):
        """What a test must not leave behind in the log, since the last look."""
        text = self.log_text()
        fresh, self.log_checked = text[self.log_checked:], len(text)
        bad = [line for line in fresh.splitlines()
               if SANITIZER.search(line) or NEVER.search(line) or
               (DEATH.search(line) and not self.allow_deaths)]
        return "\n".join(bad)
