"""Heads and bodies that only HTTP/2 can spell are looked at as strictly as those of HTTP/1."""
import json

import pytest

from client import FORM, JSON, account, unique
from h2_frames import (DATA, END_HEADERS, END_STREAM, HEADERS, NO_ERROR, PROTOCOL_ERROR, Api2, Frames, frame,
                       request_headers)
from http2_server import api, server  # noqa: F401  (fixtures)

HEALTH = request_headers("GET", "/healthz")
SIGNUP = "/api/auth/signup"


# ---- heads ------------------------------------------------------------------------------------------------

def status_of(server, fields, body=None):
    """The answer's status; or what the server ended the stream with, or the connection: 'reset 1',
    'goaway 1'."""
    with Frames(server.address, server.tls) as frames:
        stream = frames.stream()
        frames.send(frames.head(fields, stream, end=body is None))
        if body is not None:
            frames.send(frame(DATA, END_STREAM, stream, body))
        frames.until(lambda: stream in frames.done or frames.goaways, 10, "an end")
        if stream in frames.answers:
            frames.until(lambda: stream in frames.done, 10, "the answer's end")
            return frames.answers[stream].status
        if stream in frames.resets:
            return f"reset {frames.resets[stream]}"
        return f"goaway {frames.goaways[0][1]}"


def with_fields(*fields, method="GET", path="/healthz"):
    return request_headers(method, path) + list(fields)


PSEUDO = dict(request_headers("GET", "/healthz"))


def pseudo(**changes):
    """changes: a value, or None for none of it."""
    fields = {**PSEUDO, **{f":{name}": value for name, value in changes.items()}}
    return [(name, value) for name, value in fields.items() if value is not None]


GOOD_HEADS = {
    "plain": HEALTH,
    "no authority": pseudo(authority=None),
    "host and no authority": pseudo(authority=None) + [("host", "a")],
    "host besides the authority": with_fields(("host", "elsewhere.example")),
    "scheme http": pseudo(scheme="http"),
    "authority with port": pseudo(authority="[::1]:8443"),
    "te: trailers": with_fields(("te", "trailers")),
    "expect 100": with_fields(("expect", "100-continue")),
    "empty value": with_fields(("x-empty", "")),
    "query": pseudo(path="/healthz?a=b"),
}
BAD_HEADS = {
    "no method": pseudo(method=None), "no path": pseudo(path=None), "no scheme": pseudo(scheme=None),
    "path twice": HEALTH + [(":path", "/readyz")],
    "method twice": HEALTH + [(":method", "POST")],
    "authority twice": HEALTH + [(":authority", "other")],
    "pseudo header behind a field": [*HEALTH[:3], ("x-a", "b"), HEALTH[3]],
    "unknown pseudo header": [(":nothing", "x"), *HEALTH],
    "an answer's pseudo header": [(":status", "200"), *HEALTH],
    "upper case": with_fields(("X-Upper", "a")),
    "connection": with_fields(("connection", "close")),
    "keep-alive": with_fields(("keep-alive", "timeout=5")),
    "proxy-connection": with_fields(("proxy-connection", "keep-alive")),
    "transfer-encoding": with_fields(("transfer-encoding", "chunked")),
    "upgrade": with_fields(("upgrade", "h2c")),
    "te: gzip": with_fields(("te", "gzip")),
    "line break in a value": with_fields(("x-a", "b\r\nhost: c")),
    "line feed in a value": with_fields(("x-a", "b\nc")),
    "nul in a value": with_fields(("x-a", "b\0c")),
    "space in a name": with_fields(("x a", "b")),
    "colon in a name": with_fields(("x:a", "b")),
    "empty name": with_fields(("", "b")),
    "path without slash": pseudo(path="healthz"), "absolute path": pseudo(path="https://test/healthz"),
    "empty path": pseudo(path=""), "star": pseudo(path="*"),
    "blank in the path": pseudo(path="/healthz x"), "line break in the path": pseudo(path="/healthz\r\nx: y"),
    "blank in the method": pseudo(method="GET /"), "empty method": pseudo(method=""),
    "long method": pseudo(method="G" * 40), "line break in the method": pseudo(method="GET\r\n"),
    "user in the authority": pseudo(authority="user@test"), "two authorities": pseudo(authority="a, b"),
    "blank in the authority": pseudo(authority="a b"),
    "two authorizations": with_fields(("authorization", "Bearer a"), ("authorization", "Bearer b")),
    "two origins": with_fields(("origin", "https://a"), ("origin", "https://b")),
    "two sites": with_fields(("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")),
    "two types": with_fields(("content-type", JSON), ("content-type", FORM)),
    "a length without a body": with_fields(("content-length", "5")),
    "no number as length": with_fields(("content-length", "x")),
    "negative length": with_fields(("content-length", "-1")),
    "connect": [(":method", "CONNECT"), (":authority", "example.com:443")],
}


