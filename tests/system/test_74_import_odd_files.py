"""Files that hold what cannot be taken: each row costs itself alone, and nothing is lost without a word."""
import csv
import json

import pytest

from client import Connection
from test_71_import import REFUSED, exported, import_lines, sums, user


def import_text(server, text, form="jsonl"):
    return user(server, "import", "--from", form, "-", stdin=text)


def told(ran):
    return [line.split(": ", 1) for line in ran.stderr.splitlines()]


def test_a_line_that_is_none_costs_no_other(serve):
    server = serve()
    good = [json.dumps({"username": name}) for name in ("ada", "bob", "carol")]
    bad = ["{", "[1]", '{"username": "x" "y"}', '{"username": "' + "x" * 70000 + '"}', '{"a": 1, "a": 2}', '"\\ud800"']
    lines = [good[0], *bad, "", good[1] + "\r", good[2]]
    ran = import_text(server, "\n".join(lines))
    assert (ran.returncode, ran.stdout) == (REFUSED, sums(added=3, refused=len(bad)) + "\n"), ran
    assert [place for place, _ in told(ran)] == [f"line {i}" for i in range(2, 2 + len(bad))]
    assert sorted(account["username"] for account in exported(server)) == ["ada", "bob", "carol"]


@pytest.mark.parametrize("row", [
    {"extra": {f"m{i}": i for i in range(33)}},
    {"extra": {f"m{i}": i for i in range(30)}, "x": 1, "y": 2, "z": 3},
    {"extra": {"city": "Bonn"}, "city": "Ulm"}])
def test_an_extra_that_could_not_be_given_back_is_refused(server, row):
    ran = import_lines(server, [{"username": "extra", **row}])
    assert ran.returncode == REFUSED and ran.stdout == sums(refused=1) + "\n", ran
    assert "extra: " in ran.stderr


@pytest.mark.parametrize("extra", ['{"a": 1, "a": 2}', json.dumps({f"m{i}": i for i in range(33)})])
def test_the_server_refuses_such_an_extra_itself(server, extra):
    with Connection(str(server.directory / "var" / "admin.sock")) as admin:
        answer = admin.request("POST", "/admin/import", f'{{"username": "twice", "extra": {extra}}}\n',
                               "application/x-ndjson")
        assert json.loads(answer.text().splitlines()[0])["why"].startswith("extra: "), answer


def test_two_names_of_one_thing_and_an_empty_flag_are_refused(server, tmp_path):
    ran = import_lines(server, [{"username": "alias", "active": True, "is_active": False}])
    assert ran.returncode == REFUSED and "twice" in ran.stderr
    path = tmp_path / "flags.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["username", "is_active"], ["emptyflag", ""], ["fullflag", "0"]])
    ran = user(server, "import", "--from", "csv", str(path))
    assert ran.stdout == sums(added=1, refused=1) + "\n" and ran.stderr.startswith("line 2: refused: active"), ran


@pytest.mark.parametrize("character", ["\x85", "\x9b", "\u202e", "\u200b", "\u2028", "\u2029", "\xa0", "\x7f", " "])
def test_an_id_has_nothing_in_it_that_is_not_seen(server, character):
    ran = import_lines(server, [{"id": f"a{character}b", "username": "hidden"}])
    assert (ran.returncode, ran.stdout) == (REFUSED, sums(refused=1) + "\n"), ran
    assert "id: " in ran.stderr


def test_a_table_whose_header_is_none_ends_the_import(server, tmp_path):
    path = tmp_path / "table.csv"
    for header, sentence in ((b"username,caf\xe9", "not UTF-8"), (b"username," + b"x" * 5000, "too long")):
        path.write_bytes(header + b"\nsomebody,1\n")
        ran = user(server, "import", "--from", "csv", str(path))
        assert ran.returncode == REFUSED and "gatepost: line 1: " in ran.stderr and sentence in ran.stderr, ran
        assert ran.stdout == sums() + "\n"


def test_a_record_that_grows_by_its_escapes_is_refused_and_the_next_is_taken(serve, tmp_path):
    server = serve()
    path = tmp_path / "long.csv"
    path.write_text(f"username,c\nlong,{chr(1) * 60000}\nshort,x\n")
    ran = user(server, "import", "--from", "csv", str(path))
    assert ran.returncode == REFUSED and ran.stdout == sums(added=1, refused=1) + "\n", ran
    assert [account["username"] for account in exported(server)] == ["short"]
    # As names of columns too, which each record is sent with.
    path.write_text(chr(1) * 60000 + f",username\n{chr(1) * 60000},long\nx,short\n")
    ran = user(server, "import", "--from", "csv", str(path))
    assert ran.returncode == REFUSED and "line 1: the names of the columns are too long" in ran.stderr, ran
