#!/usr/bin/python3
"""Writes vectors.inc: passwords as other implementations store them.

Run it with Debian's Django, python3-bcrypt, python3-passlib and nodejs, from a folder in which
`npm install @noble/hashes` was done:
    /usr/bin/python3 .../tests/unit/password/make_vectors.py

Gatepost computes with libargon2, libcrypt and OpenSSL. bcrypt is python3-bcrypt's (OpenBSD's) and
passlib's own, sha-crypt passlib's own and OpenSSL's, Argon2 @noble/hashes', scrypt hashlib's (which
is OpenSSL too) and passlib's own, PBKDF2 Django's; RFC 6070's and RFC 7914's are the RFCs'. yescrypt
has no second implementation in Debian: those are published, and libxcrypt made most of them.
"""
import base64
import hashlib
import json
import os
import pathlib
import subprocess

os.environ["PASSLIB_BUILTIN_BCRYPT"] = "enabled"
from django.conf import settings  # noqa: E402

settings.configure()
import passlib.hash as passlib  # noqa: E402
from django.contrib.auth import hashers  # noqa: E402

HERE = pathlib.Path(__file__).parent
PASSWORDS = ["", "x", "testpass123", "s3cret-pw", " pad-pw ", "a\0b", "p\u00e4ssw\u00f6rt",
             "pa\u0308sswo\u0308rt", "\U0001f511" * 4, "k" * 63, "k" * 64, "k" * 65, "long " * 40,
             "z" * 1024, "b" * 71, "b" * 72, "b" * 73, "w" * 510 + "\u00e4", "w" * 511, "w" * 512,
             "w" * 513]
OLD = 14  # passwords that the rows of PBKDF2-SHA-256 have been made of
SALTS = ["a", "NaCl", "kJ8sP0dQ2xY7vB4nM1cR6t", "s\u00e4lt", "s" * 51, "s" * 52, "s" * 53,
         "s" * 64, "s" * 128]
ITERATIONS = [1, 2, 3, 1000, 2048, 2049]
CRYPT_MAX_BYTES = 511


def padded(digest):
    return base64.b64encode(digest).decode()


def bare(digest):
    return padded(digest).rstrip("=")


def django_rows():
    for i, password in enumerate(PASSWORDS[:OLD]):
        for j, salt in enumerate(SALTS):
            iterations = ITERATIONS[(i + j) % len(ITERATIONS)]
            yield password, hashers.PBKDF2PasswordHasher().encode(password, salt, iterations)
    for i, password in enumerate(PASSWORDS):
        salt = SALTS[i % len(SALTS)]
        iterations = ITERATIONS[i % len(ITERATIONS)]
        yield password, hashers.PBKDF2SHA1PasswordHasher().encode(password, salt, iterations)
        # ScryptPasswordHasher of Django 4.0 in so many words.
        n, r, p = ((2, 1, 1), (16, 8, 1), (1024, 8, 5), (64, 3, 7))[i % 4]
        digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=n, r=r, p=p, dklen=64)
        yield password, "scrypt$%d$%s$%d$%d$%s" % (n, salt, r, p, padded(digest))
        setting = b"$2b$%02d$" % (4 + i % 2) + b"MNOPQRSTUVWXYZabcdefgu"
        if "\0" not in password:
            yield password, hashers.BCryptPasswordHasher().encode(password, setting)
        yield password, hashers.BCryptSHA256PasswordHasher().encode(password, setting)


def argon2_rows():
    keys = []
    for i, password in enumerate(PASSWORDS):
        m, t, p = ((8, 1, 1), (32, 1, 2), (100, 3, 3), (257, 2, 1))[i % 4]
        for variant in ("id", "i", "d"):
            version = 16 if (i + len(variant)) % 5 == 0 else 19
            keys.append((variant, version, m, t, p, (16, 32, 64)[i % 3],
                         ("saltsalt", "kJ8sP0dQ2xY7vB4nM1cR6t", "s" * 64)[i % 3], password))
    done = subprocess.run(["node", str(HERE / "make_argon2.mjs"), json.dumps(keys)], check=True,
                          capture_output=True, text=True)
    answers = {tuple(json.loads(key)): hash for key, hash in json.loads(done.stdout).items()}
    for i, key in enumerate(keys):
        variant, version, m, t, p, _, salt, password = key
        v = "" if version == 16 and i % 2 else "v=%d$" % version
        yield password, "%s$argon2%s$%sm=%d,t=%d,p=%d$%s$%s" % (
            "argon2" if i % 4 < 2 else "", variant, v, m, t, p, bare(salt.encode()),
            answers[key].rstrip("="))


