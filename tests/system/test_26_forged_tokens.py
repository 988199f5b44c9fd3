"""The forged tokens of tests/unit/token/forged.inc against a server that holds a key of each
algorithm: all refused with 401, on every route that takes a token (docs/api.md, Tokens)."""
import json
import re
import time

import pytest

from client import Api
from gatepost import ROOT

DATA = ROOT / "tests" / "unit" / "token"
SENTENCES = {
    "TOKEN_INVALID": "Token is invalid or expired", "TOKEN_NO_EXP": "Token has no 'exp' claim",
    "TOKEN_NO_ID": "Token has no id", "TOKEN_NO_TYPE": "Token has no type",
    "TOKEN_WRONG_TYPE": "Token has wrong type",
}


def read_rows(name):
    """Rows of C initialisers whose texts are JSON texts too: {"a", "b", WORD}, -> [a, b, WORD]."""
    text = r'"(?:[^"\\]|\\.)*"'
    for line in (DATA / name).read_text().splitlines():
        match = re.fullmatch(rf"\{{({text}), ({text})(?:, (\w+))?\}},", line)
        if match:
            yield json.loads(match[1]), json.loads(match[2]), match[3]


def secret_of_the_ring():
    return re.search(r'FORGED_SECRET "(.*)"', (DATA / "keys.inc").read_text())[1]


def fill_keys(directory):
    """Writes var/token.key and var/keys as the unit tests have them."""
    (directory / "var" / "keys").mkdir(mode=0o700, parents=True)
    (directory / "var").chmod(0o700)
    files = [("token.key", secret_of_the_ring())]
    files += [(f"keys/{name}", text) for name, text, _ in read_rows("keys.inc")]
    for name, text in files:
        path = directory / "var" / name
        path.write_text(text)
        path.chmod(0o600)


@pytest.fixture(scope="module", params=["HS256", "ES256", "RS256", "EdDSA"])
def ring(request, module_servers):
    import gatepost
    server = gatepost.Gatepost({"token.algorithm": request.param, "token.accept_hs256": "yes",
                                "token.refresh_s": "315360000"})
    fill_keys(server.directory)
    server.start()
    yield server
    server.stop()
    server.destroy()
    gatepost.servers.remove(server)


def may_stand_in_a_header(token):
    return token.isascii() and token.isprintable() and " " not in token and len(token) < 4000 and token


def test_every_forged_token_is_refused_by_every_route(ring):
    api = Api(ring.address)
    rows = list(read_rows("forged.inc"))
    wrong = []
    refused = 0
    for name, token, status in rows:
        if token != token.strip():
            continue        # a field's text is trimmed, as in DRF, and then it is the good token
        verify = api.post("/api/auth/token/verify", {"token": token})
        refresh = api.post("/api/auth/token/refresh", {"refresh": token})
        bearer = api.me(token) if may_stand_in_a_header(token) else None
        if status == "TOKEN_OK":
            # Their user does not exist; that is all that is wrong with them.
            fine = (verify.status == 200 and refresh.status == 401 and
                    bearer.json().get("code") == "user_not_found")
        else:
            refused += 1
            message = SENTENCES[status]
            fine = verify.status in (400, 401) if not token else verify.status == 401
            fine = fine and refresh.status in ((400, 401) if not token else (401,))
            fine = fine and (bearer is None or bearer.status == 401 and
                             bearer.json()["messages"][0]["message"] == message)
        if not fine:
            wrong.append((name, verify, refresh, bearer))
    assert not wrong, wrong[:5]
    assert refused > 500 and len(rows) - refused >= 5
    assert api.get("/healthz").status == 200


def test_no_forged_token_makes_the_server_call_anybody(ring):
    """A token whose header says where its key is (jku, x5u): nobody comes to fetch it."""
    import base64
    import socket
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.settimeout(1)
        url = f"http://127.0.0.1:{bait.getsockname()[1]}/keys"
        for name in ("jku", "x5u", "kid"):
            head = json.dumps({"alg": "ES256", "typ": "JWT", name: url}).encode()
            token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode()
                             for part in (head, b'{"exp":%d}' % (time.time() + 60), b"x" * 64))
            assert Api(ring.address).me(token).status == 401
        with pytest.raises(socket.timeout):
            bait.accept()
