"""Browsers: which origins' pages may call the API (H6), the refresh token in a cookie (T10), and what
keeps other sites from using that cookie (H5)."""
import subprocess

import jwt
import pytest

from client import Api, Connection, FORM, JSON, PASSWORD, account, raw, unique
from letters import letter_to
from test_22_http import every_status

SIGNUP, LOGIN = "/api/auth/signup", "/api/auth/login"
REFRESH, ME = "/api/auth/token/refresh", "/api/auth/me"
OWN, GOOD, LOCAL = "https://accounts.example", "https://good.example", "http://localhost:3000"
COOKIE = "__Host-refresh"
CSRF = {"detail": "CSRF Failed: Origin checking failed."}
STRANGERS = [
    "null", "*", "", "https://good.example.evil", "https://evil-good.example", "https://evil.good.example",
    "https://good.example:444", "https://good.example:443", "http://good.example", "HTTPS://good.example",
    "https://GOOD.example", "https://good.example.", "https://user@good.example", "https://good.example@evil",
    "https://good.example/", "https://good.example/x", "https://good.example%00.evil", "//good.example",
    "good.example", "https://good.exampl", "https://good_example", "https://good.example, https://evil.example",
    "https://good.example https://evil.example", "https://good.example\thttps://x", "https://[::1]",
    "http://localhost", "http://localhost:30000", "http://127.0.0.1:3000", "file://", "https://", OWN,
    "https://gооd.example"]
CORS_HEADERS = ["access-control-allow-origin", "access-control-allow-credentials",
                "access-control-allow-methods", "access-control-allow-headers",
                "access-control-expose-headers", "access-control-max-age"]


@pytest.fixture(scope="module")
def shared(module_servers):
    """CORS alone."""
    return module_servers({"http.cors_origins": f"{GOOD}, {LOCAL}"})


@pytest.fixture(scope="module")
def cookies(module_servers):
    return module_servers({"http.cors_origins": f"{GOOD}, {LOCAL}", "http.cookies": "yes",
                           "http.public_url": OWN, "token.refresh_s": "4000"})


def cors_of(answer):
    return {name: answer.header(name) for name in CORS_HEADERS if answer.header(name) is not None}


def preflight(api, path, origin, method="POST"):
    return api.call("OPTIONS", path, headers=[("Origin", origin), ("Access-Control-Request-Method", method),
                                              ("Access-Control-Request-Headers", "authorization")])


# ---- CORS -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("origin", STRANGERS)
def test_an_origin_that_is_not_listed_gets_nothing(shared, cookies, origin):
    for server in (shared, cookies):
        api = Api(server.address)
        for answer, status in ((preflight(api, LOGIN, origin), 204),
                               (api.get(ME, headers=[("Origin", origin)]), 401),
                               (api.post(SIGNUP, "{}", headers=[("Origin", origin)]), 400)):
            assert answer.status == status
            assert cors_of(answer) == {} and answer.header("vary") == "Origin", (origin, answer)


@pytest.mark.parametrize("origin", [GOOD, LOCAL])
def test_a_listed_origin_may_ask_and_read(shared, origin):
    api = Api(shared.address)
    answer = preflight(api, LOGIN, origin)
    assert answer.status == 204 and answer.header("allow") == "POST, OPTIONS"
    assert cors_of(answer) == {
        "access-control-allow-origin": origin, "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": "authorization, content-type, idempotency-key, x-request-id",
        "access-control-max-age": "7200"}
    for answer in (api.get(ME, headers=[("Origin", origin)]),
                   api.post(SIGNUP, account(unique()), headers=[("Origin", origin)]),
                   api.call("OPTIONS", LOGIN, headers=[("Origin", origin)])):
        assert cors_of(answer) == {"access-control-allow-origin": origin,
                                   "access-control-expose-headers": "x-request-id, retry-after"}
        assert answer.header("vary") == "Origin"


def test_credentials_are_allowed_in_cookie_mode_alone(shared, cookies):
    for server, allowed in ((shared, None), (cookies, "true")):
        api = Api(server.address)
        for answer in (preflight(api, LOGIN, GOOD), api.get(ME, headers=[("Origin", GOOD)])):
            assert answer.header("access-control-allow-origin") == GOOD
            assert answer.header("access-control-allow-credentials") == allowed


