"""Which new passwords are taken, in which words they are refused, and which spellings log in."""
import gzip
import json
import random
import re
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

import gatepost
from client import FORM, Api, account, unique
from test_51_password_algorithms import replace_password
from users_db import needs_db_tools

COMMON = "This password is too common."
SHORT = "This password is too short. It must contain at least 8 characters."
LIKE_NAME = "The password is too similar to the username."
LIKE_EMAIL = "The password is too similar to the email address."
NFC, NFD = (unicodedata.normalize(form, "p\u00e4ssw\u00f6rter \u00fcberall") for form in ("NFC", "NFD"))


def refusals(api, password, name=None, email=None):
    """What is wrong with it; [] when the account was made."""
    answer = api.signup(name or unique("p"), email=email or unique("q") + "@example.org", password=password)
    if answer.status == 201:
        return []
    assert answer.status == 400 and list(answer.json()) == ["password"], answer
    return answer.json()["password"]


# ---- length ------------------------------------------------------------------------------------------

def test_length_is_counted_in_code_points(api):
    keys = "\U0001f511\U0001f355\U0001f30b\U0001f680\U0001f3b2\U0001f98a\U0001fa90\U0001f9f2"
    assert refusals(api, keys[:7]) == [SHORT]
    assert refusals(api, keys) == []
    assert refusals(api, "xK3$vq9") == [SHORT]
    assert refusals(api, "xK3$vq9z") == []


def test_length_is_that_of_the_spelling_that_is_hashed(api):
    assert refusals(api, unicodedata.normalize("NFD", "\u00e4x\u00f6K\u00fcq9")) == [SHORT]   # 10 points, 7 in NFC


def test_a_long_password_counts_to_its_end(api):
    for size in (64, 256, 1024):
        name = unique("long")
        password = "".join(random.Random(size).choices("abcdefghijkmnpqrstuvwxyz 23456789", k=size - 2)) + "!x"
        assert api.signup(name, password=password).status == 201
        assert api.login(name, password).status == 200
        at = min(200, size - 3)
        assert api.login(name, password[:at] + "#" + password[at + 1:]).status == 401
        assert api.login(name, password[:-1]).status == 401
    hashes = api.metrics()["gatepost_password_hashes_total"]
    assert refusals(api, "x y z " * 171) == ["Ensure this field has no more than 1024 characters."]
    assert refusals(api, "\u00e4\u00f6\u00fc" * 200) == ["Ensure this field has no more than 1024 bytes."]
    assert api.metrics()["gatepost_password_hashes_total"] == hashes


def test_there_are_no_rules_of_composition(api):
    for password in ("aaaaaaaa bbbbbbbb", "correct horse battery staple", "testpass123", "securepassword123",
                     "837465910274", "JDKELWOQMXNV", "!$%&/()=?`{["):
        # A name without digits: one of a session's serial numbers may be like that of digits alone.
        name = unique("person").translate(str.maketrans("0123456789", "abcdefghij"))
        assert refusals(api, password, name=name, email=f"{name}@example.com") == [], password


# ---- common ------------------------------------------------------------------------------------------

def djangos_list():
    import django.contrib.auth
    path = Path(django.contrib.auth.__file__).with_name("common-passwords.txt.gz")
    return sorted({line.strip() for line in gzip.open(path, "rt", encoding="utf-8")})


def test_every_common_password_of_djangos_list_is_refused(api):
    """A sample of its 20,000: those that are too short as such, the others as common. (That all are in
    the list is tests/unit/password/test_refused.c's.)"""
    words = djangos_list()
    assert len(words) > 19_000
    for word in random.Random(4).sample(words, gatepost.scaled(3000)):
        expected = COMMON if len(word) >= 8 else SHORT
        assert expected in refusals(api, word, name="constant", email="constant@example.org"), word


def test_case_and_blanks_make_a_common_password_no_better(api):
    for password in ("Password1", " PASSWORD1 ", "TrustNo1", "wolverine\u00a0"):
        assert refusals(api, password) == [COMMON], password


def test_the_products_name_is_no_password(api):
    for password in ("gatepost", "Gatepost1", "g4tepost", "gatepostgatepost"):
        assert refusals(api, password) == [COMMON], password


