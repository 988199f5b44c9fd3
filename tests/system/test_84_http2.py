"""The API over HTTP/2 is the API: what holds on HTTP/1 holds there, by the same tests, and what only
HTTP/2 can spell is looked at as strictly."""
import json
import os
import re
import secrets
import subprocess

import pytest

import memory
import test_21_recorded
from certificates import key_pair
from client import Connection, JSON, PASSWORD, account, unique
from gatepost import SLOW, patience, wait_for
from conftest import finish
from h2_frames import DATA, REFUSED_STREAM, Api2, Frames, frame, request_headers, trusting
from http2_server import TLS, api, serve, server, start  # noqa: F401  (fixtures)
from letters import letter_to
# The same tests, with this module's fixtures.
from test_22_http import (  # noqa: F401
    test_a_body_has_at_most_16_kib, test_a_login_trims_the_name,
    test_a_login_with_wrong_fields_is_told_as_the_seed_tells_it,
    test_a_trailing_slash_and_a_query_make_no_difference, test_accept_is_not_an_obstacle,
    test_an_encoded_body_is_415, test_another_media_type_is_415, test_each_answer_has_a_request_id_of_its_own,
    test_forms_are_read_as_browsers_write_them, test_json_in_any_spelling_is_read,
    test_sign_up_ignores_a_bad_authorization_header, test_the_methods_of_each_route,
    test_unknown_user_and_wrong_password_get_equal_answers, test_what_is_no_route_is_404)
from test_22_heads import test_a_long_token_is_refused_unread  # noqa: F401
from test_85_check import (  # noqa: F401
    test_a_name_of_any_script_is_one_line_of_ascii, test_nobody_is_let_in_without_a_good_access_token,
    test_the_account_stands_in_headers)

HEALTH = request_headers("GET", "/healthz")
SIGNUP = "/api/auth/signup"


# ---- the recorded exchanges -------------------------------------------------------------------------------

class Stage2(test_21_recorded.Stage):
    """Takes the requests that test_21_recorded.py makes, and sends them over HTTP/2."""

    def __init__(self, server):
        super().__init__(server)
        self.api = Api2(server.address, server.tls)

    def call(self, request):
        head, body = request.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = [tuple(line.split(": ", 1)) for line in lines]
        headers = [(name, value) for name, value in headers
                   if name.lower() not in ("host", "content-length", "transfer-encoding")]
        if any(line.lower().startswith("transfer-encoding") for line in lines):
            size, rest = body.split(b"\r\n", 1)
            body = rest[:int(size, 16)]
        has_body = body or method in ("POST", "PUT", "PATCH")
        return self.api.call(method, path, body if has_body else None, content_type=None, headers=headers)


@pytest.fixture(scope="module")
def stage():
    made = start({"password.min_length": "1"})
    yield Stage2(made)
    finish([made])


@pytest.mark.parametrize("case", test_21_recorded.EXCHANGES,
                         ids=[case["name"] for case in test_21_recorded.EXCHANGES])
def test_the_recorded_exchange(stage, case, monkeypatch):
    monkeypatch.setattr(test_21_recorded, "huge", lambda on, request: on.call(request))
    test_21_recorded.test_the_recorded_exchange(stage, case)


# ---- offered and not --------------------------------------------------------------------------------------

def protocol_of(server, offered):
    with Connection(server.address, tls=trusting(server.directory, offered)) as connection:
        return connection.sock.selected_alpn_protocol()


def test_a_client_gets_the_protocol_that_it_asks_for(server):
    assert protocol_of(server, ["h2", "http/1.1"]) == "h2"
    assert protocol_of(server, ["http/1.1", "h2"]) == "h2"
    assert protocol_of(server, ["http/1.1"]) == "http/1.1"
    with Connection(server.address, tls=trusting(server.directory, ["http/1.1"])) as connection:
        assert connection.request("GET", "/healthz").status == 200


def test_without_http2_it_is_not_offered(prepare):
    server = prepare(TLS)
    key_pair(server.directory)
    server.start()
    assert protocol_of(server, ["h2", "http/1.1"]) == "http/1.1"
    with pytest.raises(OSError):
        protocol_of(server, ["h2"])
    with Connection(server.address, tls=trusting(server.directory, ["http/1.1"])) as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4))
        assert connection.rest().startswith(b"HTTP/1.1 400 ")
    server.stop()


