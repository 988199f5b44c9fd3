"""signup.reveal = no: nothing that a stranger sees says whether an address has an account. And
login.require_verified = yes."""
import time

import pytest

from client import PASSWORD, Api, unique
from gatepost import wait_for
from letters import letter_to, letters, letters_to

USERNAME_TAKEN = {"username": ["A user with this username already exists."]}
ATTEMPT = "You have an account at "


@pytest.fixture(scope="module")
def hidden(module_servers):
    return module_servers({"signup.reveal": "no", "mail.sweep_s": "1"})


@pytest.fixture
def api(hidden):
    calls = Api(hidden.address)
    yield calls
    calls.close()


def seen(answer):
    """All of an answer but what is another each time."""
    headers = [(name, value) for name, value in answer.headers if name.lower() not in ("date", "x-request-id")]
    return answer.status, answer.reason, headers, answer.body


def cost(api, call):
    """(answer, hashes, accounts) of a call."""
    before = api.metrics()
    answer = call()
    after = api.metrics()
    return answer, *(after[name] - before[name]
                     for name in ("gatepost_password_hashes_total", "gatepost_signups_total"))


def attempts(server, address):
    return [letter for letter in letters(server) if letter.to == address and ATTEMPT in str(letter.message["Subject"])]


def test_a_taken_address_is_answered_like_a_free_one(hidden, api):
    owner = unique("owner")
    first, hashes, made = cost(api, lambda: api.signup(owner))
    assert (first.status, hashes, made) == (201, 1, 1)
    letter_to(hidden, f"{owner}@example.com")
    second, hashes, made = cost(api, lambda: api.signup(unique("other"), email=f"{owner}@EXAMPLE.com"))
    assert seen(second) == seen(first) and (hashes, made) == (1, 0)
    letter = letters_to(hidden, f"{owner}@example.com", 2)[1]
    assert ATTEMPT in str(letter.message["Subject"])
    assert "http" not in letter.plain, "a notice has no link to follow"
    assert owner in letter.plain        # the owner's name, not the stranger's
    assert api.login(owner).status == 200 and api.login(f"{owner}@example.com").status == 200


def store_of(api):
    """(writes carried out, transactions committed)"""
    told = api.metrics()
    return told["gatepost_store_requests_total{kind=\"write\"}"], told["gatepost_store_commits_total"]


def test_both_ways_commit_once(module_servers):
    """And once more for the letter, when it is delivered."""
    server = module_servers({"signup.reveal": "no", "http.workers": "1"})
    api = Api(server.address)
    owner, writes = unique("owner"), []
    for name in (owner, unique("other"), unique("other"), owner + "x"):
        before = store_of(api)
        assert api.signup(name, email=f"{name if name == owner + 'x' else owner}@example.com").status == 201
        wait_for(lambda: store_of(api)[0] >= before[0] + 2, 10, "the letter to be settled")     # noqa: B023
        time.sleep(0.5)
        after = store_of(api)
        writes.append(after[0] - before[0])
        # Once a second a transaction of its own forgets answers that have arrived.
        assert 2 <= after[1] - before[1] <= 4
    assert writes == [2, 2, 2, 2]


def test_the_state_of_a_name_does_not_tell_either(hidden, api):
    """Who signs up twice with one name hears that it is taken, whatever became of the first."""
    owner = unique("owner")
    assert api.signup(owner).status == 201
    free, taken = unique("free"), unique("taken")
    assert api.signup(free, email=unique("new") + "@example.com").status == 201
    assert api.signup(taken, email=f"{owner}@example.com").status == 201
    again = [api.signup(name, email=unique("new") + "@example.com") for name in (free, taken)]
    assert seen(again[0]) == seen(again[1]) and again[0].json() == USERNAME_TAKEN
    again = [api.signup(name, email=f"{owner}@example.com") for name in (free, taken)]
    assert seen(again[0]) == seen(again[1]) and again[0].json() == USERNAME_TAKEN


def test_nobody_can_log_in_to_a_name_that_is_only_kept(hidden, api):
    owner, kept = unique("owner"), unique("kept")
    assert api.signup(owner).status == 201
    assert api.signup(kept, email=f"{owner}@example.com", password="another good phrase").status == 201
    refused, hashes, _ = cost(api, lambda: api.login(kept, "another good phrase"))
    assert refused.status == 401 and hashes == 1
    assert seen(refused) == seen(api.login(kept, "a wrong phrase")) == seen(api.login(unique("nobody")))
    assert api.login(f"{owner}@example.com", "another good phrase").status == 401
    assert api.login(f"{owner}@example.com").status == 200
    assert not hidden.events("password.unreadable")


def test_wrong_fields_are_told_without_the_address(api):
    owner = unique("owner")
    assert api.signup(owner).status == 201
    for email in (f"{owner}@example.com", unique("free") + "@example.com"):
        assert api.signup(owner, email=email).json() == USERNAME_TAKEN
        assert list(api.signup(unique("x"), email=email, password="short").json()) == ["password"]
        assert list(api.signup("a b", email=email).json()) == ["username"]