# ---- like the account --------------------------------------------------------------------------------

def test_a_password_like_the_account_is_refused_in_djangos_words(api):
    assert refusals(api, "Quillonbre", "quillonbre", "m@example.org") == [LIKE_NAME]
    assert refusals(api, "erbnolliuq", "quillonbre", "m@example.org") == [LIKE_NAME]
    assert refusals(api, "duvalier77", "quillonbre", "m.duvalier@example.org") == [LIKE_EMAIL]
    assert refusals(api, "qu1ll0n8r3", "quillonbre", "m@example.org") == [COMMON]   # zxcvbn's part
    assert refusals(api, "alice", "alice", "a@example.org") == [LIKE_NAME, SHORT]


# In a process of its own, since Django is configured once in each.
DJANGO = """
import json, sys
from django.conf import settings
settings.configure()
import django
django.setup()
from django.contrib.auth.password_validation import UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError
class User:
    class _meta:
        @staticmethod
        def get_field(name):
            return type("Field", (), {"verbose_name": {"username": "username", "email": "email address"}[name]})
for password, username, email in json.load(sys.stdin):
    user = User()
    user.username, user.email = username, email
    try:
        UserAttributeSimilarityValidator().validate(password, user)
        print()
    except ValidationError as error:
        print(error.messages[0])
"""


def a_case(chance):
    """(password, name, address), more or less alike."""
    letters = chance.choice(["abcdefgh", "abcdefghijklmnopqrstuvwxyz", "\u00e4\u00f6\u00fcABC\u0416\u0436xyz"])
    name = "".join(chance.choices(letters, k=chance.randint(1, 14)))
    local = re.sub(r"\.+", ".", "".join(chance.choices("abcdefgh.-_", k=chance.randint(1, 10))).strip("."))
    email = (local or "a") + "@" + chance.choice(["example.org", "mail.example-site.net"])
    password = chance.choice([name, local, email, "zufallswort"])
    if chance.random() < 0.3:
        password = "".join(chance.sample(password, len(password)))
    password += "".join(chance.choices("QRSTUVW!$%&/()=", k=chance.randint(0, 7)))
    return password.ljust(8, "\u00a7"), name, email


def test_likeness_is_what_django_says(api):
    chance = random.Random(5)
    cases = [a_case(chance) for _ in range(gatepost.scaled(400))]
    done = subprocess.run([sys.executable, "-c", DJANGO], input=json.dumps(cases), capture_output=True, text=True,
                          check=True)
    expected = done.stdout.split("\n")[:-1]
    assert len(expected) == len(cases) and set(expected) == {"", LIKE_NAME, LIKE_EMAIL}
    for (password, name, email), sentence in zip(cases, expected):
        answer = api.signup(name, email=email, password=password)
        told = [] if answer.status == 201 else answer.json().get("password", [])
        assert {LIKE_NAME, LIKE_EMAIL} & set(told) == ({sentence} - {""}), (password, name, email)


# ---- the file ----------------------------------------------------------------------------------------

def test_passwords_of_the_file_are_refused(serve, tmp_path):
    path = tmp_path / "refused.txt"
    path.write_bytes("Leaked-Phrase One\r\n\u00dcberall-Geheim\nshort\n".encode() + b"latin-1-\xe9\xe8\xea-line\n")
    server = serve({"password.refused_file": str(path)})
    api = Api(server.address)
    for password in ("leaked-phrase one", "LEAKED-PHRASE ONE ", "\u00fcberall-geheim",
                     unicodedata.normalize("NFD", "\u00dcBERALL-GEHEIM")):
        assert refusals(api, password) == [COMMON], password
    assert refusals(api, "leaked-phrase two") == []
    assert refusals(api, "short") == [SHORT, COMMON]
    assert refusals(api, "trustno1") == [COMMON]
    assert "lines=1" in server.wait_event("password.list_lines_skipped")[0]
    path.write_text("leaked-phrase two\n")
    assert server.command("reload").returncode == 0
    api = Api(server.address)
    assert refusals(api, "leaked-phrase one") == [] and refusals(api, "leaked-phrase two") == [COMMON]


