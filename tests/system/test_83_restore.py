"""Damage is named, a restore makes it good; and the drill: sign-ups at full speed, everything killed, and from the
backup alone everybody is there who was told so before its newest log."""
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backups import DAMAGED, DONE, FAILED, SHORT, backup_of, database, files_of, names, settled
from client import Api, unique
from gatepost import clean_environment, patience, scaled, wait_for
from load import Load
from users_db import needs_db_tools

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from census import lost_accounts  # noqa: E402
from database import Database  # noqa: E402


# ---- damage ---------------------------------------------------------------------------------------------------


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def damage_a_table(files):
    flip(files / "users.db", 5000)


def damage_the_log(files):
    flip(files / "log.0000000001", 20_000)


def lose_a_table(files):
    (files / "sessions.db").unlink()


def lose_the_log(files):
    (files / "log.0000000001").unlink()


def cut_the_log(files):
    os.truncate(files / "log.0000000001", 10_000)


def edit_the_manifest(files):
    path = files.parent / "manifest"
    path.write_text(path.read_text().replace("users 3\n", "users 4\n"))


def forge(files, change):
    """The sum at its end is made anew, as somebody who knows how would do it."""
    path = files.parent / "manifest"
    text = "".join(f"{line}\n" for line in change(path.read_text().splitlines()[:-1]))
    path.write_text(text + "whole " + hashlib.sha256(text.encode()).hexdigest() + "\n")


def forget_a_table(files):
    forge(files, lambda lines: [line for line in lines if not line.endswith(" answers.db")])


def bring(name):
    """A damage: one more file, which the manifest names with the right sum."""
    def damage(files):
        (files / name).write_bytes(b"DB of another kind")
        sum_of = hashlib.sha256((files / name).read_bytes()).hexdigest()
        forge(files, lambda lines: [*lines, f"file 18 {sum_of} {name}"])
    return damage


def turn_the_log_around(files):
    """It begins behind its end, so that none of it would be asked for."""
    forge(files, lambda lines: [line.replace("log 1 ", "log 2 ", 1) for line in lines])


@pytest.mark.parametrize("damage, word", [(damage_a_table, "users.db"), (damage_the_log, "log.0000000001"),
                                          (lose_a_table, "sessions.db"), (lose_the_log, "log.0000000001"),
                                          (cut_the_log, "log.0000000001"), (edit_the_manifest, "manifest"),
                                          (forget_a_table, "answers.db"), (bring("__db.001"), "__db.001"),
                                          (bring("db_config"), "db_config"), (bring("durable"), "durable"),
                                          (turn_the_log_around, "log")])
def test_a_damaged_backup_is_named_and_not_restored(serve, damage, word):
    server = serve()
    names(server, 3)
    damage(files_of(backup_of(server)))
    for command in (["verify", "backup"], ["restore", "backup", "--into", "restored"]):
        ran = server.command(*command)
        assert (ran.returncode, word in ran.stderr) == (DAMAGED, True), ran
    assert sorted(path.name for path in server.directory.iterdir() if "restor" in path.name) in \
        ([], ["restored.restoring"])
    assert not (server.directory / "backup.verifying").exists()


def test_a_backup_that_is_being_replaced_is_not_read(serve):
    """Its files go when the new ones are there, and what is missing then would be told as damage."""
    server = serve()
    names(server, 1)
    lock = os.open(backup_of(server), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    for command in (["verify", "backup"], ["restore", "backup", "--into", "restored"]):
        ran = server.command(*command)
        assert (ran.returncode, "under way" in ran.stderr) == (SHORT, True), ran
    fcntl.flock(lock, fcntl.LOCK_SH)
    ran = server.command("backup", "backup")
    assert (ran.returncode, "under way" in ran.stderr) == (FAILED, True), ran
    assert server.command("verify", "backup").returncode == DONE
    os.close(lock)


def ended(prepare, how):
    """A server that was stopped, or killed, and had made a backup before: (server, people)."""
    server = prepare()
    server.start()
    people = names(server, 8)
    settled(server)
    backup_of(server)
    if how == "stopped":
        server.stop()
    else:
        server.allow_deaths = True
        for pid in server.session_processes():
            os.kill(pid, signal.SIGKILL)
        server.process.wait()
        server.assert_nothing_runs()
    return server, people


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_sound_database_is_told_to_be_and_not_changed(prepare, how):
    server, _ = ended(prepare, how)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in database(server).iterdir()}
    ran = server.command("verify")
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (DONE, "accounts: 8"), ran
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in database(server).iterdir()} == before
    assert sorted(path.name for path in (server.directory / "var").iterdir() if "db" in path.name) == ["db"]


def damage_the_leaves(files):
    data = bytearray((files / "users.db").read_bytes())
    for page in range(4096, len(data), 4096):
        data[page + 3000] ^= 0x10
    (files / "users.db").write_bytes(data)


@pytest.mark.parametrize("damage, word", [(damage_the_leaves, "users.db"), (lose_a_table, "sessions.db"),
                                          (lose_the_log, "log.0000000001")])
