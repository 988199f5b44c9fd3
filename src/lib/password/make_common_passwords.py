#!/usr/bin/python3
"""Writes common_passwords.inc: the hashes of the common passwords that are refused without any file,
as refused.c compares them, in their order: nothing is left to do for them at a start.

They are the entries of 8 characters and more of the list that Django ships for its
CommonPasswordValidator (django/contrib/auth/common-passwords.txt.gz; made by Royce Williams from
leaks, https://gist.github.com/roycewilliams/281ce539915a947a23db17137d91aeb7). Shorter ones are
refused by password.min_length.

    /usr/bin/python3 src/lib/password/make_common_passwords.py   (Debian 12: Django 3.2)
"""
import gzip
import pathlib

import django.contrib.auth

HEAD = """/* Written by make_common_passwords.py: hashes of the passwords of 8 characters and more of Django
 * 3.2's list.
 * Copyright (c) Django Software Foundation and individual contributors; BSD-3-Clause:
 * Redistribution and use in source and binary forms, with or without modification, are permitted
 * provided that the following conditions are met: 1. Redistributions of source code must retain the
 * above copyright notice, this list of conditions and the following disclaimer. 2. Redistributions in
 * binary form must reproduce the above copyright notice, this list of conditions and the following
 * disclaimer in the documentation and/or other materials provided with the distribution. 3. Neither
 * the name of Django nor the names of its contributors may be used to endorse or promote products
 * derived from this software without specific prior written permission. THIS SOFTWARE IS PROVIDED BY
 * THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT
 * NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
 * DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT,
 * INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT
 * OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
 * CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING
 * NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE
 * POSSIBILITY OF SUCH DAMAGE. */
"""


MASK = (1 << 64) - 1


def hash_of(password):
    """As hash_of() of refused.c: FNV-1a, and the last mix of SplitMix64."""
    value = 0xcbf29ce484222325
    for byte in password.encode():
        value = (value ^ byte) * 0x100000001b3 & MASK
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9 & MASK
    value = (value ^ value >> 27) * 0x94d049bb133111eb & MASK
    return value ^ value >> 31


def main():
    path = pathlib.Path(django.contrib.auth.__file__).with_name("common-passwords.txt.gz")
    words = {word.strip() for word in gzip.open(path, "rt", encoding="utf-8")}
    words = {word.lower() for word in words if len(word) >= 8}
    assert all(word.isascii() for word in words), "lower() is the case folding of ASCII alone"
    hashes = ["0x%016x," % value for value in sorted(map(hash_of, words))]
    lines = ["    " + " ".join(hashes[i:i + 4]) + "\n" for i in range(0, len(hashes), 4)]
    pathlib.Path(__file__).with_name("common_passwords.inc").write_text(
        HEAD + "static const uint64_t common_passwords[] = {\n" + "".join(lines) + "};\n")


main()
