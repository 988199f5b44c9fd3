"""The story: sign up, get the letter, prove the address, log in, look, go on (issue: done when 1)."""
import json
import re
import stat
from urllib.parse import urlsplit

import jwt
import pytest

from client import Api, FORM, PASSWORD, unique
from gatepost import wait_for
from letters import letter_to, letters_to

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture
def person(api):
    name = unique("person")
    assert api.signup(name).status == 201
    return name


def access_of(api, name):
    return api.tokens(name)["access"]


def test_the_sign_up_of_the_seed_project_answers_as_it_did(api):
    answer = api.post("/api/auth/signup", '{"username": "testuser", "email": "test@example.com",'
                                          ' "password": "testpass123"}')
    assert (answer.status, answer.body) == (201, b'{"message":"User registered successfully"}')
    assert answer.type == "application/json"


def test_the_letter_lies_in_the_mail_directory(server, api, person):
    letter = letter_to(server, f"{person}@example.com")
    assert UUID7.fullmatch(letter.path.stem)
    assert stat.S_IMODE(letter.path.stat().st_mode) == 0o600
    parts = urlsplit(letter.link)
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "127.0.0.1:8000", "/verify-email")
    assert re.fullmatch(r"[A-Za-z0-9_-]{40,}", letter.token)


def test_the_page_shows_a_button_and_consumes_nothing(server, api, person):
    letter = letter_to(server, f"{person}@example.com")
    for _ in range(3):
        page = api.get(f"/verify-email?token={letter.token}")
        assert page.status == 200 and page.type == "text/html"
        html = page.text()
        assert html.count("<button") + len(re.findall(r'<input[^>]*type="?submit', html)) == 1
        assert re.search(r'<form[^>]*method="?post"?', html, re.I) and letter.token in html
        assert "<script" not in html.lower()
        assert 'name="viewport"' in html
        policy = page.header("content-security-policy")
        assert "default-src 'none'" in policy and "form-action 'self'" in policy
        assert "style-src 'sha256-" in policy
        assert page.header("referrer-policy") == "no-referrer"
        assert page.header("cache-control") == "no-store"
    assert api.me(access_of(api, person)).json()["email_verified"] is False


