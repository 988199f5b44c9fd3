"""The real thing agrees: Django, DRF and simplejwt from Debian with the same signing key."""
import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

from client import Api, Connection, unique
from users_db import needs_db_tools, put, record_of

KEY = "the signing key that both services hold, 32 bytes and more"
ITERATIONS = 1000
ENCODED = re.compile(rb"pbkdf2_sha256\$\d+\$[A-Za-z0-9]+\$[A-Za-z0-9+/=]+")


@pytest.fixture(scope="module")
def gate(module_servers):
    """A server with that key; tests restart it to look into its database."""
    import gatepost
    server = gatepost.Gatepost({"password.iterations": str(ITERATIONS), "http.workers": "1"})
    (server.directory / "var").mkdir(mode=0o700)
    key = server.directory / "var" / "token.key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    server.start()
    yield server
    if server.alive():
        server.stop()
    server.destroy()
    gatepost.servers.remove(server)


@pytest.fixture(scope="module")
def django():
    """Django in this process, with the same settings as the peer."""
    import django_peer
    django_peer.configure(KEY)
    return django_peer


@pytest.fixture(scope="module")
def peer(gate):
    """The Django service."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "django_peer.py"),
         str(gate.directory / "var" / "token.key")], stdout=subprocess.PIPE, text=True)
    port = process.stdout.readline().strip()
    assert port.isdigit(), "the Django service did not start"
    yield "127.0.0.1", int(port)
    process.kill()
    process.wait()
    process.stdout.close()


class Peer10(Connection):
    """wsgiref answers HTTP/1.0."""

    def whoami(self, token):
        self.send(f"GET /whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        text = self.rest().decode()
        head, body = text.split("\r\n\r\n", 1)
        return int(head.split(" ")[1]), body


def whoami(peer, token):
    with Peer10(peer) as connection:
        return connection.whoami(token)


def test_django_accepts_an_access_token_of_gatepost(gate, peer):
    import json
    api = Api(gate.address)
    name = unique("dj")
    assert api.signup(name).status == 201
    pair = api.tokens(name)
    status, body = whoami(peer, pair["access"])
    assert status == 200, body
    assert json.loads(body)["id"] == api.me(pair["access"]).json()["id"]
    status, body = whoami(peer, pair["refresh"])
    assert status == 401 and json.loads(body)["messages"][0]["message"] == "Token has wrong type"
    assert json.loads(body) == api.me(pair["refresh"]).json(), "both say the same"
    head, claims, signature = pair["access"].split(".")
    forged = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    status, body = whoami(peer, forged)
    assert status == 401 and json.loads(body) == api.me(forged).json()


def test_gatepost_accepts_tokens_that_django_made(gate, django):
    from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
    api = Api(gate.address)
    name = unique("dj")
    assert api.signup(name).status == 201
    me = api.me(api.tokens(name)["access"]).json()
    access = AccessToken()
    access["user_id"] = me["id"]
    answer = api.me(str(access))
    assert answer.status == 200 and answer.json()["username"] == name
    assert api.post("/api/auth/token/verify", {"token": str(access)}).status == 200
    refresh = RefreshToken()
    refresh["user_id"] = me["id"]
    answer = api.post("/api/auth/token/refresh", {"refresh": str(refresh)})
    assert answer.status == 200, answer
    assert str(AccessToken(answer.json()["access"])["user_id"]) == me["id"]
    RefreshToken(answer.json()["refresh"])
    assert api.me(str(refresh)).status == 401
    del access.payload["exp"]
    assert api.me(str(access)).json()["messages"][0]["message"] == "Token has no 'exp' claim"


def test_both_refuse_a_token_with_the_same_words(gate, peer, django):
    import datetime
    import json
    from rest_framework_simplejwt.tokens import AccessToken
    api = Api(gate.address)

    def variant(change):
        token = AccessToken()
        token["user_id"] = "018f0000-0000-7000-8000-000000000000"
        change(token)
        return str(token)
    for change in (lambda t: t.set_exp(lifetime=-datetime.timedelta(seconds=5)),
                   lambda t: t.payload.pop("jti"), lambda t: t.payload.pop("token_type"),
                   lambda t: t.payload.pop("exp"), lambda t: t.payload.pop("user_id"),
                   lambda t: t.payload.update(token_type="sliding")):
        token = variant(change)
        theirs, ours = whoami(peer, token), api.me(token)
        assert (theirs[0], json.loads(theirs[1])) == (ours.status, ours.json())


# ---- password hashes -------------------------------------------------------------------------------

@needs_db_tools
def test_django_checks_a_hash_that_gatepost_made(gate, django):
    from django.contrib.auth.hashers import check_password, identify_hasher
    name, password = unique("hash"), "pässwörd with spaces 123"
    assert Api(gate.address).signup(name, password=password).status == 201
    gate.stop()
    encoded = ENCODED.findall(record_of(gate, name)[1])
    gate.start()
    assert len(encoded) == 1
    text = encoded[0].decode()
    assert identify_hasher(text).algorithm == "pbkdf2_sha256"
    _, iterations, salt, digest = text.split("$")
    assert int(iterations) == ITERATIONS and len(salt) == 22
    assert len(base64.b64decode(digest)) == 32
    assert check_password(password, text)
    assert not check_password(password + " ", text) and not check_password("", text)


@needs_db_tools
@pytest.mark.parametrize("password", ["django made this hash 1", "pä$$wörd 用户"])
def test_gatepost_logs_in_a_user_whose_hash_django_made(gate, django, password):
    """Django's hash, of the same length, takes the place of ours in the stopped server's database."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher
    from django.utils.crypto import get_random_string
    name = unique("import")
    assert Api(gate.address).signup(name, password="the first password").status == 201
    gate.stop()
    key, record = record_of(gate, name)
    ours = ENCODED.findall(record)
    theirs = PBKDF2PasswordHasher().encode(password, get_random_string(22), ITERATIONS).encode()
    assert len(ours) == 1 and len(ours[0]) == len(theirs)
    put(gate, key, record.replace(ours[0], theirs))
    gate.start()
    api = Api(gate.address)
    answer = api.login(name, password)
    assert answer.status == 200, answer
    assert api.me(answer.json()["access"]).json()["username"] == name
    assert api.login(name, "the first password").status == 401


@needs_db_tools
def test_two_users_with_one_password_have_different_salts(gate):
    names = [unique("salt") for _ in range(2)]
    api = Api(gate.address)
    for name in names:
        assert api.signup(name).status == 201
    api.close()
    gate.stop()
    hashes = {ENCODED.findall(record_of(gate, name)[1])[0].split(b"$")[2] for name in names}
    gate.start()
    assert len(hashes) == 2
