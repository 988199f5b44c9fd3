"""Every algorithm for new hashes, and stored forms that others made, through the real server."""
import base64
import hashlib
import re

import pytest

import gatepost
from client import Api, unique
from users_db import needs_db_tools, put, record_of

# A toy cost each; PBKDF2's is the tests' usual.
ALGORITHMS = {
    "pbkdf2_sha256": {},
    "argon2id": {"password.argon2_memory_kib": "64", "password.argon2_lanes": "2"},
    "scrypt": {"password.scrypt_log2_n": "5", "password.scrypt_p": "3"},
}
ENCODED = re.compile(rb"(?:pbkdf2_sha256|argon2|scrypt)\$[A-Za-z0-9+/=$,.]+")
PASSWORD = "p\u00e4ssw\u00f6rd with spaces 123"


@pytest.fixture(scope="module")
def gate(module_servers):
    """One server and its database; tests restart it with another algorithm."""
    server = gatepost.Gatepost({"http.workers": "1"}).start()
    yield server
    if server.alive():
        server.stop()
    server.destroy()
    gatepost.servers.remove(server)


def restart(gate, algorithm, **more):
    if gate.alive():
        gate.stop()
    for settings in ALGORITHMS.values():
        for key in settings:
            gate.settings.pop(key, None)
    gate.settings.update({"password.algorithm": algorithm, **ALGORITHMS[algorithm], **more})
    gate.start()
    return Api(gate.address)


def stored_of(gate, name):
    """(key, record, stored password) of that user."""
    key, record = record_of(gate, name)
    encoded = ENCODED.findall(record)
    assert len(encoded) == 1, record
    return key, record, encoded[0]


def replace_password(gate, name, encoded):
    """Puts another stored form, of any length, into a stopped server's database. A password is its
    length in two bytes, then itself (src/lib/base's packer)."""
    key, record, ours = stored_of(gate, name)
    before = len(ours).to_bytes(2, "big") + ours
    assert record.count(before) == 1, "the password is not where it was thought to be"
    put(gate, key, record.replace(before, len(encoded).to_bytes(2, "big") + encoded.encode()))


def check_is_djangos(algorithm, text):
    name, *parts = text.split("$")
    if algorithm == "scrypt":  # Django 4's; Debian has 3.2
        assert name == "scrypt" and parts[0] == "32" and parts[2:4] == ["8", "3"]
        digest = hashlib.scrypt(PASSWORD.encode(), salt=parts[1].encode(), n=32, r=8, p=3, dklen=64)
        assert base64.b64decode(parts[4], validate=True) == digest and len(parts) == 5
        return
    from django.contrib.auth import hashers
    hasher = hashers.PBKDF2PasswordHasher()
    if algorithm == "argon2id":
        assert parts[:3] == ["argon2id", "v=19", "m=64,t=2,p=2"]
        hasher = hashers.Argon2PasswordHasher()
    assert name == hasher.algorithm
    assert hasher.verify(PASSWORD, text) and not hasher.verify(PASSWORD + " ", text)


@needs_db_tools
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_hash_is_of_the_chosen_algorithm_in_djangos_form(gate, algorithm):
    api = restart(gate, algorithm)
    name = unique("alg")
    assert api.signup(name, password=PASSWORD).status == 201
    assert api.login(name, PASSWORD).status == 200
    assert api.login(name, PASSWORD + " ").status == 401
    assert api.login(unique("nobody"), PASSWORD).status == 401
    gate.stop()
    _, _, encoded = stored_of(gate, name)
    gate.start()
    check_is_djangos(algorithm, encoded.decode())


def test_a_change_of_algorithm_locks_nobody_out(gate):
    names = {}
    for algorithm in ALGORITHMS:
        api = restart(gate, algorithm)
        names[algorithm] = unique("chg")
        assert api.signup(names[algorithm], password=PASSWORD).status == 201
        for name in names.values():
            assert api.login(name, PASSWORD).status == 200
            assert api.login(name, "another password 1").status == 401
    api = restart(gate, "pbkdf2_sha256")
    for name in names.values():
        assert api.login(name, PASSWORD).status == 200


