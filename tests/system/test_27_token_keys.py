"""Token keys: algorithms, the key set, `gatepost key`, rotation under load (docs/api.md, Tokens)."""
import base64
import json
import os
import pwd
import signal
import threading
import time

import jwt
import pytest

from client import Api, Closed, Connection, account, unique
from gatepost import patience, wait_for
from test_42_startup import refused

ASYMMETRIC = ["ES256", "RS256", "EdDSA"]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def jwks(api):
    answer = api.get("/.well-known/jwks.json")
    assert answer.status == 200, answer
    return answer.json()


def public_keys(key_set):
    """{kid: PyJWT's key}; PyJWT 2.6's PyJWKSet leaves out what it cannot read, this does not."""
    return {entry["kid"]: jwt.PyJWK(entry) for entry in key_set["keys"]}


def verify(token, keys):
    head = jwt.get_unverified_header(token)
    return jwt.decode(token, keys[head["kid"]].key, algorithms=[head["alg"]],
                      options={"verify_iat": False})


def key_command(server, *words, code=0):
    done = server.command("key", *words, seconds=60)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def listed(server):
    return json.loads(key_command(server, "list", "--json"))


def states(server):
    return {key["kid"]: key["state"] for key in listed(server)}


def user_of(server, prefix="key"):
    api = Api(server.address)
    name = unique(prefix)
    assert api.signup(name).status == 201
    return api, name


# ---- the key set -----------------------------------------------------------------------------------

def test_with_hs256_the_key_set_is_empty(api):
    answer = api.get("/.well-known/jwks.json")
    assert (answer.status, answer.type, answer.body) == (200, "application/json", b'{"keys":[]}')
    assert answer.header("cache-control") == "public, max-age=300"
    head = api.call("HEAD", "/.well-known/jwks.json")
    assert head.status == 200 and head.header("content-length") == "11"
    wrong = api.post("/.well-known/jwks.json", {})
    assert wrong.status == 405 and wrong.header("cache-control") == "no-store"


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_the_first_key_is_made_at_the_start_and_its_tokens_are_checked_by_others(serve, algorithm):
    server = serve({"token.algorithm": algorithm})
    directory = server.directory / "var" / "keys"
    files = list(directory.iterdir())
    assert len(files) == 1 and files[0].stat().st_mode & 0o7777 == 0o600
    assert directory.stat().st_mode & 0o7777 == 0o700
    kid, named, _, kind = files[0].name.split(".")
    assert (named, kind) == (algorithm, "pem")
    api, name = user_of(server)
    pair = api.tokens(name)
    key_set = jwks(api)
    assert [(key["kid"], key["alg"], key["use"]) for key in key_set["keys"]] == [(kid, algorithm, "sig")]
    assert set(key_set["keys"][0]) - {"kid", "alg", "use"} == {
        "ES256": {"kty", "crv", "x", "y"}, "RS256": {"kty", "n", "e"}, "EdDSA": {"kty", "crv", "x"}}[algorithm]
    keys = public_keys(key_set)
    claims = verify(pair["access"], keys)
    assert claims["token_type"] == "access" and claims["user_id"] == api.me(pair["access"]).json()["id"]
    assert verify(pair["refresh"], keys)["token_type"] == "refresh"
    again = api.post("/api/auth/token/refresh", {"refresh": pair["refresh"]})
    assert again.status == 200 and api.me(again.json()["access"]).status == 200
    # token.secret_file's own tokens are not accepted, though the file is there for other uses.
    key = (server.directory / "var" / "token.key").read_text().strip()
    foreign = jwt.encode({**claims, "jti": "a"}, key, algorithm="HS256")
    assert api.me(foreign).status == 401
    server.stop()
    server.start()
    assert len(list(directory.iterdir())) == 1
    assert Api(server.address).me(again.json()["access"]).status == 200


