"""The users database of a server that does not run, read and written by Berkeley DB's own tools."""
import shutil
import subprocess

import pytest

needs_db_tools = pytest.mark.skipif(
    not (shutil.which("db5.3_dump") and shutil.which("db5.3_load")),
    reason="db5.3_dump and db5.3_load (package db5.3-util) are not installed")


def home(server):
    return server.directory / "var" / "db"


def dump(server):
    """(header, {key: record})."""
    text = subprocess.run(["db5.3_dump", "users.db"], cwd=home(server), check=True,
                          capture_output=True, text=True).stdout
    header, rest = text.split("HEADER=END\n", 1)
    lines = [line[1:] for line in rest.splitlines() if line.startswith(" ")]
    return header, {key: bytes.fromhex(value) for key, value in zip(lines[::2], lines[1::2])}


def record_of(server, name):
    """(key, record) of that user."""
    found = [(key, record) for key, record in dump(server)[1].items() if name.encode() in record]
    assert len(found) == 1, f"{len(found)} records hold {name}"
    return found[0]


def put(server, key, record):
    """In the place of what stands under the key."""
    header, _ = dump(server)
    subprocess.run(["db5.3_load", "users.db"], cwd=home(server), check=True,
                   input=f"{header}HEADER=END\n {key}\n {record.hex()}\nDATA=END\n".encode())
