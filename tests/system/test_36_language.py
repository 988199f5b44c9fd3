"""Which language an account has, where it comes from and what becomes of it."""
import json
import re
import subprocess

import pytest

from client import PASSWORD, Api, unique
from letters import letters_to

NOT_TAG = {"language": ["Enter a valid language tag, such as en or pt-BR."]}


def bearer(access):
    return [("Authorization", f"Bearer {access}")]


def signed_up(server, headers=(), **fields):
    """(api, access token) of a new account."""
    api, name = Api(server.address), unique("lang")
    answer = api.post("/api/auth/signup", {"username": name, "email": f"{name}@example.com",
                                           "password": PASSWORD, **fields}, headers=headers)
    assert answer.status == 201, answer
    return api, api.tokens(name)["access"]


def language(api, access):
    return api.me(access).json()["language"]


@pytest.mark.parametrize("header, field, expected", [
    (None, None, ""), (None, "pt-br", "pt-BR"), ("de-AT, de;q=0.9, en;q=0.8", None, "de-AT"),
    ("en;q=0.8, fr;q=0.9", None, "fr"), ("de", "ja", "ja"), ("de", "", "de"), ("*", None, ""),
    ("nonsense;;;, de;q=x", None, ""), ("en_US", None, ""), ("x" * 3000, None, "")])
def test_a_sign_up_has_the_body_s_language_else_the_header_s(server, header, field, expected):
    headers = [("Accept-Language", header)] if header is not None else []
    fields = {"language": field} if field is not None else {}
    api, access = signed_up(server, headers, **fields)
    assert language(api, access) == expected


@pytest.mark.parametrize("value", ["de_AT", "-", "x-y", "a" * 36, "deutsch sprechend", "<de>", "de\r\nX: y"])
def test_a_wrong_tag_is_a_field_error(server, value):
    api = Api(server.address)
    name = unique("wrong")
    answer = api.signup(name)
    assert answer.status == 201
    other = {"username": unique("w"), "email": f"{unique('w')}@example.com", "password": PASSWORD,
             "language": value}
    answer = api.post("/api/auth/signup", other)
    assert (answer.status, answer.json()) == (400, NOT_TAG)
    answer = api.post("/api/auth/signup", {**other, "email": "none"})
    assert answer.status == 400 and list(answer.json()) == ["email", "language"]
    access = api.tokens(name)["access"]
    answer = api.call("PATCH", "/api/auth/me", {"language": value}, headers=bearer(access))
    assert (answer.status, answer.json()) == (400, NOT_TAG)


def test_its_owner_changes_it_and_takes_it_away(server):
    api, access = signed_up(server, [("Accept-Language", "de")])
    for value, expected in (("fr-ca", "fr-CA"), ("ja", "ja"), ("", "")):
        answer = api.call("PATCH", "/api/auth/me", {"language": value}, headers=bearer(access))
        assert answer.status == 200 and answer.json()["language"] == expected
        assert language(api, access) == expected
    answer = api.call("PATCH", "/api/auth/me", {}, headers=[*bearer(access), ("Accept-Language", "de")])
    assert answer.status == 200 and answer.json()["language"] == "", "nobody asked for a change"
    answer = api.call("PATCH", "/api/auth/me", {"language": None}, headers=bearer(access))
    assert answer.status == 400


def test_the_export_of_an_account_has_it(server):
    api, access = signed_up(server, language="es-419")
    answer = api.get("/api/auth/me/export", headers=bearer(access))
    assert answer.json()["account"]["language"] == "es-419"


def language_of_letter(server, address, count):
    """Of the newest of so many letters to the address."""
    return re.search(r'<html lang="([^"]+)"', letters_to(server, address, count)[-1].html)[1]


def test_a_letter_is_in_the_account_s_language_else_in_the_request_s_else_in_the_server_s(serve):
    server = serve({"mail.language": "pt"})
    api, name = Api(server.address), unique("says")
    address = f"{name}@example.com"
    assert api.signup(name).status == 201
    assert language_of_letter(server, address, 1) == "pt"

    def ask(route, accepted):
        answer = api.post(f"/api/auth/{route}", {"email": address},
                          headers=[("Accept-Language", accepted)])
        assert answer.status == 202
    ask("verify-email/resend", "fr-CA, en;q=0.5")
    assert language_of_letter(server, address, 2) == "fr"
    ask("password/reset", "es")
    assert language_of_letter(server, address, 3) == "es"
    access = api.tokens(name)["access"]
    assert language(api, access) == "", "whoever asks for a letter changes nothing"
    answer = api.call("PATCH", "/api/auth/me", {"language": "ja"}, headers=bearer(access))
    assert answer.status == 200
    ask("password/reset", "es")
    assert language_of_letter(server, address, 4) == "ja"


# ---- moving -----------------------------------------------------------------------------------------

def command(server, *words, data=None):
    return subprocess.run(server.arguments("user") + list(words), cwd=server.directory, input=data,
                          capture_output=True, text=True, timeout=60)


def test_it_is_moved_in_and_out_again(serve, tmp_path):
    first = serve()
    lines = [{"username": "ada", "language": "pt_br"}, {"username": "bob"},
             {"username": "cyd", "language": ""}, {"username": "dee", "language": "de-at"}]
    ran = command(first, "import", "--from", "jsonl", "-", data="\n".join(map(json.dumps, lines)))
    assert ran.returncode == 0, ran
    out = command(first, "export", "--to", "jsonl").stdout
    told = {row["username"]: row["language"] for row in map(json.loads, out.splitlines())}
    assert told == {"ada": "pt-BR", "bob": "", "cyd": "", "dee": "de-AT"}
    second = serve()
    assert command(second, "import", "--from", "jsonl", "-", data=out).returncode == 0
    again = command(second, "export", "--to", "jsonl").stdout
    assert sorted(again.splitlines()) == sorted(out.splitlines())
    table = tmp_path / "table.csv"
    table.write_text("username,language\neve,fr\nfay,\ngus,Klingon & co\n")
    ran = command(second, "import", "--from", "csv", str(table))
    assert ran.returncode == 1 and "language: is no language tag" in ran.stderr, ran
    out = command(second, "export", "--to", "jsonl").stdout
    told = {row["username"]: row["language"] for row in map(json.loads, out.splitlines())}
    assert told["eve"] == "fr" and told["fay"] == "" and "gus" not in told


def test_a_field_of_a_django_model_goes_back_as_it_came(serve):
    server = serve()
    dump = [{"model": "auth.user", "pk": 7,
             "fields": {"username": "ada", "language": "whatever it means", "is_active": True}}]
    assert command(server, "import", "--from", "django", "-", data=json.dumps(dump)).returncode == 0
    fields = json.loads(command(server, "export", "--to", "django").stdout)[0]["fields"]
    assert fields["language"] == "whatever it means"
    row = json.loads(command(server, "export", "--to", "jsonl").stdout)
    assert row["language"] == "" and row["extra"] == {"language": "whatever it means"}
