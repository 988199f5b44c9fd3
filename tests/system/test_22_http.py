"""docs/api.md by the row: bodies, routes, methods, headers of every answer."""
import json
import re

import pytest

from client import Api, Connection, FORM, JSON, PASSWORD, account, encode, raw, unique
from letters import letter_to

NOT_FOUND = {"detail": "Not found."}
TOO_LARGE = {"detail": "Request body too large."}
BAD_REQUEST = {"detail": "Bad request."}
REQUIRED, BLANK = ["This field is required."], ["This field may not be blank."]
NO_ACCOUNT = {"detail": "No active account found with the given credentials"}
SIGNUP = "/api/auth/signup"
POSTS = ["/api/auth/signup", "/api/auth/login", "/api/auth/verify-email",
         "/api/auth/verify-email/resend", "/api/auth/token/refresh", "/api/auth/token/verify",
         "/api/auth/logout"]
GETS = ["/api/auth/me", "/healthz", "/readyz", "/metrics"]


def detail(answer):
    body = answer.json()
    assert list(body) == ["detail"], body
    return body["detail"]


# ---- content types and bodies ---------------------------------------------------------------------------

@pytest.mark.parametrize("content_type, named", [
    ("text/plain", "text/plain"), ("application/xml", "application/xml"),
    ("multipart/form-data; boundary=x", None), ("application/json; charset=latin-1", None),
    ("application/json; charset=utf-16", None), ("application/jsonx", "application/jsonx"),
    ("text/json", "text/json"), ("application/x-www-form-urlencoded; charset=latin-1", None),
    ("x", None), ("application/", None)])
def test_another_media_type_is_415(api, content_type, named):
    answer = api.post(SIGNUP, "{}", content_type=content_type)
    assert answer.status == 415
    assert re.fullmatch(r'Unsupported media type "[^"]*" in request\.', detail(answer))
    if named:
        assert detail(answer) == f'Unsupported media type "{named}" in request.'


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json;charset=UTF-8", 'application/json; charset="utf-8"',
    "APPLICATION/JSON ; Charset=Utf-8", "application/json; odata=verbose"])
def test_json_in_any_spelling_is_read(api, content_type):
    assert api.post(SIGNUP, account(unique()), content_type=content_type).status == 201


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_an_encoded_body_is_415(api, encoding):
    assert api.post(SIGNUP, account(unique()), headers=[("Content-Encoding", encoding)]).status == 415


def test_accept_is_not_an_obstacle(api):
    for accept in ("text/html", "image/png", "*/*;q=0", "application/xml", ""):
        answer = api.post(SIGNUP, "{}", headers=[("Accept", accept)])
        assert answer.status == 400 and answer.type == JSON


def test_forms_are_read_as_browsers_write_them(api):
    name = unique()
    body = f"username={name}&email={name}%40example.com&password=with+space+%2B+plus%C3%A9"
    assert api.post(SIGNUP, body, content_type=FORM).status == 201
    assert api.login(name, "with space + plusé").status == 200
    for bad in ("username=%zz&password=x", "username=%", "username=%4", "=&&=", "&&&", "username"):
        assert api.post(SIGNUP, bad, content_type=FORM).status == 400
    last = unique()
    body = f"username=first&username={last}&email={last}@example.com&password=x&password={PASSWORD}"
    assert api.post(SIGNUP, body, content_type=FORM).status == 201


def test_a_body_has_at_most_16_kib(api):
    for size, status in ((16384, 400), (16385, 413), (20000, 413), (70000, 413), (3_000_000, 413)):
        body = '{"username":"' + "a" * (size - 15) + '"}'
        assert len(body) == size
        answer = api.fresh().post(SIGNUP, body)
        assert answer.status == status, (size, answer)
        if status == 413:
            assert answer.json() == TOO_LARGE


def chunked(body, size=1000, path=SIGNUP, extra=""):
    head = (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{extra}"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size])
                      for i in range(0, len(body), size))
    return head + chunks + b"0\r\n\r\n"


def test_a_chunked_body_is_read(server):
    for size in (1, 7, 1000):
        with Connection(server.address) as connection:
            connection.send(chunked(json.dumps(account(unique())).encode(), size))
            assert connection.receive().status == 201
    with Connection(server.address) as connection:
        connection.send(chunked(b"x" * 40000))
        answer = connection.receive()
        assert (answer.status, answer.json()) == (413, TOO_LARGE)


