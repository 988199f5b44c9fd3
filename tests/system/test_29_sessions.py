"""The sessions of an account: logging out, listing them, ending them, and the export."""
import re
import time
import uuid

import pytest

from client import Api, Connection, encode, unique
from letters import letter_to

LOGOUT, SESSIONS, EXPORT = "/api/auth/logout", "/api/auth/sessions", "/api/auth/me/export"
REFUSED = {"detail": "Token is invalid or expired", "code": "token_not_valid"}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture
def person(api):
    name = unique("seat")
    assert api.signup(name).status == 201
    return name


def bearer(pair):
    return [("Authorization", f"Bearer {pair['access']}")]


def sessions(api, pair):
    answer = api.get(SESSIONS, headers=bearer(pair))
    assert answer.status == 200, answer
    return answer.json()


def end(api, pair, which=""):
    return api.call("DELETE", SESSIONS + which, headers=bearer(pair))


def refresh(api, pair):
    return api.post("/api/auth/token/refresh", {"refresh": pair["refresh"]})


# ---- logout -------------------------------------------------------------------------------------------
def test_a_logout_ends_the_session_and_no_other(api, person):
    one, other = api.tokens(person), api.tokens(person)
    answer = api.post(LOGOUT, {"refresh": one["refresh"]})
    assert (answer.status, answer.body) == (200, b"{}")
    for token in one.values():
        assert api.post("/api/auth/token/verify", {"token": token}).status == 401
    assert api.me(one["access"]).status == 401
    assert refresh(api, one).json() == REFUSED
    again = api.post(LOGOUT, {"refresh": one["refresh"]})
    assert (again.status, again.json()) == (401, REFUSED)
    assert api.me(other["access"]).status == 200
    assert refresh(api, other).status == 200


def test_a_spent_token_logs_out_too(api, person):
    first = api.tokens(person)
    second = refresh(api, first).json()
    assert api.post(LOGOUT, {"refresh": first["refresh"]}).status == 200
    assert api.me(second["access"]).status == 401
    assert refresh(api, second).status == 401


def test_a_logout_wants_a_refresh_token(api, person):
    pair = api.tokens(person)
    missing = api.post(LOGOUT, {})
    assert (missing.status, missing.json()) == (400, {"refresh": ["This field is required."]})
    assert api.post(LOGOUT, {"refresh": pair["access"]}).json() == \
        {"detail": "Token has wrong type", "code": "token_not_valid"}
    assert api.post(LOGOUT, {"refresh": "x"}).status == 401
    assert api.get(LOGOUT).status == 405
    assert api.me(pair["access"]).status == 200


# ---- the list -----------------------------------------------------------------------------------------
def test_sessions_are_listed_newest_first(server, api, person):
    old = api.tokens(person)
    time.sleep(0.01)
    with Connection(server.address) as connection:
        connection.send(encode("POST", "/api/auth/login",
                               {"username": person, "password": "securepassword123"},
                               headers=[("User-Agent", "MARK")]).replace(b"MARK", b"caf\xe9 \xf0\x9f\x8d\xb0/1"))
        new = connection.receive().json()
    listed = sessions(api, new)
    assert [session["current"] for session in listed] == [True, False]
    assert [session["current"] for session in sessions(api, old)] == [False, True]
    for session in listed:
        assert list(session) == ["id", "created", "last_used", "expires", "peer", "user_agent", "current"]
        assert uuid.UUID(session["id"]).version == 7 and session["peer"] == "127.0.0.1"
        assert all(ISO.fullmatch(session[name]) for name in ("created", "last_used", "expires"))
        assert session["created"] == session["last_used"] < session["expires"]
    assert [session["user_agent"] for session in listed] == ["caf\ufffd \U0001f370/1", ""]
    time.sleep(0.01)
    assert refresh(api, old).status == 200
    assert len(sessions(api, new)) == 2
    moved = sessions(api, new)[1]
    assert moved["last_used"] > moved["created"] == listed[1]["created"]
    head = api.call("HEAD", SESSIONS, headers=bearer(new))
    assert head.status == 200 and head.body == b""


def test_many_sessions_are_all_listed(serve):
    server = serve({"token.sessions_max": "300"})
    api, name = Api(server.address), unique()
    assert api.signup(name).status == 201
    pairs = [api.tokens(name) for _ in range(120)]
    listed = sessions(api, pairs[-1])
    assert len({session["id"] for session in listed}) == 120
    assert listed == sorted(listed, key=lambda session: session["created"], reverse=True)
    assert end(api, pairs[50]).status == 204
    assert [session["current"] for session in sessions(api, pairs[50])] == [True]


