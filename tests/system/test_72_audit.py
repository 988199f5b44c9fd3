"""The audit trail of a running server: what is in it, `gatepost audit show`, `gatepost audit verify`."""
import json
import os
import re
import shutil
import subprocess

import pytest

from client import PASSWORD, Api, unique
from gatepost import clean_environment, patience, wait_for

DONE, BROKEN, USAGE, NOT_THERE = 0, 1, 2, 3


def audit(server, *words):
    line = server.arguments("audit") + list(words)
    return subprocess.run(line, cwd=server.directory, env=clean_environment(), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=patience(30))


def shown(server, *words):
    ran = audit(server, "show", "--json", *words)
    assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    return [json.loads(line) for line in ran.stdout.splitlines()]


def events_of(server, name, *words):
    return [(event["event"], event["result"], event["detail"]) for event in shown(server, "--user", name, *words)]


def test_what_happens_to_an_account_is_in_the_trail(server, api):
    name = unique("t")
    assert api.signup(name).status == 201
    assert api.login(name, "not the password").status == 401
    api.tokens(name)
    wait_for(lambda: len(events_of(server, name)) == 3, 5, "three events")
    assert events_of(server, name) == [("account.signed_up", "done", ""),
                                       ("login.failed", "refused", "password"),
                                       ("login.succeeded", "done", "")]
    assert events_of(server, name, "--event", "login.failed") == [("login.failed", "refused", "password")]
    for event in shown(server, "--user", name):
        assert event["address"] == "127.0.0.1"
        assert re.fullmatch("[0-9a-f]{64}", event["chain"])


def test_nothing_that_was_typed_at_a_login_is_in_the_trail(server, api):
    name, password = unique("nobody"), unique("secret")
    assert api.login(name, password).status == 401
    wait_for(lambda: any(event["user"] is None for event in shown(server, "--event", "login.failed")), 5, "a note")
    everything = audit(server, "show", "--json").stdout
    assert name not in everything and password not in everything
    server_files = subprocess.run(["grep", "-rl", password, "var"], cwd=server.directory, capture_output=True)
    assert server_files.stdout == b""


def test_of_a_deleted_account_the_trail_is_found_by_its_id(server, api):
    name = unique("gone")
    assert api.signup(name).status == 201
    user_id = shown(server, "--user", name)[0]["user"]
    ran = server.command("user", "delete", name, "--yes")
    assert ran.returncode == DONE, ran
    assert audit(server, "show", "--user", name).returncode == NOT_THERE
    for who in (user_id, f"id:{user_id}"):
        assert [event for event, _, _ in events_of(server, who)] == ["account.signed_up", "admin.account_deleted"]
    assert shown(server, "--event", "admin.account_deleted")[-1]["detail"] == user_id


def test_since_limit_and_words_that_make_no_sense(server, api):
    before = len(shown(server))
    assert len(shown(server, "--limit", "2")) == min(2, before)
    assert shown(server, "--since", "2100-01-01") == []
    assert len(shown(server, "--since", "1h")) == before
    for words in (("show", "--since", "yesterday"), ("show", "--limit", "0"), ("show", "--what"), ("watch",), (),
                  ("verify", "--user", "x")):
        assert audit(server, *words).returncode == USAGE, words
    assert audit(server, "show", "--event", "no.such").returncode == BROKEN
    table = audit(server, "show").stdout.splitlines()
    assert table[0].split() == ["TIME", "EVENT", "RESULT", "USER", "ADDRESS", "DETAIL"]
    assert len(table) >= before + 1


def test_follow_prints_what_comes(server, api):
    line = server.arguments("audit") + ["show", "--json", "--follow", "--since", "2020-01-01"]
    with open(server.directory / "followed", "w") as out:
        follower = subprocess.Popen(line, cwd=server.directory, env=clean_environment(), stdin=subprocess.DEVNULL,
                                    stdout=out)
    try:
        name = unique("f")
        assert api.signup(name).status == 201
        user_id = shown(server, "--user", name)[0]["user"]
        wait_for(lambda: user_id in (server.directory / "followed").read_text(), 10, "the sign-up is printed")
    finally:
        follower.kill()
        follower.wait()


