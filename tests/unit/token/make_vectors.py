#!/usr/bin/python3
"""Writes vectors.inc: tokens, and what simplejwt and PyJWT make of them.

Run it with Debian's packages (simplejwt 5.2, PyJWT 2.6.0-1+deb12u1), from anywhere:
    /usr/bin/python3 tests/unit/token/make_vectors.py
Every token is given to the real simplejwt at a fixed time. Gatepost must answer the same, but for
the rows with ours=, which say why.
"""
import base64
import datetime
import hashlib
import hmac
import json
import pathlib

import django
from django.conf import settings

KEY = "0123456789abcdef0123456789abcdef0123456789a"
NOW = 1800000000.25
settings.configure(
    SECRET_KEY="unused", USE_TZ=True, SIMPLE_JWT={"SIGNING_KEY": KEY},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
django.setup()

import jwt.api_jwt  # noqa: E402
import rest_framework_simplejwt.tokens as tokens  # noqa: E402
from rest_framework_simplejwt.exceptions import TokenError  # noqa: E402


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


jwt.api_jwt.datetime = FixedTime
tokens.aware_utcnow = lambda: datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc)

SENTENCES = {
    "Token is invalid or expired": "TOKEN_INVALID", "Token has no 'exp' claim": "TOKEN_NO_EXP",
    "Token has no id": "TOKEN_NO_ID", "Token has no type": "TOKEN_NO_TYPE",
    "Token has wrong type": "TOKEN_WRONG_TYPE",
}
CLASSES = {"TOKEN_ACCESS": tokens.AccessToken, "TOKEN_REFRESH": tokens.RefreshToken,
           "TOKEN_ANY": tokens.UntypedToken}
HEAD = {"alg": "HS256", "typ": "JWT"}
GOOD = {"token_type": "access", "exp": 1800000300, "iat": 1800000000,
        "jti": "0123456789abcdef0123456789abcdef", "user_id": 7}
SID = "0190a5a4-7c00-7000-8000-000000000001"
rows = []


