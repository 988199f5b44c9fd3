#!/usr/bin/python3
"""Writes keys.inc, four key files, and forged.inc, tokens that must be refused and some that must not.

    /usr/bin/python3 tests/unit/token/make_forged.py
The keys are those of RFC 7515 (A.2, A.3) and RFC 8037 (A.1), which everybody knows: for tests only.
test_forged.c gives every row to token_check, tests/system/test_26_forged_tokens.py to a server.
ES256 signatures are random, so each run writes other ones.
"""
import base64
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

SECRET = b"0123456789abcdef0123456789abcdef0123456789a"   # token.secret_file
KEYED = b"the HS256 key that has a kid, 43 characters"
ISSUED, FAR = 1700000000, 4102444800
SINCE = 4000000000      # of the key files, so that none of them is ever over
GOOD = {"token_type": "access", "exp": FAR, "iat": ISSUED, "jti": "0123456789abcdef" * 2,
        "user_id": "7"}
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
INVALID = "TOKEN_INVALID"
rows = []


def b64(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(text):
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


def compact(value):
    return value if isinstance(value, (str, bytes)) else json.dumps(value, separators=(",", ":"))


# ---- keys -------------------------------------------------------------------------------------------

def rsa_key():
    p = number("4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_"
               "Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc")
    q = number("uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7Tje"
               "LQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc")
    d = pow(65537, -1, (p - 1) * (q - 1))
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p),
                                 rsa.RSAPublicNumbers(65537, p * q)).private_key()


