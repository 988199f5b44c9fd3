"""`gatepost backup`, `restore` and `verify`: what a backup holds, what a restore makes of it, and that neither
takes what is not whole for whole."""
import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path

import pytest

from backups import DONE, FAILED, NOT_RUNNING, SHORT, USAGE, backup_of, files_of, names, restored, settled
from client import Api, encode, raw
from gatepost import wait_for
from segment import FAIL, Segment
from users_db import needs_db_tools

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from census import lost_accounts  # noqa: E402
from database import Database  # noqa: E402

def serves_from(serve, server, directory, people):
    """A new server with that database, and the old one's keys: everybody can log in."""
    home = server.directory / "second"
    (home / "var").mkdir(parents=True)
    shutil.copytree(directory, home / "var" / "db")
    for key in ("token.key", "mail.key"):
        shutil.copy(server.directory / "var" / key, home / "var" / key)
    second = serve(directory=home)
    api = Api(second.address)
    for name in people:
        assert api.login(name).status == 200, name
    api.close()
    return second


# ---- a backup, and what becomes of it -------------------------------------------------------------------------


@needs_db_tools
def test_a_backup_of_a_serving_server_is_restored_whole(serve):
    server = serve({"store.archive": "yes"})
    first = names(server, 20)
    settled(server)
    backup = backup_of(server)
    later = names(server, 10)
    settled(server)
    backup_of(server, "--logs")
    too_late = names(server, 5)

    there = Database.of(restored(server), recovers=False)
    assert not list(there.problems())
    assert not lost_accounts(there, first + later)
    assert lost_accounts(there, too_late) == too_late
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o700
    for path in [backup / "manifest", *files_of(backup).iterdir(), *(server.directory / "restored").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    server.stop()
    second = serves_from(serve, server, server.directory / "restored", first + later)
    assert second.command("audit", "verify").returncode == DONE


def test_restore_puts_the_database_in_its_place_and_keeps_the_one_that_was_there(prepare):
    server = prepare()
    server.start()
    people = names(server, 5)
    backup_of(server)
    names(server, 3)
    server.stop()
    ran = server.command("restore", "backup")
    assert (ran.returncode, "--force" in ran.stderr) == (FAILED, True), ran
    ran = server.command("restore", "backup", "--force")
    assert ran.returncode == DONE, ran
    assert "accounts: 5\n" in ran.stdout
    aside = [path for path in (server.directory / "var").iterdir() if path.name.startswith("db.before-")]
    assert len(aside) == 1 and (aside[0] / "users.db").exists()
    server.start()
    api = Api(server.address)
    assert all(api.login(name).status == 200 for name in people)
    assert server.command("user", "list", "--json").stdout.count("\n") == 5
    server.stop()


def test_a_full_backup_takes_the_place_of_the_one_before(serve):
    server = serve()
    names(server, 2)
    backup = backup_of(server)
    old = files_of(backup)
    names(server, 2)
    backup_of(server)
    assert not old.exists() and files_of(backup).exists()
    assert sorted(path.name for path in backup.iterdir()) == sorted(["manifest", files_of(backup).name])
    ran = server.command("verify", "backup")
    assert (ran.returncode, "accounts: 4\n" in ran.stdout) == (DONE, True), ran


def test_json_tells_how_far_it_is(serve):
    server = serve()
    names(server, 2)
    ran = server.command("backup", "backup", "--json")
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert told[-1]["done"] and told[-1]["bytes"] == told[-1]["of"] > 100_000
    assert not any(line["done"] for line in told[:-1])


def test_a_backup_leaves_a_trace(serve):
    server = serve()
    names(server, 1)
    backup_of(server)
    backup_of(server, "--logs")
    ran = server.command("audit", "show", "--event", "admin.backed_up", "--json")
    assert [json.loads(line)["detail"] for line in ran.stdout.splitlines()] == ["full", "logs"]


def test_keys_and_passwords_are_not_in_the_manifest_or_the_log(serve):
    server = serve()
    names(server, 1)
    backup = backup_of(server)
    key = (server.directory / "var" / "token.key").read_bytes().strip()
    for path in [backup / "manifest", *files_of(backup).iterdir()]:
        assert key not in path.read_bytes(), path


# ---- what is refused ------------------------------------------------------------------------------------------


def test_a_directory_of_somebody_elses_is_left_alone(serve):
    server = serve()
    other = server.directory / "other"
    other.mkdir()
    (other / "letters.txt").write_text("mine")
    ran = server.command("backup", "other")
    assert (ran.returncode, "letters.txt" in ran.stderr) == (FAILED, True), ran
    assert [path.name for path in other.iterdir()] == ["letters.txt"]
    ran = server.command("backup", "fresh", "--logs")
    assert (ran.returncode, "no whole backup" in ran.stderr) == (FAILED, True), ran
    for words in ([], ["a", "b"], ["a", "--log"]):
        assert server.command("backup", *words).returncode == USAGE


def test_without_a_server_there_is_no_backup_and_no_directory_that_looks_like_one(prepare):
    server = prepare()
    server.start()
    server.stop()
    assert server.command("backup", "backup").returncode == NOT_RUNNING
    assert list((server.directory / "backup").iterdir()) == []


def asked(server, method, path):
    """Of the admin socket, by hand: (status, body)."""
    answer = raw(str(server.directory / "var" / "admin.sock"),
                 encode(method, path, headers=[("Connection", "close")]))
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), body