def test_a_damaged_database_is_named_and_the_backup_makes_it_good(prepare, damage, word):
    """Rows F29 and F30 of docs/faults.md: refused or found, and the remedy."""
    server, people = ended(prepare, "stopped")
    damage(database(server))
    ran = server.command("verify")
    assert (ran.returncode, word in ran.stderr) == (DAMAGED, True), ran
    ran = server.command("restore", "backup", "--force")
    assert ran.returncode == DONE, ran
    server.start()
    api = Api(server.address)
    assert all(api.login(name).status == 200 for name in people)
    server.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_as_root_the_database_becomes_the_services_users(prepare):
    """What was written as root is nobody's but master.user's; who checks it is that user."""
    server = prepare({"master.user": "nobody"}, owner=pwd.getpwnam("nobody").pw_uid)
    server.start()
    people = names(server, 3)
    backup = backup_of(server)
    assert {path.stat().st_uid for path in files_of(backup).iterdir()} == {0}
    server.stop()
    for command in (["verify"], ["verify", "backup"], ["restore", "backup", "--force"]):
        ran = server.command(*command)
        assert ran.returncode == DONE, ran
    owner = pwd.getpwnam("nobody")
    for path in (database(server), *database(server).iterdir()):
        assert (path.stat().st_uid, path.stat().st_gid) == (owner.pw_uid, owner.pw_gid), path
    server.start()
    assert all(Api(server.address).login(name).status == 200 for name in people)
    server.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_refused_restore_leaves_an_empty_directory_to_whose_it_is(prepare):
    owner = pwd.getpwnam("nobody").pw_uid
    server = prepare({"master.user": "nobody"}, owner=owner)
    database(server).mkdir(parents=True)
    os.chown(database(server), owner, -1)
    broken = server.directory / "broken"
    broken.mkdir()
    (broken / "manifest").write_text("none\n")
    before = database(server).stat()
    ran = server.command("restore", "broken")
    assert ran.returncode == DAMAGED, ran
    after = database(server).stat()
    assert (after.st_uid, after.st_ino) == (owner, before.st_ino)


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_a_server_that_starts_during_a_restore_keeps_its_database(prepare, words):
    """Where no pid file lies, as after a boot or where systemd has taken its directory away, there is no lock to be
    held against it; and a restore in its place would take the database from under a running server."""
    server = prepare()
    server.start()
    names(server, 3)
    backup_of(server)
    server.stop()
    (server.directory / "var/gatepost.pid").unlink()
    if not words:
        database(server).rename(server.directory / "var/elsewhere")
    with subprocess.Popen(server.arguments("restore") + ["backup", *words], cwd=server.directory,
                          env=clean_environment(server.env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as restoring:
        work = server.directory / "var/db.restoring"
        wait_for(work.exists, 10, "a copy")
        restoring.send_signal(signal.SIGSTOP)
        assert work.exists()
        server.start()
        here = database(server).stat().st_ino
        people = names(server, 2)
        restoring.send_signal(signal.SIGCONT)
        said = restoring.communicate(timeout=patience(30))
    assert (restoring.returncode, "is running" in said[1]) == (FAILED, True), said
    assert database(server).stat().st_ino == here
    assert all(Api(server.address).login(name).status == 200 for name in people)
    server.stop()
    server.start()
    assert all(Api(server.address).login(name).status == 200 for name in people)
    server.stop()


# ---- the drill ------------------------------------------------------------------------------------------------


@needs_db_tools
def is_unlocked(server):
    """A process that was killed holds its descriptors until the kernel has taken it apart."""
    with open(server.directory / "var/gatepost.pid") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_the_drill_under_load(prepare):
    """Sign-ups at full speed; a backup meanwhile, then twice what the log has grown by; then everything is killed,
    and the database's directory is gone. The backup alone has everybody who was told so before its newest log."""
    server = prepare({"store.archive": "yes"})
    server.start()
    with Load(server, 4) as load:
        wait_for(lambda: len(load.acknowledged) > scaled(200), 20, "a beginning")
        backup_of(server)
        for _ in range(2):
            wanted = len(load.acknowledged) + scaled(400)
            wait_for(lambda: len(load.acknowledged) > wanted, 30, "more sign-ups")
            known = list(load.acknowledged)
            backup_of(server, "--logs")
        server.allow_deaths = True
        for pid in server.session_processes():
            os.kill(pid, signal.SIGKILL)
        server.process.wait()
    assert not load.wrong
    wait_for(lambda: is_unlocked(server), 20, "the last of them to be gone")
    shutil.rmtree(database(server))

    ran = server.command("restore", "backup", seconds=60)
    assert ran.returncode == DONE, ran
    there = Database.of(database(server), recovers=False)
    assert not list(there.problems())
    assert lost_accounts(there, known) == []
    assert len(known) > scaled(1000)
    written = {letter.content.to.decode() for letter in there.letters.values()}
    assert [name for name in known if f"{name}@example.com" not in written] == []
    server.start()
    api = Api(server.address)
    assert all(api.login(name).status == 200 for name in known[-20:])
    assert api.signup(unique("after")).status == 201
    server.stop()
    assert server.command("verify").returncode == DONE
