"""Somebody knows the old password: what its owner does about it must be the end of him."""
import threading
import time
import uuid

import jwt
import pytest

from client import Api, PASSWORD, unique
from gatepost import wait_for
from letters import letter_to, letters_to

NEW_PASSWORD = "another-long-password-9"


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def signed_up(api):
    name = unique("owner")
    assert api.signup(name).status == 201
    return name


def ask_to_move(server, api, name):
    """The token of the letter to an address that whoever knows the password has chosen."""
    thief = unique("thief") + "@example.net"
    access = api.tokens(name)["access"]
    answer = api.call("PATCH", "/api/auth/me", {"email": thief, "password": PASSWORD}, headers=bearer(access))
    assert answer.status == 200
    return letter_to(server, thief).token


def reset(server, api, name):
    before = len(letters_to(server, f"{name}@example.com"))
    assert api.post("/api/auth/password/reset", {"email": f"{name}@example.com"}).status == 202
    token = letters_to(server, f"{name}@example.com", before + 1)[-1].token
    return api.post("/api/auth/password/reset/confirm", {"token": token, "new_password": NEW_PASSWORD})


def change(server, api, name):
    return api.post("/api/auth/password/change", {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
                    headers=bearer(api.tokens(name)["access"]))


def set_by_operator(server, _api, name):
    return server.command("user", "set-password", name, "--generate")


@pytest.mark.parametrize("secured", [reset, change, set_by_operator])
def test_a_new_password_is_the_end_of_a_wish_to_move(server, api, secured):
    name = signed_up(api)
    link = ask_to_move(server, api, name)
    answer = secured(server, api, name)
    assert getattr(answer, "status", 200) == 200 and getattr(answer, "returncode", 0) == 0
    assert api.post("/api/auth/verify-email", {"token": link}).status == 400
    assert api.login(f"{name}@example.com", NEW_PASSWORD).status == (401 if secured is set_by_operator else 200)


def test_a_disabled_account_does_not_move(server, api):
    name = signed_up(api)
    link = ask_to_move(server, api, name)
    assert server.command("user", "disable", name).returncode == 0
    assert api.post("/api/auth/verify-email", {"token": link}).status == 400
    assert server.command("user", "enable", name).returncode == 0
    assert api.post("/api/auth/verify-email", {"token": link}).status == 400
    assert api.login(f"{name}@example.com").status == 200


def test_a_login_under_way_when_the_password_changes_opens_nothing(serve):
    server = serve({"password.iterations": "50000", "http.workers": "1", "password.lanes": "1"})
    api = Api(server.address)
    name = signed_up(api)
    access = api.tokens(name)["access"]
    answers = []

    def log_in():
        calls = Api(server.address)
        answers.append(calls.login(name))
        calls.close()
    # Some of them are being hashed when the change is made.
    change = threading.Thread(target=lambda: answers.insert(0, api.post(
        "/api/auth/password/change", {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        headers=bearer(access))))
    threads = [change] + [threading.Thread(target=log_in) for _ in range(8)]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    changed, *tried = answers
    assert changed.status == 200 and tried
    for answer in tried:
        if answer.status == 200:  # it was in before the change, which ended it
            assert api.me(answer.json()["access"]).status == 401
            assert api.post("/api/auth/token/refresh", {"refresh": answer.json()["refresh"]}).status == 401
    api.close()


def foreign(server, user_id, kind, issued):
    """A token as a Django service makes it that holds the key: without a session."""
    now = int(time.time())
    claims = {"token_type": kind, "exp": now + 600, "jti": uuid.uuid4().hex, "user_id": user_id}
    if issued is not None:
        claims["iat"] = issued
    key = (server.directory / "var" / "token.key").read_text().strip()
    return jwt.encode(claims, key, algorithm="HS256")


def test_tokens_without_a_session_end_with_the_password(server, api):
    name = signed_up(api)
    user_id = api.me(api.tokens(name)["access"]).json()["id"]
    issued = int(time.time()) - 60
    old = {kind: foreign(server, user_id, kind, issued) for kind in ("access", "refresh")}
    assert api.me(old["access"]).status == 200
    assert change(server, api, name).status == 200
    assert api.me(old["access"]).status == 401
    assert api.post("/api/auth/token/refresh", {"refresh": old["refresh"]}).status == 401
    # Those of afterwards are good, and so are those that do not say when they were made.
    assert api.me(foreign(server, user_id, "access", int(time.time()))).status == 200
    assert api.me(foreign(server, user_id, "access", None)).status == 200


def test_a_reset_lets_its_owner_in_whoever_guesses_meanwhile(serve):
    server = serve({"limits.enabled": "yes", "limits.account_failures": "3", "limits.account_delay_s": "600",
                    "limits.login_address": "no"})
    owner, thief = Api(server.address, source="127.0.0.3"), Api(server.address, source="127.0.0.2")
    name = signed_up(owner)
    for names in (name, f"{name}@example.com"):
        wait_for(lambda: thief.login(names, "wrong password").status == 429, 10, "a name that has to wait")
    assert owner.login(name).status == 429, "no session of its owner stands"
    assert reset(server, owner, name).status == 200
    assert owner.login(name, NEW_PASSWORD).status == 200
    assert owner.login(f"{name}@example.com", NEW_PASSWORD).status == 200


def test_what_a_bearer_does_to_the_account_is_limited(serve):
    server = serve({"limits.enabled": "yes", "limits.account_changes": "5/3600"})
    api = Api(server.address)
    name = signed_up(api)
    access = api.tokens(name)["access"]
    answers = [api.call("PATCH", "/api/auth/me", {"username": f"{name}{i}"}, headers=bearer(access))
               for i in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert api.get("/api/auth/me/export", headers=bearer(access)).status == 429
    assert api.me(access).status == 200, "to look is free"