ES = ec.derive_private_key(number("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"), ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.from_private_bytes(
    number("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").to_bytes(32, "big"))
RS = rsa_key()
PAIRS = {"es-1": ("ES256", ES), "rs-1": ("RS256", RS), "ed-1": ("EdDSA", ED)}


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def public(key, encoding=serialization.Encoding.PEM,
           shape=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(encoding, shape)


def key_files():
    yield f"hs-1.HS256.{SINCE}.key", KEYED.decode() + "\n"
    for kid, (alg, key) in PAIRS.items():
        yield f"{kid}.{alg}.{SINCE}.pem", pem(key)


# ---- signing ----------------------------------------------------------------------------------------

def halves(r, s):
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def es256(text, digest=hashes.SHA256()):
    return halves(*utils.decode_dss_signature(ES.sign(text, ec.ECDSA(digest))))


def rs256(text, digest=hashes.SHA256()):
    return RS.sign(text, padding.PKCS1v15(), digest)


def mac(key, digest=hashlib.sha256):
    return lambda text: hmac.new(key, text, digest).digest()


SIGN = {"es-1": es256, "rs-1": rs256, "ed-1": ED.sign, "hs-1": mac(KEYED), None: mac(SECRET)}
ALG = {"es-1": "ES256", "rs-1": "RS256", "ed-1": "EdDSA", "hs-1": "HS256", None: "HS256"}


def head_of(key, **changes):
    head = {"alg": ALG[key], "typ": "JWT", **({"kid": key} if key else {}), **changes}
    return {name: value for name, value in head.items() if value != "drop"}


def make(head, sign, payload=GOOD):
    text = b64(compact(head)) + "." + b64(compact(payload))
    return text + "." + b64(sign(text.encode()))


def row(name, token, status=INVALID):
    assert len(token) < 4096, (name, "C's literals end there; test_access_token.c has larger ones")
    rows.append((name, token, status))


# ---- rows -------------------------------------------------------------------------------------------

def good():
    for kid, sign in SIGN.items():
        row(f"good: {kid or 'token.secret_file'}", make(head_of(kid), sign), "TOKEN_OK")
        row(f"good: {kid or 'token.secret_file'}, members in another order",
            make(dict(reversed(head_of(kid).items())), sign), "TOKEN_OK")
        row(f"good: {kid or 'token.secret_file'}, without typ", make(head_of(kid, typ="drop"), sign),
            "TOKEN_OK")


def algorithms():
    for kid, sign in SIGN.items():
        text = make(head_of(kid), sign).split(".")
        for alg in ("none", "None", "nOnE", "NONE", "", "HS384", "HS512", "RS256", "ES256", "EdDSA",
                    "HS256", "PS256", "ES512", "ES256K", "Ed25519", None, 256, [ALG[kid]], ALG[kid].lower(),
                    ALG[kid] + "\0", " " + ALG[kid]):
            if alg == ALG[kid]:
                continue
            head = head_of(kid, alg=alg)
            row(f"{kid}: alg {alg!r}, signed by the key", make(head, sign))
            if str(alg).lower() in ("none", ""):
                row(f"{kid}: alg {alg!r}, empty signature", make(head, lambda text: b""))
                row(f"{kid}: alg {alg!r}, no signature", f"{b64(compact(head))}.{text[1]}")
        row(f"{kid}: no alg", make(head_of(kid, alg="drop"), sign))
    for name, digest in (("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
        row(f"{name}, rightly signed", make(head_of(None, alg=name), mac(SECRET, digest)))
        row(f"HS256 named, {name} made", make(head_of(None), mac(SECRET, digest)))
    row("ES256 over SHA-384", make(head_of("es-1"), lambda text: es256(text, hashes.SHA384())))
    row("RS256 over SHA-512", make(head_of("rs-1"), lambda text: rs256(text, hashes.SHA512())))
    pss = lambda text: RS.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    row("RS256 named, PSS made", make(head_of("rs-1"), pss))
    row("PS256, rightly signed", make(head_of("rs-1", alg="PS256"), pss))


def confusion():
    """A MAC whose key is what everybody can read."""
    raw = {"es-1": public(ES, serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
           "rs-1": RS.public_key().public_numbers().n.to_bytes(256, "big"),
           "ed-1": public(ED, serialization.Encoding.Raw, serialization.PublicFormat.Raw)}
    for kid, (alg, key) in PAIRS.items():
        text = public(key)
        for name, secret in {
                "public PEM": text, "public PEM less its newline": text.rstrip(b"\n"),
                "public PEM with CRLF": text.replace(b"\n", b"\r\n"),
                "public DER": public(key, serialization.Encoding.DER), "bare public key": raw[kid],
                "JWKS x or n": b64(raw[kid][1:33] if kid == "es-1" else raw[kid]).encode(),
                "kid": kid.encode(), "nothing": b""}.items():
            row(f"{kid}: HS256 under the {name}", make(head_of(kid, alg="HS256"), mac(secret)))
            row(f"HS256 without kid under {kid}'s {name}", make(head_of(None), mac(secret)))
            row(f"{kid}: {alg} named, HS256 under the {name}", make(head_of(kid), mac(secret)))
    for kid, sign in SIGN.items():
        for other in SIGN:
            if other != kid:
                row(f"{other}'s header signed by {kid}", make(head_of(other), sign))
                row(f"{kid}'s algorithm with {other}'s kid",
                    make(head_of(kid, kid=other or "drop"), sign))


def signatures():
    for kid, sign in SIGN.items():
        token = make(head_of(kid), sign)
        head, body, last = token.split(".")
        raw = base64.urlsafe_b64decode(last + "==")
        for name, value in {
                "empty": b"", "one byte short": raw[:-1], "one byte long": raw + b"\0",
                "a zero in front": b"\0" + raw, "all zero": bytes(len(raw)),
                "a bit changed": bytes([raw[0] ^ 1]) + raw[1:], "twice": raw + raw,
                "reversed": raw[::-1], "its first half": raw[:len(raw) // 2]}.items():
            row(f"{kid}: signature {name}", f"{head}.{body}.{b64(value)}")
        row(f"{kid}: signature stripped", f"{head}.{body}")
        row(f"{kid}: four segments", f"{token}.{last}")
        row(f"{kid}: leading segment", f".{token}")
        row(f"{kid}: five segments", f"{token}.AAAA.AAAA")
        row(f"{kid}: padded", token + "=" * (-len(last) % 4 or 1))
        row(f"{kid}: newline at the end", token + "\n")
        row(f"{kid}: space in front", " " + token)
        row(f"{kid}: space inside", f"{head} .{body}.{last}")
        row(f"{kid}: another payload", f"{head}.{b64(compact({**GOOD, 'user_id': '1'}))}.{last}")
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        if len(raw) % 3:
            row(f"{kid}: spare bits in the signature", token[:-1] + letters[letters.index(last[-1]) + 1])
        row(f"{kid}: base64 of the other alphabet",
            f"{head}.{body}.{base64.b64encode(raw).decode().rstrip('=')}/+")
    der = lambda text: ES.sign(text, ec.ECDSA(hashes.SHA256()))
    row("ES256 as DER", make(head_of("es-1"), der))
    n = P256_ORDER
    for name, pair in {"0, 0": (0, 0), "0, 1": (0, 1), "1, 0": (1, 0), "n, n": (n, n), "n, 1": (n, 1),
                       "1, n": (1, n), "1, 1": (1, 1), "n-1, n-1": (n - 1, n - 1),
                       "2^256-1, 2^256-1": (2**256 - 1, 2**256 - 1)}.items():
        row(f"ES256 with r, s = {name} (CVE-2022-21449)", make(head_of("es-1"), lambda text: halves(*pair)))
    small = bytes([1]) + bytes(31)                  # the neutral element
    order_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    for name, point in {"the neutral element": small, "zero": bytes(32), "of order 8": order_8}.items():
        row(f"EdDSA with R {name}, S 0", make(head_of("ed-1"), lambda text: point + bytes(32)))

    def with_order_added(text):
        raw = ED.sign(text)
        return raw[:32] + (int.from_bytes(raw[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
    row("EdDSA with S + L", make(head_of("ed-1"), with_order_added))
    modulus = RS.public_key().public_numbers().n
    for value in (0, 1, modulus - 1, modulus):
        row(f"RS256 with signature {'n' if value > 1 else ''}{value - modulus if value > 1 else value}",
            make(head_of("rs-1"), lambda text: value.to_bytes(256, "big")))


def kids():
    for name, kid in {
            "a path": "../../../../dev/null", "an absolute path": "/dev/null", "a file": f"hs-1.HS256.{SINCE}.key",
            "a NUL after it": "hs-1\0", "a NUL before it": "\0hs-1", "empty": "", "a blank": " ",
            "a blank after it": "hs-1 ", "upper case": "HS-1", "65 characters": "k" * 65, "huge": "k" * 2000,
            "a list": ["hs-1"], "an object": {"hs-1": 1}, "a number": 1, "null": None, "true": True,
            "SQL": "x' UNION SELECT 'secret", "a command": "hs-1|id", "a URL": "http://127.0.0.1/k",
            "unknown": "0123456789abcdef", "a lone surrogate": "\ud800", "a prefix": "hs-"}.items():
        for key_name, key in {"its key": KEYED, "no key": b"", "the other key": SECRET}.items():
            row(f"kid {name}, under {key_name}", make(head_of("hs-1", kid=kid), mac(key)))
    row("kid twice", make('{"alg":"HS256","kid":"es-1","kid":"hs-1"}', mac(KEYED)))
    row("alg twice", make('{"alg":"none","alg":"HS256"}', mac(SECRET)))
    row("kid of an asymmetric key under token.secret_file", make(head_of(None, kid="es-1"), mac(SECRET)))


def headers():
    own = ec.derive_private_key(7, ec.SECP256R1())
    point = own.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")),
           "y": b64(point.y.to_bytes(32, "big")), "kid": "own"}
    by_own = lambda text: halves(*utils.decode_dss_signature(own.sign(text, ec.ECDSA(hashes.SHA256()))))
    row("jwk, signed by it (CVE-2018-0114)", make({"alg": "ES256", "typ": "JWT", "jwk": jwk}, by_own))
    row("jwk and a good kid, signed by it", make(head_of("es-1", jwk=jwk), by_own))
    row("jwk of a MAC, made with it", make(head_of(None, jwk={"kty": "oct", "k": b64("k" * 32)}), mac(b"k" * 32)))
    for name, value in {
            "jwk": jwk, "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/c", "x5c": ["MIIB"],
            "x5t": "AAAA", "crit": ["exp"], "b64": False, "zip": "DEF", "cty": "JWT", "enc": "A128GCM",
            "epk": {}, "p2c": 2**31, "KID": "hs-1", "Alg": "none", "": ""}.items():
        for kid in ("es-1", None):
            row(f"{kid}: header with {name!r}, rightly signed", make(head_of(kid, **{name: value}), SIGN[kid]))
    for typ in ("at+jwt", "JWE", "", 5, None, ["JWT"], "JWT\0"):
        row(f"typ {typ!r}", make(head_of(None, typ=typ), mac(SECRET)))
    for name, head in {"a list": "[]", "text": '"HS256"', "null": "null", "empty": "", "cut": '{"alg":"HS256"',
                       "and more": '{"alg":"HS256"}{}', "with a BOM": "\ufeff" + '{"alg":"HS256"}',
                       "not UTF-8": b'{"alg":"HS256","kid":"\xff"}', "deep": '{"alg":' + "[" * 90 + "]" * 90 + "}"}.items():
        row(f"header {name}", make(head, mac(SECRET)))


def payloads():
    for kid in ("ed-1", None):
        def claims(name, status=INVALID, **changes):
            payload = {key: value for key, value in {**GOOD, **changes}.items() if value != "drop"}
            row(f"{kid}: {name}", make(head_of(kid), SIGN[kid], payload), status)

        def raw(name, value):
            payload = compact({**GOOD, name: "#"}).replace('"#"', value)
            row(f"{kid}: {name} {value[:30]}", make(head_of(kid), SIGN[kid], payload))
        claims("no exp", "TOKEN_NO_EXP", exp="drop")
        claims("no jti", "TOKEN_NO_ID", jti="drop")
        claims("no type", "TOKEN_NO_TYPE", token_type="drop")
        for name in ("reset", "verify", "refresh ", "ACCESS", "", None, 1, ["access"], "access\0"):
            claims(f"type {name!r}", "TOKEN_WRONG_TYPE", token_type=name)
        for name in ("exp", "iat", "nbf"):
            for value in ('"4102444800"', "null", "true", "[4102444800]", "{}", "-1", "9223372036854775808",
                          "18446744073709551915", "1e400", "-1e400", "NaN", "Infinity", "253402300800", "1" * 400):
                raw(name, value)
        claims("expired", exp=1)
        claims("issued in the future", iat=FAR - 1)
        claims("not before the future", nbf=FAR - 1)
        claims("jti a number", jti=5)
        claims("jti too long", jti="f" * 33)
        claims("sid no UUID", sid="../../etc/passwd")
        for name, payload in {"a list": "[]", "text": '"x"', "null": "null", "empty": "", "a claim twice":
                              compact(GOOD)[:-1] + ',"exp":4102444801}', "and more": compact(GOOD) + "{}",
                              "cut": compact(GOOD)[:-1], "not UTF-8": compact(GOOD)[:-1].encode() + b',"a":"\xff"}',
                              "with a BOM": "\ufeff" + compact(GOOD), "a lone surrogate in a name":
                              compact(GOOD)[:-1] + ',"\\ud800":1}'}.items():
            row(f"{kid}: payload {name}", make(head_of(kid), SIGN[kid], payload))


def shapes():
    token = make(head_of(None), mac(SECRET))
    head, body, last = token.split(".")
    for name, value in {"nothing": "", "dots": "..", "one dot": ".", "garbage": "garbage", "huge": "A" * 4000,
                        "huge with dots": ".".join(["A" * 1300] * 3),
                        "JSON serialisation": compact({"payload": body, "protected": head, "signature": last}),
                        "encrypted shape": ".".join([head, "", "AAAA", body, last]),
                        "percent-encoded": token.replace(".", "%2E"), "quoted": f'"{token}"'}.items():
        row(name, value)
    proof = base64.urlsafe_b64encode(bytes(range(40))).decode().rstrip("=")
    row("a letter's token", proof)


def main():
    for group in (good, algorithms, confusion, signatures, kids, headers, payloads, shapes):
        group()
    quoted = lambda text: json.dumps(text)
    assert len({name for name, _, _ in rows}) == len(rows), "a name stands twice"
    top = "/* Made by make_forged.py: do not edit. */\n/* clang-format off */"
    with pathlib.Path(__file__).with_name("keys.inc").open("w") as file:
        print(top, file=file)
        print(f'#define FORGED_SECRET {quoted(SECRET.decode())}', file=file)
        weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        print(f"#define WEAK_RSA {quoted(pem(weak))}", file=file)
        print("static const struct key_file {\n    const char *name;\n    const char *text;\n} key_files[] = {",
              file=file)
        for name, text in key_files():
            print("{%s, %s}," % (quoted(name), quoted(text)), file=file)
        print("};", file=file)
    with pathlib.Path(__file__).with_name("forged.inc").open("w") as file:
        print(top, file=file)
        print("static const struct forged_row rows[] = {", file=file)
        for name, token, status in rows:
            name = name.encode("ascii", "backslashreplace").decode()
            print("{%s, %s, %s}," % (quoted(name), quoted(token), status), file=file)
        print("};", file=file)
    print(len(rows), "rows,", sum(status != "TOKEN_OK" for _, _, status in rows), "of them refused")


if __name__ == "__main__":
    main()
