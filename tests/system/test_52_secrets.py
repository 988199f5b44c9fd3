"""No password stays in a worker's memory: each is looked for in every page, in every form it may
have had on its way. Lengths, ways in and outcomes differ; the connections are still open."""
import contextlib
import json
import os
import re
import secrets
import select
import signal
import ssl

import pytest

from client import FORM, JSON, Connection, account, encode, unique
from gatepost import SLOW, cpu_seconds, wait_for
from memory import Secret
from smtp_peer import key_pair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reading another process's memory needs root")

SIGNUP, LOGIN = "/api/auth/signup", "/api/auth/login"
LONG = 10_000_000      # the most there may be: seconds, in the company of others


def canary():
    """48 bytes that occur nowhere else; JSON and forms write some of them otherwise."""
    return f"{secrets.token_hex(10)}\"\\é&{secrets.token_hex(8)}+ %/"


@pytest.fixture
def server(serve):
    return serve({"http.workers": "1"})


def worker_of(server):
    return server.child("worker 0")


class Passwords:
    """Many of them, all found by the one secret that is their middle."""

    def __init__(self):
        self.middle = canary()
        self.used = []

    def new(self, what):
        self.used.append(what)
        return f"{len(self.used) - 1:03}<{self.middle}>"

    def assert_nowhere(self, server):
        for pid in server.workers():
            found = Secret(self.middle).in_process(pid)
            numbers = {int(number) for line in found for number in re.findall(r"(\d{3})<", line)}
            assert not found, "\n".join([*found, *(f"{n}: {self.used[n]}" for n in sorted(numbers)
                                                   if n < len(self.used))])


def chunked_head(path):
    return (f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()


def chunked(path, body, size):
    """The request in pieces, as it is to be sent."""
    yield chunked_head(path)
    for at in range(0, len(body), size):
        yield b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size])
    yield b"0\r\n\r\n"


def test_the_search_finds_what_is_there(server):
    """Half a body, which libh2o must keep: every form in it is found, and only there."""
    control = canary()
    body = Secret(control).everywhere()
    with Connection(server.address) as connection:
        connection.send(encode("POST", SIGNUP, body + b"the rest that does not come")[:-20])
        secret = Secret(control)
        expected = dict(secret.in_bytes(body))
        assert set(secret.forms) <= set(expected) and len(expected) == len(secret.forms) + 12

        def found():
            return {line.split(" at 0x")[0] for line in secret.in_process(worker_of(server))}
        wait_for(lambda: found() == set(expected), 10, "every form found")


def in_one_piece(connection, path, fields):
    return connection.request("POST", path, fields)


def with_escapes(connection, path, fields):
    text = "".join(f"\\u{ord(c):04x}" for c in fields["password"])
    body = json.dumps({**fields, "password": "@"}).replace('"@"', f'"{text}"')
    return connection.request("POST", path, body)


def as_a_form(connection, path, fields):
    return connection.request("POST", path, fields, FORM)


def in_chunks(connection, path, fields):
    for piece in chunked(path, json.dumps(fields).encode(), 7):
        connection.send(piece)
    return connection.receive()


def in_chunks_at_once(connection, path, fields):
    connection.send(b"".join(chunked(path, json.dumps(fields).encode(), 7)))
    return connection.receive()


def two_in_a_row(connection, path, fields):
    """The second is in the buffer before the first is read."""
    connection.send(encode("POST", path, fields) + encode("POST", path, fields))
    first = connection.receive()
    connection.receive()
    return first


WAYS = [in_one_piece, with_escapes, as_a_form, in_chunks, in_chunks_at_once, two_in_a_row]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_no_password_is_left_once_it_was_answered(prepare, tls):
    """By sign-up and login, right and wrong, over connections that stay open."""
    pems = {"http.tls_cert": "cert.pem", "http.tls_key": "key.pem"} if tls else {}
    server, options = prepare({"http.workers": "1", **pems}), {}
    if tls:
        key_pair(server.directory)
        options["tls"] = ssl.create_default_context(cafile=str(server.directory / "ca.pem"))
    server.start()
    passwords, connections = Passwords(), []
    try:
        for way in WAYS:
            name, closes, right = unique("secret"), True, passwords.new(f"{way.__name__}, right")
            for what, path, fields, status in (
                    ("signs up", SIGNUP, account(name, password=right), 201),
                    ("taken name", SIGNUP, account(name), 400),
                    ("logs in", LOGIN, {"username": name, "password": right}, 200),
                    ("wrong password", LOGIN, {"username": name}, 401),
                    ("unknown user", LOGIN, {"username": unique("no")}, 401)):
                if fields.get("password") != right:
                    fields["password"] = passwords.new(f"{way.__name__}, {what}")
                if closes:
                    connections.append(Connection(server.address, **options))
                answer = way(connections[-1], path, fields)
                closes = answer.closes()
                assert answer.status == status, (way.__name__, what, answer)
        passwords.assert_nowhere(server)
    finally:
        for connection in connections:
            connection.close()
    server.stop()