@pytest.mark.parametrize("settings", [
    {"password.iterations": "10000000"},
    {"password.algorithm": "argon2id", "password.argon2_memory_kib": "262144",
     "password.argon2_passes": "4", "password.argon2_lanes": "255"},
    {"password.algorithm": "argon2id", "password.argon2_memory_kib": "8",
     "password.argon2_passes": "131072"},
    {"password.algorithm": "scrypt", "password.scrypt_log2_n": "18", "password.scrypt_r": "8",
     "password.scrypt_p": "2"},
    {"password.algorithm": "scrypt", "password.scrypt_log2_n": "15", "password.scrypt_r": "1",
     "password.scrypt_p": "128"},
    {"password.algorithm": "scrypt", "password.scrypt_log2_n": "1", "password.scrypt_r": "32",
     "password.scrypt_p": "255"}])
def test_what_the_configuration_takes_a_worker_can_verify(serve, settings):
    """A worker makes a form of today's cost when it starts, and dies of one that it would not read."""
    server = serve({"http.workers": "1", **settings})
    assert Api(server.address).get("/healthz").status == 200


def vectors():
    """{beginning: (password, stored form)} of what other implementations made, one of each form."""
    text = (gatepost.ROOT / "tests" / "unit" / "password" / "vectors.inc").read_text()
    listed, rows = text.split("static const struct vector vectors[]", 1)
    passwords = [bytes(int(byte, 8) for byte in re.findall(r"\\(\d{3})", line)).decode()
                 for line in listed.splitlines() if line.startswith('"')]
    found = {}
    for index, encoded in re.findall(r'\{(\d+), \d+, "([^"\\]*)"\}', rows):
        password = passwords[int(index)]
        beginning = re.match(r"(\w+\$argon2\w+|\w+|\$[\w-]+)\$", encoded)[0]
        beginning += "i=" if "$i=" in encoded else "rounds=" if "$rounds=" in encoded else ""
        if 0 < len(password) < 100 and "\0" not in password:
            found.setdefault(beginning, (password, encoded))
    return found


IMPORTED = vectors()


@pytest.fixture(scope="module")
def imported(gate):
    """{form: user name}: one account each, in a database that was changed while nobody ran it."""
    api = restart(gate, "pbkdf2_sha256")
    names = {form: unique("imp") for form in IMPORTED}
    for name in names.values():
        assert api.signup(name, password="the first password").status == 201
    gate.stop()
    for form, name in names.items():
        replace_password(gate, name, IMPORTED[form][1])
    gate.start()
    return names


@needs_db_tools
@pytest.mark.parametrize("form", IMPORTED)
def test_a_user_whose_hash_others_made_logs_in(gate, imported, form):
    api = Api(gate.address)
    password = IMPORTED[form][0]
    answer = api.login(imported[form], password)
    assert answer.status == 200, answer
    assert api.me(answer.json()["access"]).json()["username"] == imported[form]
    for wrong in ("y" + password, "y" * 600, "the first password"):
        assert api.login(imported[form], wrong).status == 401


def test_there_is_a_vector_of_every_form_that_the_table_names():
    table = (gatepost.ROOT / "src" / "lib" / "password" / "formats.c").read_text()
    prefixes = re.findall(r'^    \{"([^"]+)", PASSWORD_METHOD_', table, re.MULTILINE)
    assert len(prefixes) >= 17
    for prefix in prefixes:
        assert any(form.startswith(prefix) for form in IMPORTED), prefix


@needs_db_tools
def test_a_stored_form_that_would_eat_the_machine_matches_nothing(gate):
    api = restart(gate, "pbkdf2_sha256")
    name = unique("eat")
    assert api.signup(name, password="testpass123").status == 201
    gate.stop()
    replace_password(gate, name, "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43)
    gate.start()
    answer = Api(gate.address).login(name, "testpass123")
    assert answer.status == 401
    assert "password.unreadable" in gate.log_text()