@pytest.mark.parametrize("name", GOOD_HEADS)
def test_a_good_head_is_served(server, name):
    assert status_of(server, GOOD_HEADS[name]) == 200


@pytest.mark.parametrize("name", BAD_HEADS)
def test_a_bad_head_is_refused(server, name):
    assert status_of(server, BAD_HEADS[name]) in (400, f"reset {PROTOCOL_ERROR}", f"goaway {PROTOCOL_ERROR}",
                                                  "goaway 9")
    assert Api2(server.address, server.tls).get("/healthz").status == 200


@pytest.mark.parametrize("length, body", [(1, b"{}"), (3, b"{}"), (2, b""), (0, b"{}"), (16385, b"{}")])
def test_a_body_of_another_length_than_stated_is_refused(server, length, body):
    fields = with_fields(("content-type", JSON), ("content-length", str(length)), method="POST", path=SIGNUP)
    assert status_of(server, fields, body) in (400, f"reset {PROTOCOL_ERROR}")


def test_of_two_lengths_none_that_is_wrong_is_believed(server):
    """libh2o keeps the last; what counts is the body, and nobody behind us reads another length."""
    fields = with_fields(("content-type", JSON), ("content-length", "9"), ("content-length", "2"),
                         method="POST", path=SIGNUP)
    assert status_of(server, fields, b"{}") == 400


@pytest.mark.parametrize("size, status", [(3000, 200), (17000, 431), (26000, 431)])
def test_a_big_head_is_431(server, size, status):
    fields = HEALTH + [(f"x-big-{i}", "v" * 1000) for i in range(size // 1000)]
    with Frames(server.address, server.tls) as frames:
        block = frames.encoder.encode(fields)
        stream = frames.stream()
        first, rest = block[:16384], block[16384:]
        frames.send(frame(HEADERS, END_STREAM | (0 if rest else END_HEADERS), stream, first))
        if rest:
            frames.send(frame(9, END_HEADERS, stream, rest))
        answer = frames.answer(stream)
        assert answer.status == status
        if status == 431:
            assert answer.json() == {"detail": "Request header fields too large."}
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200, "the connection goes on"


def test_an_unknown_expectation_is_417(server):
    assert status_of(server, with_fields(("expect", "nothing"))) == 417


# ---- bodies -----------------------------------------------------------------------------------------------

def test_a_body_in_single_bytes_padded_and_with_trailers_is_read(server):
    body = json.dumps(account(unique())).encode()
    fields = with_fields(("content-type", JSON), method="POST", path=SIGNUP)
    with Frames(server.address, server.tls) as frames:
        stream = frames.stream()
        frames.send(frames.head(fields, stream, end=False))
        for byte in body[:-1]:
            frames.send(frame(DATA, 0, stream, bytes([byte])))
        frames.send(frame(DATA, 0x8, stream, b"\x05" + body[-1:] + b"\0" * 5))
        frames.send(frames.head([("x-trailer", "a")], stream))
        assert frames.answer(stream).status == 201


@pytest.mark.parametrize("size", [16385, 20000, 70000, 3_000_000])
def test_a_body_beyond_the_limit_is_413_and_the_connection_goes_on(server, size):
    with Frames(server.address, server.tls) as frames:
        stream = frames.ask("POST", SIGNUP, b"x" * size, [("Content-Type", JSON)])
        answer = frames.answer(stream)
        assert (answer.status, answer.json()) == (413, {"detail": "Request body too large."})
        assert frames.answer(frames.ask("GET", "/healthz")).status == 200
        assert frames.resets.get(stream, NO_ERROR) == NO_ERROR and not frames.goaways


def test_a_stated_length_beyond_the_limit_is_413_as_well(api):
    assert api.post(SIGNUP, "x" * 16385).status == 413
    assert api.get("/healthz").status == 200


def test_many_large_bodies_do_not_use_up_the_window(server):
    """What is discarded is given back to the connection's window, of 16 MiB on our side."""
    with Frames(server.address, server.tls) as frames:
        for _ in range(5):
            assert frames.answer(frames.ask("POST", SIGNUP, b"x" * 1_000_000, [("Content-Type", JSON)])).status == 413
        assert frames.answer(frames.ask("POST", SIGNUP, json.dumps(account(unique())).encode(),
                                        [("Content-Type", JSON)])).status == 201