def test_one_backup_at_a_time_and_one_that_is_given_up_makes_room(serve):
    server = serve()
    names(server, 3)
    status, body = asked(server, "POST", "/admin/backup")
    assert status == 200
    begun = json.loads(body)
    ran = server.command("backup", "backup")
    assert (ran.returncode, "under way" in ran.stderr) == (FAILED, True), ran
    assert asked(server, "POST", f"/admin/backup/{begun['id']}/whole")[0] == 404
    status, page = asked(server, "GET", f"/admin/backup/{begun['id']}?at=0")
    assert status == 200 and b"users.db" in page
    assert asked(server, "GET", f"/admin/backup/{begun['id']}?at=1")[0] == 404
    assert asked(server, "GET", f"/admin/backup/{int(begun['id']) ^ 1}?at={len(page)}")[0] == 404
    assert asked(server, "DELETE", f"/admin/backup/{begun['id']}")[0] == 204
    assert asked(server, "DELETE", f"/admin/backup/{begun['id']}")[0] == 404
    backup_of(server)


@pytest.mark.parametrize("query", ["log=0&offset=1&digest=" + "0" * 64, "log=1&offset=x&digest=" + "0" * 64,
                                   "log=1&offset=1&digest=00", "log=99999999999&offset=1&digest=" + "0" * 64])
def test_an_order_that_makes_no_sense_is_refused(module_servers, query, made=[]):
    if not made:
        made.append(module_servers())
    assert asked(made[0], "POST", "/admin/backup?" + query)[0] == 400


def test_another_databases_log_is_not_added(serve):
    server, stranger = serve(), serve()
    names(server, 3)
    names(stranger, 3)
    backup = backup_of(server)
    manifest = (backup / "manifest").read_bytes()
    ran = stranger.command("backup", str(backup), "--logs")
    assert (ran.returncode, "make a full backup" in ran.stderr) == (SHORT, True), ran
    assert (backup / "manifest").read_bytes() == manifest
    backup_of(server, "--logs")
    assert server.command("verify", "backup").returncode == DONE


def test_a_running_servers_database_is_neither_restored_nor_verified(serve):
    server = serve()
    names(server, 1)
    backup_of(server)
    for command in (["verify"], ["verify", "var/db"]):
        ran = server.command(*command)
        assert (ran.returncode, "gatepost backup DIR" in ran.stderr) == (FAILED, True), ran
    for words in (["--force"], ["--into", "var/db/", "--force"]):
        ran = server.command("restore", "backup", *words)
        assert (ran.returncode, "stop it first" in ran.stderr) == (FAILED, True), ran
    assert Api(server.address).get("/readyz").status == 200


# ---- cut short ------------------------------------------------------------------------------------------------


def test_a_backup_that_was_killed_is_not_taken_for_one(serve):
    server = serve()
    people = names(server, 5)
    backup = server.directory / "backup"
    backup.mkdir(mode=0o700)
    (backup / "set-20200101t000000z-0").mkdir()
    (backup / "set-20200101t000000z-0" / "users.db").write_bytes(b"half of it")
    (backup / "manifest.new").write_text("gatepost-backup 1\n")
    for command in (["restore", "backup", "--into", "restored"], ["verify", "backup"]):
        ran = server.command(*command)
        assert ran.returncode == SHORT, ran
    assert not (server.directory / "restored").exists()
    backup_of(server)
    assert [path.name for path in backup.iterdir() if path.name.startswith("set-")] == [files_of(backup).name]
    assert not lost_accounts(Database.of(restored(server), recovers=False), people)


