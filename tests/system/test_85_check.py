"""GET /api/auth/check, which a proxy asks before each request of its own."""
from urllib.parse import unquote

import pytest

import openapi
from client import Api, unique
from gatepost import wait_for
from letters import letter_to

CHECK = "/api/auth/check"
SPELLED = ["plain", "with.dot@and+plus-minus_", "žluťoučký", "日本語の名前"]


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def signed_up(api, name, email=None):
    assert api.signup(name, email=email or f"{unique()}@example.com").status == 201
    return api.tokens(name)


def auth_headers(answer):
    return {name for name, _ in answer.headers if name.lower().startswith("x-auth-")}


def test_the_account_stands_in_headers(api):
    name = unique()
    pair = signed_up(api, name, f"{name}@example.com")
    me = api.me(pair["access"]).json()
    for method in ("GET", "HEAD"):
        answer = api.call(method, CHECK, headers=bearer(pair["access"]))
        assert answer.status == 200 and answer.header("cache-control") == "no-store"
        assert answer.header("x-auth-subject") == me["id"]
        assert answer.header("x-auth-user") == name
        assert answer.header("x-auth-email") == f"{name}@example.com"
        assert answer.header("x-auth-email-verified") == "false"
        assert answer.body == (b"{}" if method == "GET" else b"")


@pytest.mark.parametrize("start", SPELLED)
def test_a_name_of_any_script_is_one_line_of_ascii(api, start):
    name = start + unique()
    access = signed_up(api, name)["access"]
    value = api.get(CHECK, headers=bearer(access)).header("x-auth-user")
    assert value.isascii() and " " not in value
    assert unquote(value) == api.me(access).json()["username"]


def test_an_address_with_a_percent_sign_comes_back_whole(api):
    email = f"50%25off!#{unique()}@example.com"
    access = signed_up(api, unique(), email)["access"]
    value = api.get(CHECK, headers=bearer(access)).header("x-auth-email")
    assert unquote(value) == email


def test_nobody_is_let_in_without_a_good_access_token(api):
    pair = signed_up(api, unique())
    for headers in ((), bearer("x"), bearer("a b"), bearer(pair["refresh"]),
                    [("Cookie", f"__Host-refresh={pair['refresh']}")],
                    [("Authorization", f"Basic {pair['access']}")]):
        answer = api.get(CHECK, headers=headers)
        assert answer.status == 401 and answer.header("www-authenticate").startswith("Bearer ")
        assert not auth_headers(answer)
        assert answer.body == api.get("/api/auth/me", headers=headers).body


def test_a_proven_address_can_be_asked_for(server, api):
    name = unique()
    access = signed_up(api, name, f"{name}@example.com")["access"]
    refused = api.get(f"{CHECK}?verified=1", headers=bearer(access))
    assert refused.status == 403 and not auth_headers(refused)
    assert refused.json() == {"detail": "The account's e-mail address is not verified."}
    assert api.get(f"{CHECK}?verified=1").status == 401
    token = letter_to(server, f"{name}@example.com").token
    assert api.post("/api/auth/verify-email", {"token": token}).status == 200
    wait_for(lambda: api.get(f"{CHECK}?x=2&verified=1", headers=bearer(access)).status == 200, 2,
             "the proof to be known")
    assert api.get(CHECK, headers=bearer(access)).header("x-auth-email-verified") == "true"


@pytest.mark.parametrize("query", ["verified", "verified=", "verified=0", "verified=true",
                                   "verified=1&verified=0", "verified=0&verified=1", "verified=11"])
def test_a_wish_that_is_not_understood_is_not_taken_for_none(api, query):
    access = signed_up(api, unique())["access"]
    answer = api.get(f"{CHECK}?{query}", headers=bearer(access))
    assert answer.status == 400 and not auth_headers(answer)


def test_other_queries_do_not_matter(api):
    access = signed_up(api, unique())["access"]
    for query in ("", "?", "?verify=1", "?a=b&c", "?notverified=1"):
        assert api.get(CHECK + query, headers=bearer(access)).status == 200, query


def test_the_end_of_a_session_is_known_within_a_second_in_every_worker(server, api):
    pair = signed_up(api, unique())
    apis = [Api(server.address) for _ in range(8)]
    for each in apis:
        assert each.get(CHECK, headers=bearer(pair["access"])).status == 200
    assert api.post("/api/auth/logout", {"refresh": pair["refresh"]}).status == 200
    for each in apis:
        wait_for(lambda: each.get(CHECK, headers=bearer(pair["access"])).status == 401, 1, "a refusal")
        each.close()


def test_a_disabled_account_is_refused(server, api):
    name = unique()
    access = signed_up(api, name)["access"]
    assert api.get(CHECK, headers=bearer(access)).status == 200
    done = server.command("user", "disable", name)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: api.get(CHECK, headers=bearer(access)).status == 401, 1, "a refusal")


def test_other_methods_are_not_for_this(api):
    access = signed_up(api, unique())["access"]
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = api.call(method, CHECK, headers=bearer(access))
        assert answer.status == 405 and answer.header("allow") == "GET, HEAD, OPTIONS"


def test_it_is_described(api):
    description = openapi.from_tree()
    access = signed_up(api, "žluť" + unique())["access"]
    for target, headers in ((CHECK, bearer(access)), (CHECK, ()), (f"{CHECK}?verified=1", bearer(access)),
                            (f"{CHECK}?verified=2", bearer(access))):
        description.check("GET", target, api.get(target, headers=headers))


def test_checks_are_counted_as_looks_at_tokens_are(serve):
    server = serve({"limits.enabled": "yes", "limits.token_address": "3/3600", "http.workers": "1"})
    api = Api(server.address)
    access = signed_up(api, unique())["access"]
    statuses = [api.get(CHECK, headers=bearer(access)).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
