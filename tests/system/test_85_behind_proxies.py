"""Behind nginx, Caddy and HAProxy, with the examples of conf/proxies as they stand there."""
import json
import subprocess

import pytest

import proxies
from client import JSON, PASSWORD, account, unique
from conftest import finish
from gatepost import patience, scaled, wait_for
from letters import letter_to
from load import Load

PROXIES = ["nginx", "caddy", "haproxy"]
ASKING = ["nginx", "caddy"]         # that ask before each request
APP = "app.example.com"


@pytest.fixture(scope="module")
def application():
    made = proxies.Application()
    yield made
    made.close()


@pytest.fixture(scope="module")
def fronts(application):
    """{name: (server, proxy)}, made when they are first asked for."""
    made = {}

    def front(name):
        if not proxies.installed(name):
            pytest.skip(f"{name} is not installed")
        if name not in made:
            made[name] = [proxies.behind(), None]
            made[name][1] = getattr(proxies, name)(made[name][0], application)
        assert made[name][1] is not None, "it did not start"
        return made[name]
    yield front
    for server, proxy in made.values():
        if proxy is not None:
            proxy.close()
    finish([server for server, _ in made.values()])


@pytest.fixture
def front(fronts, request):
    return fronts(request.param)


of_all = pytest.mark.parametrize("front", PROXIES, indirect=True)
of_asking = pytest.mark.parametrize("front", ASKING, indirect=True)


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def signed_in(api, name=None):
    name = name or unique()
    assert api.signup(name, email=f"{name}@example.com" if name.isascii() else f"{unique()}@example.com").status == 201
    return api.tokens(name)


# ---- the API through it -----------------------------------------------------------------------------------

@of_all
def test_the_first_minute_of_a_person(front):
    server, proxy = front
    api = proxy.api()
    name = unique()
    pair = signed_in(api, name)
    letter = letter_to(server, f"{name}@example.com")
    assert "https://accounts.example.com/" in letter.plain
    page = api.get(f"/verify-email?token={letter.token}")
    assert page.status == 200 and page.header("content-security-policy")
    assert api.post("/api/auth/verify-email", {"token": letter.token}).status == 200
    me = api.me(pair["access"])
    assert me.json()["username"] == name and me.json()["email_verified"] is True
    assert api.post("/api/auth/token/refresh", {"refresh": pair["refresh"]}).status == 200
    for answer in (me, page, api.get("/nothing"), api.post("/api/auth/signup", "{")):
        assert answer.header("strict-transport-security") == "max-age=31536000"
        assert answer.header("x-content-type-options") == "nosniff" and answer.header("x-request-id")


@of_all
def test_http2_ends_at_the_proxy(front):
    _, proxy = front
    name = unique()
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--cacert", str(proxy.directory / "ca.pem"), "-w", "\n%{http_code} %{http_version}",
         "--resolve", f"accounts.example.com:{proxy.address[1]}:127.0.0.1", "-H", f"Content-Type: {JSON}",
         "-d", json.dumps(account(name)), f"https://accounts.example.com:{proxy.address[1]}/api/auth/signup"],
        capture_output=True, text=True, timeout=patience(30))
    assert done.stdout.splitlines()[-1] == "201 2", done


@of_all
def test_bodies_that_are_too_large(front):
    _, proxy = front
    answer = proxy.api().post("/api/auth/signup", "x" * 20000)
    assert (answer.status, answer.json()) == (413, {"detail": "Request body too large."})
    assert proxy.api().post("/api/auth/signup", "x" * 60000).status == 413
    assert proxy.api().get("/healthz").status == 200


@of_all
def test_numbers_are_not_for_everybody(front):
    _, proxy = front
    assert proxy.api().get("/metrics").status == 404


@of_all
def test_connections_to_gatepost_are_kept(front):
    server, proxy = front
    direct = proxies.Api(server.address)
    before = direct.metrics()["gatepost_http_connections_total"]
    api = proxy.api()
    for _ in range(100):
        assert api.get("/healthz").status == 200
    assert direct.metrics()["gatepost_http_connections_total"] - before < 20


# ---- whose address ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", PROXIES)
def test_limits_go_by_the_clients_address(name, application):
    if not proxies.installed(name):
        pytest.skip(f"{name} is not installed")
    server = proxies.behind({"limits.enabled": "yes", "limits.login_address": "3/3600"})
    proxy = None
    try:
        proxy = getattr(proxies, name)(server, application)
        first, second = (proxy.api(source=address) for address in ("127.0.0.2", "127.0.0.3"))
        credentials = {"username": "nobody", "password": PASSWORD}
        assert [first.post("/api/auth/login", credentials).status for _ in range(4)] == [401, 401, 401, 429]
        # What the client says of itself is not believed.
        for forged in ("203.0.113.9", "127.0.0.1", "unix", "203.0.113.9, 127.0.0.1"):
            answer = first.post("/api/auth/login", credentials, headers=[("X-Forwarded-For", forged)])
            assert answer.status == 429, forged
        assert second.post("/api/auth/login", credentials).status == 401
        line = wait_for(lambda: server.events("login.failed"), 5, "a line")[0]
        assert "peer=127.0.0.2" in line
    finally:
        if proxy is not None:
            proxy.close()
        finish([server])


# ---- who is let in ----------------------------------------------------------------------------------------