def test_a_login_too_many_ends_the_session_that_was_not_used_for_longest(serve):
    server = serve({"token.sessions_max": "3"})
    api, name = Api(server.address), unique()
    assert api.signup(name).status == 201
    pairs = []
    for _ in range(3):
        pairs.append(api.tokens(name))
        time.sleep(0.005)
    pairs[0] = refresh(api, pairs[0]).json()
    newest = api.tokens(name)
    assert len(sessions(api, newest)) == 3
    assert [api.me(pair["access"]).status for pair in pairs] == [200, 401, 200]


# ---- ending them --------------------------------------------------------------------------------------
def test_one_session_is_ended_by_its_id(api, person):
    mine, lost = api.tokens(person), api.tokens(person)
    which = [session["id"] for session in sessions(api, mine) if not session["current"]]
    answer = end(api, mine, f"/{which[0]}")
    assert (answer.status, answer.body) == (204, b"")
    assert api.me(lost["access"]).status == 401 and refresh(api, lost).status == 401
    gone = end(api, mine, f"/{which[0]}")
    assert (gone.status, gone.json()) == (404, {"detail": "Not found."})
    own = sessions(api, mine)[0]["id"]
    assert end(api, mine, f"/{own}").status == 204
    assert api.get(SESSIONS, headers=bearer(mine)).status == 401


def test_nobody_ends_the_session_of_another(api, person):
    mine = api.tokens(person)
    stranger = unique()
    assert api.signup(stranger).status == 201
    theirs = api.tokens(stranger)
    target = sessions(api, theirs)[0]["id"]
    for which in (f"/{target}", f"/{target.upper()}", "/x", f"/{uuid.uuid4()}", "/%00"):
        assert end(api, mine, which).status == 404, which
    assert end(api, mine).status == 204
    assert api.me(theirs["access"]).status == 200
    assert api.me(mine["access"]).status == 200


def test_all_other_sessions_are_ended(api, person):
    pairs = [api.tokens(person) for _ in range(4)]
    assert end(api, pairs[2]).status == 204
    assert [api.me(pair["access"]).status for pair in pairs] == [401, 401, 200, 401]
    assert [refresh(api, pair).status for pair in pairs] == [401, 401, 200, 401]


def test_these_routes_are_for_who_is_logged_in(api):
    for method, path in (("GET", SESSIONS), ("DELETE", SESSIONS), ("DELETE", f"{SESSIONS}/{uuid.uuid4()}"),
                         ("GET", EXPORT)):
        answer = api.call(method, path)
        assert answer.status == 401 and answer.header("www-authenticate"), (method, path)
    options = api.call("OPTIONS", SESSIONS)
    assert (options.status, options.header("allow")) == (204, "GET, HEAD, DELETE, OPTIONS")


# ---- export -------------------------------------------------------------------------------------------
def test_the_export_holds_what_is_stored_and_not_the_hash(serve):
    server = serve({"mail.transport": "smtp", "smtp.host": "127.0.0.1", "smtp.port": "1", "smtp.tls": "none"})
    api, name = Api(server.address), unique()
    assert api.signup(name).status == 201
    assert api.signup(unique()).status == 201
    pair = api.tokens(name)
    answer = api.get(EXPORT, headers=bearer(pair))
    assert answer.status == 200
    assert answer.header("content-disposition") == 'attachment; filename="account.json"'
    told = answer.json()
    assert list(told) == ["account", "sessions", "letters", "events", "events_left_out"]
    me = api.me(pair["access"]).json()
    assert {key: told["account"][key] for key in me} == me
    assert told["account"]["email_suppressed"] is None
    assert told["account"]["password"] == {"algorithm": "pbkdf2_sha256", "iterations": 1, "changed": None}
    assert [session["current"] for session in told["sessions"]] == [True]
    letter, = told["letters"]
    assert letter["purpose"] == "verify" and letter["to"] == f"{name}@example.com"
    assert letter["state"] == "pending" and letter["ended"] is None
    assert letter["given_up"] is False and ISO.fullmatch(letter["created"])
    assert [event["event"] for event in told["events"]] == ["account.signed_up", "login.succeeded"]
    assert {event["address"] for event in told["events"]} == {"127.0.0.1"} and told["events_left_out"] is False
    assert "pbkdf2_sha256$" not in answer.text() and "digest" not in answer.text()
    assert api.get(EXPORT, headers=bearer(pair)).header("cache-control") == "no-store"


def test_a_delivered_letter_is_in_the_export_as_sent(server, api, person):
    letter_to(server, f"{person}@example.com")
    pair = api.tokens(person)
    for _ in range(100):
        letter, = api.get(EXPORT, headers=bearer(pair)).json()["letters"]
        if letter["state"] == "sent":
            break
        time.sleep(0.05)
    assert (letter["state"], letter["given_up"]) == ("sent", False)
    assert letter["ended"] >= letter["created"]