def passlib_rows():
    for handler in (passlib.bcrypt, passlib.sha256_crypt, passlib.sha512_crypt, passlib.scrypt):
        handler.set_backend("builtin")
    for i, password in enumerate(PASSWORDS):
        salt = b"\0\xff" + bytes(range(i))
        yield password, passlib.pbkdf2_sha256.using(rounds=1 + 77 * i, salt=salt).hash(password)
        digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1 + i)
        yield password, "$pbkdf2-sha256$i=%d%s$%s$%s" % (1 + i, ",l=32" if i % 2 else "", bare(salt),
                                                         bare(digest))
        if i % 4 == 0:  # in Python it takes its time
            yield password, passlib.scrypt.using(rounds=3 + i % 3, block_size=1 + i, parallelism=1 + i,
                                                 salt=salt).hash(password)
        if "\0" in password:
            continue
        yield password, passlib.bcrypt.using(rounds=4, ident=("2a", "2b", "2y")[i % 3],
                                             salt="./ABCDEFGHIJKLMNOPQRSu").hash(password)
        for number, handler in (("5", passlib.sha256_crypt), ("6", passlib.sha512_crypt)):
            salt_text = "saltSALT./012345"[:1 + i % 16]
            yield password, handler.using(rounds=1000 + i, salt=salt_text).hash(password)
        if len(password) in (1, 11):
            done = subprocess.run(["openssl", "passwd", "-5" if i % 2 else "-6", "-salt", "Na.Cl/9",
                                   password], check=True, capture_output=True, text=True)
            yield password, done.stdout.strip()


def published_rows():
    """RFC 6070; RFC 7914, section 12; what tests of a Go and a Rust port of crypt(3) hold yescrypt
    against, in the latter's words the answers of libxcrypt."""
    for iterations, answer in ((1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
                               (2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
                              (4096, "4b007901b765489abead49d926f721d065a429c1")):
        yield "password", "pbkdf2_sha1$%d$salt$%s" % (iterations, padded(bytes.fromhex(answer)))
    yield "password", "scrypt$1024$NaCl$8$16$" + padded(bytes.fromhex(
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d98"
        "30dac727afb94a83ee6d8360cbdfa2cc0640"))
    yield "pleaseletmein", "scrypt$16384$SodiumChloride$8$1$" + padded(bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a"
        "9af9e61e85dc0d651e40dfcf017b45575887"))
    yield "test1", "$y$j75$z7ztFz2FayrKI79/jEwlL.$u5x/j193MQ09wbFaRGYr0AH/A/jh3kunjuhYRVRNkmC"
    salt = "$y$j%s$.2U.1EE/4Q.07ck0AoU1D.$"
    yield "", salt % "75" + "wcXdyp3qHg3mW/WAQtjaYAdxT5VnTZZlgnp7uwY8x0C"
    yield "x" * 100, salt % "75" + "PZO9H7BIW9P5waLxArE8b9UevaetqQc1j7Krp6KyB6."
    yield "swordfish", salt % "85" + "J.XCGfzN5gMAF9tG6ZEYDA0jRHEJuEw25mdEXoJq/Q0"
    yield "Hello world!", salt % "9T" + "4NfHmls6n5rZm/6tJwI055XCiV/4XUeUm79Q8K9xWx2"
    yield "testpw123", ("$y$j75$MgV5VEm7eo0AnMHCwwXE3VoGC33JLdJL$"
                        "Fdz2PmPaxWHfWqgIkZvIYnwOGTgeTmTHqVNcrSOTxXD")
    yield "testpw123", ("$y$j75$.BYF7loHGJ3KPtJMYRaOh/rQqZ5Tz7MV6icXFGtZOq7cXOOegyegpWviy4Al5fQnEDhp"
                        "NnxrWLCufvSwoTjyx1$H4ophMZXVq/JSir4mDe8Ovw8J8GcLqttZ6aD89qz6Z2")


def quoted(text):
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"'


def in_reach(password, encoded):
    """libcrypt takes no longer one; bcrypt reads 72 bytes of it."""
    return not encoded.startswith(("$5$", "$6$")) or len(password.encode()) <= CRYPT_MAX_BYTES


def main():
    rows = [*django_rows(), *argon2_rows(), *passlib_rows(), *published_rows()]
    passwords = list(dict.fromkeys([*PASSWORDS, *(password for password, _ in rows)]))
    with (HERE / "vectors.inc").open("w") as file:
        def table(name, wanted):
            print("static const struct vector %s[] = {" % name, file=file)
            for password, encoded in rows:
                if in_reach(password, encoded) == wanted:
                    print("{%d, %d, %s}," % (
                        passwords.index(password), len(password.encode()),
                        quoted(encoded) if not encoded.isascii() else f'"{encoded}"'), file=file)
            print("};", file=file)
        print("/* Made by make_vectors.py with other implementations: do not edit. */\n"
              "/* clang-format off */\nstatic const char *const vector_passwords[] = {", file=file)
        print(",\n".join(quoted(password) for password in passwords), file=file)
        print("};", file=file)
        table("vectors", True)
        print("/* Right by their makers, but the password is too long for libcrypt. */", file=file)
        table("vectors_out_of_reach", False)
    print(len(rows), "vectors")


if __name__ == "__main__":
    main()
