"""Administration: `gatepost user` and the HTTP behind it, against a running server."""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from urllib.parse import quote

import pytest

from client import Api, Connection, PASSWORD, unique
from gatepost import BINARY, clean_environment, patience, wait_for
from memory import Secret

DONE, REFUSED, USAGE, NOT_THERE, WRONG_CONFIG = 0, 1, 2, 3, 10
NEW_PASSWORD = "another correct horse battery"


def user(server, *words, stdin=None):
    """`gatepost user WORDS` beside the server."""
    line = server.arguments("user") + list(words)
    return subprocess.run(line, cwd=server.directory, env=clean_environment(), text=True,
                          input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                          capture_output=True, timeout=patience(30))


def done(server, *words, stdin=None):
    """Its standard output, when it was done without a word of complaint."""
    ran = user(server, *words, stdin=stdin)
    assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    return ran.stdout


def shown(server, who):
    return json.loads(done(server, "show", who, "--json"))


def socket_of(server):
    return str(server.directory / "var" / "admin.sock")


@pytest.fixture
def admin(server):
    calls = Api(socket_of(server))
    yield calls
    calls.close()


@pytest.fixture
def person(api):
    """Somebody who signed up."""
    name = unique("p")
    assert api.signup(name).status == 201
    return name


# ---- the commands -------------------------------------------------------------------------------

def test_add_show_and_list_know_an_account(server, api):
    name = unique("add")
    assert name in done(server, "add", name, f"{name}@example.com", "--password-stdin",
                        stdin=PASSWORD + "\n")
    told = shown(server, name)
    assert told["username"] == name and told["email"] == f"{name}@example.com"
    assert (told["active"], told["email_verified"], told["has_password"]) == (True, False, True)
    assert told["last_login"] is None and re.fullmatch(r"\d{4}-.*Z", told["date_joined"])
    assert api.login(name).status == 200
    assert shown(server, name)["last_login"] is not None
    for who in (told["id"], told["email"].upper(), f"id:{told['id']}", f"username:{name.upper()}",
                f"email:{told['email']}"):
        assert shown(server, who)["id"] == told["id"], who
    table = done(server, "list", "--search", name.upper()).splitlines()
    assert table[0].split()[:3] == ["ID", "USERNAME", "EMAIL"] and len(table) == 2
    assert table[1].split()[:3] == [told["id"], name, told["email"]]
    human = dict(line.split(maxsplit=1) for line in done(server, "show", name).splitlines())
    assert human["username"] == name and human["active"] == "yes"


def test_a_wide_name_is_aligned_found_and_removed(server, api):
    name = "明日香" + unique("")
    done(server, "add", name, f"{unique('w')}@example.com", "--no-password", "--verified")
    told = shown(server, name)
    assert told["username"] == name and told["email_verified"] and not told["has_password"]
    assert api.login(name).status == 401
    lines = done(server, "list", "--search", "明日香").splitlines()

    def columns(text):
        return sum(2 if ord(c) > 0x2e80 else 1 for c in text)
    at = columns(lines[0][:lines[0].index("EMAIL")])
    assert columns(lines[1][:lines[1].index(told["email"])]) == at
    assert name in done(server, "delete", name, "--yes")
    assert user(server, "show", name).returncode == NOT_THERE


def test_what_cannot_be_is_refused_with_sentences_and_codes(server, person):
    taken = user(server, "add", person.upper(), f"{person}@example.com", "--no-password")
    assert taken.returncode == REFUSED and taken.stdout == ""
    assert "username: A user with this username already exists." in taken.stderr
    assert "email: A user with this email already exists." in taken.stderr
    bad = user(server, "add", "a b", "no address", "--password-stdin", stdin="short\n")
    assert bad.returncode == REFUSED
    for sentence in ("Enter a valid username.", "Enter a valid email address.", "too short"):
        assert sentence in bad.stderr
    weak = user(server, "set-password", person, "--password-stdin", stdin=f"{person}\n")
    assert weak.returncode == REFUSED and weak.stderr.startswith("gatepost: password: ")
    for words in (("show",), ("disable",), ("enable",), ("verify",), ("delete", "--yes"),
                  ("sessions",), ("set-password", "--generate")):
        ran = user(server, words[0], unique("nobody"), *words[1:])
        assert (ran.returncode, ran.stdout) == (NOT_THERE, ""), ran
        assert "no such user" in ran.stderr


@pytest.mark.parametrize("words", [
    (), ("nonsense",), ("show",), ("show", ""), ("show", "a", "b"), ("show", "a", "--yes"),
    ("list", "--limit", "0"), ("list", "--limit"), ("add", "a"), ("sessions", "a", "--end"),
    ("sessions", "a", "--end", ""), ("list", "--search", ""),
    ("add", "a", "a@example.com", "--generate", "--no-password"), ("delete", "a"),
    ("set-password", "a"), ("set-password", "a", "--password-stdin")])
