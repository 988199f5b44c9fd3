"""Databases with very many users, for the growth of everything: filled by bench/growth/fill.c, kept
in build/bench/growth-<users> and used again as long as they are what a fill of today would write."""
import base64
import hashlib
import os
import shutil
import subprocess

from rig.run import Missing
from rig.server import BUILD, ROOT
from rig.site import PASSWORD

# Of what a filled database depends on, beside its size.
SOURCES = ("bench/growth/fill.c", "bench/growth/population.h", "src/store/env.c", "src/store/env.h",
           "src/store/records.def", "src/store/users.c", "src/store/audit.c")
SALT = "abcdefghijklmnopqrstuv"
MASK = (1 << 40) - 1
DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
BYTES_A_USER = 800      # a little more than it is, for the room on the disk
FILL = os.path.join(BUILD, "bench/fill")


def stored_form():
    """Of PASSWORD, at one iteration."""
    digest = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT.encode(), 1)
    return "pbkdf2_sha256$1$%s$%s" % (SALT, base64.b64encode(digest).decode())


def name_of(number):
    """As bench/growth/population.h has it."""
    mixed = number * 0x9e3779b97f & MASK
    mixed ^= mixed >> 20
    mixed = mixed * 0xbf58476d1d & MASK
    mixed ^= mixed >> 20
    return "u" + "".join(DIGITS[mixed >> (35 - 5 * i) & 31] for i in range(8))


def stamp():
    digest = hashlib.sha256(stored_form().encode())
    for name in SOURCES:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def folder_of(users):
    return os.path.join(BUILD, "bench", "growth-%d" % users)


def is_of_today(folder):
    try:
        with open(os.path.join(folder, "stamp")) as file:
            return file.read() == stamp()
    except FileNotFoundError:
        return False


def filled(users):
    """The folder of a database with so many users; the fill itself looks at their count and at the
    format, and goes on where one was cut short. Nobody may change it: serve a copy."""
    folder = folder_of(users)
    if not is_of_today(folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        free = shutil.disk_usage(folder).free
        if free < 2 * users * BYTES_A_USER + (4 << 30):
            os.rmdir(folder)
            raise Missing("no room on the disk for %d users" % users)
        with open(os.path.join(folder, "stamp"), "w") as file:
            file.write(stamp())
    subprocess.run([FILL, os.path.join(folder, "db"), str(users), stored_form()], check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(folder, "db")


def copy(database, folder):
    """A database that may be changed; on disk when it returns."""
    subprocess.run(["cp", "-a", database, folder], check=True)
    subprocess.run(["sync", "-f", folder], check=True)
    return folder