def test_a_name_that_is_an_address_does_not_ask_for_anothers(hidden, api):
    owner = unique("owner")
    assert api.signup(owner).status == 201
    bad = [api.signup(name, email=unique("e") + "@example.com")
           for name in (f"{owner}@example.com", f"{owner}@EXAMPLE.com", unique("nobody") + "@example.com")]
    assert [answer.status for answer in bad] == [400, 400, 400] and len({answer.body for answer in bad}) == 1
    own = unique("self") + "@example.com"
    first = api.signup(own, email=own)
    assert first.status == 201 and api.login(own).status == 200
    assert seen(api.signup(own, email=own)) == seen(first)           # taken in both ways: concealed
    name = f"{owner}@example.com"
    assert seen(api.signup(name, email=name)) == seen(first)
    assert seen(api.signup(name, email=name)) == seen(first)
    assert api.signup(unique("at") + "@home", email=unique("e") + "@example.com").status == 201


def test_a_change_of_name_does_not_ask_for_anothers_address(api):
    owner, name = unique("owner"), unique("asker")
    assert api.signup(owner).status == 201 and api.signup(name).status == 201
    bearer = [("Authorization", "Bearer " + api.tokens(name)["access"])]
    bad = [api.call("PATCH", "/api/auth/me", {"username": wish}, headers=bearer)
           for wish in (f"{owner}@example.com", unique("nobody") + "@example.com")]
    assert [answer.status for answer in bad] == [400, 400] and bad[0].body == bad[1].body
    for wish in (f"{name}@example.com", name + "2"):
        assert api.call("PATCH", "/api/auth/me", {"username": wish}, headers=bearer).status == 200


def test_a_change_of_address_does_not_tell_either(hidden, api):
    """What the asker sees of it: the answer, the letters to the own address, the own account."""
    owner = unique("owner")
    assert api.signup(owner).status == 201

    def shown_to_the_asker(wish):
        name = unique("asker")
        assert api.signup(name).status == 201
        bearer = [("Authorization", "Bearer " + api.tokens(name)["access"])]
        answers = [api.call("PATCH", "/api/auth/me", {"email": email, "password": PASSWORD}, headers=bearer)
                   for email in (unique("first") + "@example.net", wish)]
        letters = letters_to(hidden, f"{name}@example.com", 3)
        events = [event["event"] for event in api.get("/api/auth/me/export", headers=bearer).json()["events"]]
        return ([answer.status for answer in answers], [str(letter.message["Subject"]) for letter in letters],
                events)
    assert shown_to_the_asker(f"{owner}@example.com") == shown_to_the_asker(unique("free") + "@example.com")


def test_the_owner_gets_one_letter_of_all_that_strangers_try(module_servers):
    server = module_servers({"signup.reveal": "no", "limits.enabled": "yes", "mail.sweep_s": "1",
                             "limits.letters": "2/3600", "limits.signup_address": "1000/1"})
    api = Api(server.address)
    owner = unique("owner")
    answers = [api.signup(owner)] + [api.signup(unique("o"), email=f"{owner}@example.com") for _ in range(5)]
    assert len({str(seen(answer)) for answer in answers}) == 1
    other = unique("other")
    assert api.signup(other).status == 201
    letter_to(server, f"{other}@example.com")
    letters_to(server, f"{owner}@example.com", 2)
    server.stop()                        # and all letters of it with it
    assert len(attempts(server, f"{owner}@example.com")) == 1


def test_a_key_that_is_used_again_gets_the_same_answer(hidden, api):
    owner, name = unique("owner"), unique("again")
    assert api.signup(owner).status == 201
    key = [("Idempotency-Key", unique("key"))]
    answers = [api.signup(name, email=f"{owner}@example.com", headers=key) for _ in range(3)]
    assert len({str(seen(answer)) for answer in answers}) == 1 and answers[0].status == 201
    assert api.signup(name, email=f"{owner}@example.com", password="another good phrase", headers=key).status == 422
    letters_to(hidden, f"{owner}@example.com", 2)
    assert len(attempts(hidden, f"{owner}@example.com")) == 1


def test_with_reveal_the_address_is_told(module_servers):
    api = Api(module_servers({"signup.reveal": "yes"}).address)
    owner = unique("owner")
    assert api.signup(owner).status == 201
    assert api.signup(unique("o"), email=f"{owner}@example.com").json() == \
        {"email": ["A user with this email already exists."]}


# ---- login.require_verified -----------------------------------------------------------------------------

def test_an_unproven_address_is_answered_like_a_wrong_password(module_servers):
    server = module_servers({"login.require_verified": "yes"})
    api = Api(server.address)
    name = unique("unproven")
    assert api.signup(name).status == 201
    told = {}
    for what, who, password in (("unproven", name, PASSWORD), ("wrong", name, "a wrong phrase"),
                                ("nobody", unique("nobody"), PASSWORD)):
        told[what], hashes, _ = cost(api, lambda: api.login(who, password))     # noqa: B023
        assert told[what].status == 401 and hashes == 1
    assert seen(told["unproven"]) == seen(told["wrong"]) == seen(told["nobody"])
    token = letter_to(server, f"{name}@example.com").token
    assert api.post("/api/auth/verify-email", {"token": token}).status == 200
    assert api.login(name).status == 200
