"""Letters that somebody else can cause: how many of them one address gets, whoever asks and from where."""
import time

from client import Api, PASSWORD, unique
from gatepost import wait_for
from letters import letters, letter_to

RESET = "/api/auth/password/reset"
OTHER_PASSWORD = "another-long-password-9"
# What one client may ask for is not what is looked at here.
LIMITED = {"limits.enabled": "yes", "limits.letters": "3/3600", "limits.signup_address": "no",
           "limits.mail_address": "no", "limits.login_address": "no", "mail.sweep_s": "1"}


def bearer(api, name, password=PASSWORD):
    return [("Authorization", "Bearer " + api.tokens(name, password)["access"])]


def change_password(api, headers, times):
    """There and back again."""
    words = [PASSWORD, OTHER_PASSWORD]
    for i in range(times):
        answer = api.post("/api/auth/password/change", {"current_password": words[i % 2],
                                                        "new_password": words[1 - i % 2]}, headers=headers)
        assert answer.status == 200, answer


def settled(server, api, address):
    """The subjects of all letters to the address, when no letter waits any more."""
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 15, "an empty outbox")
    return [str(letter.message["Subject"]) for letter in letters(server) if letter.to == address]


def ask_to_move(api, headers, address):
    return api.call("PATCH", "/api/auth/me", {"email": address, "password": PASSWORD}, headers=headers)


def assert_throttled(answer):
    assert answer.status == 429, answer
    # An hour for three: the next one is twenty minutes away.
    wait = int(answer.header("retry-after"))
    assert 1100 < wait <= 1200
    assert answer.json() == {"detail": f"Request was throttled. Expected available in {wait} seconds."}


# ---- notices of what happened to an account ---------------------------------------------------------

def test_changing_the_password_does_not_flood_an_address_that_nobody_proved(serve):
    server = serve(LIMITED)
    api = Api(server.address)
    name = unique("flood")
    assert api.signup(name).status == 201
    address = f"{name}@example.com"
    letter_to(server, address)
    change_password(api, bearer(api, name), 8)
    assert len(settled(server, api, address)) == 1 + 3
    # The share is that of all letters: none is left for a reset.
    assert api.post(RESET, {"email": address}).status == 202
    assert len(settled(server, api, address)) == 1 + 3


def test_a_proven_address_is_told_of_every_change(serve):
    server = serve(LIMITED)
    api = Api(server.address)
    name = unique("proven")
    assert api.signup(name).status == 201
    address = f"{name}@example.com"
    assert api.post("/api/auth/verify-email", {"token": letter_to(server, address).token}).status == 200
    change_password(api, bearer(api, name), 6)
    assert len(settled(server, api, address)) == 1 + 6


def test_reused_tokens_do_not_flood_an_address_that_nobody_proved(serve):
    server = serve({**LIMITED, "token.refresh_grace_s": "0"})
    api = Api(server.address)
    name = unique("reuse")
    assert api.signup(name).status == 201
    letter_to(server, f"{name}@example.com")
    for _ in range(5):
        shown = api.tokens(name)["refresh"]
        pair = api.post("/api/auth/token/refresh", {"refresh": shown}).json()
        assert api.post("/api/auth/token/refresh", {"refresh": shown}).status == 401
        assert api.me(pair["access"]).status == 401      # its session ends each time
    assert len(settled(server, api, f"{name}@example.com")) == 1 + 3
    assert api.metrics()["gatepost_tokens_reused_total"] == 5


# ---- a change to somebody's address -----------------------------------------------------------------