def test_wrong_words_are_told_and_change_nothing(server, words):
    ran = user(server, *words)
    assert ran.returncode == USAGE and ran.stdout == "" and ran.stderr.startswith("gatepost: ")


def test_without_a_server_or_a_configuration_there_is_a_code_of_its_own(prepare):
    server = prepare()
    ran = user(server, "list")
    assert ran.returncode == NOT_THERE and "no server is running" in ran.stderr
    server.settings["http.workers"] = "none"
    assert user(server, "list").returncode == WRONG_CONFIG


def test_disabling_ends_sessions_and_refuses_login_until_enabled(server, api, person):
    tokens = api.tokens(person)
    assert api.me(tokens["access"]).status == 200
    assert not json.loads(done(server, "disable", person, "--json"))["active"]
    assert api.me(tokens["access"]).status == 401
    assert api.post("/api/auth/token/refresh", {"refresh": tokens["refresh"]}).status == 401
    assert api.login(person).status == 401
    assert "enabled" in done(server, "enable", person)
    assert api.me(tokens["access"]).status == 401
    assert api.login(person).status == 200


def test_another_password_ends_sessions_and_is_the_one_that_counts(server, api, person):
    tokens = api.tokens(person)
    done(server, "set-password", person, "--password-stdin", stdin=NEW_PASSWORD + "\n")
    assert api.me(tokens["access"]).status == 401
    assert api.login(person).status == 401
    assert api.login(person, NEW_PASSWORD).status == 200
    made = re.search(r"^password: (\S+)$", done(server, "set-password", person, "--generate"), re.M)
    assert len(made[1]) >= 20
    assert api.login(person, NEW_PASSWORD).status == 401
    assert api.login(person, made[1]).status == 200
    again = json.loads(done(server, "set-password", person, "--generate", "--json"))
    assert again["username"] == person and again["password"] != made[1]
    assert api.login(person, again["password"]).status == 200


def test_verify_counts_as_the_link(server, api, person):
    assert not shown(server, person)["email_verified"]
    done(server, "verify", person)
    assert api.me(api.tokens(person)["access"]).json()["email_verified"]


def test_delete_frees_the_names_and_leaves_nothing(server, api, person):
    tokens = api.tokens(person)
    first = shown(server, person)["id"]
    assert user(server, "delete", person).returncode == USAGE       # nobody can be asked
    assert api.me(tokens["access"]).status == 200
    done(server, "delete", person, "--yes")
    assert api.me(tokens["access"]).status == 401
    assert api.login(person).status == 401
    assert api.signup(person).status == 201
    assert shown(server, person)["id"] != first


def test_sessions_are_shown_and_ended_one_by_one_or_all(server, api, person):
    tokens = []
    for agent in ("phone", "laptop \u202egnp", "tablet"):
        answer = api.post("/api/auth/login", {"username": person, "password": PASSWORD},
                          headers=[("User-Agent", agent)])
        tokens.append(answer.json())
    lines = [json.loads(line) for line in done(server, "sessions", person, "--json").splitlines()]
    # Ids of one millisecond have no order.
    lines.sort(key=lambda line: ["phone", "laptop", "tablet"].index(line["user_agent"][:6]))
    assert len(lines) == 3
    assert all(line["address"] == "127.0.0.1" and line["expires"] > line["created"] for line in lines)
    table = done(server, "sessions", person)
    assert "\u202e" not in table and "laptop \\u{202E}gnp" in table
    done(server, "sessions", person, "--end", lines[0]["id"])
    assert [api.me(pair["access"]).status for pair in tokens] == [401, 200, 200]
    again = user(server, "sessions", person, "--end", lines[0]["id"])
    assert again.returncode == NOT_THERE and "session" in again.stderr
    done(server, "sessions", person, "--end-all")
    assert [api.me(pair["access"]).status for pair in tokens] == [401, 401, 401]
    assert done(server, "sessions", person, "--json") == ""