REFUSED = [
    ("no JSON", 400, LOGIN, '{"username":"u","password":%s', JSON),
    ("no object", 400, LOGIN, '["u",%s]', JSON),
    ("not UTF-8", 400, LOGIN, '{"username":"\udcff","password":%s}', JSON),
    ("a name twice", 400, LOGIN, '{"password":%s,"password":1}', JSON),
    ("bad fields", 400, SIGNUP, '{"username":"","email":1,"password":%s}', JSON),
    ("no such type", 415, LOGIN, '{"username":"u","password":%s}', "text/plain"),
    ("no such route", 404, "/api/auth/nothing", '{"password":%s}', JSON),
]


def test_no_password_is_left_of_a_body_that_was_refused(server):
    """Each on a connection of its own, which stays open where the server keeps it."""
    passwords, connections = Passwords(), []
    try:
        for what, status, path, shape, content_type in REFUSED:
            body = (shape % json.dumps(passwords.new(what))).encode("utf-8", "surrogateescape")
            connections.append(Connection(server.address))
            answer = connections[-1].request("POST", path, body, content_type)
            assert answer.status == status, (what, answer)
        passwords.assert_nowhere(server)
    finally:
        for connection in connections:
            connection.close()


def half_and_away(connection, body):
    connection.send(encode("POST", LOGIN, body + "x" * 300)[:-200])
    return 0


def half_a_chunk_and_away(connection, body):
    connection.send(chunked_head(LOGIN) + b"%x\r\n%s" % (len(body) + 100, body.encode()))
    return 0


def a_wrong_chunk(connection, body):
    connection.send(chunked_head(LOGIN) + b"%x\r\n%s\r\nzz\r\n" % (len(body), body.encode()))
    return 400


def too_large(connection, body):
    connection.send(encode("POST", LOGIN, body + " " * 40000))
    return 413


def too_large_in_chunks(connection, body):
    body = body.encode() + b" " * 40000
    connection.send(chunked_head(LOGIN) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    return 413


def slowly_and_much_after(connection, body):
    """The first buffer is too small soon, and stays behind."""
    request = encode("POST", LOGIN, body + " " * 14000)
    for begin, end in ((0, 400), (400, 6000), (6000, None)):
        connection.send(request[begin:end])
        select.select([connection.sock], [], [], 0.05)
    return 401


@pytest.mark.skipif(SLOW, reason="a sanitizer's build has its own way with memory that is freed")
@pytest.mark.parametrize("send", [half_and_away, half_a_chunk_and_away, a_wrong_chunk, too_large,
                                  too_large_in_chunks, slowly_and_much_after])
def test_no_password_is_left_in_a_buffer_that_was_freed(server, send):
    """Of most of these the server never sees a body: it lay in libh2o's buffer alone."""
    passwords, worker = Passwords(), worker_of(server)
    descriptors = len(os.listdir(f"/proc/{worker}/fd"))
    with Connection(server.address) as connection:
        status = send(connection, json.dumps({"password": passwords.new(send.__name__), "username": "u"}))
        if status:
            answer = connection.receive()
            assert answer.status == status
            if not answer.closes():
                passwords.assert_nowhere(server)
        else:       # first it must have been read
            wait_for(lambda: Secret(passwords.middle).in_process(worker), 5, "half a body")
    wait_for(lambda: len(os.listdir(f"/proc/{worker}/fd")) <= descriptors, 5, "the connection closed")
    passwords.assert_nowhere(server)


@pytest.mark.parametrize("path, fields", [(SIGNUP, account("meanwhile")), (LOGIN, {"username": "nobody"})],
                         ids=["sign-up", "login"])
def test_no_password_is_there_while_its_hash_is_computed(serve, path, fields):
    """Once the states of its pads exist it is needed no more."""
    server = serve({"http.workers": "1", "password.iterations": str(LONG), "password.queue_max": "64"})
    passwords, worker = Passwords(), worker_of(server)
    used = cpu_seconds(worker)
    with Connection(server.address) as connection, contextlib.ExitStack() as others:
        connection.send(encode("POST", path, {**fields, "password": passwords.new(path)}))
        wait_for(lambda: cpu_seconds(worker) > used + 0.1, 10, "the hash has begun")
        for _ in range(15):
            other = others.enter_context(Connection(server.address))
            other.send(encode("POST", LOGIN, {"username": "nobody", "password": "somebody else's"}))
        wait_for(lambda: cpu_seconds(worker) > used + 0.3, 10, "the others have joined it")
        os.kill(worker, signal.SIGSTOP)     # a sanitizer's build has more memory than the hash has time
        try:
            assert not select.select([connection.sock], [], [], 0)[0], "answered already: cost too low"
            passwords.assert_nowhere(server)
        finally:
            os.kill(worker, signal.SIGCONT)