@needs_root
def test_keys_belong_to_the_user_that_serves(prepare):
    nobody = pwd.getpwnam("nobody")
    server = prepare({"master.user": "nobody", "token.algorithm": "EdDSA"}, owner=nobody.pw_uid)
    server.start()
    key_command(server, "rotate")
    directory = server.directory / "var" / "keys"
    for path in (directory, *directory.iterdir()):
        assert path.stat().st_uid == nobody.pw_uid, path
    assert len(list(directory.iterdir())) == 2 and len(jwks(Api(server.address))["keys"]) == 2
    server.stop()


# ---- bad files (security.md T5) --------------------------------------------------------------------

def spoil(path, how):
    if how == "readable":
        path.chmod(0o644)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "no key":
        path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    elif how == "another algorithm":
        path.rename(path.with_name(path.name.replace("ES256", "RS256")))
    elif how == "a name that is none":
        path.with_name("notes.txt").write_text("x")
    elif how == "an open directory":
        path.parent.chmod(0o755)


@pytest.mark.parametrize("how", ["readable", "empty", "no key", "another algorithm", "a name that is none",
                                 "an open directory"])
def test_a_bad_key_refuses_to_start_and_a_reload_keeps_the_old_ones(prepare, how):
    server = prepare({"token.algorithm": "ES256"})
    server.start()
    api, name = user_of(server)
    before = jwks(api)
    path = next((server.directory / "var" / "keys").iterdir())
    spoil(path, how)
    done = server.command("reload", seconds=60)
    assert done.returncode != 0, done
    server.allow_deaths = True
    api.fresh()
    assert jwks(api) == before and api.me(api.tokens(name)["access"]).status == 200
    assert server.command("check").returncode == 10
    server.stop()
    assert refused(server, "var/keys") == 11


# ---- gatepost key ----------------------------------------------------------------------------------

def test_a_key_is_published_signs_and_retires(serve):
    server = serve({"token.algorithm": "ES256", "token.publish_s": str(patience(3)), "token.refresh_s": "600",
                    "token.sessions_max": "1000"})
    api, name = user_of(server)
    first = listed(server)[1]["kid"]
    assert states(server) == {None: "expired", first: "signing"}
    assert "signing" in key_command(server, "list").splitlines()[2]
    out = key_command(server, "rotate")
    second = out.split()[0]
    assert "reload" in out and " ok " in out
    assert states(server) == {None: "expired", first: "signing", second: "published"}
    api.fresh()
    assert {key["kid"] for key in jwks(api)["keys"]} == {first, second}
    old = api.tokens(name)
    assert jwt.get_unverified_header(old["access"])["kid"] == first
    assert "signs" in key_command(server, "retire", first, code=1)
    # No reload at the moment itself: the clock is enough. Another's logins: so many end the first session.
    _, other = user_of(server)
    wait_for(lambda: jwt.get_unverified_header(api.tokens(other)["access"])["kid"] == second, 10,
             "the second key signs")
    assert states(server) == {None: "expired", first: "retiring", second: "signing"}
    assert api.me(old["access"]).status == 200
    keys = listed(server)
    assert keys[1]["until"] == keys[2]["since"] + 600 + 30 and keys[2]["until"] is None
    assert "--now" in key_command(server, "retire", first, code=1)
    key_command(server, "retire", first, "--now")
    api.fresh()
    assert states(server) == {None: "expired", second: "signing"}
    assert api.me(old["access"]).status == 401
    assert [key["kid"] for key in jwks(api)["keys"]] == [second]


def test_rotate_without_a_server_and_wrong_words(prepare):
    server = prepare({"token.publish_s": "0"})
    (server.directory / "var").mkdir(mode=0o700)
    assert "no server is running" in key_command(server, "rotate")
    kid = listed(server)[1]["kid"]
    assert states(server) == {None: "retiring", kid: "signing"}
    for words in ((), ("nonsense",), ("list", "x"), ("retire",), ("rotate", "--json"),
                  ("retire", "a", "b"), ("retire", "")):
        assert "usage" in key_command(server, *words, code=2)
    for kid in ("nobody", "../token"):
        assert "there is no key" in key_command(server, "retire", kid, code=1)
    server.start()
    api, name = user_of(server)
    head = jwt.get_unverified_header(api.tokens(name)["access"])
    assert head == {"alg": "HS256", "typ": "JWT", "kid": listed(server)[1]["kid"]}
    assert jwks(api) == {"keys": []}
    server.stop()