@pytest.mark.parametrize("size", [b"0x2d", b"0;a\n", b"0 and more"])
def test_what_follows_a_chunked_body_is_no_request(server, size):
    """The library is lenient with chunk sizes: where it sees the end of the body, a proxy may not."""
    head = (f"POST {SIGNUP} HTTP/1.1\r\nHost: a\r\nContent-Type: {JSON}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    hidden = b"GET /healthz HTTP/1.1\r\nHost: hidden\r\n\r\n"
    data = raw(server.address, head + size + b"\r\n\r\n" + hidden + hidden)
    assert data.count(b"HTTP/1.1 ") == 1 and b"200 OK" not in data, data
    assert b"Connection: close" in data, data


def test_a_request_in_single_bytes_is_read(server):
    with Connection(server.address) as connection:
        for byte in encode("POST", SIGNUP, account(unique())):
            connection.send(bytes([byte]))
        assert connection.receive().status == 201


def test_expectations(server):
    with Connection(server.address) as connection:
        body = json.dumps(account(unique())).encode()
        connection.send(encode("POST", SIGNUP, body, headers=[("Expect", "100-continue")]))
        answer = connection.receive()
        if answer.status == 100:
            answer = connection.receive()
        assert answer.status == 201
    with Connection(server.address) as connection:
        connection.send(encode("POST", SIGNUP, "{}", headers=[("Expect", "200-maybe")]))
        answer = connection.receive()
        assert answer.status == 417 and answer.type == JSON and detail(answer)


# ---- routes and methods -----------------------------------------------------------------------------------

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "FOO", "get"]


@pytest.mark.parametrize("path", POSTS + GETS + ["/verify-email"])
def test_the_methods_of_each_route(api, path):
    allow = api.call("OPTIONS", path)
    assert allow.status == 204 and allow.body == b"", allow
    allowed = [name.strip() for name in allow.header("allow").split(",")]
    assert "OPTIONS" in allowed and len(set(allowed)) == len(allowed)
    if path in POSTS:
        assert allowed == ["POST", "OPTIONS"]
    else:
        assert {"GET", "HEAD", "OPTIONS"} <= set(allowed)
    for method in METHODS:
        if method in allowed:
            continue
        answer = api.fresh().call(method, path)
        if path == "/api/auth/me" and answer.status == 401:
            continue  # authentication comes first, as in DRF
        assert answer.status == 405, (method, answer)
        if method != "HEAD":
            assert answer.json() == {"detail": f'Method "{method}" not allowed.'}
        assert answer.header("allow") == allow.header("allow")


def test_connect_is_refused(server):
    data = raw(server.address, b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", seconds=3,
               half_close=True)
    assert data.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 405 ", b"HTTP/1.1 400 ")), data


@pytest.mark.parametrize("path", [
    "/", "/api", "/api/auth", "/api/auth/", "/api/auth/SIGNUP", "//api/auth/signup", "/api//auth/signup",
    "/api/auth/signup//", "/api/auth/signupx", "/api/auth/signup/x", "/healthz/x", "/favicon.ico",
    "/api/auth/signup%2f", "/api/auth/signup;x=1", "/api/auth/token", "/%00", "/api/auth/signup%00",
    "/api/auth/signup/..%2f", "/.well-known/nothing"])
def test_what_is_no_route_is_404(api, path):
    for method in ("GET", "POST"):
        answer = api.call(method, path, "{}" if method == "POST" else None)
        assert answer.status == 404 and answer.json() == NOT_FOUND, (method, answer)


def test_a_trailing_slash_and_a_query_make_no_difference(api):
    for path in POSTS:
        plain, slash = api.post(path, "{}"), api.post(f"{path}/", "{}")
        assert (plain.status, plain.body) == (slash.status, slash.body)
        assert api.post(f"{path}?x=1&y=%00", "{}").body == plain.body
    assert api.get("/healthz/").status == 200 and api.get("/healthz?x").status == 200
    assert api.post(f"{SIGNUP}/", account(unique())).status == 201


def test_an_absolute_request_target_is_a_path_as_well(server):
    data = raw(server.address, b"GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert data.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ")), data
    data = raw(server.address, b"GET http://evil.example?/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 404 "), data


# ---- headers of every answer -------------------------------------------------------------------------------

def every_status(server):
    """(name, answer) for each status that can be had here."""
    api = Api(server.address)
    name = unique("status")
    made = api.signup(name)
    pair = api.tokens(name)
    yield "201", made
    yield "200", api.get("/healthz")
    yield "200 me", api.me(pair["access"])
    token = letter_to(server, f"{name}@example.com").token
    yield "200 page", api.get(f"/verify-email?token={token}")
    yield "400 page for a bad link", api.get("/verify-email?token=x")
    yield "202", api.post("/api/auth/verify-email/resend", {"email": "x@example.com"})
    yield "204", api.call("OPTIONS", SIGNUP)
    yield "400", api.post(SIGNUP, "{}")
    yield "400 json", api.post(SIGNUP, "{")
    yield "400 page", api.post("/verify-email", "token=x", content_type=FORM)
    yield "401", api.login(name, "wrong")
    yield "401 me", api.get("/api/auth/me")
    yield "404", api.get("/nothing")
    yield "405", api.get(SIGNUP)
    yield "413", api.fresh().post(SIGNUP, "x" * 20000)
    yield "413 h2o", api.fresh().post(SIGNUP, "x" * 200000)
    yield "415", api.fresh().post(SIGNUP, "x", content_type="text/plain")
    yield "417", api.fresh().post(SIGNUP, "{}", headers=[("Expect", "nothing")])
    headers = [(f"X-{i}", "v" * 1000) for i in range(20)]
    yield "431", api.fresh().get("/healthz", headers=headers)
    yield "422", idempotent(api, unique())


