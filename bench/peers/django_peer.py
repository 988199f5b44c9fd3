"""Django: the project below django/, with everything of it from Debian, served by gunicorn with as
many sync workers as there are cores and no access log. A commit of its SQLite is flushed before it is
answered (synchronous=FULL, which is SQLite's default), as one of Gatepost is."""
import os
import sqlite3

from peers import peer
from rig import machine

PROJECT = os.path.join(peer.HERE, "django")
PYTHON = "/usr/bin/python3"     # Debian's, which has Debian's Django
# Bits of OPENSSL_ia32cap that are taken away: SHA extensions (word 2, bit 29 of leaf 7's EBX).
NO_SHA = ":~0x20000000"
KEY = b"a key for benches alone, of 32 bytes and more"    # SECRET_KEY of its settings


class Django(peer.Peer):
    name = "django"
    works = ("hash", "signup", "signup-1000", "login", "me", "refresh", "verify-email", "mixed", "curves",
             "relay", "lost", "memory", "start", "disk")
    rotates = False

    @classmethod
    def missing(cls):
        wanted = ("django", "rest_framework", "rest_framework_simplejwt", "gunicorn")
        debian = "/usr/lib/python3/dist-packages"
        gone = [name for name in wanted if not os.path.isdir(os.path.join(debian, name))]
        return "not installed (make bench-deps): %s" % ", ".join(gone) if gone else None

    def prepare(self):
        self.environment = {
            "PEER_FOLDER": self.folder, "PEER_ITERATIONS": str(self.iterations),
            "PEER_RELAY_PORT": str(self.relay_port or ""), "PYTHONPATH": PROJECT,
            "PYTHONDONTWRITEBYTECODE": "1", "DJANGO_SETTINGS_MODULE": "project.settings",
            **self.more_environment()}
        peer.run_once([PYTHON, os.path.join(PROJECT, "manage.py"), "migrate", "--verbosity", "0"],
                      self.folder, self.environment, self.log)
        database = sqlite3.connect(os.path.join(self.folder, "db.sqlite3"))
        database.execute("PRAGMA journal_mode=WAL")     # the file remembers it
        database.close()

    def more_environment(self):
        return {}

    def token_key(self):
        return KEY

    def command(self):
        return [PYTHON, "-m", "gunicorn", "--bind", "127.0.0.1:%d" % self.port,
                "--workers", str(self.count), "--log-level", "error", "project.wsgi"]


class RotatingDjango(Django):
    """With simplejwt's blacklist: a refresh token is spent by its use, as Gatepost's is."""

    variant = "rotating"
    works = ("refresh",)
    rotates = True

    def more_environment(self):
        return {"PEER_ROTATE": "1"}


class DjangoWithoutSha(Django):
    """As on a machine without SHA extensions."""

    variant = "no SHA extensions"
    works = ("hash",)

    @classmethod
    def missing(cls):
        if "sha_ni" not in machine.cpu_info()[1]:
            return "there are none here: as django"
        return super().missing()

    def more_environment(self):
        return {"OPENSSL_ia32cap": NO_SHA}