def test_every_status_of_the_api_varies_by_origin(shared):
    """Also those that libh2o makes; pages and metrics are for no script."""
    api = Api(shared.address)
    ours = [("Origin", GOOD)]
    answers = [
        (201, api.post(SIGNUP, account(unique()), headers=ours)),
        (204, api.call("OPTIONS", ME, headers=ours)), (400, api.post(SIGNUP, "{", headers=ours)),
        (401, api.get(ME, headers=ours)), (404, api.get("/api/nothing", headers=ours)),
        (405, api.get(SIGNUP, headers=ours)), (413, api.fresh().post(SIGNUP, "x" * 20000, headers=ours)),
        (413, api.fresh().post(SIGNUP, "x" * 200000, headers=ours)),
        (415, api.fresh().post(SIGNUP, "x", content_type="text/plain", headers=ours)),
        (417, api.fresh().post(SIGNUP, "{}", headers=[("Expect", "nothing"), *ours])),
        (431, api.fresh().get(ME, headers=ours + [(f"X-{i}", "v" * 1000) for i in range(20)])),
        (200, api.fresh().get("/openapi.json", headers=ours)),
        (200, api.get("http://test/openapi.json?x", headers=ours)), (200, api.get("/openapi.json/", headers=ours))]
    for status, answer in answers:
        assert answer.status == status
        assert answer.header("vary") == "Origin", answer
        assert answer.header("access-control-allow-origin") == GOOD, answer
    for path in ("/metrics", "/verify-email?token=x", "/healthz", "/nothing", "/apix"):
        for answer in (api.get(path, headers=ours), preflight(api, path, GOOD, "GET")):
            assert cors_of(answer) == {} and answer.header("vary") is None, (path, answer)


def test_without_a_list_nothing_is_said(server):
    api = Api(server.address)
    for answer in (preflight(api, LOGIN, GOOD), api.get(ME, headers=[("Origin", GOOD)])):
        assert cors_of(answer) == {} and answer.header("vary") is None


def test_two_origins_in_one_head_are_refused(shared):
    for name, value in (("Origin", GOOD), ("Sec-Fetch-Site", "same-origin")):
        answer = Api(shared.address).post(LOGIN, "{}", headers=[(name, value), (name.lower(), value)])
        assert answer.status == 400


def test_every_answer_has_its_security_headers_in_these_modes_too(cookies):
    """H7: libh2o's own answers among them."""
    for name, answer in every_status(cookies):
        assert answer.header("x-content-type-options") == "nosniff", (name, answer)
        assert "frame-ancestors 'none'" in answer.header("content-security-policy"), (name, answer)
        assert answer.header("referrer-policy") == "no-referrer", (name, answer)
        assert answer.header("cache-control") == "no-store", (name, answer)


def test_every_answer_over_tls_asks_for_tls(serve, tmp_path):
    """H7: Strict-Transport-Security, also on answers that libh2o makes, and the cookie over real HTTPS."""
    import ssl
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                    "/CN=localhost", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
                   check=True, capture_output=True)
    server = serve({"http.tls_cert": str(tmp_path / "cert.pem"), "http.tls_key": str(tmp_path / "key.pem"),
                    "http.public_url": OWN, "http.cookies": "yes", "http.workers": "1"})
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    api = Api(server.address, tls=tls)
    name = unique()
    answers = [api.signup(name), api.post(LOGIN, {"username": name, "password": PASSWORD},
                                          headers=[("Sec-Fetch-Site", "same-origin")]),
               api.get(ME), api.get("/nothing"), api.get(SIGNUP), api.post(SIGNUP, "{}"),
               api.post(SIGNUP, "x", content_type="text/plain"), api.get("/verify-email?token=x"),
               api.fresh().post(SIGNUP, "x" * 20000), api.fresh().post(SIGNUP, "x" * 200000)]
    assert [answer.status for answer in answers] == [201, 200, 401, 404, 405, 400, 415, 400, 413, 413]
    for answer in answers:
        assert answer.header("strict-transport-security") == "max-age=31536000", answer
    assert answers[1].header("set-cookie").startswith(COOKIE)


# ---- the cookie -------------------------------------------------------------------------------------------

BROWSER = [("Sec-Fetch-Site", "same-origin"), ("Origin", OWN)]


def cookie_of(answer):
    """(value, attributes) of Set-Cookie."""
    text = answer.header("set-cookie")
    assert text is not None, answer
    pair, *attributes = text.split("; ")
    name, value = pair.split("=", 1)
    assert name == COOKIE
    return value, attributes


@pytest.fixture(scope="module")
def person(cookies):
    name = unique("cookie")
    assert Api(cookies.address).signup(name).status == 201
    return name


def login(api, name, headers=BROWSER, password=PASSWORD):
    return api.post(LOGIN, {"username": name, "password": password}, headers=headers)


def refresh(api, cookie, headers=BROWSER, body="{}", **options):
    return api.post(REFRESH, body, headers=[*headers, ("Cookie", f"{COOKIE}={cookie}")], **options)


