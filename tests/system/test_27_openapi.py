"""/openapi.json is valid OpenAPI 3.1, has every route and method of the server and no other, and what
the server answers is what it says."""
import copy
import json
import re

import pytest

import openapi
from client import Answer, Api, FORM, JSON, PASSWORD, account, unique
from gatepost import ROOT, wait_for
from letters import letter_to, letters
from openapi import Unlike
from test_21_recorded import DIFFERS, EXCHANGES, Stage, huge, request_of

OWN = "https://accounts.example"
BROWSER = [("Origin", OWN), ("Sec-Fetch-Site", "same-origin")]


@pytest.fixture(scope="module")
def description():
    return openapi.from_tree()


# ---- the document -----------------------------------------------------------------------------------------

def test_it_is_valid_openapi_3_1(description):
    assert openapi.meta_problems(description.document) == []


def test_what_is_no_openapi_3_1_is_found_out(description):
    def without(*path):
        document = copy.deepcopy(description.document)
        document["paths"] = {"/api/auth/signup": document["paths"]["/api/auth/signup"]}
        node = document
        for key in path[:-1]:
            node = node[key]
        del node[path[-1]]
        return document
    assert openapi.meta_problems(without("tags")) == []
    for path in (("openapi",), ("info", "version"),
                 ("paths", "/api/auth/signup", "post", "responses", "413", "$ref"),
                 ("components", "parameters", "X-Request-Id", "in"),
                 ("components", "securitySchemes", "bearer", "type")):
        assert openapi.meta_problems(without(*path)), path


def test_every_reference_leads_somewhere_and_every_part_is_referred_to(description):
    text = json.dumps(description.document)
    used = set(re.findall(r'"\$ref": "(#/[^"]+)"', text))
    for reference in used:
        description.resolver.resolve(reference)
    for kind in ("schemas", "responses", "parameters", "headers"):
        for name in description.document["components"][kind]:
            assert f"#/components/{kind}/{name}" in used or name == "MethodNotAllowed", name
    ids = re.findall(r'"operationId": "(\w+)"', text)
    assert len(ids) == len(set(ids)) == sum(map(len, description.operations().values()))


def test_it_is_served_as_it_stands_in_the_tree(api, description):
    answer = api.get("/openapi.json")
    assert answer.status == 200 and answer.type == JSON
    assert answer.body == openapi.TREE.read_bytes()
    assert answer.header("cache-control") == "public, max-age=300"
    head = api.call("HEAD", "/openapi.json")
    assert head.header("content-length") == str(len(answer.body))
    assert api.post("/openapi.json", "{}").header("cache-control") == "no-store"
    version = re.search(r"VERSION := (\S+)", (ROOT / "Makefile").read_text())[1]
    assert description.document["info"]["version"] == version


def served():
    """The paths of the route table."""
    return set(re.findall(r'^    \{"(/[^"]*)"', (ROOT / "src/worker/routes.c").read_text(), re.MULTILINE))


def test_every_route_and_method_is_described_and_no_other(api, description):
    described = description.operations()
    for path in served():
        answer = api.call("OPTIONS", re.sub(r"\{\w+\}", "00000000-0000-0000-0000-000000000000", path))
        assert answer.status == 204, (path, answer)
        allowed = set(answer.header("allow").split(", "))
        assert "OPTIONS" in allowed and ("HEAD" in allowed) == ("GET" in allowed)
        assert allowed - {"OPTIONS", "HEAD"} == described.pop(path), path
    assert not described


# ---- the answers ------------------------------------------------------------------------------------------

class Checked:
    """An Api whose every answer is held against the description."""

    def __init__(self, server, description):
        self.api, self.description = Api(server.address), description

    def call(self, method, path, body=None, **options):
        answer = self.api.call(method, path, body, **options)
        self.description.check(method, path, answer)
        if isinstance(body, dict) and answer.status < 300 and options.get("content_type", JSON) == JSON:
            assert self.description.request_problems(method, path, body) == [], body
        if answer.status in (413, 431):
            self.api.fresh()
        return answer

    def post(self, path, body=None, **options):
        return self.call("POST", path, body, **options)

    def get(self, path, **options):
        return self.call("GET", path, **options)


@pytest.fixture(scope="module")
def own_server(module_servers):
    return module_servers({"http.cookies": "yes", "http.public_url": OWN})


def bearer(token):
    return {"headers": [("Authorization", f"Bearer {token}")]}