def test_many_accounts_cannot_flood_the_address_they_ask_to_move_to(serve):
    server = serve({**LIMITED, "http.workers": "2"})
    api = Api(server.address)
    victim = unique("victim") + "@example.net"
    askers = [unique("asker") for _ in range(5)]
    assert all(api.signup(name).status == 201 for name in askers)
    headers = [bearer(api, name) for name in askers]
    spellings = [victim, victim.replace("example", "EXAMPLE"), victim, victim, victim.replace("net", "Net")]
    answers = [ask_to_move(api, who, spelling) for who, spelling in zip(headers, spellings)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    for answer in answers[3:]:
        assert_throttled(answer)
    assert len([letter for letter in letters(server) if letter.to.lower() == victim]) <= 3
    # Who was refused may move elsewhere, and change what is no address.
    assert ask_to_move(api, headers[4], unique("own") + "@example.net").status == 200
    assert api.call("PATCH", "/api/auth/me", {"username": unique("new")}, headers=headers[4]).status == 200
    assert api.metrics()['gatepost_throttled_total{limit="change_email"}'] == 2


def test_the_refusal_does_not_tell_whether_the_address_has_an_account(serve):
    server = serve({**LIMITED, "signup.reveal": "no"})
    api = Api(server.address)
    owner = unique("owner")
    assert api.signup(owner).status == 201
    seen = {}
    for address in (f"{owner}@example.com", unique("free") + "@example.com"):
        seen[address] = []
        for _ in range(5):
            name = unique("asker")
            assert api.signup(name).status == 201
            answer = ask_to_move(api, bearer(api, name), address)
            seen[address].append(answer.status)
    taken, free = seen.values()
    assert taken == free == [200, 200, 200, 429, 429]


# ---- the same address, signed up again and again ----------------------------------------------------

def sign_up_and_leave(api, address):
    name = unique("cycle")
    answer = api.signup(name, email=address)
    if answer.status == 201:
        assert api.call("DELETE", "/api/auth/me", {"password": PASSWORD}, headers=bearer(api, name)).status == 204
    return answer


def test_an_address_cannot_be_signed_up_and_deleted_without_end(serve):
    server = serve({**LIMITED, "http.workers": "2"})
    api = Api(server.address)
    address = unique("cycle") + "@example.com"
    for _ in range(3):
        assert sign_up_and_leave(api, address).status == 201
    hashes = api.metrics()["gatepost_password_hashes_total"]
    for spelling in (address, address.replace("@example.com", "@EXAMPLE.com")):
        assert_throttled(sign_up_and_leave(api, spelling))
    metrics = api.metrics()
    assert metrics["gatepost_password_hashes_total"] == hashes, "a refusal is to be cheap"
    assert metrics['gatepost_throttled_total{limit="signup_email"}'] == 2
    assert metrics["gatepost_signups_total"] == 3
    # Letters that lost their account are withdrawn; what may have been sent is bounded.
    assert len(settled(server, api, address)) <= 3 * 2
    assert sign_up_and_leave(api, unique("other") + "@example.com").status == 201


def test_sign_ups_that_fail_do_not_lock_an_address_out(serve):
    server = serve(LIMITED)
    api = Api(server.address)
    taken, name = unique("taken"), unique("late")
    assert api.signup(taken).status == 201
    for _ in range(6):       # a taken name, and a password that is none
        assert api.signup(taken, email=f"{name}@example.com").status == 400
        assert api.signup(name, password="short").status == 400
    assert api.signup(name).status == 201
    for _ in range(6):       # and an address that has its account
        assert api.signup(unique("x"), email=f"{name}@example.com").status == 400


def test_a_key_that_is_used_again_is_answered_beyond_the_limit(serve):
    server = serve({**LIMITED, "limits.letters": "1/3600"})
    api = Api(server.address)
    name, key = unique("again"), [("Idempotency-Key", unique("key"))]
    assert [api.signup(name, headers=key).status for _ in range(4)] == [201] * 4


def test_without_limits_an_address_is_signed_up_as_often_as_one_likes(serve):
    server = serve({"limits.enabled": "no", "limits.letters": "1/3600"})
    api = Api(server.address)
    address = unique("free") + "@example.com"
    for _ in range(3):
        assert sign_up_and_leave(api, address).status == 201


# ---- what strangers leave to the owner --------------------------------------------------------------

def test_strangers_do_not_use_up_the_letters_that_a_reset_needs(serve):
    server = serve({**LIMITED, "signup.reveal": "no"})
    api = Api(server.address)
    owner = unique("owner")
    assert api.signup(owner).status == 201
    address = f"{owner}@example.com"
    for _ in range(5):
        assert api.signup(unique("stranger"), email=address).status == 201
    assert len(settled(server, api, address)) == 2       # the sign-up's, and one notice
    for count in (3, 4, 4):
        assert api.post(RESET, {"email": address}).status == 202
        time.sleep(0.2)
        assert len(settled(server, api, address)) == count
