"""The table of configuration keys (include/gatepost/config_keys.def), for tests over all of them, and a
value to change each key to. A key without a value here fails those tests by name: text, paths and lists
need one that means something; numbers, flags, choices and rates get one by their range."""
import re

from cryptography.hazmat.primitives.asymmetric import rsa

from certificates import certificate_pem, key_pem, make_chain, new_key
from gatepost import ROOT

TEXT = r'"(?:[^"\\]|\\.)*"'
ROW = re.compile(r'\bKEY\((?:(\w+), )?(\w+), ([A-Z]+), (' + TEXT + r'), (\d+), (\d+), (' + TEXT +
                 r'),\s*([A-Z]+),')
RELAYS = ("smtp", "smtp2", "smtp3", "smtp4")


class Key:
    def __init__(self, section, name, kind, default, least, most, unit, reload):
        self.section, self.short, self.name = section, name, f"{section}.{name}"
        self.kind, self.default, self.unit, self.reload = kind, default, unit, reload
        self.least, self.most = int(least), int(most)

    def __repr__(self):
        return self.name

    def another(self):
        """A value that is not the default, by the row alone; None where the row does not tell."""
        if self.kind == "FLAG":
            return "no" if self.default == "yes" else "yes"
        if self.kind == "CHOICE":
            words = [word for word in self.unit.split("|") if word not in (self.default, "auto")]
            return words[-1]
        if self.kind == "RATE":
            return "7/60"
        if self.kind == "NUMBER" and self.default != "auto":
            return str(int(self.default) + (1 if int(self.default) < self.most else -1))
        return None


def rows(name):
    """Tuples of the rows, without the comment that describes them."""
    text = (ROOT / "include" / "gatepost" / name).read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r'"\s*\n\s*"', "", text)
    text = text.replace("RELAY_KEY(", "KEY(")
    found = [tuple(part.strip('"') for part in match) for match in ROW.findall(text)]
    assert len(found) == len(re.findall(r"^KEY\(\w+, \w+", text, re.M)), "a row was not understood"
    return found


def all_keys():
    own = [Key(*row) for row in rows("config_keys.def") if row[0]]
    relay = [Key(section, *row[1:]) for section in RELAYS for row in rows("config_relay_keys.def")]
    return own + relay


def make_files(directory):
    """What the values below point at."""
    _, key, chain = make_chain("good")
    for name, content in (("cert.pem", certificate_pem(*chain)), ("key.pem", key_pem(key)),
                          ("other.key", b"k" * 43), ("password", b"hunter2hunter2"),
                          ("refused", b"thatpassword\n")):
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o600)
    (directory / "letters").mkdir()
    (directory / "keys").mkdir(mode=0o700)
    for name, made in (("dkim.pem", rsa.generate_private_key(65537, 2048)),
                       ("keys/first.ES256.1700000000.pem", new_key())):
        (directory / name).write_bytes(key_pem(made))
        (directory / name).chmod(0o600)


TLS = {"http.tls_cert": "cert.pem", "http.tls_key": "key.pem"}
RELAY = {"smtp.host": "127.0.0.1", "smtp.port": "9"}

# A key: its value, or all that has to change with it.
VALUES = {
    "http.listen": "127.0.0.1:0, [::1]:0", "http.workers": "3", "http.public_url": "http://other.example",
    "http.tls_cert": TLS, "http.tls_key": TLS, "http.metrics_allow": "127.0.0.0/9, ::1, unix",
    "http.trusted_proxies": "192.0.2.1", "http.connections_max": "99",
    "http.cors_origins": "https://app.example",
    "http.cookies": {"http.cookies": "yes", "http.public_url": "https://gatepost.example"},
    "master.user": "nobody", "master.pid_file": "var/other.pid", "master.admin_socket": "var/other.sock",
    "admin.socket": "var/sub/admin.sock", "log.file": "other.log", "store.dir": "var/other",
    "store.write_free_mib": {"store.write_free_mib": "2", "store.signup_free_mib": "2"},
    "limits.enabled": "yes",
    "password.allow_weak": {"password.allow_weak": "no", "password.iterations": "1000"},
    "password.argon2_memory_kib": "20000", "password.queue_max": "99", "password.min_strength": "2",
    "password.refused_file": "refused",
    "token.secret_file": "other.key", "token.key_dir": "keys",
    "token.algorithm": {"token.algorithm": "ES256", "token.key_dir": "keys"},
    "mail.from": "other@gatepost.example", "mail.from_name": "Gäste", "mail.reply_to": "help@gatepost.example",
    "mail.return_path": "b@gatepost.example", "mail.dkim_keys": "m1:dkim.pem",
    "mail.dkim_domain": {"mail.dkim_domain": "gatepost.example", "mail.from": "a@gatepost.example",
                         "mail.dkim_keys": "m1:dkim.pem"},
    "mail.feedback_id": "a:b:SenderId", "mail.list_unsubscribe": "mailto:no@gatepost.example",
    "mail.transport": {"mail.transport": "smtp", **RELAY}, "mail.dir": "var/letters",
    "mail.key_file": "other.key", "mail.template_dir": "letters", "mail.language": "de",
    "mail.bounce_socket": "var/sub/bounce.sock", "mail.greylist_retry_s": "30, 60",
}

# Of each relay, what cannot stand together in one configuration.
RELAY_VALUES = [
    {"host": "127.0.0.1", "port": "9", "ca_file": "cert.pem", "user": "u", "password_file": "password",
     "auth": "plain", "client_cert": "cert.pem", "client_key": "key.pem"},
    {"host": "127.0.0.1", "user": "u", "auth": "xoauth2", "token_file": "password"},
    {"host": "127.0.0.1", "user": "u", "auth": "xoauth2", "token_command": "/bin/cat password"},
]


def change_of(key):
    """{key: value} that changes this one; None: nobody has said how."""
    value = VALUES.get(key.name) or key.another()
    return {key.name: value} if isinstance(value, str) else value


def changes_of_relay(section, keys):
    """[{key: value}] that together change every key of that relay."""
    given = [{f"{section}.{name}": value for name, value in one.items()} for one in RELAY_VALUES]
    named = {name for one in given for name in one}
    for key in keys:
        if key.name not in named and key.another() is not None:
            given[0][key.name] = key.another()
    return given
