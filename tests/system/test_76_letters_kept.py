"""Letters that were sent are remembered, and how they are forgotten."""
import pytest

from client import PASSWORD, Api, unique
from gatepost import wait_for
from mail_desk import in_state, listed, relay, sign_up, status
from smtp_peer import SmtpPeer


@pytest.fixture
def peer():
    with SmtpPeer() as peer:
        yield peer


def test_nothing_is_remembered_where_the_operator_wants_that(serve, peer):
    server = serve(relay(peer, **{"mail.keep_s": "0"}))
    sign_up(server, unique("gone"))
    peer.wait_for(1)
    wait_for(lambda: status(server)["pending"] == 0, 10, "an empty outbox")
    assert not listed(server) and status(server)["sent"] == 0


def test_a_remembered_letter_is_forgotten_in_time(serve, peer):
    server = serve(relay(peer, **{"mail.keep_s": "2"}))
    name = unique("time")
    sign_up(server, name)
    in_state(server, name, "sent")
    wait_for(lambda: status(server)["sent"] == 0, 15, "the upkeep")
    assert not listed(server)


def test_the_letters_of_a_deleted_account_go_with_it(serve, peer):
    server = serve(relay(peer))
    name, other = unique("del"), unique("other")
    sign_up(server, name, other)
    in_state(server, name, "sent")
    in_state(server, other, "sent")
    api = Api(server.address)
    access = api.tokens(name)["access"]
    answer = api.call("DELETE", "/api/auth/me", {"password": PASSWORD},
                      headers=[("Authorization", f"Bearer {access}")])
    assert answer.status in (200, 204), answer
    peer.wait_for(3)
    wait_for(lambda: status(server)["pending"] == 0, 10, "the last letter")
    assert [x["to"] for x in listed(server)] == [f"{other}@example.com"]
