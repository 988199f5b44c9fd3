#!/usr/bin/python3
"""Writes vectors.inc: passwords as Django stores them.

Run it with Debian's Django, from anywhere:
    /usr/bin/python3 tests/unit/password/make_vectors.py
"""
import pathlib

from django.conf import settings

settings.configure()
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402

PASSWORDS = ["", "x", "testpass123", "s3cret-pw", " pad-pw ", "a\0b", "p\u00e4ssw\u00f6rt",
             "pa\u0308sswo\u0308rt", "\U0001f511" * 4, "k" * 63, "k" * 64, "k" * 65, "long " * 40,
             "z" * 1024]
SALTS = ["a", "NaCl", "kJ8sP0dQ2xY7vB4nM1cR6t", "s\u00e4lt", "s" * 51, "s" * 52, "s" * 53,
         "s" * 64, "s" * 128]
ITERATIONS = [1, 2, 3, 1000, 2048, 2049]


def quoted(text):
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"'


def main():
    rows = []
    for i, password in enumerate(PASSWORDS):
        for j, salt in enumerate(SALTS):
            iterations = ITERATIONS[(i + j) % len(ITERATIONS)]
            rows.append((password, PBKDF2PasswordHasher().encode(password, salt, iterations)))
    out = pathlib.Path(__file__).with_name("vectors.inc")
    with out.open("w") as file:
        print("/* Made by make_vectors.py with Django: do not edit. */\n/* clang-format off */",
              file=file)
        print("static const char *const django_passwords[] = {", file=file)
        print(",\n".join(quoted(password) for password in PASSWORDS), file=file)
        print("};\nstatic const struct vector vectors[] = {", file=file)
        for password, encoded in rows:
            print("{%d, %d, %s}," % (PASSWORDS.index(password), len(password.encode()),
                                     quoted(encoded) if not encoded.isascii() else f'"{encoded}"'),
                  file=file)
        print("};", file=file)
    print(len(rows), "vectors")


if __name__ == "__main__":
    main()
