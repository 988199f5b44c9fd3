"""What seeds are made of: keys, tokens, packed messages, requests."""
import base64
import hmac
import json
import struct

KEY = b"0123456789abcdef0123456789abcdef0123456789a"
CANARY = "\N{SNOWMAN} nine moles dig 7"
SESSION = "01939393-0000-7000-8000-000000000002"
FAR = 4102444800  # 2100: signed once, good for long


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def jwt(claims, header=None):
    header = header or {"alg": "HS256", "typ": "JWT"}
    signed = b".".join(base64url(json.dumps(part, separators=(",", ":")).encode())
                       for part in (header, claims))
    return signed + b"." + base64url(hmac.new(KEY, signed, "sha256").digest())


def claims(kind, **more):
    return {"token_type": kind, "exp": FAR, "iat": 1700000000, "jti": "0123456789abcdef" * 2,
            "user_id": "7", **more}


def proof_token(purpose=1):
    proof_id = bytes.fromhex("0193939300007000800000000000000a")
    mac = hmac.new(KEY, b"gatepost proof token 1\0" + bytes([purpose]) + proof_id, "sha256").digest()
    return base64url(proof_id + mac[:24])


def uuid(kind, number=0):
    return bytes([1, 0x93, kind, 0, 0, 0, 0, 0]) + struct.pack(">Q", number)


def pack(*fields):
    """Ints are wall times, pairs (value, bytes) smaller numbers, UUIDs in lists, the rest slices."""
    packed = b""
    for field in fields:
        if isinstance(field, int):
            packed += struct.pack(">q", field)
        elif isinstance(field, tuple):
            packed += field[0].to_bytes(field[1], "big")
        elif isinstance(field, list):
            packed += field[0]
        else:
            packed += struct.pack(">H", len(field)) + field
    return packed


def request(method, target, body=None, kind="application/json", **headers):
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: id.example.org"]
    lines += ["%s: %s" % (name.replace("_", "-"), value) for name, value in headers.items()]
    if body is not None:
        body = body if isinstance(body, bytes) else body.encode()
        lines += ["Content-Type: " + kind, "Content-Length: %d" % len(body)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def me(token, method="GET"):
    return request(method, "/api/auth/me", Authorization="Bearer " + token.decode())