def test_the_style_of_the_page_is_the_one_that_its_policy_names(server, api, person):
    import base64
    import hashlib
    page = api.get(f"/verify-email?token={letter_to(server, person + '@example.com').token}")
    style = re.search(r"<style>(.*?)</style>", page.text(), re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.header("content-security-policy")


def test_the_button_proves_the_address_once(server, api, person):
    token = letter_to(server, f"{person}@example.com").token
    page = api.post("/verify-email", {"token": token}, content_type=FORM)
    assert page.status == 200 and page.type == "text/html"
    assert "Your address is confirmed" in page.text()
    assert page.header("cache-control") == "no-store"
    assert api.me(access_of(api, person)).json()["email_verified"] is True
    again = api.post("/verify-email", {"token": token}, content_type=FORM)
    assert again.status == 400 and again.type == "text/html"
    assert again.header("content-security-policy") and again.header("referrer-policy") == "no-referrer"


def test_the_api_proves_the_address_once(server, api, person):
    token = letter_to(server, f"{person}@example.com").token
    answer = api.post("/api/auth/verify-email", {"token": token})
    assert (answer.status, answer.json()) == (200, {"message": "Email verified successfully"})
    again = api.post("/api/auth/verify-email", {"token": token})
    assert (again.status, again.json()) == (400, {"token": ["Invalid or expired token."]})
    assert api.me(access_of(api, person)).json()["email_verified"] is True


def test_a_token_that_was_not_ours_proves_nothing(server, api, person):
    good = letter_to(server, f"{person}@example.com").token
    swapped = good[:-1] + ("A" if good[-1] != "A" else "B")
    flipped = ("A" if good[0] != "A" else "B") + good[1:]
    for token in ("x", swapped[:10], flipped, good + "A", good[:-1], good + "=", "A" * len(good),
                  "../" + good, "ü" * 20, "A" * 5000, access_of(api, person)):
        answer = api.post("/api/auth/verify-email", {"token": token})
        assert (answer.status, answer.json()) == (400, {"token": ["Invalid or expired token."]}), token
        page = api.post("/verify-email", {"token": token}, content_type=FORM)
        assert page.status == 400 and (len(token) < 9 or token not in page.text())
    assert api.get("/verify-email?token=%22%3E%3Cscript%3E").text().count("<script") == 0
    assert api.get("/verify-email").status in (200, 400)
    assert api.post("/api/auth/verify-email", {}).json() == {"token": ["This field is required."]}
    assert api.me(access_of(api, person)).json()["email_verified"] is False
    assert api.post("/api/auth/verify-email", {"token": good}).status == 200


def test_a_resend_brings_a_new_link_and_voids_the_first(server, api, person):
    address = f"{person}@example.com"
    first = letter_to(server, address)
    answer = api.post("/api/auth/verify-email/resend", {"email": address.upper()})
    assert answer.status == 202 and set(answer.json()) == {"message"}
    pair = letters_to(server, address, 2)
    second = [letter for letter in pair if letter.token != first.token][0]
    assert first.message["Message-ID"] != second.message["Message-ID"]
    assert api.post("/api/auth/verify-email", {"token": first.token}).status == 400
    assert api.post("/api/auth/verify-email", {"token": second.token}).status == 200


def test_a_resend_tells_nobody_whether_the_address_is_known(server, api, person):
    known = api.post("/api/auth/verify-email/resend", {"email": f"{person}@example.com"})
    unknown = api.post("/api/auth/verify-email/resend", {"email": "nobody@example.com"})
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert api.post("/api/auth/verify-email/resend", {"email": "not an address"}).status in (202, 400)
    token = letters_to(server, f"{person}@example.com", 2)[-1].token
    statuses = [api.post("/api/auth/verify-email", {"token": letter.token}).status
                for letter in letters_to(server, f"{person}@example.com", 2)]
    assert sorted(statuses) == [200, 400], token
    proven = api.post("/api/auth/verify-email/resend", {"email": f"{person}@example.com"})
    assert (proven.status, proven.body) == (known.status, known.body)
    assert [l.to for l in letters_to(server, f"{person}@example.com", 2)].count(
        f"{person}@example.com") == 2


def test_the_login_gives_the_pair_that_simplejwt_gives(server, api, person):
    answer = api.login(person)
    assert answer.status == 200 and list(answer.json()) == ["refresh", "access"]
    key = (server.directory / "var" / "token.key").read_text().rstrip("\n")
    sessions = set()
    for kind, life in (("refresh", 86400), ("access", 300)):
        token = answer.json()[kind]
        assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
        claims = jwt.decode(token, key, algorithms=["HS256"])
        assert claims["token_type"] == kind and claims["exp"] - claims["iat"] == life
        assert re.fullmatch(r"[0-9a-f]{32}", claims["jti"])
        assert UUID7.fullmatch(claims["user_id"])
        assert set(claims) == {"token_type", "exp", "iat", "jti", "user_id", "sid"}
        sessions.add(claims["sid"])
    assert len(sessions) == 1


@pytest.mark.parametrize("spelling", ["{name}", "{NAME}", "{name}@example.com", "{NAME}@EXAMPLE.com"])
def test_the_login_takes_name_and_address_in_any_case(api, person, spelling):
    typed = spelling.format(name=person, NAME=person.upper())
    assert api.login(typed).status == 200


def test_the_login_takes_the_address_in_a_field_of_its_own(api, person):
    answer = api.post("/api/auth/login", {"email": f"{person}@example.com", "password": PASSWORD})
    assert answer.status == 200, answer


def test_nobody_s_user_name_is_another_s_address(api, person):
    squatter = unique("squat")
    answer = api.signup(f"{person}@Example.com", email=f"{squatter}@example.com")
    assert answer.status == 400
    assert answer.json() == {"username": ["A user with this username already exists."]}
    assert api.signup(f"{squatter}@example.org", email=f"{squatter}@example.com").status == 201
    answer = api.signup(unique(), email=f"{squatter}@example.org")
    assert answer.status == 400
    assert answer.json() == {"email": ["A user with this email already exists."]}
    own = f"{unique()}@example.com"
    assert api.signup(own, email=own).status == 201
    assert api.login(own).status == 200


def test_a_name_that_only_looks_like_an_address_is_no_hindrance_to_its_owner(api):
    """The domain of an address is kept as its A-label, so the two keys differ."""
    local, password = unique(), "another-long-one-77"
    assert api.signup(f"{local}@b\u00fccher.example", email=f"{local}@example.com",
                      password=password).status == 201
    assert api.signup(unique(), email=f"{local}@b\u00fccher.example").status == 201
    assert api.login(f"{local}@b\u00fccher.example").status == 200
    assert api.login(f"{local}@b\u00fccher.example", password).status == 401


def test_me_is_the_account(api, person):
    access = access_of(api, person)
    answer = api.me(access)
    assert answer.status == 200
    body = answer.json()
    assert list(body) == ["id", "username", "email", "email_verified", "email_bounced", "date_joined",
                          "last_login", "language"]
    assert UUID7.fullmatch(body["id"]) and ISO.fullmatch(body["date_joined"])
    assert ISO.fullmatch(body["last_login"]) and body["last_login"] >= body["date_joined"]
    assert (body["username"], body["email"], body["email_verified"]) == \
        (person, f"{person}@example.com", False)
    head = api.call("HEAD", "/api/auth/me", headers=[("Authorization", f"Bearer {access}")])
    assert head.status == 200 and head.body == b""


def test_a_refresh_gives_a_new_pair_and_spends_the_old_token(serve):
    api, person = Api(serve({"token.refresh_grace_s": "0"}).address), unique()
    assert api.signup(person).status == 201
    first = api.tokens(person)
    answer = api.post("/api/auth/token/refresh", {"refresh": first["refresh"]})
    assert answer.status == 200 and set(answer.json()) == {"access", "refresh"}
    second = answer.json()
    assert len({first["refresh"], second["refresh"], first["access"], second["access"]}) == 4
    assert api.me(second["access"]).status == 200
    third = api.post("/api/auth/token/refresh", {"refresh": second["refresh"]})
    assert third.status == 200
    spent = api.post("/api/auth/token/refresh", {"refresh": first["refresh"]})
    assert spent.status == 401 and spent.json()["code"] == "token_not_valid"
    assert spent.header("www-authenticate") == 'Bearer realm="api"'
    last = third.json()["refresh"]      # the whole family has ended with it
    assert api.post("/api/auth/token/refresh", {"refresh": last}).status == 401


def test_token_verify_knows_good_from_spent(api, person):
    first = api.tokens(person)
    for kind in ("access", "refresh"):
        good = api.post("/api/auth/token/verify", {"token": first[kind]})
        assert (good.status, good.json()) == (200, {})
    second = api.post("/api/auth/token/refresh", {"refresh": first["refresh"]}).json()
    spent = api.post("/api/auth/token/verify", {"token": first["refresh"]})
    assert spent.status == 401
    assert spent.json() == {"detail": "Token is invalid or expired", "code": "token_not_valid"}
    assert api.post("/api/auth/token/verify", {"token": second["refresh"]}).status == 200


def test_sessions_and_proofs_outlive_a_restart(serve):
    server = serve()
    api = Api(server.address)
    assert api.signup("stays").status == 201
    token = letter_to(server, "stays@example.com").token
    pair = api.tokens("stays")
    server.stop()
    server.start()
    api = Api(server.address)
    assert api.me(pair["access"]).status == 200
    assert api.post("/api/auth/token/refresh", {"refresh": pair["refresh"]}).status == 200
    assert api.post("/api/auth/token/verify", {"token": pair["refresh"]}).status == 401
    assert api.post("/api/auth/verify-email", {"token": token}).status == 200
    assert len(letters_to(server, "stays@example.com")) == 1


def test_an_unproven_address_may_not_log_in_where_that_is_required(serve):
    server = serve({"login.require_verified": "yes", "http.workers": "1"})
    api = Api(server.address)
    assert api.signup("unproven").status == 201
    assert api.login("unproven").status == 401
    token = letter_to(server, "unproven@example.com").token
    assert api.post("/api/auth/verify-email", {"token": token}).status == 200
    assert api.login("unproven").status == 200


def test_links_and_tokens_expire(serve):
    server = serve({"token.access_s": "1", "token.refresh_s": "2", "proof.verify_s": "60",
                    "http.workers": "1", "http.public_url": "https://id.example.org"})
    api = Api(server.address)
    assert api.signup("brief").status == 201
    assert letter_to(server, "brief@example.com").link.startswith(
        "https://id.example.org/verify-email?token=")
    pair = api.tokens("brief")
    wait_for(lambda: api.me(pair["access"]).status == 401, 4, "the access token to expire")
    wait_for(lambda: api.post("/api/auth/token/verify", {"token": pair["refresh"]}).status == 401,
             4, "the refresh token to expire")
    assert api.post("/api/auth/token/refresh", {"refresh": pair["refresh"]}).status == 401


def test_at_most_three_letters_an_hour_go_to_one_address(serve):
    server = serve({"limits.enabled": "yes", "http.workers": "1"})
    api = Api(server.address)
    for name in ("first", "other"):
        assert api.signup(name).status == 201
    bodies = {api.post("/api/auth/verify-email/resend", {"email": "first@example.com"}).body
              for _ in range(6)}
    assert len(bodies) == 1
    assert api.post("/api/auth/verify-email/resend", {"email": "other@example.com"}).status == 202
    letters_to(server, "other@example.com", 2)
    wait_for(lambda: api.metrics().get("gatepost_outbox_pending", 0) == 0, 10, "an empty outbox")
    assert len(letters_to(server, "first@example.com", 1)) in (3, 4)


def test_health_readiness_and_metrics(api):
    assert (api.get("/healthz").status, api.get("/healthz").json()) == (200, {"status": "ok"})
    ready = api.get("/readyz")
    assert ready.status == 200
    assert ready.json() == {"status": "ok", "checks": {"store": "ok", "mailer": "ok", "disk": "ok"}}
    text = api.get("/metrics")
    assert text.status == 200 and text.type == "text/plain"
    before = api.metrics()
    assert api.signup(unique()).status == 201
    after = api.metrics()
    assert after["gatepost_signups_total"] == before["gatepost_signups_total"] + 1
    for line in text.text().splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \S+ .*|[a-z0-9_]+(\{[^}]*\})? [0-9.eE+-]+", line), line
    assert json.dumps(sorted(before)) == json.dumps(sorted(after))


def test_metrics_are_for_those_who_are_allowed(serve):
    server = serve({"http.metrics_allow": "10.0.0.0/8", "http.workers": "1"})
    assert Api(server.address).get("/metrics").status == 404
