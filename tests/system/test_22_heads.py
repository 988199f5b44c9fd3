"""Heads of requests: what libh2o lets pass and Gatepost does not (smuggling), big ones, other protocols."""
import time

import pytest

from client import Connection, encode, raw

BODY = b'{"username":"x"}'
SMUGGLED = {
    "two lengths": b"Content-Length: 16\r\nContent-Length: 3\r\n",
    "two equal lengths": b"Content-Length: 16\r\nContent-Length: 16\r\n",
    "length and chunked": b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 16\r\n",
    "a list of lengths": b"Content-Length: 16, 16\r\n",
    "a signed length": b"Content-Length: +16\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a hexadecimal length": b"Content-Length: 0x10\r\n",
    "a huge length": b"Content-Length: 99999999999999999999999\r\n",
    "an empty length": b"Content-Length:\r\n",
    "a bare line feed": b"X-A: b\nX-C: d\r\nContent-Length: 16\r\n",
    "a folded header": b"X-A: b\r\n folded\r\nContent-Length: 16\r\n",
    "a folded length": b"Content-Length:\r\n 16\r\n",
    "two codings": b"Transfer-Encoding: gzip, chunked\r\n",
    "another coding": b"Transfer-Encoding: identity\r\nContent-Length: 16\r\n",
    "two codings in two headers": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "a space before the colon": b"Content-Length : 16\r\n",
    "a control in a value": b"X-A: b\x01c\r\nContent-Length: 16\r\n",
    "a nul in a value": b"X-A: b\0c\r\nContent-Length: 16\r\n",
    "a bare carriage return": b"X-A: b\rX-C: d\r\nContent-Length: 16\r\n",
    "two hosts": b"Host: y\r\nContent-Length: 16\r\n",
    "two equal hosts": b"Host: x\r\nContent-Length: 16\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_an_ambiguous_head_is_400_and_the_end_of_the_connection(server, name):
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    data = raw(server.address, b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\n"
               b"Content-Type: application/json\r\n" + SMUGGLED[name] + b"\r\n" + BODY + smuggled)
    status = data.split(b" ", 2)[1:2]
    assert status in ([b"400"], [b"413"] if name == "a huge length" else [b"400"],
                      [b"501"] if "coding" in name else [b"400"]), data
    assert data.count(b"HTTP/1.1 ") == 1, data
    assert b'"status":"ok"' not in data, "the second request was taken"


def test_a_head_without_host_is_400(server):
    data = raw(server.address, b"GET /healthz HTTP/1.1\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 400 ") and data.count(b"HTTP/1.1 ") == 1


def test_the_checks_hold_for_the_second_request_of_a_connection_too(server):
    good = encode("GET", "/healthz")
    bad = b"POST /api/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
    with Connection(server.address) as connection:
        connection.send(good)
        assert connection.receive().status == 200
        connection.send(bad)
        assert connection.receive().status == 400
        assert connection.closed_by_server()
    data = raw(server.address, good + bad)
    assert data.count(b"HTTP/1.1 ") == 2 and b"HTTP/1.1 400 " in data


def test_a_head_in_pieces_is_checked_as_well(server):
    pieces = [b"POST /api/auth/signup HTTP/1.1\r\nHo", b"st: x\r\nContent-Le", b"ngth: 2\r\nConten",
              b"t-Length: 2\r\n\r", b"\n{}"]
    with Connection(server.address) as connection:
        for piece in pieces:
            connection.send(piece)
            time.sleep(0.02)
        assert connection.receive().status == 400


@pytest.mark.parametrize("size, status", [(3000, 200), (20000, 431), (60000, 431)])
def test_a_big_head_is_431(server, size, status):
    lines = [("X-Big-%d" % i, "v" * 1000) for i in range(size // 1000)]
    with Connection(server.address) as connection:
        connection.send(encode("GET", "/healthz", headers=lines))
        answer = connection.receive()
        assert answer.status == status
        if status == 431:
            assert answer.json() == {"detail": "Request header fields too large."}


def test_a_head_beyond_what_the_library_takes_is_a_close(server):
    data = raw(server.address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 120 + b"\r\n")
    assert data.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    data = raw(server.address, b"GET /" + b"a" * 600000)
    assert data == b"" or data.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ", b"HTTP/1.1 414 "))


def test_a_long_token_is_refused_unread(api):
    assert api.me("x" * 5000).status in (401, 431)
    assert api.get("/api/auth/me", headers=[("Authorization", "Bearer " + "a.b.c" * 1000)]).status in (401, 431)


@pytest.mark.parametrize("data", [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /healthz\r\n\r\n", b"\r\n\r\n\r\n",
    b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"HELO x\r\nMAIL FROM:<a@b>\r\n\r\n", b"\0" * 100])
def test_what_is_not_http_is_400_or_a_close(server, data):
    answer = raw(server.address, data, half_close=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer


def test_http2_is_not_offered(server):
    with Connection(server.address) as connection:
        answer = connection.request("GET", "/healthz", headers=[
            ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__")])
        assert answer.status == 200 and answer.header("upgrade") is None


def test_http_1_0_is_served(server):
    data = raw(server.address, b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 200 ") and data.endswith(b'{"status":"ok"}')
