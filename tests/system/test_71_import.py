"""Moving in and out: `gatepost user import` and `gatepost user export`, with a Django project at both
ends."""
import csv
import json
import os
import pty
import subprocess
import sys

import jwt
import pytest

import django_users
from client import Api
from gatepost import clean_environment, patience, scaled, wait_for

DONE, REFUSED = 0, 1
USERS = 1000
PBKDF2 = "pbkdf2_sha256$1$salt$" + "tTJQ5oH0pXB4/3fpKZ1rzVcBCCOZvGCw1kPU0IQKhBE="


def user(server, *words, stdin=None, seconds=120):
    return subprocess.run(server.arguments("user") + list(words), cwd=server.directory, env=clean_environment(),
                          input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                          capture_output=True, text=True, timeout=patience(seconds))


def django(database, *words):
    ran = subprocess.run([sys.executable, django_users.__file__, str(database), *map(str, words)],
                         capture_output=True, text=True, timeout=patience(120), env=clean_environment())
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def import_lines(server, rows, *words, form="jsonl"):
    return user(server, "import", "--from", form, "-", *words,
                stdin="".join(json.dumps(row) + "\n" for row in rows))


def exported(server):
    ran = user(server, "export", "--to", "jsonl")
    assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    return sorted((json.loads(line) for line in ran.stdout.splitlines()), key=lambda account: account["id"])


def sums(added=0, unchanged=0, duplicates=0, refused=0):
    return f"{added} added, {unchanged} unchanged, {duplicates} duplicates, {refused} refused"


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    """A project's dump: its file, and where its users are."""
    place = tmp_path_factory.mktemp("django")
    django(place / "old.sqlite3", "make", USERS)
    django(place / "old.sqlite3", "dump", place / "dump.json")
    return place / "dump.json"