def b64(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def text(value):
    return value if isinstance(value, (str, bytes)) else json.dumps(value, separators=(",", ":"))


def make(payload=None, head=HEAD, key=KEY, digest=hashlib.sha256, signed=True):
    body = b64(text(head)) + "." + b64(text(GOOD if payload is None else payload))
    key = key.encode() if isinstance(key, str) else key
    return body + "." + (b64(hmac.new(key, body.encode(), digest).digest()) if signed else "")


def claims(drop=(), **changes):
    changed = {**GOOD, **changes}
    return {name: value for name, value in changed.items() if name not in drop}


def ask_simplejwt(token, wanted):
    try:
        CLASSES[wanted](token)
    except TokenError as error:
        return SENTENCES.get(str(error.args[0]), "CRASH")
    except Exception:
        return "CRASH"  # Django answers 500
    return "TOKEN_OK"


def row(name, token, wanted="TOKEN_ACCESS", ours=None, subject="7", why=""):
    theirs = ask_simplejwt(token, wanted)
    status = ours or theirs
    assert status != "CRASH", (name, "needs ours=")
    assert (ours is None) == (theirs == status), (name, theirs, "ours= without a difference")
    assert ours is None or theirs == "CRASH" or why, (name, theirs, "needs why=")
    rows.append((name, token, wanted, status, subject if status == "TOKEN_OK" else "", theirs, why))


def raw(name, value):
    """A payload with one claim written as it is, for numbers that json.dumps would change."""
    rest = json.dumps(claims(drop=[name]))[1:]
    return '{"%s":%s,%s' % (name, value, rest)


INVALID = "TOKEN_INVALID"


def good_tokens():
    row("made by simplejwt", str(tokens.AccessToken.for_user(type("U", (), {"id": 7}))))
    refresh = tokens.RefreshToken.for_user(type("U", (), {"id": "0190a5a4-7c00-7000-8000-0"}))
    row("refresh made by simplejwt", str(refresh), "TOKEN_REFRESH",
        subject="0190a5a4-7c00-7000-8000-0")
    row("access of that refresh", str(refresh.access_token), subject="0190a5a4-7c00-7000-8000-0")
    row("either type, access", make(), "TOKEN_ANY")
    row("either type, refresh", make(claims(token_type="refresh")), "TOKEN_ANY")
    row("without iat", make(claims(drop=["iat"])))
    row("no typ in the header", make(head={"alg": "HS256"}))
    row("header in another order", make(head={"typ": "JWT", "alg": "HS256"}))
    row("spaces in the JSON", make(json.dumps(GOOD, indent=2), head=json.dumps(HEAD, indent=1)))
    row("exp with a fraction", make(raw("exp", "1800000300.75")))
    row("exp as 1.8e9 and more", make(raw("exp", "1.8000003e9")))
    row("exp in the next second", make(claims(exp=1800000001)))
    row("nbf now", make(claims(nbf=1800000000)))
    row("iat with a fraction", make(raw("iat", "1799999999.5")))
    row("user_id as text", make(claims(user_id="abc")), subject="abc")
    row("user_id of 64 bytes", make(claims(user_id="u" * 64)), subject="u" * 64)
    row("user_id of 65 bytes is nobody's", make(claims(user_id="u" * 65)), subject="")
    row("user_id of another type is nobody's", make(claims(user_id={"a": 1})), subject="")
    row("user_id null is nobody's", make(claims(user_id=None)), subject="")
    row("user_id true is nobody's", make(claims(user_id=True)), subject="")
    row("no user_id", make(claims(drop=["user_id"])), subject="")
    row("session", make(claims(sid=SID)))
    row("other claims, nested", make(claims(aud="x", iss="y", roles=["a", {"b": [1]}])))
    row("escapes in a claim", make(raw("user_id", '"\\u00e9\\u0061"')), subject="\u00e9a")


def times():
    row("expired", make(claims(exp=1799999999)))
    row("exp is this second", make(claims(exp=1800000000)))
    row("exp is a fraction ahead", make(raw("exp", "1800000000.9")))
    row("exp as text", make(claims(exp="soon")))
    row("exp as digits in text", make(claims(exp="1800000300")), ours=INVALID)
    row("exp null", make(claims(exp=None)), ours=INVALID)
    row("exp true", make(claims(exp=True)))
    row("exp list", make(claims(exp=[1800000300])), ours=INVALID)
    row("exp negative", make(claims(exp=-1)))
    row("exp 2^63", make(raw("exp", str(2 ** 63))), ours=INVALID)
    row("exp 2^64 + 300", make(raw("exp", str(2 ** 64 + 300))), ours=INVALID)
    row("exp 1e999", make(raw("exp", "1e999")), ours=INVALID)
    row("exp NaN", make(raw("exp", "NaN")))
    row("exp Infinity", make(raw("exp", "Infinity")), ours=INVALID)
    row("exp after the year 9999", make(claims(exp=253402300800)), ours=INVALID)
    row("no exp", make(claims(drop=["exp"])))
    row("no exp, no jti, no type", make({"user_id": 7}))
    row("iat 31 s ahead", make(claims(iat=1800000031)))
    row("iat 29 s ahead", make(claims(iat=1800000029)), ours="TOKEN_OK",
        why="two machines' clocks are never the same")
    row("iat as text", make(claims(iat="x")))
    row("iat as digits in text", make(claims(iat="1800000000")), ours=INVALID)
    row("iat null", make(claims(iat=None)), ours=INVALID)
    row("iat negative", make(claims(iat=-5)), ours=INVALID, why="no clock of ours said that")
    row("iat 2^63", make(raw("iat", str(2 ** 63))))
    row("iat NaN", make(raw("iat", "NaN")))
    row("nbf 31 s ahead", make(claims(nbf=1800000031)))
    row("nbf as text", make(claims(nbf="x")))
    row("nbf as digits in text", make(claims(nbf="1")), ours=INVALID,
        why="RFC 7519 wants a number")
    row("nbf null", make(claims(nbf=None)), ours=INVALID)
    row("expired and of the wrong type", make(claims(exp=1, token_type="refresh")))


def order():
    row("no jti", make(claims(drop=["jti"])))
    row("no jti, no type", make(claims(drop=["jti", "token_type"])))
    row("no type", make(claims(drop=["token_type"])))
    row("wrong type", make(claims(token_type="refresh")))
    row("wrong type, the other way", make(), "TOKEN_REFRESH")
    row("type of a reset link", make(claims(token_type="reset")))
    row("type null", make(claims(token_type=None)))
    row("type a list", make(claims(token_type=["access"])))
    row("type with a NUL", make(claims(token_type="access\0")))
    row("either type, none", make(claims(drop=["token_type"])), "TOKEN_ANY", ours="TOKEN_NO_TYPE",
        why="a token without a type is of no use to anybody")
    row("either type, a third", make(claims(token_type="reset")), "TOKEN_ANY",
        ours="TOKEN_WRONG_TYPE", why="nor is one of a type that is neither")
    row("jti null", make(claims(jti=None)), ours=INVALID, why="it names nothing")
    row("jti a number", make(claims(jti=5)), ours=INVALID, why="it names nothing")
    row("jti empty", make(claims(jti="")), ours=INVALID, why="it names nothing")
    row("jti of 33 bytes", make(claims(jti="f" * 33)), ours=INVALID, why="sizes are bounded")
    row("sid that is no UUID", make(claims(sid="../../etc")), ours=INVALID, why="no such session")
    row("sid null", make(claims(sid=None)), ours=INVALID, why="no such session")


def forged_algorithms():
    for alg in ["none", "None", "nOnE", "NONE", "", None, 256, ["HS256"], "hs256", "HS256 ",
                "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "HS256\0"]:
        head = {"alg": alg, "typ": "JWT"}
        crash = ask_simplejwt(make(head=head), "TOKEN_ACCESS") == "CRASH"
        row(f"alg {alg!r}", make(head=head), ours=INVALID if crash else None)
        row(f"alg {alg!r}, unsigned", make(head=head, signed=False), ours=INVALID if crash else None)
    row("HS384, rightly signed", make(head={"alg": "HS384"}, digest=hashlib.sha384))
    row("HS512, rightly signed", make(head={"alg": "HS512"}, digest=hashlib.sha512))
    row("no alg", make(head={"typ": "JWT"}))
    row("alg twice", make(head='{"alg":"none","alg":"HS256"}'), ours=INVALID,
        why="two readers could disagree")
    row("HS256 signed by SHA-512", make(digest=hashlib.sha512))
    row("key of length 0", make(key=""))
    row("another key", make(key="x" * 43))
    row("the key less its last byte", make(key=KEY[:-1]))
    row("the key and a newline", make(key=KEY + "\n"))
    pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ==\n-----END PUBLIC KEY-----\n"
    row("a PEM file as the key", make(key=pem))


def forged_headers():
    for name, value in {"jwk": {"kty": "oct", "k": b64("x" * 32)}, "jku": "http://127.0.0.1/k",
                        "x5u": "http://127.0.0.1/c", "kid": "1", "kid ": "../../dev/null",
                        "zip": "DEF", "cty": "JWT"}.items():
        row(f"header with {name}", make(head={**HEAD, name.strip(): value}), ours=INVALID,
            why="nothing we or simplejwt write; there is one key and no other source of keys")
    row("header with crit", make(head={**HEAD, "crit": ["exp"]}))
    row("header with b64 false", make(head={**HEAD, "b64": False, "crit": ["b64"]}))
    row("kid of another type", make(head={**HEAD, "kid": 5}))
    row("typ of another kind", make(head={"alg": "HS256", "typ": "at+jwt"}), ours=INVALID,
        why="another kind of token")
    row("typ a number", make(head={"alg": "HS256", "typ": 5}), ours=INVALID, why="malformed")
    row("header a list", make(head=[HEAD]))
    row("header empty", make(head=""))
    row("header not UTF-8", make(head=b'{"alg":"HS256","x\xff":1}'))


def forged_shapes():
    good = make()
    head, body, mac = good.split(".")
    row("nothing", "")
    row("garbage", "garbage")
    row("dots alone", "..")
    row("one dot", head + "." + body)
    row("four segments", good + "." + mac)
    row("five segments", ".".join(["", *good.split("."), ""]))
    row("empty signature", head + "." + body + ".")
    row("stripped signature", head + "." + body)
    row("signature cut", good[:-4])
    row("signature longer", good + "AAAA")
    row("signature changed", good[:-6] + ("A" if good[-6] != "A" else "B") + good[-5:])
    row("body of another", head + "." + b64(text(claims(user_id=1))) + "." + mac)
    row("header of another", b64('{"alg":"HS256"}') + "." + body + "." + mac)
    row("padded", good + "=", ours=INVALID, why="one spelling only")
    spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    row("spare bits", good[:-1] + spare[spare.index(good[-1]) + 1], ours=INVALID,
        why="one spelling only")
    row("newline at the end", good + "\n")
    row("space in front", " " + good)
    row("JSON serialisation", json.dumps({"payload": body, "signatures": [{"signature": mac}]}))
    row("payload no JSON", make("x"))
    row("payload empty", make(""))
    row("payload a list", make([1]))
    row("payload null", make("null"))
    row("payload not UTF-8", make(b'{"exp":1800000300,"a":"\xff"}'))
    row("payload with a BOM", make("\ufeff" + json.dumps(GOOD)), ours=INVALID,
        why="RFC 8259 forbids it")
    row("payload and more", make(json.dumps(GOOD) + "{}"))
    row("a claim twice", make(raw("exp", "1")[:-1] + ',"exp":1800000300}'), ours=INVALID,
        why="two readers could disagree")
    row("nested deeply", make(raw("x", "[" * 200 + "]" * 200)), ours=INVALID,
        why="depth is bounded")


def main():
    # str() of a new token takes its time and jti from the machine: make the file the same each time.
    tokens.Token.set_jti = lambda self: self.payload.__setitem__("jti", "ab" * 16)
    for group in (good_tokens, times, order, forged_algorithms, forged_headers, forged_shapes):
        group()
    out = pathlib.Path(__file__).with_name("vectors.inc")
    with out.open("w") as file:
        print("/* Made by make_vectors.py: do not edit. */\n/* clang-format off */", file=file)
        print(f'#define VECTOR_KEY "{KEY}"\n#define VECTOR_NOW_MS {int(NOW * 1000)}', file=file)
        print("static const struct vector vectors[] = {", file=file)
        for name, token, wanted, status, subject, theirs, why in rows:
            if theirs == "CRASH":
                print("/* Django answers 500 */", file=file)
            elif why:
                print(f"/* simplejwt: {theirs}; {why} */", file=file)
            fields = ", ".join(json.dumps(x, ensure_ascii=False) for x in (name, token))
            print("{%s, %s, %s, %s}," % (fields, wanted, status,
                                         json.dumps(subject, ensure_ascii=False)), file=file)
        print("};", file=file)
    print(len(rows), "vectors,", sum(row[3] != "TOKEN_OK" for row in rows), "of them refused")


if __name__ == "__main__":
    main()
