"""Access tokens, signed here as the server signs them: as many as a load needs."""
import base64
import hashlib
import hmac
import json
import os


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Mint:
    """Access tokens of one session, as the server signs them; it has a token_key()."""

    def __init__(self, server, pair):
        payload = pair["access"].split(".")[1]
        self.claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        self.claims["exp"] += 3600
        self.key = server.token_key()

    def token(self):
        claims = dict(self.claims, jti=os.urandom(16).hex())
        signed = "%s.%s" % (part(b'{"alg":"HS256","typ":"JWT"}'),
                            part(json.dumps(claims, separators=(",", ":")).encode()))
        return "%s.%s" % (signed, part(hmac.new(self.key, signed.encode(), hashlib.sha256).digest()))

    def file(self, server, name, count):
        return write_lines(server, name, (self.token() for _ in range(count)))


def write_lines(site, name, lines):
    """A file in the site's folder; gives its path."""
    path = os.path.join(site.folder, name)
    with open(path, "w") as file:
        file.writelines(line + "\n" for line in lines)
    return path


def open_sessions(site, count):
    """(file of access tokens, file of refresh tokens) of so many accounts with a session each."""
    pairs = [site.log_in(site.sign_up("session%d" % number)) for number in range(count)]
    return (write_lines(site, "access", [pair["access"] for pair in pairs]),
            write_lines(site, "refresh", [pair["refresh"] for pair in pairs]))