def sign_up(checked, server):
    name = unique("o")
    key = [("Idempotency-Key", name)]
    assert checked.post("/api/auth/signup", account(name), headers=key).status == 201
    assert checked.post("/api/auth/signup", account(name), headers=key).status == 201
    assert checked.post("/api/auth/signup", account(name + "x"), headers=key).status == 422
    assert checked.post("/api/auth/signup", account(name)).status == 400
    assert checked.post("/api/auth/verify-email/resend", {"email": "nobody@example.com"}).status == 202
    assert checked.post("/api/auth/verify-email", {"token": "x"}).status == 400
    token = letter_to(server, f"{name}@example.com").token
    assert checked.get(f"/verify-email?token={token}").status == 200
    assert checked.post("/verify-email", f"token={token}", content_type=FORM).status == 200
    assert checked.post("/verify-email", f"token={token}", content_type=FORM).status == 400
    assert checked.get("/verify-email?token=x").status == 400
    other = unique("o")
    assert checked.post("/api/auth/signup", account(other)).status == 201
    token = letter_to(server, f"{other}@example.com").token
    assert checked.post("/api/auth/verify-email", {"token": token}).status == 200
    return name


def use_tokens(checked, name):
    login, refresh, verify = "/api/auth/login", "/api/auth/token/refresh", "/api/auth/token/verify"
    assert checked.post(login, {"username": name, "password": "wrong"}).status == 401
    assert checked.post(login, {"email": f"{name}@example.com", "password": PASSWORD}).status == 200
    pair = checked.post(login, {"username": name, "password": PASSWORD}).json()
    assert checked.get("/api/auth/me", **bearer(pair["access"])).status == 200
    assert checked.call("HEAD", "/api/auth/me", **bearer(pair["access"])).status == 200
    for method in ("GET", "HEAD"):
        assert checked.call(method, "/api/auth/check", **bearer(pair["access"])).status == 200
    assert checked.get("/api/auth/check?verified=1", **bearer(pair["access"])).status == 200
    assert checked.get("/api/auth/check?verified=yes", **bearer(pair["access"])).status == 400
    for wrong in (bearer("x"), bearer("x y"), bearer(pair["refresh"]), {}):
        assert checked.get("/api/auth/me", **wrong).status == 401
    assert checked.post(verify, {"token": pair["access"]}).status == 200
    assert checked.post(verify, {"token": "x"}).status == 401
    new = checked.post(refresh, {"refresh": pair["refresh"]})
    assert new.status == 200 and set(new.json()) == {"access", "refresh"}
    assert checked.post(refresh, {"refresh": "x"}).status == 401
    form = checked.post(login, {"username": name, "password": PASSWORD}, headers=BROWSER)
    cookie = form.header("set-cookie").split(";")[0]
    assert checked.post(refresh, "{}", headers=[*BROWSER, ("Cookie", cookie)]).status == 200
    assert checked.post(refresh, "{}", headers=[("Cookie", cookie)]).status == 403
    assert checked.post(login, {}, headers=[("Origin", "https://evil.example")]).status == 403


def use_sessions(checked, name):
    login, sessions, logout = "/api/auth/login", "/api/auth/sessions", "/api/auth/logout"
    pairs = [checked.post(login, {"username": name, "password": PASSWORD}).json() for _ in range(4)]
    mine = bearer(pairs[0]["access"])
    listed = checked.get(sessions, **mine).json()
    assert len(listed) >= 4
    ended = next(session["id"] for session in listed if not session["current"])
    assert checked.call("DELETE", f"{sessions}/{ended}", **mine).status == 204
    assert checked.call("DELETE", f"{sessions}/{ended}", **mine).status == 404
    assert checked.get("/api/auth/me/export", **mine).status == 200
    assert checked.call("DELETE", sessions, **mine).status == 204
    assert len(checked.get(sessions, **mine).json()) == 1
    cookie = checked.post(login, {"username": name, "password": PASSWORD}, headers=BROWSER).header("set-cookie")
    out = checked.post(logout, "{}", headers=[*BROWSER, ("Cookie", cookie.split(";")[0])])
    assert out.status == 200 and "Max-Age=0" in out.header("set-cookie")
    assert checked.post(logout, {"refresh": pairs[0]["refresh"]}).status == 200
    assert checked.post(logout, {"refresh": pairs[0]["refresh"]}).status == 401


def reset_token(server, address, seen):
    """Of a letter with a link to a new password; each token once."""
    def look():
        fresh = {letter.token for letter in letters(server)
                 if letter.to == address and "/reset-password?token=" in letter.plain} - seen
        seen.update(fresh)
        return fresh
    return wait_for(look, 10, f"a letter with a link to {address}").pop()


