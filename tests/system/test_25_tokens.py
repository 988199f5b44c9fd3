"""Forged, broken and foreign tokens (docs/api.md, Tokens; RFC 8725)."""
import base64
import hashlib
import hmac
import json
import time
import uuid

import pytest

from client import Api, unique
from gatepost import wait_for
from letters import letter_to

INVALID = "Token is invalid or expired"


def part(data):
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data, separators=(",", ":"))
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


HEADER = {"alg": "HS256", "typ": "JWT"}


class Forge:
    def __init__(self, server):
        self.server = server
        self.key = (server.directory / "var" / "token.key").read_bytes().rstrip(b"\n")
        api = Api(server.address)
        self.name = unique("forge")
        assert api.signup(self.name).status == 201
        self.pair = api.tokens(self.name)
        payload = self.pair["access"].split(".")[1]
        self.claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        api.close()

    def sign(self, header, claims, key=None, digest=hashlib.sha256):
        signed = f"{part(header)}.{part(claims)}"
        mac = hmac.new(self.key if key is None else key, signed.encode(), digest).digest()
        return f"{signed}.{part(mac)}"

    def with_claims(self, drop=(), **changes):
        claims = {key: value for key, value in {**self.claims, **changes}.items() if key not in drop}
        return self.sign(HEADER, claims)

    def with_header(self, digest=hashlib.sha256, **changes):
        return self.sign({**HEADER, **changes}, self.claims, digest=digest)


@pytest.fixture(scope="module")
def forge(server):
    return Forge(server)


NOW = int(time.time())
FORGED = {
    "alg none, no signature": lambda f: f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(f.claims)}.",
    "alg None, no signature": lambda f: f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(f.claims)}.",
    "alg nOnE, signed": lambda f: f.with_header(alg="nOnE"),
    "alg NONE with our signature": lambda f: f.with_header(alg="NONE"),
    "alg none, two parts": lambda f: f"{part({'alg': 'none'})}.{part(f.claims)}",
    "no alg": lambda f: f.sign({"typ": "JWT"}, f.claims),
    "alg null": lambda f: f.with_header(alg=None),
    "alg as a list": lambda f: f.with_header(alg=["HS256"]),
    "alg empty": lambda f: f.with_header(alg=""),
    "HS384": lambda f: f.with_header(alg="HS384", digest=hashlib.sha384),
    "HS512": lambda f: f.with_header(alg="HS512", digest=hashlib.sha512),
    "HS512 named, HS256 made": lambda f: f.with_header(alg="HS512"),
    "RS256 named": lambda f: f.with_header(alg="RS256"),
    "ES256 named": lambda f: f.with_header(alg="ES256"),
    "lower-case alg": lambda f: f.with_header(alg="hs256"),
    "empty signature": lambda f: f.pair["access"].rsplit(".", 1)[0] + ".",
    "stripped signature": lambda f: f.pair["access"].rsplit(".", 1)[0],
    "short signature": lambda f: f.pair["access"][:-4],
    "long signature": lambda f: f.pair["access"] + "AAAA",
    "padded signature": lambda f: f.pair["access"] + "=",
    "flipped signature": lambda f: f.pair["access"].rsplit(".", 1)[0] + "." + "".join(
        reversed(f.pair["access"].rsplit(".", 1)[1])),
    "extra segment": lambda f: f.pair["access"] + ".AAAA",
    "leading dot": lambda f: "." + f.pair["access"],
    "no dots": lambda f: f.pair["access"].replace(".", ""),
    "another key": lambda f: f.sign(HEADER, f.claims, key=b"k" * 43),
    "empty key": lambda f: f.sign(HEADER, f.claims, key=b""),
    "key with its newline": lambda f: f.sign(HEADER, f.claims, key=f.key + b"\n"),
    "a PEM as key": lambda f: f.sign(HEADER, f.claims, key=b"-----BEGIN PUBLIC KEY-----\n"),
    "jwk in the header, its key used": lambda f: f.sign(
        {**HEADER, "jwk": {"kty": "oct", "k": part(b"k" * 43)}}, f.claims, key=b"k" * 43),
    "jku in the header": lambda f: f.sign({**HEADER, "jku": "http://127.0.0.1:1/"}, f.claims, key=b"k"),
    "unknown kid": lambda f: f.sign({**HEADER, "kid": "../../etc/passwd"}, f.claims, key=b""),
    "claims changed": lambda f: ".".join([f.pair["access"].split(".")[0],
                                          part({**f.claims, "user_id": str(uuid.uuid4())}),
                                          f.pair["access"].split(".")[2]]),
    "header no JSON": lambda f: f.sign("{", f.claims),
    "header a list": lambda f: f.sign("[]", f.claims),
    "claims no JSON": lambda f: f.sign(HEADER, "{"),
    "claims a list": lambda f: f.sign(HEADER, "[]"),
    "claims a string": lambda f: f.sign(HEADER, '"x"'),
    "claims not UTF-8": lambda f: f.sign(HEADER, b'{"exp":9999999999,"a":"\xff"}'),
    "claims of another base64": lambda f: f.pair["access"].replace("_", "/").replace("-", "+") + "/+",
    "whitespace inside": lambda f: f.pair["access"].replace(".", " .", 1),
    "exp as a string": lambda f: f.with_claims(exp=str(NOW + 1000)),
    "exp null": lambda f: f.with_claims(exp=None),
    "exp true": lambda f: f.with_claims(exp=True),
    "exp a list": lambda f: f.with_claims(exp=[NOW + 1000]),
    "exp negative": lambda f: f.with_claims(exp=-1),
    "exp zero": lambda f: f.with_claims(exp=0),
    "exp past": lambda f: f.with_claims(exp=NOW - 1),
    "iat in the future": lambda f: f.with_claims(iat=NOW + 3600),
    "iat as a string": lambda f: f.with_claims(iat="now"),
    "nbf in the future": lambda f: f.with_claims(nbf=NOW + 3600),
    "nbf as a string": lambda f: f.with_claims(nbf="now"),
    "deep claims": lambda f: f.sign(HEADER, '{"exp":' + "[" * 1000 + "]" * 1000 + "}"),
    "over 4 KiB": lambda f: f.with_claims(filler="x" * 4096),
    "a proof token": lambda f: f.proof,
}


