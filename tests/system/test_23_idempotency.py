"""The same sign-up sent twice with an Idempotency-Key, also across the death of a process."""
import os
import signal

import pytest

from client import Api, Connection, account, encode, unique
from gatepost import wait_for
from letters import letters_to

REUSED = {"detail": "Idempotency-Key was used with another request."}


def key_of(text):
    return [("Idempotency-Key", text)]


def test_the_same_key_and_body_give_the_same_answer_and_one_letter(server, api):
    name = unique()
    first = api.signup(name, headers=key_of(f"key-{name}"))
    again = [api.signup(name, headers=key_of(f"key-{name}")) for _ in range(3)]
    assert first.status == 201
    assert {(a.status, a.body) for a in again} == {(201, first.body)}
    # Letters leave in order: when a later one is there, a second of the first would be, too.
    assert api.signup(f"{name}b").status == 201
    letters_to(server, f"{name}b@example.com")
    assert len(letters_to(server, f"{name}@example.com")) == 1


def test_another_body_under_the_key_is_422(api):
    name = unique()
    assert api.signup(name, headers=key_of(f"k{name}")).status == 201
    for body in (account(f"{name}other"), account(name, password="another-password-7")):
        answer = api.post("/api/auth/signup", body, headers=key_of(f"k{name}"))
        assert (answer.status, answer.json()) == (422, REUSED)
    assert api.login(f"{name}other").status == 401


def test_without_the_key_or_with_another_the_name_is_taken(api):
    name = unique()
    assert api.signup(name, headers=key_of("one-" + name)).status == 201
    assert api.signup(name).status == 400
    assert api.signup(name, headers=key_of("two-" + name)).status == 400


def test_a_refused_sign_up_leaves_the_key_free(api):
    name = unique()
    bad = api.signup(name, password="short", headers=key_of("r-" + name))
    assert bad.status == 400
    assert api.signup(name, headers=key_of("r-" + name)).status == 201


def test_the_answer_is_kept_across_the_death_of_every_process(serve):
    server = serve()
    api = Api(server.address)
    assert api.signup("twice", headers=key_of("for-ever")).status == 201
    for victim in ("store", "worker 0", "worker 1", "mailer"):
        dead = server.kill(victim)
        wait_for(lambda: dead not in sum(server.children().values(), []), 5, f"{victim} gone")
        wait_for(lambda: victim in server.children(), 10, f"a new {victim}")
        answer = api.fresh().signup("twice", headers=key_of("for-ever"))
        assert answer.status == 201, (victim, answer)
    server.stop()
    server.start()
    api = Api(server.address)
    assert api.signup("twice", headers=key_of("for-ever")).status == 201
    assert api.post("/api/auth/signup", account("else"), headers=key_of("for-ever")).status == 422
    assert api.signup("last").status == 201
    letters_to(server, "last@example.com")
    assert len(letters_to(server, "twice@example.com")) == 1


def test_a_request_in_work_at_the_death_of_the_store_is_answered_once(serve):
    """Stopped store, so that the request is surely under way; killed; its successor answers."""
    server = serve({"http.workers": "1"})
    api = Api(server.address)
    assert api.signup("warm").status == 201
    store = server.child("store")
    os.kill(store, signal.SIGSTOP)
    server.allow_deaths = True
    with Connection(server.address) as connection:
        connection.send(encode("POST", "/api/auth/signup", account("pending")))
        try:
            assert not connection.closed_by_server(0.3)
        finally:
            os.kill(store, signal.SIGKILL)
        connection.sock.settimeout(connection.timeout)
        answer = connection.receive()
    assert answer.status == 201, answer
    assert len(letters_to(server, "pending@example.com")) == 1
    assert api.fresh().signup("pending").status == 400


@pytest.mark.parametrize("key", ["k", "x" * 200, "with space", "a,b", "\"quoted\""])
def test_any_reasonable_key_is_taken(api, key):
    name = unique()
    assert api.signup(name, headers=key_of(key + name)).status == 201


def test_an_empty_key_is_refused(api):
    """Ignoring it would promise what is not kept."""
    assert api.signup(unique(), headers=key_of("")).status == 400


def test_a_huge_key_is_refused_and_does_no_harm(api):
    answer = api.signup(unique(), headers=key_of("k" * 3000))
    assert answer.status in (201, 400, 431)
    assert api.fresh().get("/healthz").status == 200