def test_a_browser_gets_its_refresh_token_in_a_cookie(cookies, person):
    """T10: prefix and attributes; each login is a session of its own."""
    api = Api(cookies.address)
    sessions = set()
    for headers in (BROWSER, BROWSER[:1], BROWSER[1:], [("Sec-Fetch-Site", "same-site"), ("Origin", GOOD)],
                    [("Sec-Fetch-Site", "cross-site"), ("Origin", LOCAL)], [("Origin", GOOD)]):
        answer = login(api, person, headers)
        assert answer.status == 200 and list(answer.json()) == ["access"], (headers, answer)
        token, attributes = cookie_of(answer)
        assert attributes == ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=4000"]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["token_type"] == "refresh"
        assert jwt.decode(answer.json()["access"], options={"verify_signature": False})["sid"] == claims["sid"]
        sessions.add(claims["sid"])
        assert api.me(answer.json()["access"]).status == 200
    assert len(sessions) == 6


def test_another_client_gets_both_tokens_as_ever(cookies, person):
    api = Api(cookies.address)
    answer = login(api, person, headers=[("Cookie", f"{COOKIE}=x")])
    assert answer.status == 200 and list(answer.json()) == ["refresh", "access"]
    assert answer.header("set-cookie") is None
    answer = api.post(REFRESH, {"refresh": answer.json()["refresh"]})
    assert answer.status == 200 and list(answer.json()) == ["access", "refresh"]
    assert answer.header("set-cookie") is None
    assert api.post(REFRESH, answer.json(), content_type=FORM).status == 200


def test_a_refresh_with_the_cookie_sets_its_successor(cookies, person):
    api = Api(cookies.address)
    first, _ = cookie_of(login(api, person))
    for body in ("{}", ""):
        answer = refresh(api, first, body=body)
        assert answer.status == 200 and list(answer.json()) == ["access"], answer
        second, attributes = cookie_of(answer)
        assert second != first and attributes[-1] == "Max-Age=4000" and "HttpOnly" in attributes
        first = second


def test_a_token_in_the_body_needs_no_cookie_and_comes_first(cookies, person):
    api = Api(cookies.address)
    token, _ = cookie_of(login(api, person))
    answer = refresh(api, "another", headers=[], body={"refresh": token})
    assert answer.status == 200 and list(answer.json()) == ["access", "refresh"]
    assert answer.header("set-cookie") is None
    assert refresh(api, token, body={"refresh": ""}).json() == {"refresh": ["This field may not be blank."]}
    assert api.post(REFRESH, "{}", headers=BROWSER).json() == {"refresh": ["This field is required."]}


