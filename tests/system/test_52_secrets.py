"""No password stays in a worker's memory: each is looked for in every page, in every form it may
have had on its way. Lengths, ways in and outcomes differ; the connections are still open."""
import json
import os
import re
import secrets
import select

import pytest

from client import FORM, JSON, Connection, account, encode, unique
from gatepost import cpu_seconds, wait_for
from memory import Secret

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="reading another process's memory needs root")

SIGNUP, LOGIN = "/api/auth/signup", "/api/auth/login"
LONG = 60_000_000   # iterations: many seconds on any machine


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


def chunked(path, body, size):
    """The request in pieces, as it is to be sent."""
    yield (f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
           "Transfer-Encoding: chunked\r\n\r\n").encode()
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


def password_first_and_much_after(connection, path, fields):
    """What libh2o has read grows from buffer to buffer."""
    body = json.dumps({"password": fields["password"], **fields, "more": "x" * 12000})
    request = encode("POST", path, body)
    for at in range(0, len(request), 1500):
        connection.send(request[at:at + 1500])
        select.select([connection.sock], [], [], 0.005)
    return connection.receive()


def two_in_a_row(connection, path, fields):
    """The second is in the buffer before the first is read."""
    connection.send(encode("POST", path, fields) + encode("POST", path, fields))
    first = connection.receive()
    connection.receive()
    return first


WAYS = [in_one_piece, with_escapes, as_a_form, in_chunks, in_chunks_at_once,
        password_first_and_much_after, two_in_a_row]


def test_no_password_is_left_once_it_was_answered(server):
    """By sign-up and login, right and wrong, over connections that stay open."""
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
                    connections.append(Connection(server.address))
                answer = way(connections[-1], path, fields)
                closes = answer.closes()
                assert answer.status == status, (way.__name__, what, answer)
        passwords.assert_nowhere(server)
    finally:
        for connection in connections:
            connection.close()


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


@pytest.mark.parametrize("path, fields", [(SIGNUP, account("meanwhile")), (LOGIN, {"username": "nobody"})],
                         ids=["sign-up", "login"])
def test_no_password_is_there_while_its_hash_is_computed(serve, path, fields):
    """Once the states of its pads exist it is needed no more."""
    server = serve({"http.workers": "1", "password.iterations": str(LONG)})
    passwords, worker = Passwords(), worker_of(server)
    used = cpu_seconds(worker)
    with Connection(server.address) as connection:
        connection.send(encode("POST", path, {**fields, "password": passwords.new(path)}))
        wait_for(lambda: cpu_seconds(worker) > used + 0.3, 10, "the hash has begun")
        passwords.assert_nowhere(server)
        assert not select.select([connection.sock], [], [], 0)[0], "answered already: cost too low"
