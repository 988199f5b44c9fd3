"""10,000 requests of random bytes and mutated JSON leave the server healthy (issue: done when 5)."""
import json
import os
import random
import socket

from client import Api, Closed, Connection, PASSWORD, encode, unique
from gatepost import wait_for

SEED = int(os.environ.get("GATEPOST_SEED", "20261123"))
MUTATED, RANDOM = 8_000, 2_000
ROUTES = ["/api/auth/signup", "/api/auth/login", "/api/auth/verify-email", "/verify-email",
          "/api/auth/verify-email/resend", "/api/auth/token/refresh", "/api/auth/token/verify"]
BODIES = [
    {"username": "someone", "email": "someone@example.com", "password": PASSWORD},
    {"username": "someone", "password": PASSWORD}, {"token": "AAAA.BBBB.CCCC"},
    {"refresh": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAA"}, {"email": "a@example.com"}]
PIECES = [b"\0", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"[" * 40, b"{" * 40,
          b"null", b"true", b"1e999", b"-0", b"18446744073709551616", b'"', b"\\", b",", b":", b"}",
          b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"\r\n\r\n", b"a" * 3000, b"/*", b'"username":"x",']


def mutate(dice, data):
    data = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = dice.randint(0, len(data))
        kind = dice.randint(0, 4)
        if kind == 0:
            data[at:at] = dice.choice(PIECES)
        elif kind == 1:
            del data[at:at + dice.randint(1, 8)]
        elif kind == 2 and at < len(data):
            data[at] = dice.randint(0, 255)
        elif kind == 3:
            data[at:at] = data[at:at + dice.randint(1, 40)]
        elif at < len(data):
            data[at] ^= 1 << dice.randint(0, 7)
    return bytes(data)


def test_mutated_bodies_get_an_answer_of_the_contract(server):
    dice = random.Random(SEED)
    connection, statuses = Connection(server.address), {}
    for i in range(MUTATED):
        body = mutate(dice, json.dumps(dice.choice(BODIES)).encode())
        form = dice.random() < 0.1
        request = encode("POST", dice.choice(ROUTES), body,
                         "application/x-www-form-urlencoded" if form else "application/json")
        try:
            connection.send(request)
            answer = connection.receive()
        except Closed as error:
            raise AssertionError(f"seed {SEED}, request {i}: {error}: {request!r}") from None
        allowed = (200, 201, 202, 400, 401, 413)
        if request.startswith(b"POST /verify-email ") and not form:
            allowed = (400,) if body == b"" else (413, 415)  # a form alone is read
        assert answer.status in allowed, (SEED, i, request, answer)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if answer.closes():
            connection.close()
            connection = Connection(server.address)
    connection.close()
    assert statuses[400] > MUTATED / 4, statuses


def test_mutated_heads_and_random_bytes_get_an_answer_or_a_close(server):
    dice = random.Random(SEED + 1)
    good = encode("POST", "/api/auth/signup", BODIES[0],
                  headers=[("Authorization", "Bearer x"), ("Idempotency-Key", "k"), ("Accept", "*/*")])
    for i in range(RANDOM):
        if dice.random() < 0.3:
            data = dice.randbytes(dice.randint(1, 2000))
        else:
            data = mutate(dice, good)
        with Connection(server.address, timeout=12) as connection:
            try:
                connection.send(data)
                connection.sock.shutdown(socket.SHUT_WR)
            except OSError:
                continue
            answer = connection.rest()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), (SEED, i, data, answer[:200])
        assert not answer.startswith(b"HTTP/1.1 5"), (SEED, i, data, answer[:200])


def test_requests_in_one_go_are_answered_in_order(server):
    """Pipelining."""
    with Connection(server.address) as connection:
        names = [unique("pipe") for _ in range(30)]
        connection.send(b"".join(
            encode("POST", "/api/auth/signup", {"username": name, "email": f"{name}@example.com",
                                                "password": PASSWORD}) + encode("GET", "/healthz")
            for name in names))
        for _ in names:
            assert connection.receive().status == 201
            assert connection.receive("GET").json() == {"status": "ok"}


def test_the_server_is_healthy_after_all_that(server):
    before = server.children()
    api = Api(server.address)
    assert api.get("/readyz").status == 200
    name = unique("healthy")
    assert api.signup(name).status == 201
    assert api.login(name).status == 200
    metrics = api.metrics()
    assert metrics["gatepost_child_deaths_total"] == 0
    assert metrics["gatepost_store_requests_refused_total"] == 0
    assert sorted(before) == ["admin", "mailer", "store", "worker 0", "worker 1"]
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 20, "an empty outbox")