def idempotent(api, name):
    api.fresh().signup(name, headers=[("Idempotency-Key", name)])
    return api.signup(name + "x", headers=[("Idempotency-Key", name)])


def test_every_answer_has_the_security_headers_and_says_little(server):
    for name, answer in every_status(server):
        assert str(answer.status) == name.split()[0], (name, answer)
        assert answer.header("x-content-type-options") == "nosniff", (name, answer)
        assert "default-src 'none'" in (answer.header("content-security-policy") or ""), (name, answer)
        assert "frame-ancestors 'none'" in answer.header("content-security-policy"), (name, answer)
        assert answer.header("cache-control") == "no-store" or name == "200", (name, answer)
        assert answer.header("server") is None and answer.header("x-powered-by") is None
        assert answer.header("date"), name
        if answer.status != 204 and "page" not in name:
            assert answer.type == JSON, (name, answer)
            json.loads(answer.body)
        if answer.status == 401:
            assert answer.header("www-authenticate") == 'Bearer realm="api"'
        else:
            assert answer.header("www-authenticate") is None
        for word in (b"errno", b".c:", b"DB_", b"BDB", b"/var/", b"Traceback"):
            assert word not in answer.body, (name, answer)


def test_each_answer_has_a_request_id_of_its_own(api):
    ids = [api.get("/healthz").header("x-request-id") for _ in range(20)]
    assert None not in ids and len(set(ids)) == 20


def test_unknown_user_and_wrong_password_get_equal_answers(api):
    name = unique()
    assert api.signup(name).status == 201

    def shape(answer):
        own = {"date", "x-request-id"}
        return (answer.status, answer.reason, answer.body,
                [(k.lower(), v if k.lower() not in own else len(v)) for k, v in answer.headers])
    wrong = shape(api.login(name, "not the password"))
    assert wrong[0] == 401 and json.loads(wrong[2]) == NO_ACCOUNT
    for unknown in (unique(), f"{unique()}@example.com", "用户", "a b", "x" * 300, "a\0b"[0:1] + "@"):
        assert shape(api.login(unknown, "not the password")) == wrong, unknown


def test_an_unknown_user_costs_a_hash_too(serve):
    """E2 in the small: with a cost that shows, both take its time."""
    import time
    server = serve({"password.iterations": "300000", "http.workers": "1"})
    api = Api(server.address)
    assert api.signup("known").status == 201
    before = api.metrics()["gatepost_password_hashes_total"]
    times = {}
    for name in ("known", "unknown", "unknown@example.com", "bad name!"):
        began = time.monotonic()
        assert api.login(name, "wrong password").status == 401
        times[name] = time.monotonic() - began
    assert api.metrics()["gatepost_password_hashes_total"] == before + 4
    assert max(times.values()) < 3 * min(times.values()), times


def test_a_login_with_wrong_fields_is_told_as_the_seed_tells_it(api):
    assert api.post("/api/auth/login", {}).json() == {"username": REQUIRED, "password": REQUIRED}
    assert api.post("/api/auth/login", {"username": "", "password": ""}).json() == {
        "username": BLANK, "password": BLANK}
    assert api.post("/api/auth/login", {"username": None, "password": None}).status == 400
    assert api.login("x" * 5000, "x").status == 401
    assert api.login("x", "y" * 5000).status in (400, 401)


def test_a_login_trims_the_name(api):
    name = unique()
    assert api.signup(name).status == 201
    assert api.login(f"  {name} ").status == 200


def test_sign_up_ignores_a_bad_authorization_header(api):
    assert api.signup(unique(), headers=[("Authorization", "Bearer garbage")]).status == 201


def test_connection_close_is_honoured(server):
    with Connection(server.address) as connection:
        answer = connection.request("GET", "/healthz", headers=[("Connection", "close")])
        assert answer.status == 200 and answer.closes() and connection.closed_by_server()


def test_an_unparsable_head_is_the_one_answer_that_is_not_json(server):
    data = raw(server.address, b"GARBAGE\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 400 ")


def test_bad_request_has_the_body_of_the_contract(server):
    data = raw(server.address, b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\nHost: y\r\n"
               b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    head, body = data.split(b"\r\n\r\n", 1)
    assert json.loads(body) == BAD_REQUEST and b"application/json" in head.lower()
