"""Real clients check our tokens by the key set: simplejwt, PyJWT, and jose on Node."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from client import Api, unique
from gatepost import ROOT, patience, wait_for
from test_50_django import whoami

HERE = Path(__file__).parent
JOSE = ROOT / "build" / "tools" / "jose"
needs_jose = pytest.mark.skipif(
    shutil.which("node") is None or not (JOSE / "node_modules" / "jose").exists(),
    reason="needs node, and jose from npm's registry (make deps-test)")


@pytest.fixture(scope="module", params=["ES256", "RS256", "EdDSA"])
def gate(request, module_servers):
    """A server of that algorithm, and one user's tokens."""
    server = module_servers({"token.algorithm": request.param, "token.publish_s": "0"})
    server.algorithm = request.param
    server.url = "http://%s:%d/.well-known/jwks.json" % server.address
    server.user = unique("client")
    api = Api(server.address)
    assert api.signup(server.user).status == 201
    server.pair = api.tokens(server.user)
    server.user_id = api.me(server.pair["access"]).json()["id"]
    api.close()
    return server


def forge(token):
    head, claims, signature = token.split(".")
    return f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def test_pyjwt_finds_the_key_by_itself(gate):
    client = jwt.PyJWKClient(gate.url)
    for token in gate.pair.values():
        key = client.get_signing_key_from_jwt(token).key
        assert jwt.decode(token, key, algorithms=[gate.algorithm])["user_id"] == gate.user_id
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forge(token), key, algorithms=[gate.algorithm])


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


@pytest.mark.parametrize("gate", ["ES256", "RS256"], indirect=True)     # simplejwt 5.2 knows no EdDSA
def test_simplejwt_checks_tokens_by_the_key_set(gate):
    process = subprocess.Popen([sys.executable, str(HERE / "django_peer.py"), gate.algorithm, gate.url],
                               stdout=subprocess.PIPE, text=True)
    try:
        port = process.stdout.readline().strip()
        assert port.isdigit(), "the Django service did not start"
        peer = ("127.0.0.1", int(port))
        status, body = whoami(peer, gate.pair["access"])
        assert status == 200 and json.loads(body)["id"] == gate.user_id
        assert gate.command("key", "rotate", seconds=60).returncode == 0
        # A key that was made in the same second as the first one signs from the next one on.
        wait_for(lambda: kid_of(Api(gate.address).tokens(gate.user)["access"]) != kid_of(gate.pair["access"]),
                 5, "the new key signs")
        new = Api(gate.address).tokens(gate.user)["access"]
        for token in (new, gate.pair["access"]):
            assert whoami(peer, token)[0] == 200
        assert whoami(peer, forge(new))[0] == 401
        assert whoami(peer, gate.pair["refresh"])[0] == 401
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@needs_jose
def test_jose_checks_tokens_by_the_remote_key_set(gate):
    token = gate.pair["access"]
    done = subprocess.run(
        ["node", str(HERE / "clients" / "jose.mjs"), gate.url, gate.algorithm],
        input="\n".join([token, forge(token), gate.pair["refresh"], "x.y.z"]) + "\n",
        capture_output=True, text=True, timeout=patience(60), env={**os.environ, "JOSE_DIR": str(JOSE)})
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 4, done
    assert lines[0] == lines[2] == f"ok {gate.user_id}"
    assert lines[1] == "refused ERR_JWS_SIGNATURE_VERIFICATION_FAILED" and lines[3].startswith("refused")