def test_a_file_that_cannot_be_read_stops_the_start_and_no_running_server(serve, prepare, tmp_path):
    path = tmp_path / "refused.txt"
    broken = prepare({"password.refused_file": str(path)})
    checked = broken.command("check")
    assert checked.returncode == 10 and "password.refused_file" in checked.stdout
    broken.allow_deaths = True
    broken.spawn()
    assert broken.read_ready(10) == "" and broken.wait(5) == 10
    assert "password.refused_file" in broken.log_text()
    path.write_text("a leaked phrase\n")
    server = serve({"password.refused_file": str(path)})
    server.allow_deaths = True
    path.unlink()
    assert server.command("reload").returncode != 0
    api = Api(server.address)
    assert refusals(api, "a leaked phrase") == [COMMON] and refusals(api, "another phrase") == []
    server.stop(signal.SIGTERM)


def test_the_seeds_rule_refuses_nothing_but_what_a_file_names(serve, tmp_path):
    api = Api(serve({"password.min_length": "1"}).address)
    for name, password in ((unique("s"), "x"), (unique("s"), "password"), ("quillonbre", "quillonbre")):
        assert refusals(api, password, name) == []
    path = tmp_path / "refused.txt"
    path.write_text("quillonbre\n")
    api = Api(serve({"password.min_length": "1", "password.refused_file": str(path)}).address)
    assert refusals(api, "Quillonbre", "quillonbre") == [COMMON] and refusals(api, "password") == []


# ---- spellings ---------------------------------------------------------------------------------------

def hashes_of(api, name, password):
    """(status, hashes computed) of a login."""
    before = api.metrics()["gatepost_password_hashes_total"]
    status = api.login(name, password).status
    return status, api.metrics()["gatepost_password_hashes_total"] - before


@pytest.mark.parametrize("chosen", [NFC, NFD], ids=["composed", "decomposed"])
def test_both_spellings_of_a_password_log_in(api, chosen):
    assert NFC != NFD
    name = unique("norm")
    assert api.signup(name, password=chosen).status == 201
    assert hashes_of(api, name, NFC) == (200, 1)
    assert hashes_of(api, name, NFD) == (200, 1)
    assert api.login(name, NFC.replace(" ", "\u00a0")).status == 200
    assert api.login(name, NFC + " ").status == 401
    assert api.login(name, NFC.upper()).status == 401


def test_a_second_spelling_costs_a_second_hash_whoever_asks(api):
    name = unique("cost")
    assert api.signup(name).status == 201
    for who in (name, unique("nobody")):
        assert hashes_of(api, who, "wrong password") == (401, 1)
        assert hashes_of(api, who, NFC) == (401, 1)
        assert hashes_of(api, who, NFD) == (401, 2)


@needs_db_tools
def test_an_imported_hash_of_another_spelling_goes_on_working(serve):
    """Django hashes what was typed."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher
    server = serve({"http.workers": "1"})
    name, outdated = unique("raw"), unique("old")
    for who in (name, outdated):
        assert Api(server.address).signup(who).status == 201
    server.stop()
    replace_password(server, name, PBKDF2PasswordHasher().encode(NFD, "s" * 22, 1))
    replace_password(server, outdated, PBKDF2PasswordHasher().encode(NFD, "s" * 22, 2))
    server.settings["password.iterations"] = "1"
    server.start()
    api = Api(server.address)
    assert hashes_of(api, name, NFD) == (200, 2)
    assert hashes_of(api, name, NFC) == (401, 1)
    server.stop()
    server.settings["password.iterations"] = "3"    # now both forms are outdated
    server.start()
    api = Api(server.address)
    assert api.login(outdated, NFC).status == 401
    assert api.login(outdated, NFD).status == 200
    server.wait_event("password.rehashed")
    assert hashes_of(api, outdated, NFC) == (200, 1)
    assert hashes_of(api, outdated, NFD) == (200, 1)


def test_nul_is_refused_and_ends_nothing(api):
    name = unique("nul")
    assert api.signup(name, password="securepassword123\0x").json() == \
        {"password": ["Null characters are not allowed."]}
    assert api.signup(name).status == 201
    assert api.login(name, "securepassword123\0").status == 400
    body = {**account(unique("nul")), "password": "securepassword123\0"}
    assert api.post("/api/auth/signup", body, content_type=FORM).status == 400