def change_account(checked, server, name):
    """Ends with the account deleted."""
    me, change = "/api/auth/me", "/api/auth/password/change"
    reset, new = "/api/auth/password/reset", "another-long-password-9"
    pair = checked.post("/api/auth/login", {"username": name, "password": PASSWORD}).json()
    mine = bearer(pair["access"])
    renamed, moved = unique("o"), unique("o") + "@example.net"
    assert checked.call("PATCH", me, {"username": renamed}, **mine).status == 200
    assert checked.call("PATCH", me, {"email": moved, "password": PASSWORD}, **mine).status == 200
    assert checked.call("PATCH", me, {"email": moved, "password": "wrong"}, **mine).status == 400
    assert checked.call("PATCH", me, {"username": "a b", "email": "x"}, **mine).status == 400
    assert checked.post(change, {"current_password": "wrong", "new_password": new}, **mine).status == 400
    assert checked.post(change, {"current_password": PASSWORD, "new_password": "1"}, **mine).status == 400
    assert checked.post(change, {"current_password": PASSWORD, "new_password": new}, **mine).status == 200
    address, seen = f"{name}@example.com", set()
    for target in (f"{reset}/confirm", "/reset-password"):
        assert checked.post(reset, {"email": address}).status == 202
        token = reset_token(server, address, seen)
        assert checked.get(f"/reset-password?token={token}").status == 200
        form = {"token": token, "new_password": "1"}
        assert checked.post(target, form, content_type=FORM).status == 400
        form["new_password"] = PASSWORD + target
        options = {"content_type": JSON if target.endswith("confirm") else FORM}
        assert checked.post(target, form, **options).status == 200
        assert checked.post(target, form, **options).status == 400
    assert checked.get("/reset-password?token=x").status == 400
    pair = checked.post("/api/auth/login", {"username": renamed, "password": PASSWORD + "/reset-password"}).json()
    mine = bearer(pair["access"])
    assert checked.call("DELETE", me, {"password": "wrong"}, **mine).status == 400
    assert checked.call("DELETE", me, {"password": PASSWORD + "/reset-password"}, **mine).status == 204
    assert checked.get(me, **mine).status == 401


def ask_badly(checked):
    """What every route can be asked for wrongly, by nobody and by somebody."""
    name = unique("o")
    assert checked.post("/api/auth/signup", account(name)).status == 201
    tokens = checked.post("/api/auth/login", {"username": name, "password": PASSWORD}).json()
    somebody = bearer(tokens["access"])
    for path, methods in checked.description.operations().items():
        for method in (methods & {"POST", "PATCH", "DELETE"}):
            for body in ("", "{}", "{", "[]", "null", "1", '"x"', '{"a":1}', '{"token":[],"refresh":{},"email":null}',
                         b"\xff", "a=%zz", '{"username":"","email":"","password":"","token":"","refresh":""}',
                         '{"current_password":1,"new_password":null}'):
                for content_type in (JSON, FORM, "text/plain", None):
                    checked.call(method, path, body, content_type=content_type)
                    checked.call(method, path, body, content_type=content_type, **somebody)
            checked.call(method, path, "x" * 20000, **somebody)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"):
            checked.call(method, path)
            checked.call(method, path, **somebody)
            slash = "" if method == "DELETE" else "/"       # of one out of many without its id it is a 404
            checked.call(method, f"{path}{slash}?x=1", headers=[("X-Request-Id", "a" * 70)])
        checked.api.fresh().get(path)
        method = sorted(methods)[0]
        checked.call(method, path, headers=[("Expect", "nothing")])
        checked.call(method, path, headers=[(f"X-{i}", "v" * 1000) for i in range(20)])
        checked.call(method, path, headers=[("Origin", "a"), ("Origin", "b")])
        checked.call(method, path, "x" * 200000)
    assert checked.get("/nothing").status == checked.get("/api/auth/signup/x").status == 404


def test_what_the_server_answers_is_described(own_server, description):
    checked = Checked(own_server, description)
    name = sign_up(checked, own_server)
    use_tokens(checked, name)
    use_sessions(checked, name)
    change_account(checked, own_server, name)
    ask_badly(checked)
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/.well-known/jwks.json"):
        assert checked.get(path).status == 200
    # Not by chance only bad answers: each operation's good one was among them.
    for path, methods in description.operations().items():
        for method in methods:
            good = {status for *where, status in description.seen if where == [path, method]}
            assert good & {"200", "201", "202", "204"}, (path, method, good)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_the_keys_of_each_algorithm_are_described(serve, description, algorithm):
    checked = Checked(serve({"token.algorithm": algorithm, "http.workers": "1"}), description)
    keys = checked.get("/.well-known/jwks.json").json()["keys"]
    assert [key["alg"] for key in keys] == [algorithm]