def test_a_list_comes_in_pages_and_has_everybody_once(serve):
    server = serve({"http.workers": "1"})
    ids = {}
    with Connection(socket_of(server)) as admin:
        for name in (f"n{i:04}" for i in range(1103)):
            answer = admin.request("POST", "/admin/users", {"username": name, "email": f"{name}@example.com"})
            assert answer.status == 201
            ids[answer.json()["id"]] = name
        in_order = sorted(ids)
        page = admin.request("GET", "/admin/users?limit=7")
        assert page.type == "application/x-ndjson"
        assert [json.loads(line)["id"] for line in page.text().splitlines()] == in_order[:7]
        assert admin.request("DELETE", f"/admin/users/{in_order[6]}").status == 204
        after = admin.request("GET", f"/admin/users?limit=7&after={in_order[6]}")
        assert [json.loads(line)["id"] for line in after.text().splitlines()] == in_order[7:14]
        assert admin.request("GET", "/admin/users?q=nobody").body == b""
    del ids[in_order.pop(6)]
    listed = [json.loads(line) for line in done(server, "list", "--json").splitlines()]
    assert [(line["id"], line["username"]) for line in listed] == [(i, ids[i]) for i in in_order]
    assert len(done(server, "list").splitlines()) == len(ids) + 1     # with the headers
    assert len(done(server, "list", "--limit", "501", "--json").splitlines()) == 501
    found = done(server, "list", "--search", "N11", "--json").splitlines()
    assert {json.loads(line)["username"] for line in found} == \
        {name for name in ids.values() if name.startswith("n11")}


