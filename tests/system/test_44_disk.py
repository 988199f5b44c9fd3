"""Disks that are full: two marks, then no room at all, and back by themselves."""
import os
import subprocess
import time

import pytest

from client import Api, assert_refused, quick, unique
from gatepost import wait_for
from load import Load, assert_all_exist

MIB = 1 << 20
DISK_MIB = 96
SIGNUPS_FREE_MIB, WRITES_FREE_MIB = 24, 12
MARKS = {"store.signup_free_mib": str(SIGNUPS_FREE_MIB), "store.write_free_mib": str(WRITES_FREE_MIB)}


class Disk:
    """A small file system of its own, and a file that takes up the room."""

    def __init__(self, path):
        self.path = path
        self.filler = path / "filler"

    def free_bytes(self):
        stat = os.statvfs(self.path)
        return stat.f_bavail * stat.f_frsize

    def leave(self, left):
        """Fills up until about so many bytes are left."""
        with open(self.filler, "ab") as file:
            more = self.free_bytes() - left
            assert more > 0, f"only {self.free_bytes()} bytes are free"
            os.posix_fallocate(file.fileno(), file.tell(), more)

    def fill(self):
        """To the last block, whatever others free or take meanwhile."""
        with open(self.filler, "ab") as file:
            for size in (MIB, 64 << 10, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError:
                    continue

    def empty(self):
        self.filler.unlink()


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts a small file system")
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", path],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    yield Disk(path)
    subprocess.run(["umount", "-l", path], check=True)


def ready(api):
    answer = api.get("/readyz")
    return answer.status == 200, answer.json()["checks"]


def start_on(disk, prepare, overrides=None):
    """The log stands elsewhere: it must tell what happens when there is no room."""
    home = disk.path / "home"
    home.mkdir()
    server = prepare({**MARKS, **(overrides or {})}, directory=home)
    server.log_path = disk.path.parent / "log.txt"
    return server.start()


def test_two_marks_refuse_first_sign_ups_then_every_write_and_end_by_themselves(disk, prepare):
    server = start_on(disk, prepare)
    api = Api(server.address)
    names = [unique() for _ in range(3)]
    assert api.signup(names[0]).status == 201
    access = api.tokens(names[0])["access"]

    disk.leave((SIGNUPS_FREE_MIB + WRITES_FREE_MIB) // 2 * MIB)
    wait_for(lambda: not ready(api)[0], 5, "/readyz says 503")
    assert ready(api)[1] == {"store": "ok", "mailer": "ok", "disk": "failed"}
    assert api.get("/healthz").status == 200
    assert_refused(quick(api.signup, names[1]))
    assert quick(api.login, names[0]).status == 200
    assert quick(api.me, access).status == 200
    assert "disk: no sign-ups" in server.command("status").stdout

    disk.leave(WRITES_FREE_MIB // 2 * MIB)
    wait_for(lambda: "disk: no writes" in server.command("status").stdout, 5, "the second mark")
    assert_refused(quick(api.signup, names[1]))
    assert_refused(quick(api.login, names[0]))
    assert quick(api.me, access).status == 200
    assert api.get("/healthz").status == 200

    disk.empty()
    wait_for(lambda: ready(api)[0], 5, "/readyz says 200 again")
    assert api.signup(names[1]).status == 201
    assert api.login(names[0]).status == 200
    server.stop()
    server.start()
    assert_all_exist(server, names[:2])
    assert Api(server.address).signup(names[2]).status == 201
    server.stop()


def test_a_store_that_recovers_on_a_full_disk_waits_for_room(disk, prepare):
    server = start_on(disk, prepare, {"store.signup_free_mib": "0", "store.write_free_mib": "0"})
    api = Api(server.address)
    with Load(server, keep=4) as load:
        load.wait_progress(20)
    assert not load.wrong and not load.cut

    disk.fill()
    dead = server.kill("store")
    wait_for(lambda: server.children().get("store", [dead])[0] != dead, 10, "a new store")
    wait_for(lambda: "disk: no writes" in server.command("status").stdout, 10, "the store waits")
    waiting = server.child("store")
    for _ in range(3):
        assert_refused(quick(api.signup, unique()))
        assert_refused(quick(api.login, load.acknowledged[0]))
        assert quick(api.get, "/healthz").status == 200
        assert ready(api) == (False, {"store": "failed", "mailer": "ok", "disk": "failed"})
        time.sleep(1)
    assert server.child("store") == waiting, "it died of the full disk"

    disk.empty()
    wait_for(lambda: ready(api)[0], 10, "/readyz says 200 again")
    assert server.child("store") == waiting
    assert_all_exist(server, load.acknowledged)
    assert api.signup(unique()).status == 201
    assert len(server.events("child.died")) == 1, server.log_tail()
    assert len(server.events("disk.full")) == 1, "it says so once"
    server.stop()


def test_a_stop_does_not_wait_for_room(disk, prepare):
    server = start_on(disk, prepare, {"store.signup_free_mib": "0", "store.write_free_mib": "0"})
    names = [unique() for _ in range(30)]
    api = Api(server.address)
    for name in names:
        assert api.signup(name).status == 201
    disk.fill()
    server.kill("store")
    wait_for(lambda: "disk: no writes" in server.command("status").stdout, 10, "the store waits")
    server.stop()
    disk.empty()
    server.start()
    assert_all_exist(server, names)
    server.stop()