def test_a_peer_that_may_not_read_metrics_gets_what_is_described(serve, description):
    checked = Checked(serve({"http.metrics_allow": "unix", "http.workers": "1"}), description)
    assert checked.get("/metrics").status == 404


def test_what_is_asked_too_often_is_answered_as_described(serve, description):
    rates = {f"limits.{name}_address": "1/3600" for name in ("signup", "login", "refresh", "token", "mail")}
    checked = Checked(serve({**rates, "limits.enabled": "yes"}), description)
    for path, methods in description.operations().items():
        if "POST" in methods and path in served() and path.startswith("/api/"):
            statuses = {checked.post(path, "{}").status for _ in range(3)}
            assert statuses <= {400, 401, 429}, (path, statuses)
    assert len({path for path, _, status in description.seen if status == "429"}) >= 5


def test_a_server_that_is_short_of_disk_answers_as_described(serve, description):
    server = serve({"http.workers": "1", "store.signup_free_mib": "1000000"})
    checked = Checked(server, description)
    assert checked.get("/readyz").status == 503
    assert checked.post("/api/auth/signup", account(unique())).status == 503


def test_the_recorded_exchanges_are_described(module_servers, description):
    stage = Stage(module_servers({"password.min_length": "1"}))
    statuses = set()
    for case in EXCHANGES:
        request = request_of(stage, case)
        answer = huge(stage, request) if case["name"] == "signup/huge-3MB" else stage.call(request)
        assert answer.status == DIFFERS.get(case["name"], (case["status"],))[0], case["name"]
        description.check(case["request"]["method"], case["request"]["path"], answer)
        statuses.add(answer.status)
    assert {200, 201, 204, 400, 401, 404, 405, 413, 415} <= statuses


# ---- the check --------------------------------------------------------------------------------------------

def answer_of(status, body, content_type=JSON, **headers):
    return Answer(status, "", [("X-Request-Id", "1"), ("Content-Type", content_type), *headers.items()],
                  body if isinstance(body, bytes) else json.dumps(body).encode())


USER = {"id": "1", "username": "a", "email": "a@example.com", "email_verified": True,
        "email_bounced": False, "date_joined": "2026-01-01T00:00:00Z", "last_login": None,
        "language": "de"}
REFUSED = {"detail": "x", "code": "token_not_valid"}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="api"'}


@pytest.mark.parametrize("method, path, answer", [
    ("GET", "/api/auth/me", answer_of(200, {**USER, "more": 1})),
    ("GET", "/api/auth/me", answer_of(200, {key: USER[key] for key in USER if key != "id"})),
    ("GET", "/api/auth/me", answer_of(200, {**USER, "email_verified": "yes"})),
    ("GET", "/api/auth/me", answer_of(418, USER)), ("GET", "/api/auth/me", answer_of(200, USER, "text/html")),
    ("GET", "/api/auth/me", answer_of(401, REFUSED)), ("GET", "/nothing", answer_of(200, {})),
    ("GET", "/api/auth/me", answer_of(401, {**REFUSED, "code": "other"}, **CHALLENGE)),
    ("PUT", "/api/auth/me", answer_of(200, USER)), ("POST", "/api/auth/signup", answer_of(405, {"detail": "x"})),
    ("POST", "/api/auth/signup", answer_of(400, {"usernam": ["x"]})),
    ("POST", "/api/auth/signup", answer_of(400, {"username": []})),
    ("POST", "/api/auth/signup", answer_of(400, {"username": "x"})),
    ("POST", "/api/auth/signup", answer_of(503, {"detail": "x"})),
    ("POST", "/api/auth/token/refresh", answer_of(200, {"access": "a.b.c", "refresh": 1})),
    ("POST", "/api/auth/token/refresh", answer_of(200, {"refresh": "a.b.c"})),
    ("DELETE", "/api/auth/me", answer_of(204, {})), ("OPTIONS", "/api/auth/me", answer_of(204, {}))])
def test_an_answer_that_is_not_described_is_found_out(description, method, path, answer):
    with pytest.raises(Unlike):
        description.check(method, path, answer)


def test_answers_as_described_are_found_alike(description):
    description.check("GET", "/api/auth/me/?x", answer_of(200, USER))
    description.check("GET", "/api/auth/me", answer_of(401, REFUSED, **CHALLENGE))
    description.check("OPTIONS", "/api/auth/me", answer_of(204, b""))
    description.check("DELETE", "/api/auth/sessions/x", answer_of(404, {"detail": "Not found."}))
