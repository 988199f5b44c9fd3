"""The exchanges recorded from the Django project that Gatepost replaces (recorded.jsonl), in recorded
order, in the mode that is compatible with it. DIFFERS is the whole list of answers that differ on purpose."""
import json
import time
import uuid
from pathlib import Path

import jwt
import pytest

from client import Connection, encode, unique
from gatepost import patience

CASES = [json.loads(line) for line in
         (Path(__file__).parent / "recorded.jsonl").read_text().splitlines()]
EXCHANGES = [case for case in CASES if "request" in case]
SUFFIX = unique("r")

USERNAME_TAKEN = {"username": ["A user with this username already exists."]}
EMAIL_TAKEN = {"email": ["A user with this email already exists."]}
NO_ADDRESS = {"email": ["Enter a valid email address."]}
REGISTERED = {"message": "User registered successfully"}
TOKEN_REFUSED = {"detail": "Given token not valid for any token type", "code": "token_not_valid",
                 "messages": [{"token_class": "AccessToken", "token_type": "access",
                               "message": "Token is invalid or expired"}]}
NO_ACCOUNT = {"detail": "No active account found with the given credentials"}


def begins_with(text):
    return lambda body: list(body) == ["detail"] and body["detail"].startswith(text)


# name: (status, body or test of it, why)
DIFFERS = {
    "signup/duplicate-username-case": (400, USERNAME_TAKEN, "look-alike accounts"),
    "signup/duplicate-email-domain-case": (400, EMAIL_TAKEN, "Django's 500 is its unique index"),
    "signup/duplicate-username-nfkc": (400, USERNAME_TAKEN, "Django's 500 is its unique index"),
    "signup/truncated-json": (400, begins_with("JSON parse error - "), "the parser's words are ours"),
    "signup/nan-literal": (400, begins_with("JSON parse error - "), "the parser's words are ours"),
    "signup/utf8-bom": (400, begins_with("JSON parse error - "), "the parser's words are ours"),
    "signup/email-12": (400, NO_ADDRESS, "IP literals are refused"),
    "signup/email-22": (400, NO_ADDRESS, "quoted local parts are refused"),
    "signup/password-129": (201, REGISTERED, "passwords may have 1024 bytes"),
    "signup/password-spaces-trimmed-login": (401, NO_ACCOUNT, "spaces of a password are kept"),
    "login/password-trailing-space": (401, NO_ACCOUNT, "spaces of a password are kept"),
    "signup/multipart-no-boundary": (
        415, {"detail": 'Unsupported media type "multipart/form-data" in request.'}, "not read"),
    "method/OPTIONS": (204, None, "no metadata"),
    "path/trailing-slash": (201, REGISTERED, "djoser clients send it"),
    "path/upper": (404, {"detail": "Not found."}, "404 is JSON"),
    "signup/huge-3MB": (413, {"detail": "Request body too large."}, "bodies end at 16 KiB"),
    "signup/chunked": (201, REGISTERED, "chunked bodies are read"),
    "me/exp-string": (401, TOKEN_REFUSED, "Django answers 500"),
}

HUGE = json.dumps({"username": "huge", "email": "huge@example.com", "password": "p" * 3_000_000})


class Stage:
    """What the recorded exchanges rely on: a server, the account of signup/ok, its tokens."""

    def __init__(self, server):
        self.server = server
        self.connection = None
        self.key = (server.directory / "var" / "token.key").read_text().rstrip("\n")
        self.user_id = self.pair = None

    def call(self, request):
        if self.connection is None:
            self.connection = Connection(self.server.address)
        self.connection.send(request)
        answer = self.connection.receive(request.split(b" ", 1)[0].decode())
        if answer.closes():
            self.connection.close()
            self.connection = None
        return answer

    def post(self, path, body):
        return self.call(encode("POST", path, body))

    def prepare(self):
        """Before the first case that needs tokens; signup/ok has made the account by then."""
        if self.pair is None:
            answer = self.post("/api/auth/login", {"username": f"a{SUFFIX}", "password": "s3cret-pw"})
            assert answer.status == 200, answer
            self.pair = answer.json()
            claims = jwt.decode(self.pair["access"], self.key, algorithms=["HS256"])
            self.user_id = claims["user_id"]

    def mint(self, algorithm="HS256", **changes):
        now = int(time.time())
        claims = {"token_type": "access", "exp": now + 300, "iat": now, "jti": uuid.uuid4().hex,
                  "user_id": self.user_id, **changes}
        return jwt.encode({key: value for key, value in claims.items() if value is not None},
                          self.key, algorithm=algorithm)

    def jwt_for(self, name):
        """The token that stood at <jwt> in that case."""
        now = int(time.time())
        if name == "refresh/tampered":
            head, body, signature = self.pair["refresh"].split(".")
            return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        return {
            "me/own-token": lambda: self.mint(),
            "me/user-id-string": lambda: self.mint(),
            "me/exp-string": lambda: self.mint_exp_string(now),
            "me/iat-future": lambda: self.mint(iat=now + 3600, exp=now + 7200),
            "me/no-token-type": lambda: self.mint(token_type=None),
            "me/unknown-user": lambda: self.mint(user_id=str(uuid.uuid4())),
            "me/alg-hs512": lambda: self.mint(algorithm="HS512"),
        }[name]()

    def mint_exp_string(self, now):
        """PyJWT would not make one."""
        import base64
        import hashlib
        import hmac

        def part(value):
            return base64.urlsafe_b64encode(value).rstrip(b"=")
        signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps({
            "token_type": "access", "exp": str(now + 300), "iat": now, "jti": uuid.uuid4().hex,
            "user_id": self.user_id}).encode())
        return (signed + b"." + part(hmac.new(self.key.encode(), signed, hashlib.sha256).digest())).decode()

    def fill(self, name, text):
        text = text.replace("R0", SUFFIX).replace("1234567890", str(time.time_ns()))
        if "<" in text and name.split("/")[0] in ("me", "refresh", "verify"):
            self.prepare()
            text = text.replace("<access>", self.pair["access"])
            text = text.replace("<refresh>", self.pair["refresh"])
            if "<jwt>" in text:
                text = text.replace("<jwt>", self.jwt_for(name))
        return text