def test_a_django_project_moves_in_and_out_and_everybody_logs_in_at_both_ends(serve, dump, tmp_path):
    server = serve({"username.single_script": "no"})
    objects = json.loads(dump.read_text())
    users = {item["pk"]: item["fields"] for item in objects if item["model"] == "auth.user"}
    assert len(users) == USERS and len(objects) > USERS

    looked = user(server, "import", "--from", "django", str(dump), "--dry-run")
    assert (looked.returncode, looked.stderr) == (DONE, ""), looked
    assert looked.stdout.startswith("dry run: " + sums(added=USERS))
    assert exported(server) == []

    ran = user(server, "import", "--from", "django", str(dump), "--verified")
    assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    assert ran.stdout == f"{sums(added=USERS)}, {len(objects) - USERS} of other models skipped\n"
    again = user(server, "import", "--from", "django", str(dump))
    assert again.returncode == DONE and again.stdout.startswith(sums(unchanged=USERS))

    # What went in is there, byte for byte where it matters.
    for account in exported(server):
        fields = users[int(account["id"])]
        assert account["password"] == fields["password"] and account["email_verified"] is True
        assert account["extra"]["first_name"] == fields["first_name"]
        assert account["extra"]["groups"] == fields["groups"]

    # Everybody logs in here, under the id that the project's foreign keys have.
    key = (server.directory / "var" / "token.key").read_text().rstrip("\n")
    with_api = Api(server.address)
    for number in range(1, USERS + 1):
        tokens = with_api.tokens(django_users.name_of(number), django_users.password_of(number))
        claims = jwt.decode(tokens["access"], key, algorithms=["HS256"])
        assert str(claims["user_id"]) == str(number * 7)
    assert with_api.login(django_users.name_of(1), django_users.password_of(2)).status == 401
    with_api.close()

    back = tmp_path / "back.json"
    ran = user(server, "export", "--to", "django", str(back))
    assert (ran.returncode, ran.stdout) == (DONE, f"{USERS} accounts\n"), ran
    assert back.stat().st_mode & 0o777 == 0o600
    django(tmp_path / "new.sqlite3", "load", back)
    right, count, staff, same_id = map(int, django(tmp_path / "new.sqlite3", "login").split())
    assert (right, count, staff, same_id) == (USERS, USERS, USERS // 10, USERS)


def test_what_is_refused_or_there_already_is_reported_with_its_line(serve, tmp_path):
    server = serve()
    rows = [
        {"id": 1, "username": "ada", "email": "ada@example.com", "password": PBKDF2},
        {"id": 2, "username": "ADA", "email": "other@example.com"},
        {"id": 3, "username": "bob", "email": "Ada@Example.com"},
        {"id": 1, "username": "carol", "email": "carol@example.com"},
        {"id": 5, "username": "has blank", "email": ""},
        {"id": 6, "username": "dave", "email": "no address"},
        {"id": 7, "username": "eve", "email": "", "password": "md5$salt$c01efdd5f8f0b2a0dd4a5ef0a0a5f0e0x"},
        {"id": "x" * 65, "username": "frank"},
        {"id": 9, "username": "gina", "is_active": "perhaps"},
        {"id": 10, "username": "hal", "date_joined": "yesterday"},
        {"id": 11, "username": "ivy", "email": None, "is_active": False, "nick": "I", "extra": {"a": [1, {"b": None}]}},
        {"email": "nobody@example.com"},
    ]
    report = tmp_path / "report"
    ran = import_lines(server, rows, "--report", str(report))
    assert ran.returncode == REFUSED and ran.stderr == ""
    assert ran.stdout == sums(added=2, duplicates=3, refused=7) + "\n"
    assert report.stat().st_mode & 0o777 == 0o600
    told = dict(line.removeprefix("line ").split(": ", 1) for line in report.read_text().splitlines())
    assert sorted(map(int, told)) == [2, 3, 4, 5, 6, 7, 8, 9, 10, 12]
    for line, word in ((2, "ADA: duplicate: username"), (3, "bob: duplicate: email"), (4, "carol: duplicate: id"),
                       (5, "has blank: refused: username"), (6, "refused: email"), (7, "refused: password"),
                       (8, "refused: id"), (9, "refused: active"), (10, "refused: date_joined"),
                       (12, "refused: username")):
        assert word in told[str(line)], told[str(line)]

    ada, ivy = exported(server)
    assert ada["id"] == "1" and ada["password"] == PBKDF2 and ada["active"] is True
    assert ivy["active"] is False and ivy["email"] == "" and ivy["extra"] == {"a": [1, {"b": None}], "nick": "I"}
    assert ivy["password"].startswith("!")
    with_api = Api(server.address)
    assert with_api.login("ivy", ivy["password"]).status == 401
    with_api.close()


def test_a_dry_run_finds_what_the_file_itself_holds_twice(serve):
    server = serve()
    rows = [{"id": 1, "username": "ada", "email": "ada@example.com"},
            {"id": 2, "username": "Ada", "email": "other@example.com"},
            {"id": 3, "username": "bob", "email": "ADA@example.com"},
            {"id": 1, "username": "eve"}]
    ran = import_lines(server, rows, "--dry-run")
    assert ran.returncode == REFUSED
    assert ran.stdout == "dry run: " + sums(added=1, duplicates=3) + "\n"
    assert [line.split(":")[0] for line in ran.stderr.splitlines()] == ["line 2", "line 3", "line 4"]
    assert exported(server) == []


def test_a_dry_run_says_what_the_import_says(serve):
    server = serve()
    first = [{"id": 1, "username": "there", "email": "there@example.com"}]
    assert import_lines(server, first).returncode == DONE
    rows = [*first, *first,                                         # unchanged, twice
            {"id": 2, "username": "ada", "email": "ada@example.com", "password": "none"},  # refused: nobody's name
            {"id": 3, "username": "ada", "email": "ada@example.com"},
            {"id": 3, "username": " Ada", "email": "ADA@example.com "},     # unchanged
            {"id": 4, "username": "ada@example.com"},               # a name that is an address
            {"id": 5, "username": "bob", "email": "there@example.com"},     # the server's to say: not remembered
            {"id": 5, "username": "bob", "email": "bob@example.com"},
            {"username": "eve", "email": "eve@example.com"},
            {"username": "eve", "email": "eve@example.com"},        # unchanged
            {"id": 6, "username": "eve", "email": ""}]
    looked = import_lines(server, rows, "--dry-run")
    ran = import_lines(server, rows)
    assert ran.stdout == sums(added=3, unchanged=4, duplicates=3, refused=1) + "\n", ran
    assert looked.stdout == "dry run: " + ran.stdout

    def told(text):
        return [line.split(": ")[:4] for line in text.splitlines()]
    assert told(looked.stderr) == told(ran.stderr) and len(told(ran.stderr)) == 4


def test_a_table_is_read_by_its_header(serve, tmp_path):
    server = serve()
    path = tmp_path / "users.csv"
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "username", "email", "password", "is_active", "email_verified", "date_joined",
                         "last_login", "city"])
        writer.writerow(["a-1", "ada", "ada@example.com", PBKDF2, "t", "True", "2020-02-29 12:00:00.5+02:00", "",
                         'Göttingen, "Weststadt"\nzwei'])
        writer.writerow(["a-2", "bob", "", "!unusable", "0", "", "", "2021-01-01", ""])
        writer.writerow(["a-3", "eve"])
    ran = user(server, "import", "--from", "csv", str(path))
    assert (ran.returncode, ran.stdout) == (REFUSED, sums(added=2, refused=1) + "\n"), ran
    assert ran.stderr.startswith("line 5: refused:")
    ada, bob = exported(server)
    assert ada["date_joined"] == "2020-02-29T10:00:00.500Z" and ada["last_login"] is None
    assert ada["email_verified"] is True and ada["extra"] == {"city": 'Göttingen, "Weststadt"\nzwei'}
    assert bob["active"] is False and bob["password"] == "!unusable" and bob["last_login"].startswith("2021-01-01T")


