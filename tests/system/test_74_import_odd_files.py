"""Files that hold what cannot be taken: each row costs itself alone, and nothing is lost without a word."""
import csv
import json
import signal
import subprocess

import pytest

from client import Connection
from gatepost import clean_environment, patience
from test_71_import import DONE, REFUSED, exported, import_lines, sums, user


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


# ---- the way out --------------------------------------------------------------------------------

def test_an_extra_is_no_second_password_in_a_django_project(serve):
    server = serve()
    extra = {"password": "md5$x$y", "username": "root", "is_active": True, "email": "x", "date_joined": "x",
             "last_login": "x", "first_name": "Ada"}
    assert import_lines(server, [{"id": 1, "username": "ada", "is_active": False, "extra": extra}]).returncode == DONE
    ran = user(server, "export", "--to", "django")
    pairs = json.loads(ran.stdout, object_pairs_hook=list)[0]
    fields = dict(pairs)["fields"]
    assert len(fields) == len(dict(fields)) == 7
    assert dict(fields)["username"] == "ada" and dict(fields)["is_active"] is False
    assert dict(fields)["password"].startswith("!") and dict(fields)["first_name"] == "Ada"


def test_an_export_that_was_cut_does_not_look_whole(serve, tmp_path):
    server = serve()
    assert import_lines(server, [{"username": f"user{i:04}", "extra": {"x": "y" * 1500}} for i in range(300)]
                        ).returncode == DONE
    path = tmp_path / "all.json"
    whole = user(server, "export", "--to", "django")
    assert len(json.loads(whole.stdout)) == 300
    for form, end in (("django", "]\n"), ("jsonl", "}\n")):
        line = ["prlimit", "--fsize=40960", *server.arguments("user"), "export", "--to", form, str(path)]
        ran = subprocess.run(line, cwd=server.directory, env=clean_environment(), capture_output=True, text=True,
                             timeout=patience(60), preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        assert ran.returncode == REFUSED and "cannot be written" in ran.stderr, ran
        assert list(tmp_path.iterdir()) == []
        assert user(server, "export", "--to", form, str(path)).returncode == DONE
        assert path.read_text().endswith(end) and list(tmp_path.iterdir()) == [path]
        path.unlink()
    part = tmp_path / "all.json.part"
    part.write_text("another's")
    ran = user(server, "export", "--to", "jsonl", str(path))
    assert ran.returncode == REFUSED and "all.json.part: another export" in ran.stderr
    assert part.read_text() == "another's" and not path.exists()


def test_an_export_that_the_server_ends_has_no_end(serve):
    server = serve()
    rows = [{"username": f"user{i:04}", "extra": {"x": "y" * 1900}} for i in range(3000)]
    assert import_lines(server, rows).returncode == DONE
    running = subprocess.Popen(server.arguments("user") + ["export", "--to", "django"], cwd=server.directory,
                               env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    begun = running.stdout.read(1000)       # and then it waits for the pipe
    server.stop(signal.SIGTERM)
    rest, complaint = running.communicate(timeout=patience(60))
    assert running.returncode != DONE and complaint.startswith("gatepost: ")
    assert begun.startswith("[") and not rest.endswith("]\n")
