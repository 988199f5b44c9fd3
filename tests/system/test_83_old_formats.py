"""Databases that older versions wrote (data/record.py says how): today's server opens them, migrates them, and
goes on where they stopped. What a newer version wrote is refused by a sentence."""
import subprocess
import tarfile
from pathlib import Path

import pytest

from client import Api, unique
from gatepost import wait_for
from letters import recipients
from test_42_startup import refused
from users_db import needs_db_tools, put, record_of

DATA = Path(__file__).parent / "data"
TODAY = 3
REFUSED_START = 20


def recorded(prepare, number):
    """A server that was not started yet, in the place of the one that was recorded."""
    server = prepare()
    with tarfile.open(DATA / f"store_format_{number}.tar.xz") as archive:
        archive.extractall(server.directory)
    return server


def test_there_is_a_recording_of_every_format():
    header = (Path(__file__).parents[2] / "src" / "store" / "env.h").read_text()
    assert f"#define STORE_FORMAT {TODAY}U" in header
    assert sorted(path.name for path in DATA.glob("*.tar.xz")) == \
        [f"store_format_{number}.tar.xz" for number in range(1, TODAY + 1)]


@pytest.mark.parametrize("number", range(1, TODAY + 1))
def test_a_database_of_that_format_is_opened_and_goes_on(prepare, number):
    server = recorded(prepare, number)
    server.start()
    assert len(server.events("store.migrated")) == TODAY - number
    assert [line.rsplit(" ", 3)[1:] for line in server.events("store.migrating")] == \
        [[f"from={old}", f"to={old + 1}", "done=0%"] for old in range(number, TODAY)]
    api = Api(server.address)
    for name in (f"old{i}" for i in range(8)):
        tokens = api.tokens(name)
        assert api.me(tokens["access"]).json()["username"] == name
    assert api.signup("old3").status == 400
    assert api.signup(unique("new")).status == 201
    wait_for(lambda: len(list(server.mail_dir.glob("*.eml"))) == 5, 20, "the letters that waited, and a new one")
    assert {f"old{i}@example.com" for i in range(4, 8)} <= set(recipients(server))
    verified = server.command("audit", "verify")
    assert (verified.returncode, verified.stdout[:6]) == (0, "whole:"), verified
    assert server.command("backup", "backup").returncode == 0
    server.stop()
    assert server.command("verify").returncode == 0
    ran = server.command("verify", "backup")
    assert (ran.returncode, "accounts: 9\n" in ran.stdout) == (0, True), ran
    server.start()
    assert len(server.events("store.migrated")) == TODAY - number
    server.stop()


@pytest.mark.parametrize("number", range(1, TODAY))
def test_an_old_database_is_verified_without_being_migrated(prepare, number):
    server = recorded(prepare, number)
    before = {path.name: path.read_bytes() for path in (server.directory / "var" / "db").iterdir()}
    ran = server.command("verify")
    assert (ran.returncode, "accounts: 8\n" in ran.stdout) == (0, True), ran
    assert {path.name: path.read_bytes() for path in (server.directory / "var" / "db").iterdir()} == before


def load(server, table, key, value):
    header = subprocess.run(["db5.3_dump", table], cwd=server.directory / "var" / "db", check=True,
                            capture_output=True, text=True).stdout.split("HEADER=END\n", 1)[0]
    subprocess.run(["db5.3_load", table], cwd=server.directory / "var" / "db", check=True,
                   input=f"{header}HEADER=END\n {key.hex()}\n {value.hex()}\nDATA=END\n".encode())


@needs_db_tools
def test_a_database_of_a_newer_format_is_refused(prepare):
    server = recorded(prepare, TODAY)
    load(server, "meta.db", b"format", bytes([1]) + (TODAY + 1).to_bytes(4, "big"))
    sentence = f"format {TODAY + 1}, this program reads and writes format {TODAY}"
    assert refused(server, sentence) in (1, REFUSED_START)
    ran = server.command("verify")
    assert (ran.returncode, sentence in ran.stderr) == (26, True), ran


@needs_db_tools
def test_a_record_of_a_newer_version_is_named(prepare):
    server = recorded(prepare, TODAY)
    key, record = record_of(server, "old5")
    put(server, key, bytes([99]) + record[1:])
    ran = server.command("verify")
    assert (ran.returncode, f"users.db: row {key} cannot be read" in ran.stderr) == (26, True), ran