def bearer_of(forge, name):
    if name == "a proof token":
        forge.proof = letter_to(forge.server, f"{forge.name}@example.com").token
    return FORGED[name](forge)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_opens_nothing(api, forge, name):
    token = bearer_of(forge, name)
    answer = api.me(token)
    assert answer.status in ((401, 431) if name == "over 4 KiB" else (401,)), answer
    if name != "whitespace inside" and answer.status == 401:
        assert answer.json()["code"] == "token_not_valid"
    for path, field in (("verify", "token"), ("refresh", "refresh")):
        answer = api.post(f"/api/auth/token/{path}", {field: token})
        assert answer.status == 401, answer
        assert answer.json() == {"detail": INVALID, "code": "token_not_valid"}
        assert answer.header("www-authenticate") == 'Bearer realm="api"'


def test_exp_beyond_64_bits_is_no_pass_and_no_crash(api, forge):
    for number in ("9223372036854775808", "1e400", "-9223372036854775809", "NaN", "1" * 400):
        token = forge.sign(HEADER, json.dumps({**forge.claims, "exp": "#"}).replace('"#"', number))
        assert api.me(token).status == 401, number


# what the package says, in the order in which it looks (rest_framework_simplejwt/tokens.py)
MESSAGES = {
    "exp": ({"drop": ("exp",)}, "Token has no 'exp' claim"),
    "jti": ({"drop": ("jti",)}, "Token has no id"),
    "type": ({"drop": ("token_type",)}, "Token has no type"),
    "wrong type": ({"token_type": "refresh"}, "Token has wrong type"),
    "sliding": ({"token_type": "sliding"}, "Token has wrong type"),
    "exp before jti": ({"drop": ("exp", "jti", "token_type")}, "Token has no 'exp' claim"),
    "jti before type": ({"drop": ("jti", "token_type")}, "Token has no id"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_is_the_first_that_applies(api, forge, name):
    changes, message = MESSAGES[name]
    answer = api.me(forge.with_claims(**changes))
    assert answer.status == 401
    assert answer.json()["messages"][0]["message"] == message


def test_a_token_without_user_is_told_as_the_package_does(api, forge):
    answer = api.me(forge.with_claims(drop=("user_id",)))
    assert (answer.status, answer.json()) == (401, {
        "detail": "Token contained no recognizable user identification", "code": "token_not_valid"})


@pytest.mark.parametrize("user_id", [17, "17", str(uuid.uuid4()), "x" * 64, "ü"])
def test_a_user_that_nobody_is_is_not_found(api, forge, user_id):
    answer = api.me(forge.with_claims(user_id=user_id, drop=("sid",)))
    assert (answer.status, answer.json()) == (
        401, {"detail": "User not found", "code": "user_not_found"})


@pytest.mark.parametrize("user_id", [None, True, [], {}, 1.5, "x" * 4000, ""])
def test_a_user_id_of_another_kind_is_401(api, forge, user_id):
    assert api.me(forge.with_claims(user_id=user_id, drop=("sid",))).status in (401, 431)


def test_what_a_django_service_makes_is_good(api, forge):
    assert api.me(forge.with_claims(drop=("iat", "sid"))).status == 200
    assert api.me(forge.with_claims(drop=("iat", "sid"), exp=time.time() + 60.5)).status == 200
    assert api.me(forge.with_claims(iat=int(time.time()) + 5)).status == 200
    assert api.me(forge.with_claims(nbf=int(time.time()))).status == 200


def test_a_session_that_is_not_there_does_not_stand(api, forge):
    assert api.me(forge.with_claims(sid=str(uuid.uuid4()))).status == 401
    for sid in ("x", 5, None, "", "../x"):
        assert api.me(forge.with_claims(sid=sid)).status == 401, sid


def test_a_refresh_token_made_elsewhere_is_adopted_once(api, forge):
    token = forge.with_claims(drop=("sid", "iat"), token_type="refresh", jti=uuid.uuid4().hex,
                              exp=int(time.time()) + 600)
    assert api.post("/api/auth/token/verify", {"token": token}).status == 200
    answer = api.post("/api/auth/token/refresh", {"refresh": token})
    assert answer.status == 200, answer
    assert api.me(answer.json()["access"]).status == 200
    parallel = api.post("/api/auth/token/refresh", {"refresh": token})
    assert parallel.json()["refresh"] == answer.json()["refresh"]
    assert api.post("/api/auth/token/verify", {"token": token}).status == 401
    again = api.post("/api/auth/token/refresh", {"refresh": answer.json()["refresh"]})
    assert again.status == 200
    assert api.post("/api/auth/logout", {"refresh": again.json()["refresh"]}).status == 200
    assert api.post("/api/auth/token/refresh", {"refresh": token}).status == 401
    assert api.me(answer.json()["access"]).status == 401


def test_a_refresh_token_made_elsewhere_can_be_logged_out_unused(api, forge):
    token = forge.with_claims(drop=("sid", "iat"), token_type="refresh", jti=uuid.uuid4().hex,
                              exp=int(time.time()) + 600)
    assert api.post("/api/auth/logout", {"refresh": token}).status == 200
    assert api.post("/api/auth/logout", {"refresh": token}).status == 401
    assert api.post("/api/auth/token/verify", {"token": token}).status == 401
    assert api.post("/api/auth/token/refresh", {"refresh": token}).status == 401


def test_token_verify_takes_a_token_without_user(api, forge):
    """As simplejwt: UntypedToken does not look at user_id."""
    assert api.post("/api/auth/token/verify",
                    {"token": forge.with_claims(drop=("user_id", "sid"))}).status == 200


def test_the_authorization_header_is_read_as_the_package_reads_it(api, forge):
    access = forge.pair["access"]
    missing = {"detail": "Authentication credentials were not provided."}
    two = {"detail": "Authorization header must contain two space-delimited values",
           "code": "bad_authorization_header"}
    for value, status, body in (
            (f"Bearer {access}", 200, None), (f"bearer {access}", 401, missing),
            (f"Bearer  {access}", 200, None), (f"Token {access}", 401, missing),
            (access, 401, missing), (f"Bearer {access} x", 401, two), ("Bearer", 401, two),
            (f"Bearer\t{access}", 200, None), ("", 401, missing)):
        answer = api.get("/api/auth/me", headers=[("Authorization", value)])
        assert answer.status == status, (value[:20], answer)
        if body:
            assert answer.json() == body
    assert api.get("/api/auth/me").json() == missing


def test_no_token_reaches_the_log(server, api, forge):
    api.me(forge.pair["access"])
    api.post("/api/auth/token/verify", {"token": forge.pair["refresh"]})
    api.get("/healthz")
    wait_for(lambda: server.log_text(), 5, "a log")
    for token in forge.pair.values():
        assert token.rsplit(".", 1)[1] not in server.log_text()