def test_what_killed_backups_left_behind_goes_before_the_next_one_needs_room(serve):
    """Not only when that one is whole: on a disk that they have filled it never would be."""
    server = serve()
    names(server, 2)
    backup = backup_of(server)
    for second in range(3):
        (backup / f"set-20200101t00000{second}z-0").mkdir()
        (backup / f"set-20200101t00000{second}z-0" / "users.db").write_bytes(b"half of it")
    assert asked(server, "POST", "/admin/backup")[0] == 200
    assert server.command("backup", "backup").returncode == FAILED
    assert [path.name for path in backup.iterdir() if path.name.startswith("set-")] == [files_of(backup).name]
    assert server.command("verify", "backup").returncode == DONE


def test_a_server_that_dies_leaves_the_backup_that_was_there(prepare):
    server = prepare()
    server.start()
    people = names(server, 5)
    backup = backup_of(server)
    before = {path: path.read_bytes() for path in backup.rglob("*") if path.is_file()}
    status, body = asked(server, "POST", "/admin/backup")
    assert status == 200
    server.kill("store")
    wait_for(lambda: Api(server.address).get("/readyz").status == 200, 10, "the next store")
    assert asked(server, "GET", f"/admin/backup/{json.loads(body)['id']}?at=0")[0] == 404
    assert {path: path.read_bytes() for path in backup.rglob("*") if path.is_file()} == before
    backup_of(server, "--logs")
    assert not lost_accounts(Database.of(restored(server), recovers=False), people)
    server.stop()


def test_a_restore_that_was_killed_is_begun_again(serve):
    server = serve()
    people = names(server, 3)
    backup_of(server)
    half = server.directory / "restored.restoring"
    half.mkdir()
    (half / "users.db").write_bytes(b"half of it")
    assert not lost_accounts(Database.of(restored(server), recovers=False), people)
    assert not half.exists()
    shutil.rmtree(server.directory / "restored")
    half.mkdir()
    (half / "letters.txt").write_text("mine")
    ran = server.command("restore", "backup", "--into", "restored")
    assert (ran.returncode, "letters.txt" in ran.stderr) == (SHORT, True), ran
    assert (half / "letters.txt").read_text() == "mine"


# ---- log files that are kept ----------------------------------------------------------------------------------


def log_files(server):
    return sorted(path.name for path in (server.directory / "var" / "db").glob("log.*"))


def with_small_logs(prepare, settings):
    server = prepare(settings)
    home = server.directory / "var" / "db"
    home.mkdir(parents=True, mode=0o700)
    (home / "DB_CONFIG").write_text("set_lg_bsize 32768\nset_lg_max 131072\n")
    return server.start()


@pytest.mark.points
@pytest.mark.parametrize("archive", ["yes", "no"])
def test_log_files_stay_until_a_backup_has_them(prepare, archive):
    server = with_small_logs(prepare, {"store.archive": archive})
    backup = backup_of(server)
    newest = files_of(backup) / max(path.name for path in files_of(backup).glob("log.*"))
    points = Segment(server.pid)
    points.arm("s.checkpoint_due", FAIL, value=1, times=100_000)
    people = names(server, 150)
    api = Api(server.address)
    if archive == "no":
        wait_for(lambda: newest.name not in log_files(server), 10, "it goes")
        ran = server.command("backup", "backup", "--logs")
        assert (ran.returncode, "there would be a hole" in ran.stderr) == (SHORT, True), ran
        assert api.metrics()["gatepost_store_log_files_kept"] == 0
        backup_of(server)
    else:
        wait_for(lambda: api.metrics()["gatepost_store_log_files_kept"] > 0, 10, "kept files")
        points.disarm_all()
        assert newest.name in log_files(server)
        backup_of(server, "--logs")
        wait_for(lambda: newest.name not in log_files(server), 5, "they go without another write")
        assert newest.exists()
        wait_for(lambda: api.metrics()["gatepost_store_backup_timestamp_seconds"] > 1_700_000_000, 5, "told")
    wait_for(lambda: re.search(r"^backup: 20\S+Z logs_kept=\d+$", server.command("status").stdout, re.MULTILINE), 5,
             "the status page tells of it")
    server.stop()
    assert not lost_accounts(Database.of(restored(server), recovers=False), people)


@pytest.mark.parametrize("short_of", [{"store.signup_free_mib": "1048576"},
                                      {"store.signup_free_mib": "1048576", "store.write_free_mib": "1048576"}])
def test_a_disk_that_is_short_can_be_backed_up(prepare, short_of):
    """It may be what makes room."""
    server = prepare({"store.archive": "yes"})
    server.start()
    people = names(server, 3)
    server.stop()
    server.settings.update(short_of)
    server.start()
    assert Api(server.address).signup("late").status == 503
    backup_of(server)
    assert server.wait_event("backup.begun")
    server.stop()
    assert not lost_accounts(Database.of(restored(server), recovers=False), people)
