"""Glewlwyd from Debian: an OpenID Connect server in C, one process with a thread a connection, SQLite.

It has paths and forms of its own: a login is the password grant of its OIDC plugin (HS256), `me` its
userinfo, a refresh the refresh grant. Accounts are made by its administration's API: it has no sign-up
that could be compared. Its own schema and defaults, but for the cost of a hash and a database kept in a
write-ahead log, which it gains from; its log has errors only."""
import http.client
import json
import os
import shutil
import sqlite3
import urllib.parse

from peers import peer
from rig.site import PASSWORD

SCHEMA = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
CONFIG = os.path.join(peer.HERE, "glewlwyd/glewlwyd.conf")
SCOPE = "openid"
PLUGIN = {
    "jwt-type": "sha", "jwt-key-size": "256", "key": "a key for benches alone, of 32 bytes and more",
    "code-duration": 600, "refresh-token-duration": 1209600, "access-token-duration": 3600,
    "refresh-token-rolling": True, "allow-non-oidc": True, "auth-type-token-enabled": False,
    "auth-type-id-token-enabled": True, "auth-type-code-enabled": False,
    "auth-type-implicit-enabled": False, "auth-type-password-enabled": True,
    "auth-type-client-enabled": False, "auth-type-refresh-enabled": True, "subject-type": "public",
    "email-claim": "mandatory", "name-claim": "mandatory"}


class Glewlwyd(peer.Peer):
    name = "glewlwyd"
    works = ("hash", "login", "me", "refresh", "curves", "memory", "start", "disk")
    can_sign_up = False
    me_path = "/api/oidc/userinfo"
    login_path = refresh_path = "/api/oidc/token"
    form_type = "application/x-www-form-urlencoded"
    rotates = False

    @classmethod
    def missing(cls):
        if shutil.which("glewlwyd") is None or not os.path.exists(SCHEMA):
            return "not installed (make bench-deps): glewlwyd"
        return None

    def prepare(self):
        with open(CONFIG) as file:
            text = file.read().format(port=self.port, folder=self.folder)
        with open(os.path.join(self.folder, "glewlwyd.conf"), "w") as file:
            file.write(text)
        with open(SCHEMA) as file:
            schema = file.read()
        database = sqlite3.connect(os.path.join(self.folder, "glewlwyd.db"))
        database.execute("PRAGMA journal_mode=WAL")     # the file remembers it
        database.executescript(schema)
        self.configure(database)
        database.commit()
        database.close()
        self.admin = None

    def configure(self, database):
        """The rows that its administration page would write."""
        (parameters,) = database.execute("SELECT gumi_parameters FROM g_user_module_instance").fetchone()
        database.execute("UPDATE g_user_module_instance SET gumi_parameters = ?",
                         (json.dumps({**json.loads(parameters), "pbkdf2-iterations": self.iterations}),))
        database.execute("INSERT INTO g_plugin_module_instance (gpmi_module, gpmi_name, gpmi_parameters) "
                         "VALUES ('oidc', 'oidc', ?)", (json.dumps({**PLUGIN, "iss": self.url}),))

    def command(self):
        return ["glewlwyd", "--config-file=" + os.path.join(self.folder, "glewlwyd.conf")]

    def log_in_as_admin(self):
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        connection.request("POST", "/api/auth/", json.dumps({"username": "admin", "password": "password"}),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit("glewlwyd refuses its administrator: %d" % answer.status)
        self.admin = answer.getheader("Set-Cookie").split(";")[0]
        connection.close()

    def sign_up(self, name):
        if self.admin is None:
            self.log_in_as_admin()
        self.call("/api/user/", {"username": name, "name": name, "email": name + "@example.com",
                                 "password": PASSWORD, "enabled": True, "scope": ["g_profile", SCOPE]},
                  headers={"Cookie": self.admin})
        return name

    def login_body(self, name):
        return urllib.parse.urlencode({"grant_type": "password", "scope": SCOPE, "username": name,
                                       "password": PASSWORD})

    def refresh_body(self, token):
        return urllib.parse.urlencode({"grant_type": "refresh_token", "refresh_token": token})

    def log_in(self, name):
        answer = self.call(self.login_path, self.login_body(name).encode())[1]
        return {"access": answer["access_token"], "refresh": answer["refresh_token"]}