@pytest.mark.parametrize("text", ["[1]", '{"username": "ada"', '[{"username":"ada"}] x', '"ada"'])
def test_a_file_that_is_none_ends_the_import_with_a_sentence(server, text):
    ran = user(server, "import", "--from", "django", "-", stdin=text)
    assert ran.returncode == REFUSED and "gatepost: line 1: " in ran.stderr


def test_words_that_make_no_sense(server, tmp_path):
    for words in (("import", "/nowhere", "--from", "jsonl"), ("import", "-", "--from", "xml"), ("import", "-"),
                  ("export",), ("export", "--to", "csv"), ("export", "--to", "jsonl", "/nowhere/file")):
        ran = user(server, *words)
        assert ran.returncode == REFUSED and ran.stderr.startswith("gatepost: "), words
    there = tmp_path / "there"
    there.write_text("mine")
    assert user(server, "export", "--to", "jsonl", str(there)).returncode == REFUSED
    assert there.read_text() == "mine"


def test_an_import_that_is_killed_is_run_again(serve, tmp_path):
    server = serve()
    count = scaled(20000)
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"id": i, "username": f"user{i}", "email": f"user{i}@example.com",
                                        "password": PBKDF2}) + "\n" for i in range(count)))
    line = server.arguments("user") + ["import", "--from", "jsonl", str(path)]

    for name in (None, "store"):     # the command itself, then the store under it
        running = subprocess.Popen(line, cwd=server.directory, env=clean_environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        before = len(exported(server))
        wait_for(lambda: len(exported(server)) > before or running.poll() is not None, 30, "some are there")
        if name is None:
            running.kill()
            running.communicate()
        else:
            server.kill(name)
            out, err = running.communicate(timeout=patience(90))
            assert running.returncode == DONE, (out, err)
    assert len(exported(server)) == count
    assert len({account["id"] for account in exported(server)}) == count
    ran = user(server, "import", "--from", "jsonl", str(path))
    assert (ran.returncode, ran.stdout) == (DONE, sums(unchanged=count) + "\n"), ran
    assert server.command("audit", "verify").returncode == DONE


@pytest.fixture
def admin(server):
    calls = Api(str(server.directory / "var" / "admin.sock"))
    yield calls
    calls.close()


def post_lines(admin, lines, query=""):
    return admin.call("POST", f"/admin/import{query}", "\n".join(lines) + "\n",
                      content_type="application/x-ndjson")


def last_line(answer):
    assert answer.status == 200, answer
    return json.loads(answer.text().splitlines()[-1])


def test_more_lines_than_are_taken_are_refused_before_anything_is_added(admin):
    assert post_lines(admin, ["{}"] * 10001).status == 413
    assert last_line(post_lines(admin, ["{}"] * 10000))["refused"] == 10000


@pytest.mark.parametrize("flag", ["dry_run", "verified"])
def test_a_flag_of_the_query_is_yes_or_no_and_nothing_else(admin, flag):
    for text in ("", "2", "true", "01", "Yes"):
        answer = post_lines(admin, ["{}"], f"?{flag}={text}")
        assert (answer.status, list(answer.json())) == (400, [flag]), text
    assert list(admin.get("/admin/audit/verify?chained=x").json()) == ["chained"]
    for text, yes in (("0", False), ("no", False), ("1", True), ("yes", True)):
        name = f"{flag}{text}".replace("_", "")
        answer = post_lines(admin, [json.dumps({"username": name, "email": f"{name}@example.com"})], f"?{flag}={text}")
        assert last_line(answer)["added"] == 1
        there = admin.get(f"/admin/users/{name}")
        if flag == "dry_run":
            assert there.status == (404 if yes else 200)
        else:
            assert there.json()["email_verified"] is yes


def read_all(master):
    """What was written to a terminal that nobody has open any more."""
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # EIO is a terminal's end of file
        pass
    os.close(master)
    return shown.decode()


def test_a_terminal_sees_a_bar(serve, tmp_path):
    server = serve()
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps({"username": f"user{i}"}) + "\n" for i in range(5000)))
    master, slave = pty.openpty()
    running = subprocess.Popen(server.arguments("user") + ["import", "--from", "jsonl", str(path)],
                               cwd=server.directory, env=clean_environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    out, _ = running.communicate(timeout=patience(60))
    shown = read_all(master)
    assert running.returncode == DONE and out == sums(added=5000) + "\n"
    assert "[=" in shown and "a second" in shown and shown.endswith("\r\x1b[K")


def test_natives_move_to_a_django_project_behind_those_with_numbers(serve, tmp_path):
    server = serve()
    with_api = Api(server.address)
    assert with_api.signup("native").status == 201
    with_api.close()
    ran = import_lines(server, [{"id": 70, "username": "user0010", "email": "user0010@example.com"}])
    assert ran.returncode == DONE, ran
    back = tmp_path / "back.json"
    assert user(server, "export", "--to", "django", str(back)).returncode == DONE
    objects = json.loads(back.read_text())
    assert objects[0]["pk"] == 70
    assert all("pk" not in item for item in objects[1:])