FOREIGN = [
    [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")],
    [("Sec-Fetch-Site", "same-site"), ("Origin", "https://evil.accounts.example")],
    [("Sec-Fetch-Site", "cross-site"), ("Origin", "null")], [("Sec-Fetch-Site", "cross-site")],
    [("Sec-Fetch-Site", "same-site")], [("Sec-Fetch-Site", "none")], [("Sec-Fetch-Site", "none"), ("Origin", GOOD)],
    [("Sec-Fetch-Site", "cross-site"), ("Origin", OWN)], [("Sec-Fetch-Site", "Same-Origin")],
    [("Sec-Fetch-Site", "same-origin, same-origin")], [("Sec-Fetch-Site", "")],
    [("Origin", "https://evil.example")], [("Origin", "null")], [("Origin", "")],
    [("Origin", f"{OWN}.evil")], [("Origin", f"{OWN}:443")], [("Origin", "http://accounts.example")],
    [("Origin", "https://test")]]


@pytest.mark.parametrize("headers", [*FOREIGN, [], [("Referer", f"{OWN}/app")]])
def test_a_foreign_page_cannot_use_the_cookie(cookies, person, headers):
    """H5. The token is as good as before: nothing was spent."""
    api = Api(cookies.address)
    token, _ = cookie_of(login(api, person))
    answer = refresh(api, token, headers=headers)
    assert (answer.status, answer.json()) == (403, CSRF)
    assert answer.header("set-cookie") is None
    assert refresh(api, token).status == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_cannot_sign_its_visitor_in(cookies, person, headers):
    answer = login(Api(cookies.address), person, headers)
    assert (answer.status, answer.json()) == (403, CSRF)
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize("content_type", [FORM, "text/plain", "multipart/form-data; boundary=x", None])
@pytest.mark.parametrize("body", ["", "a=b"])
def test_a_form_cannot_use_the_cookie(cookies, person, content_type, body):
    api = Api(cookies.address)
    token, _ = cookie_of(login(api, person))
    assert refresh(api, token, body=body, content_type=content_type).status == 415
    answer = api.post(LOGIN, {"username": person, "password": PASSWORD}, content_type=FORM, headers=BROWSER)
    assert answer.status == 415 and answer.header("set-cookie") is None
    assert refresh(api, token).status == 200


def logout(api, cookie, headers=BROWSER):
    return api.post("/api/auth/logout", "{}", headers=[*headers, ("Cookie", f"{COOKIE}={cookie}")])


def test_a_logout_with_the_cookie_ends_its_session_and_clears_it(cookies, person):
    api = Api(cookies.address)
    answer = login(api, person)
    token, _ = cookie_of(answer)
    for headers in (FOREIGN[0], []):
        refused = logout(api, token, headers)
        assert (refused.status, refused.json()) == (403, CSRF) and refused.header("set-cookie") is None
    assert api.me(answer.json()["access"]).status == 200
    done = logout(api, token)
    assert (done.status, done.json()) == (200, {})
    assert cookie_of(done) == ("", ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=0"])
    assert refresh(api, token).status == 401
    assert api.me(answer.json()["access"]).status == 401


def test_two_cookies_or_a_bad_one_are_refused(cookies, person):
    api = Api(cookies.address)
    token, _ = cookie_of(login(api, person))
    both = f"{COOKIE}={token}"
    for headers in ([("Cookie", f"{both}; {both}")], [("Cookie", both), ("Cookie", both)],
                    [("Cookie", f"{COOKIE}=; a=b;{both}")], [("Cookie", f"{both};"), ("cookie", f"x; {COOKIE}=x")]):
        answer = api.post(REFRESH, "{}", headers=[*BROWSER, *headers])
        assert (answer.status, answer.json()) == (400, {"detail": "Bad request."}), headers
    for bad in ("", "x", "x.y.z", f'"{token}"', token[:-1], f"{token}=", "a" * 5000, f"{token} {token}"):
        answer = refresh(api, bad)
        assert answer.status == 401 and answer.json()["code"] == "token_not_valid", (bad, answer)
        # No script can take it away: it would come back with every request.
        assert answer.header("set-cookie") == f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
    access = login(api, person).json()["access"]
    assert refresh(api, access).status == 401
    for other in (f"__host-refresh={token}", f"refresh={token}", f"x{COOKIE}={token}", f"{COOKIE} ={token}", COOKIE):
        assert api.post(REFRESH, "{}", headers=[*BROWSER, ("Cookie", other)]).status == 400, other
    answer = api.post(REFRESH, "{}", headers=[*BROWSER, ("Cookie", f"a=b; {both} ;c=d")])
    assert answer.status == 200


def test_raw_cross_site_requests_are_refused(cookies, person):
    """H5 with the bytes that a browser would send for a foreign page's form and script."""
    token, _ = cookie_of(login(Api(cookies.address), person))
    for content_type, length, body in ((FORM, 0, b""), (JSON, 2, b"{}")):
        data = raw(cookies.address, (
            f"POST {REFRESH} HTTP/1.1\r\nHost: accounts.example\r\nOrigin: https://evil.example\r\n"
            f"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nCookie: {COOKIE}={token}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").encode() + body)
        head, answer = data.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 403 Forbidden\r\n") and answer == b'{"detail":"%s"}' % CSRF["detail"].encode()
        assert b"set-cookie" not in head.lower() and b"access-control" not in head.lower()


def test_off_no_cookie_is_read_or_set(shared):
    api = Api(shared.address)
    name = unique()
    assert api.signup(name).status == 201
    answer = login(api, name)
    assert list(answer.json()) == ["refresh", "access"] and answer.header("set-cookie") is None
    token = answer.json()["refresh"]
    assert refresh(api, token).json() == {"refresh": ["This field is required."]}
    answer = login(api, name, [("Origin", "https://evil.example")])
    assert answer.status == 200 and answer.header("set-cookie") is None
    assert api.post(REFRESH, {"refresh": token}, content_type=FORM, headers=BROWSER).status == 200


def test_no_cookie_is_in_the_log(serve):
    """T9, of the one token that travels in a header of its own."""
    server = serve({"http.cookies": "yes", "http.public_url": OWN, "log.access": "yes", "log.level": "debug"})
    api = Api(server.address)
    name = unique()
    assert api.signup(name).status == 201
    token, _ = cookie_of(login(api, name))
    assert refresh(api, token, headers=[]).status == 403
    successor, _ = cookie_of(refresh(api, token))
    server.wait_event("csrf.refused")
    for part in (*token.split(".")[1:], *successor.split(".")[1:]):
        assert part not in server.log_text()
    letter_to(server, f"{name}@example.com")


def test_the_cookie_needs_https(serve, tmp_path, prepare):
    server = prepare({"http.cookies": "yes", "http.cors_origins": "https://good.example/"})
    checked = server.command("check")
    assert checked.returncode != 0
    assert "http.cookies needs an http.public_url of https://" in checked.stdout + checked.stderr
    assert 'http.cors_origins: "https://good.example/" is no origin' in checked.stdout + checked.stderr
    with Connection(serve({"http.cookies": "yes", "http.public_url": OWN}).address) as connection:
        assert connection.request("GET", "/healthz").status == 200
