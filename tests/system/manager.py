"""A service manager's side, for tests without systemd as init: the socket that sd_notify(3) writes to,
and descriptors passed as sd_listen_fds(3) expects them."""
import os
import socket
import sys
import time

from gatepost import patience

# Moves the descriptors to 3, 4, ... and tells the process that takes this one's place about them.
PASS_ON = """import os, sys
count, names = int(sys.argv[1]), sys.argv[2]
given = [int(fd) for fd in sys.argv[3].split(",") if fd]
high = [os.dup2(fd, 200 + i) for i, fd in enumerate(given)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
if count:
    os.environ["LISTEN_FDS"] = str(count)
    if names:
        os.environ["LISTEN_FDNAMES"] = names
os.execv(sys.argv[4], sys.argv[4:])
"""


def passing(sockets=(), names=""):
    """Keywords for Gatepost(): starts it as a service manager would, with these sockets."""
    fds = [one.fileno() for one in sockets]
    return {"wrap": [sys.executable, "-c", PASS_ON, str(len(fds)), names, ",".join(map(str, fds))],
            "pass_fds": fds}


class Listener:
    """Where NOTIFY_SOCKET points. heard: (monotonic time, {variable: value}) of each datagram."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path[1:] if path.startswith("@") else path)
        self.heard = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        if not self.path.startswith("@"):
            os.unlink(self.path)

    def listen(self, seconds=0.0):
        """Takes in what comes in that time."""
        until = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.001, until - time.monotonic()))
            try:
                text = self.socket.recv(4096).decode()
            except (TimeoutError, BlockingIOError):
                return
            self.heard.append((time.monotonic(), dict(line.split("=", 1) for line in text.split("\n"))))

    def named(self, variable):
        """The values of that variable, in the order they were heard."""
        return [message[variable] for _, message in self.heard if variable in message]

    def await_message(self, variable, test=lambda value: True, seconds=10):
        """The first message of that kind which has not been asked for; earlier ones are forgotten."""
        deadline = time.monotonic() + patience(seconds)
        while time.monotonic() < deadline:
            self.listen(0.05)
            for i, (_, message) in enumerate(self.heard):
                if variable in message and test(message[variable]):
                    del self.heard[:i + 1]
                    return message
        raise AssertionError(f"no {variable} in {patience(seconds)} s, but {self.heard}")