def test_keys_that_are_made_in_one_second_follow_each_other(prepare):
    server = prepare({"token.algorithm": "EdDSA"})
    (server.directory / "var").mkdir(mode=0o700)
    made = [key_command(server, "rotate", "--now").split()[0] for _ in range(5)]
    keys = listed(server)[1:]
    assert [key["kid"] for key in keys] == made
    assert all(old["since"] < new["since"] for old, new in zip(keys, keys[1:]))


def test_a_change_over_from_hs256_needs_accept_hs256(prepare):
    server = prepare(config="[token]\nalgorithm = HS256\n")
    server.start()
    api, name = user_of(server)
    old = api.tokens(name)

    def change(text):
        (server.directory / "gatepost.conf").write_text(text)
        done = server.command("reload", seconds=60)
        api.fresh()
        return done.returncode
    assert change("[token]\nalgorithm = ES256\n") != 0          # there is no key yet
    server.allow_deaths = True
    assert api.me(old["access"]).status == 200
    (server.directory / "gatepost.conf").write_text("[token]\nalgorithm = ES256\naccept_hs256 = yes\n")
    key_command(server, "rotate", "--now")
    api.fresh()
    assert api.me(old["access"]).status == 200
    new = api.post("/api/auth/token/refresh", {"refresh": old["refresh"]}).json()
    assert jwt.get_unverified_header(new["access"])["alg"] == "ES256"
    assert change("[token]\nalgorithm = ES256\n") == 0
    assert api.me(old["access"]).status == 401 and api.me(new["access"]).status == 200
    server.stop()


# ---- rotation under load ---------------------------------------------------------------------------

class CachingClient:
    """Another service: keeps the key set for cache_s whatever happens, and checks every token."""

    def __init__(self, server, cache_s):
        self.api, self.cache_s = Api(server.address), cache_s
        self.keys, self.fetched = {}, 0

    def check(self, token):
        if time.monotonic() - self.fetched > self.cache_s:
            began = time.monotonic()    # the set is as old as the question, not as the answer
            self.keys = public_keys(jwks(self.api))
            self.fetched = began
        verify(token, self.keys)


def test_a_client_that_keeps_the_key_set_verifies_every_token_while_keys_rotate(serve):
    publish_s, cache_s = int(patience(5)), patience(3)
    server = serve({"token.algorithm": "ES256", "token.publish_s": str(publish_s), "master.drain_s": "1",
                    "token.refresh_s": "3600", "token.sessions_max": "1000"})
    names = [user_of(server)[1] for _ in range(4)]
    stop, wrong, kids, checked = threading.Event(), [], set(), [0]

    def run(name):
        api, client = Api(server.address), CachingClient(server, cache_s)
        kept = []
        try:
            while not stop.is_set():
                try:
                    pair = api.tokens(name)
                    kept = (kept + [pair["access"]])[-80:]     # more logins than sessions_max would end them
                    for token in (pair["access"], pair["refresh"], kept[0]):
                        client.check(token)
                        checked[0] += 1
                    kids.add(jwt.get_unverified_header(pair["access"])["kid"])
                    for token in (pair["access"], kept[0]):
                        answer = api.me(token)
                        assert answer.status == 200, answer
                except Closed:
                    api.fresh(), client.api.fresh()     # a worker that drained closed an idle connection
        except Exception as error:      # noqa: BLE001
            wrong.append(repr(error))
            stop.set()
    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            kid = key_command(server, "rotate").split()[0]
            wait_for(lambda: stop.is_set() or kid in kids, publish_s + 10, f"{kid} signs")
            os.kill(server.pid, signal.SIGHUP)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong
    assert len(kids) == 4 and checked[0] > 300, (kids, checked)
    server.command("reload", seconds=60)