def on_terminal(server, words, answers):
    """Runs a command with a terminal and types each answer when its question was asked."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(server.directory)
        os.execve(str(BINARY), server.arguments("user") + list(words), clean_environment())
    text = b""
    for question, answer in answers:
        while question not in text:
            text += os.read(terminal, 1000)
        time.sleep(0.2)         # the echo is switched off by then
        text = text.replace(question, b"", 1)
        os.write(terminal, answer + b"\n")
    try:
        while piece := os.read(terminal, 1000):
            text += piece
    except OSError:
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()


def test_on_a_terminal_passwords_have_no_echo_and_delete_asks(server, api, person):
    secret = NEW_PASSWORD.encode()
    code, text = on_terminal(server, ["set-password", person],
                             [(b"New password of", secret), (b"The same again", secret)])
    assert code == DONE and NEW_PASSWORD not in text, text
    assert api.login(person, NEW_PASSWORD).status == 200
    code, text = on_terminal(server, ["set-password", person],
                             [(b"New password of", secret), (b"The same again", secret + b"x")])
    assert code == USAGE and "not the same" in text
    code, text = on_terminal(server, ["delete", person], [(b"[y/N]", b"n")])
    assert code == REFUSED and f"{person}@example.com" in text
    assert api.login(person, NEW_PASSWORD).status == 200
    code, text = on_terminal(server, ["delete", person], [(b"[y/N]", b"y")])
    assert code == DONE
    assert api.login(person, NEW_PASSWORD).status == 401


# ---- HTTP ---------------------------------------------------------------------------------------

def test_the_two_kinds_of_routes_are_served_apart(server, api, admin):
    for method in ("GET", "POST", "DELETE"):
        answer = api.call(method, "/admin/users", {} if method == "POST" else None)
        assert (answer.status, answer.json()) == (404, {"detail": "Not found."})
    assert api.get("/admin/users/x/sessions").status == 404
    for path in ("/healthz", "/metrics", "/api/auth/me", "/admin", "/admin/users//", "/admin/users/a//",
                 "/admin/users/a/sessions/b/c", "/admin/user"):
        assert admin.get(path).status == 404, path
    assert admin.post("/api/auth/signup", {}).status == 404


def test_answers_have_the_house_s_shapes(admin, person):
    wrong = admin.call("PUT", "/admin/users")
    assert wrong.status == 405 and wrong.header("allow") == "GET, HEAD, POST, OPTIONS"
    assert admin.call("OPTIONS", f"/admin/users/{person}").header("allow") == \
        "GET, HEAD, PATCH, DELETE, OPTIONS"
    empty = admin.post("/admin/users", {})
    assert empty.status == 400
    assert empty.json() == {"email": ["This field is required."], "username": ["This field is required."]}
    flags = admin.call("PATCH", f"/admin/users/{person}", {"active": 3, "email_verified": None})
    assert flags.json() == {"active": ["Must be a valid boolean."],
                            "email_verified": ["This field may not be null."]}
    assert admin.call("PATCH", f"/admin/users/{person}", "[]").status == 400
    assert admin.call("PATCH", f"/admin/users/{person}", "x", content_type="text/plain").status == 415
    for nothing in ({}, {"activ": False}, {"active": False, "is_active": False}):
        assert list(admin.call("PATCH", f"/admin/users/{person}", nothing).json()) == ["non_field_errors"]
    assert admin.get(f"/admin/users/{person}").json()["active"] is True
    other, name = unique("o"), unique("new")
    assert admin.post("/admin/users", {"username": other, "email": f"{other}@example.com"}).status == 201
    taken = admin.call("PATCH", f"/admin/users/{person}", {"username": other.upper()})
    assert (taken.status, taken.json()) == (400, {"username": ["A user with this username already exists."]})
    assert admin.call("PATCH", f"/admin/users/{person}", {"username": name}).json()["username"] == name
    assert admin.get(f"/admin/users/{person}").status == 404
    for limit in ("0", "1001", "x", "-1", "99999999999999999999"):
        assert list(admin.get(f"/admin/users?limit={limit}").json()) == ["limit"]
    assert admin.get(f"/admin/users/{name}/sessions?after=x").status == 400


@pytest.mark.parametrize("name", ["%", "%zz", "%00", "a%00b", "%ff", "..", "%2e%2e", "id:", "email:x",
                                  "username:a%20b", "x" * 3000, quote("a/b"), "id%3A", "\\"])
def test_what_can_be_nobody_s_name_is_not_found(admin, name):
    for method in ("GET", "DELETE"):
        answer = admin.call(method, f"/admin/users/{name}")
        assert (answer.status, answer.json()) == (404, {"detail": "Not found."}), answer


def test_an_address_with_a_slash_and_a_plus_is_one_segment(server, admin):
    address = f"a/b+{unique('c')}@example.com"
    assert admin.post("/admin/users", {"username": unique("s"), "email": address}).status == 201
    assert admin.get(f"/admin/users/{quote(address, safe='+')}").json()["email"] == address
    assert shown(server, address)["email"] == address
    done(server, "delete", address, "--yes")


def test_a_name_that_is_another_s_id_is_not_guessed_about(server, admin, person):
    other = shown(server, person)["id"]
    assert admin.post("/admin/users", {"username": other, "email": f"{unique('x')}@example.com"}).status == 400
    moved = admin.call("POST", "/admin/import", json.dumps({"username": other}) + "\n",
                       content_type="application/x-ndjson")
    assert (moved.status, json.loads(moved.body)["added"]) == (200, 1)
    ran = user(server, "delete", other, "--yes")
    assert ran.returncode == REFUSED and "two accounts" in ran.stderr
    assert shown(server, f"id:{other}")["username"] == person
    done(server, "delete", f"username:{other}", "--yes")
    assert shown(server, other)["username"] == person


# ---- the process --------------------------------------------------------------------------------

def test_the_socket_is_its_owner_s_alone(serve):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    server = serve()
    path = server.directory / "var" / "admin.sock"
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_uid == os.geteuid()
    os.chmod(server.directory, 0o755)
    os.chmod(server.directory / "var", 0o755)       # so that it is the socket that refuses
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    probe = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
             "try:\n    s.connect(sys.argv[1])\nexcept PermissionError:\n    sys.exit(77)\n")
    ran = subprocess.run([*line, "/usr/bin/python3", "-c", probe, str(path)], timeout=patience(20))
    assert ran.returncode == 77


def test_with_a_user_of_its_own_the_server_s_children_cannot_open_it(serve):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    server = serve({"master.user": "nobody"}, owner=65534)
    path = server.directory / "var" / "admin.sock"
    assert path.stat().st_uid == 0 and path.stat().st_mode & 0o777 == 0o600
    assert done(server, "list", "--json") == ""
    with open(f"/proc/{server.child('admin')}/status") as status:
        assert re.search(r"^Uid:\s+65534\s+65534\s+65534", status.read(), re.M)


def test_a_killed_admin_process_is_replaced_and_the_workers_do_not_notice(serve):
    server = serve()
    workers = server.workers()
    with Connection(server.address) as connection:
        assert connection.request("GET", "/healthz").status == 200
        dead = server.kill("admin")
        wait_for(lambda: server.children().get("admin", [dead])[0] != dead, 10, "a new admin")
        assert connection.request("GET", "/healthz").status == 200
    assert done(server, "list", "--json") == ""
    assert server.workers() == workers
    assert "process: admin pid=" in server.command("status").stdout


def test_a_reload_replaces_the_admin_process_and_keeps_its_socket(serve):
    server = serve()
    before = server.child("admin")
    inode = os.stat(socket_of(server)).st_ino
    assert server.command("reload").returncode == 0
    wait_for(lambda: server.children().get("admin", []) not in ([], [before]), 10, "a new admin")
    assert done(server, "list", "--json") == ""
    assert os.stat(socket_of(server)).st_ino == inode


def test_the_admin_process_holds_no_key_and_stops_with_the_others(serve):
    server = serve()
    if os.geteuid() == 0:       # a process that is not dumpable is root's to read
        for name in ("token.key", "mail.key"):
            key = Secret((server.directory / "var" / name).read_text().strip())
            assert key.in_process(server.child("worker 0")), f"{name}: the search finds nothing anywhere"
            assert not key.in_process(server.child("admin")), name
    with Connection(socket_of(server)) as idle:
        assert idle.request("GET", "/admin/users").status == 200
        assert server.stop(signal.SIGTERM) < patience(5)
    assert not os.path.exists(socket_of(server))