@of_asking
def test_only_bearers_reach_the_application(front):
    _, proxy = front
    name = "žluť" + unique()
    pair = signed_in(proxy.api(), name)
    app = proxy.api(APP)
    for headers in ((), bearer("x"), bearer(pair["refresh"]), [("X-Auth-User", "root")]):
        answer = app.get("/page", headers=headers)
        assert answer.status == 401, answer
        assert answer.header("www-authenticate") == 'Bearer realm="api"'
    forged = [("X-Auth-User", "root"), ("X-Auth-Subject", "0"), ("x-auth-email", "a@b"), ("X-Auth-Email-Verified", "true")]
    answer = app.get("/page?a=b", headers=[*bearer(pair["access"]), *forged])
    assert answer.status == 200
    seen = answer.json()
    me = proxy.api().me(pair["access"]).json()
    assert seen["path"] == "/page?a=b"
    assert {name: value for name, value in seen["headers"].items() if name.startswith("x-auth-")} == {
        "x-auth-subject": me["id"], "x-auth-user": "%C5%BElu%C5%A5" + name[4:], "x-auth-email": me["email"],
        "x-auth-email-verified": "false"}


@of_asking
def test_the_applications_requests_come_whole(front):
    _, proxy = front
    access = signed_in(proxy.api())["access"]
    app = proxy.api(APP)
    body = "x" * 50000
    for method in ("POST", "PUT", "DELETE"):
        seen = app.call(method, "/form", body, content_type="text/plain", headers=bearer(access)).json()
        assert (seen["method"], seen["body"]) == (method, body)
    assert app.call("POST", "/form", body, content_type="text/plain").status == 401


@of_asking
def test_what_is_public_gets_no_headers_of_anybody(front):
    _, proxy = front
    access = signed_in(proxy.api())["access"]
    for headers in ((), bearer(access)):
        answer = proxy.api(APP).get("/public/page", headers=[*headers, ("X-Auth-User", "root"), ("X-Auth-Email", "a@b")])
        assert answer.status == 200
        assert not [name for name in answer.json()["headers"] if name.startswith("x-auth-")]


@of_asking
def test_a_logout_closes_the_application_within_a_second(front):
    _, proxy = front
    pair = signed_in(proxy.api())
    app = proxy.api(APP)
    assert app.get("/", headers=bearer(pair["access"])).status == 200
    assert proxy.api().post("/api/auth/logout", {"refresh": pair["refresh"]}).status == 200
    wait_for(lambda: app.get("/", headers=bearer(pair["access"])).status == 401, 1, "a refusal")


@pytest.mark.parametrize("front", ["nginx"], indirect=True)
def test_members_have_proven_their_address(front):
    server, proxy = front
    name = unique()
    access = signed_in(proxy.api(), name)["access"]
    app = proxy.api(APP)
    assert app.get("/members/", headers=bearer(access)).status == 403
    assert app.get("/members/").status == 401
    token = letter_to(server, f"{name}@example.com").token
    assert proxy.api().post("/api/auth/verify-email", {"token": token}).status == 200
    wait_for(lambda: app.get("/members/", headers=bearer(access)).status == 200, 2, "the proof to be known")


@pytest.mark.parametrize("front", ["nginx"], indirect=True)
def test_the_place_that_is_asked_is_nobodys_to_ask(front):
    _, proxy = front
    for path in ("/_gatepost", "/_gatepost_verified"):
        assert proxy.api(APP).get(path).status in (401, 404)


# ---- comings and goings -----------------------------------------------------------------------------------

def assert_reloads_unnoticed(server, proxy):
    with Load(proxy, keep=3, fresh=1) as load:
        for _ in range(scaled(4)):
            before = len(load.acknowledged)
            done = server.command("reload")
            assert done.returncode == 0, done
            wait_for(lambda: len(load.acknowledged) > before + 20, 20, "sign-ups go on")
    assert not load.wrong and not [client.cut for client in load.clients if client.cut], (load.wrong, proxy.text())
    api = proxies.Api(server.address)
    for name in load.acknowledged[::20]:
        assert api.login(name).status == 200


@of_all
def test_a_reload_beneath_it_fails_no_request(front):
    assert_reloads_unnoticed(*front)


@pytest.mark.parametrize("front", ["nginx"], indirect=True)
def test_a_reload_beneath_it_lets_nobody_in_or_out(front):
    server, proxy = front
    access = signed_in(proxy.api())["access"]
    app = proxy.api(APP)
    for _ in range(scaled(4)):
        process = subprocess.Popen(server.arguments("reload"), cwd=server.directory, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        asked = 0
        while process.poll() is None or asked < 5:
            assert app.get("/", headers=bearer(access)).status == 200
            assert app.get("/").status == 401
            asked += 1
        assert process.returncode == 0


def test_nginx_over_tcp(application):
    if not proxies.installed("nginx"):
        pytest.skip("nginx is not installed")
    server = proxies.behind()
    proxy = None
    try:
        proxy = proxies.nginx(server, application, upstream=f"127.0.0.1:{server.port}")
        access = signed_in(proxy.api())["access"]
        assert proxy.api(APP).get("/", headers=bearer(access)).status == 200
        assert_reloads_unnoticed(server, proxy)
    finally:
        if proxy is not None:
            proxy.close()
        finish([server])


def test_when_gatepost_is_gone_nobody_is_let_in(application):
    if not proxies.installed("nginx"):
        pytest.skip("nginx is not installed")
    server = proxies.behind()
    proxy = None
    try:
        proxy = proxies.nginx(server, application)
        access = signed_in(proxy.api())["access"]
        app = proxy.api(APP)
        assert app.get("/", headers=bearer(access)).status == 200
        server.stop()
        assert app.get("/", headers=bearer(access)).status >= 500
        assert app.get("/public/").status == 200
    finally:
        if proxy is not None:
            proxy.close()
        finish([server], running=False)
