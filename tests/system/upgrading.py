"""Servers that are upgraded, and what to: copies of the binary under test, at a path that is replaced by
rename as a package manager does it; of another version, of another layout, or no Gatepost at all."""
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from client import Api, unique
from gatepost import BINARY, wait_for
from smtp_peer import Rule

SALT = b"gatepost layout salt 0"      # src/master/layout.c
CONFIG = "[master]\ndrain_s = 10\n"


@functools.cache
def own_version():
    done = subprocess.run([BINARY, "version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def version_like(digit):
    """A version of the same length as the real one: 0.1.0 -> 9.9.9."""
    return "".join(digit if one.isdigit() else one for one in own_version())


class Installed:
    """The file that a server is started from."""

    def __init__(self, server):
        self.path = server.directory / "bin" / "gatepost"
        self.path.parent.mkdir()
        self.own()
        server.binary = self.path

    def put(self, content, mode=0o755):
        fresh = self.path.parent / "fresh"
        fresh.write_bytes(content)
        os.chmod(fresh, mode)
        fresh.rename(self.path)

    def own(self, version=None, salt=None):
        """The binary under test, but for its version or its layout."""
        content = BINARY.read_bytes()
        if version is not None:
            assert len(version) == len(own_version())
            for end in (b"\0", b"\n"):
                content = content.replace(own_version().encode() + end, version.encode() + end)
        if salt is not None:
            assert SALT in content
            content = content.replace(SALT, SALT[:-1] + str(salt).encode())
        self.put(content)

    def script(self, text, mode=0o755):
        self.put(text.encode(), mode)

    def program(self, path):
        fresh = self.path.parent / "fresh"
        shutil.copy(path, fresh)
        fresh.rename(self.path)

    def remove(self):
        self.path.unlink()


def make(prepare, overrides=None, config=CONFIG):
    server = prepare(overrides, config=config)
    server.installed = Installed(server)
    return server.start()


def with_a_letter_in_flight(prepare, peer):
    """A server, and the address of a letter that the relay has and takes its time with."""
    server = make(prepare, {"smtp.host": "127.0.0.1", "smtp.port": str(peer.port), "smtp.tls": "none",
                            "mail.retry_s": "1", "mail.sweep_s": "1"})
    peer.rules.append(Rule("DOT", action="delay", seconds=1.5, times=1))
    name = unique("flight")
    assert Api(server.address).signup(name).status == 201
    wait_for(lambda: peer.rules[0].times == 0, 10, "the relay has the letter")
    return server, f"{name}@example.com"


def write_config(server, text):
    fresh = server.directory / "fresh.conf"
    fresh.write_text(text)
    fresh.rename(server.directory / "gatepost.conf")


def page(server):
    """{key: value} of the status page; of a key that stands twice the last one."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(str(server.directory / "var" / "gatepost.sock"))
        text = b""
        while piece := sock.recv(65536):
            text += piece
    return dict(line.split(": ", 1) for line in text.decode().splitlines() if ": " in line)


def usr2(server, seconds=40):
    """Sends it; the outcome's words: number, ok or refused, when, more."""
    begun = int(page(server)["upgrades_begun"])
    os.kill(server.pid, signal.SIGUSR2)

    def outcome():
        words = page(server)["upgrade"].split(" ", 3)
        return int(words[0]) > begun and words
    return wait_for(outcome, seconds, "the upgrade's end")


def upgrade(server, seconds=90):
    return server.command("upgrade", seconds=seconds)


def family(server):
    """{pid: title} of the children."""
    return {pid: title for title, pids in server.children().items() for pid in pids}


def settled(server, count=5):
    """The children once nobody is on the way out: two workers, admin, store, mailer."""
    wait_for(lambda: len(family(server)) == count, 30, f"{count} children")
    return family(server)


def descriptors(pid):
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            pass
    return found


def segment_of(pid):
    return next(link for link in descriptors(pid).values() if "/dev/shm/gatepost-" in link)


def assert_upgraded(server, done, version):
    assert done.returncode == 0, (done, server.log_tail())
    assert f"version={version}" in done.stdout, done.stdout
    assert page(server)["version"] == version


def assert_closes_on_exec(pid):
    """Nobody whom the server ever executes inherits anything."""
    for fd, link in descriptors(pid).items():
        if fd > 2:
            flags = int(re.search(r"flags:\s+(\d+)", Path(f"/proc/{pid}/fdinfo/{fd}").read_text())[1], 8)
            assert flags & os.O_CLOEXEC, (fd, link)