def test_a_flood_of_wrong_passwords_is_bounded_and_harms_nobody(server, api):
    """What is not told is counted."""
    name = unique("w")
    assert api.signup(name).status == 201
    for _ in range(100):
        assert api.login(name, "wrong").status == 401
    metrics = api.metrics()
    told = wait_for(lambda: len(events_of(server, name, "--event", "login.failed")) +
                    metrics["gatepost_audit_dropped_total"] >= 100, 5, "each is told or counted")
    assert told


def test_who_is_throttled_and_who_fails_to_confirm_a_change_is_in_the_trail(serve):
    server = serve({"limits.enabled": "yes", "limits.account_failures": "2"})
    api = Api(server.address)
    name = unique("g")
    assert api.signup(name).status == 201
    access = api.tokens(name)["access"]
    changed = api.post("/api/auth/password/change", {"current_password": "wrong", "new_password": PASSWORD + " 2"},
                       headers=[("Authorization", f"Bearer {access}")])
    assert changed.status == 400, changed
    stranger = unique("g")      # counted apart from those who have a session at this address
    assert [api.login(stranger, "wrong").status for _ in range(4)][-1] == 429
    wait_for(lambda: shown(server, "--event", "request.throttled"), 5, "the refusal is told")
    assert events_of(server, name, "--event", "login.failed") == [("login.failed", "refused", "reauthentication")]
    assert [event["detail"] for event in shown(server, "--event", "request.throttled")] == ["account_failures"]
    assert audit(server, "verify").returncode == DONE
    api.close()


def test_what_an_administrator_did_says_who(server, api):
    name = unique("byhand")
    who = f"unix:uid={os.getuid()}"
    assert api.signup(name).status == 201
    assert server.command("user", "disable", name).returncode == DONE
    assert shown(server, "--event", "admin.account_disabled")[-1]["address"] == who
    before = len(shown(server, "--event", "admin.accounts_exported"))
    assert server.command("user", "export", "--to", "jsonl").returncode == DONE
    told = shown(server, "--event", "admin.accounts_exported")[before:]
    assert [(event["address"], event["result"], event["user"]) for event in told] == [(who, "done", None)]


@pytest.mark.skipif(not (shutil.which("db5.3_dump") and shutil.which("db5.3_load")), reason="no Berkeley DB tools")
def test_verify_finds_the_row_that_was_changed(serve):
    server = serve()
    api = Api(server.address)
    for _ in range(20):
        assert api.signup(unique("v")).status == 201
    whole = audit(server, "verify", "--json")
    assert whole.returncode == DONE, whole
    before = json.loads(whole.stdout)
    assert before["whole"] and before["events"] == 20
    rows = shown(server)
    assert before["last"] == rows[-1]["id"] and before["chain"] == rows[-1]["chain"]
    api.close()
    server.stop()
    assert f'audit.noted events=20 chain={before["chain"]}\n' in server.log_text()

    # The seventh sign-up came from elsewhere, somebody would have us believe.
    home = server.directory / "var" / "db"
    text = subprocess.run(["db5.3_dump", "audit.db"], cwd=home, check=True, capture_output=True, text=True).stdout
    lines = text.splitlines(keepends=True)
    at = lines.index("HEADER=END\n") + 2 * 7
    assert b"127.0.0.1".hex() in lines[at]
    lines[at] = lines[at].replace(b"127.0.0.1".hex(), b"127.6.6.6".hex())
    (home / "audit.db").unlink()
    subprocess.run(["db5.3_load", "-c", "chksum=1", "audit.db"], cwd=home, check=True, input="".join(lines), text=True)

    server.start()
    ran = audit(server, "verify")
    assert ran.returncode == BROKEN
    assert rows[6]["id"] in ran.stdout and "number 7 " in ran.stdout
    assert "whole" not in ran.stdout