def test_the_preface_without_the_protocol_is_400_too(server):
    with Connection(server.address, tls=trusting(server.directory, ["http/1.1"])) as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4))
        assert connection.rest().startswith(b"HTTP/1.1 400 ")


def test_http2_without_tls_is_a_configuration_error(prepare):
    server = prepare({"http.http2": "yes"})
    done = server.command("check")
    assert done.returncode == 10 and "http.http2 needs http.tls_cert" in done.stdout + done.stderr, done


def test_a_client_that_others_wrote_is_served(server):
    """curl, by nghttp2: all the calls of a person's first minute, and a body that is too large once."""
    name = unique("c")

    def curl(path, body=None, *more):
        command = ["curl", "-sS", "--http2", "--cacert", str(server.directory / "ca.pem"), "-w",
                   "\n%{http_code} %{http_version} %{num_connects}", *more,
                   f"https://localhost:{server.port}{path}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        done = subprocess.run(command, input=body, capture_output=True, text=True, timeout=patience(30))
        assert done.returncode == 0, done
        text, codes = done.stdout.rsplit("\n", 1)
        status, version, connects = codes.split()
        assert version == "2"
        return int(status), text, int(connects)
    assert curl(SIGNUP, json.dumps(account(name)))[0] == 201
    status, text, _ = curl("/api/auth/login", json.dumps({"username": name, "password": PASSWORD}))
    assert status == 200
    access = json.loads(text)["access"]
    status, text, _ = curl("/api/auth/me", None, "-H", f"Authorization: Bearer {access}")
    assert status == 200 and json.loads(text)["username"] == name
    before = Api2(server.address, server.tls).metrics()["gatepost_http2_connections_total"]
    status, text, connects = curl(SIGNUP, "x" * 3_000_000)
    assert (status, json.loads(text), connects) == (413, {"detail": "Request body too large."}, 1)
    after = Api2(server.address, server.tls).metrics()["gatepost_http2_connections_total"]
    assert after - before == 2, "one of curl's, who did not try again, and one of ours"


# ---- answers ----------------------------------------------------------------------------------------------

def test_every_answer_has_the_security_headers(server, api):
    name = unique()
    answers = [api.signup(name), api.get("/healthz"), api.get("/nothing"), api.get(SIGNUP), api.post(SIGNUP, "{"),
               api.post(SIGNUP, "x" * 20000), api.post(SIGNUP, "x", content_type="text/plain"),
               api.call("OPTIONS", SIGNUP), api.get("/api/auth/me"), api.get("/verify-email?token=x"),
               api.post(SIGNUP, "{}", headers=[("expect", "nothing")]),
               api.get("/healthz", headers=[("x-bad", "a\nb")])]
    assert [answer.status for answer in answers] == [201, 200, 404, 405, 400, 413, 415, 204, 401, 400, 417, 400]
    for answer in answers:
        assert answer.header("x-content-type-options") == "nosniff"
        assert "default-src 'none'" in answer.header("content-security-policy")
        assert answer.header("strict-transport-security") == "max-age=31536000"
        assert answer.header("server") is None and answer.header("connection") is None
        assert answer.header("x-request-id")
        assert all(name == name.lower() for name, _ in answer.headers)


def test_an_answer_has_the_headers_that_it_has_on_http_1(server, api):
    with Connection(server.address, tls=trusting(server.directory, ["http/1.1"])) as connection:
        for method, path, body in (("GET", "/healthz", None), ("POST", SIGNUP, b"{}"), ("GET", "/api/auth/me", None),
                                   ("HEAD", "/openapi.json", None), ("OPTIONS", SIGNUP, None),
                                   ("GET", "/verify-email?token=x", None)):
            old, new = connection.request(method, path, body), api.call(method, path, body)

            def shape(answer):
                own = ("date", "x-request-id", "connection")
                return (answer.status, answer.body,
                        sorted((k.lower(), v) for k, v in answer.headers if k.lower() not in own))
            assert shape(old) == shape(new)


def test_a_cookie_in_crumbs_is_whole(serve):
    """Browsers send each pair as a field of its own (RFC 9113 section 8.2.3)."""
    server = serve({"http.cookies": "yes", "http.public_url": "https://accounts.example"})
    api = Api2(server.address, server.tls)
    browser = [("Origin", "https://accounts.example"), ("Sec-Fetch-Site", "same-origin")]
    name = unique()
    assert api.signup(name).status == 201
    answer = api.post("/api/auth/login", {"username": name, "password": PASSWORD}, headers=browser)
    pair = answer.header("set-cookie").split(";")[0]
    crumbs = [("cookie", "a=b"), ("cookie", pair), ("cookie", "c=d")]
    assert api.post("/api/auth/token/refresh", "{}", headers=[*browser, *crumbs]).status == 200


def test_the_log_and_the_metrics_know_them(serve):
    server = serve({"log.access": "yes", "http.workers": "1"})
    api = Api2(server.address, server.tls)
    before = api.metrics()
    for path in ("/healthz?secret=1", "/nothing"):
        api.get(path)
    after = api.metrics()

    def risen(name):
        return after[name] - before[name]
    assert risen('gatepost_http_responses_total{status="2xx"}') == 2
    assert risen('gatepost_http_responses_total{status="4xx"}') == 1
    assert after["gatepost_http2_connections_total"] == 1 == after["gatepost_http_connections_total"]
    lines = wait_for(lambda: [line for line in server.events("http.answered") if "/nothing" in line], 5, "a line")
    assert re.search(r'peer=127\.0\.0\.1 method=\S*GET\S* path=\S*/nothing\S* status=404 ', lines[0])
    assert "secret" not in server.log_text()


def test_links_are_made_of_the_public_url_alone(serve):
    server = serve({"http.public_url": "https://accounts.example"})
    with Frames(server.address, server.tls) as frames:
        name = unique()
        stream = frames.ask("POST", SIGNUP, json.dumps(account(name)).encode(),
                            [("Content-Type", JSON), ("host", "evil.example"), ("x-forwarded-host", "evil.example")],
                            authority="evil.example")
        assert frames.answer(stream).status == 201
    letter = letter_to(server, f"{name}@example.com")
    assert "https://accounts.example/" in letter.plain and b"evil" not in letter.data


def test_a_hundred_streams_at_once_are_served(server):
    with Frames(server.address, server.tls) as frames:
        frames.until(lambda: True, 5)
        streams = [frames.ask("POST", SIGNUP, json.dumps(account(unique())).encode(), [("Content-Type", JSON)])
                   if i % 4 == 0 else frames.ask("GET", "/readyz") for i in range(100)]
        statuses = [frames.answer(stream).status for stream in streams]
        # Hashes of one connection are bounded; toy ones are too quick for most to meet that.
        assert set(statuses) <= {200, 201, 503} and statuses.count(200) == 75


def test_streams_beyond_the_hundred_are_refused_and_may_come_again(serve):
    server = serve({"http.workers": "1", "password.iterations": "300000", "http.http2_hashes_max": "1000"})
    with Frames(server.address, server.tls) as frames:
        body = json.dumps({"username": "x", "password": "y"}).encode()
        streams = [frames.ask("POST", "/api/auth/login", body, [("Content-Type", JSON)]) for _ in range(110)]
        frames.until(lambda: len(frames.resets) == 10, 20, "ten refusals")
        assert set(frames.resets.values()) == {REFUSED_STREAM} and set(frames.resets) == set(streams[100:])
        assert not frames.goaways


# ---- secrets ----------------------------------------------------------------------------------------------

@pytest.mark.skipif(SLOW, reason="a sanitizer keeps freed memory as it was")
@pytest.mark.skipif(os.geteuid() != 0, reason="reading another process's memory needs root")
def test_passwords_do_not_stay_in_the_workers_memory(serve):
    server = serve({"http.workers": "1"})
    secret = memory.Secret(password := secrets.token_urlsafe(24))
    with Frames(server.address, server.tls) as frames:
        body = json.dumps(account(unique(), password=password)).encode()
        assert frames.answer(frames.ask("POST", SIGNUP, body, [("Content-Type", JSON)])).status == 201
        # One that never comes whole, and one that is too large.
        stream = frames.stream()
        fields = request_headers("POST", SIGNUP, [("content-type", JSON)])
        frames.send(frames.head(fields, stream, end=False) + frame(DATA, 0, stream, body))
        frames.send(frame(3, 0, stream, b"\0\0\0\x08"))
        assert frames.answer(frames.ask("POST", SIGNUP, body + b" " * 20000, [("Content-Type", JSON)])).status == 413
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200
        wait_for(lambda: not secret.in_process(server.child("worker 0")), 3,
                 "no trace of it: " + "\n".join(secret.in_process(server.child("worker 0"))))