@pytest.fixture(scope="module")
def stage(module_servers):
    return Stage(module_servers({"password.min_length": "1"}))


def same_shape(expected, got):
    """Equality where <jwt> stands for any token."""
    if isinstance(expected, dict):
        return isinstance(got, dict) and expected.keys() == got.keys() and \
            all(same_shape(expected[key], got[key]) for key in expected)
    return got.count(".") == 2 if expected in ("<jwt>", "<access>", "<refresh>") else expected == got


def request_of(stage, case):
    request, name = case["request"], case["name"]
    body = request["body"]
    if name == "signup/huge-3MB":
        body = HUGE
    headers = []
    chunked = False
    for line in request["headers"]:
        if line.endswith(";"):  # curl's way to write an empty header
            headers.append((line[:-1], ""))
            continue
        key, value = line.split(": ", 1)
        chunked |= key == "Transfer-Encoding"
        headers.append((key, stage.fill(name, value)))
    if body is not None:
        body = stage.fill(name, body).encode()
        if name == "signup/username-150":
            body = body.replace(b"g" * 100, b"g" * (100 - (len(SUFFIX) - 2)), 1)
    method = request["method"]
    if not chunked:
        return encode(method, request["path"], body, request["content_type"], headers)
    lines = [f"{method} {request['path']} HTTP/1.1", "Host: test",
             f"Content-Type: {request['content_type']}", *(f"{k}: {v}" for k, v in headers), "", ""]
    return "\r\n".join(lines).encode() + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("case", EXCHANGES, ids=[case["name"] for case in EXCHANGES])
def test_the_recorded_exchange(stage, case):
    name = case["name"]
    if name == "signup/password-spaces-trimmed-login":
        made = stage.post("/api/auth/signup", {"username": f"i4{SUFFIX}", "password": "  pad-pw  ",
                                               "email": f"i4{SUFFIX}@example.com"})
        assert made.status == 201
    if name == "signup/huge-3MB":
        answer = huge(stage, request_of(stage, case))
    else:
        answer = stage.call(request_of(stage, case))
    status, body, why = DIFFERS.get(name, (case["status"], case["body"], "as recorded"))
    assert answer.status == status, (why, answer)
    if body is None:
        assert answer.body == b""
    else:
        assert answer.type == "application/json"
        got = json.loads(answer.body)
        if callable(body):
            assert body(got), got
        elif name.startswith("me/") and status == 200:
            assert got["id"] == stage.user_id
            wanted = json.loads(json.dumps(body).replace("R0", SUFFIX))
            assert {key: got[key] for key in ("username", "email")} == \
                {key: wanted[key] for key in ("username", "email")}
        else:
            assert same_shape(body, got), (why, got)
    if status == 401:
        assert answer.header("www-authenticate") == case["headers"].get(
            "www-authenticate", 'Bearer realm="api"')
    else:
        assert answer.header("www-authenticate") is None
    if status == 405 or case["request"]["method"] == "OPTIONS":
        assert answer.header("allow") == case["headers"]["allow"]


def huge(stage, request):
    """Three megabytes: the answer may come before the whole of it was taken."""
    connection = Connection(stage.server.address)
    try:
        connection.send(request)
    except ConnectionError:
        pass
    connection.sock.settimeout(patience(20))
    return connection.receive()


def test_every_difference_names_a_recorded_exchange():
    names = {case["name"] for case in EXCHANGES}
    assert set(DIFFERS) <= names and len(EXCHANGES) == len(names) == 89


def test_the_token_has_the_recorded_shape(stage):
    shape = next(case for case in CASES if case["name"] == "note/jwt-shape")
    stage.prepare()
    for kind in ("access", "refresh"):
        token = stage.pair[kind]
        assert jwt.get_unverified_header(token) == shape["header"]
        claims = jwt.decode(token, stage.key, algorithms=["HS256"])
        assert claims["token_type"] == shape[f"{kind}_type"]
        assert len(claims["jti"]) == shape["jti_length"]
        # libjwt sorts claims by name; the order of JSON members means nothing (RFC 8259).
        assert set(claims) == set(shape["claim_order"]) | {"sid"}
        numbers = {name for name, value in claims.items() if isinstance(value, int)}
        assert numbers == {"exp", "iat"}  # user_id is a string here: UUIDs
