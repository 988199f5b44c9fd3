"""What Gatepost and its peers have in common for a bench: an address, and the paths of docs/api.md."""
import json
import urllib.error
import urllib.request

PASSWORD = "correct horse 4711"


class Site:
    """Needs url, "http://127.0.0.1:PORT"."""

    can_sign_up = True      # by itself, over HTTP
    me_path = "/api/auth/me"
    login_path = "/api/auth/login"
    refresh_path = "/api/auth/token/refresh"
    json_type = "application/json"
    form_type = json_type   # of what login and refresh are asked with
    rotates = True          # a refresh answers with a new refresh token, and the old one is spent

    def ask(self, path, body=None, token=None, headers=None):
        """(status, body) of any answer, a refusal too; body: a dictionary, sent as JSON, or bytes."""
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(self.url + path, data=data,
                                         method="GET" if data is None else "POST")
        if data is not None:
            request.add_header("Content-Type",
                               self.form_type if isinstance(body, bytes) else self.json_type)
        if token:
            request.add_header("Authorization", "Bearer " + token)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read() or b"null")

    def call(self, path, body=None, token=None, headers=None):
        """As ask(), and the bench ends at a refusal."""
        status, answer = self.ask(path, body, token, headers)
        if status >= 300:
            raise SystemExit("%s: %s answers %d %s" % (self.name, path, status, answer))
        return status, answer

    def sign_up(self, name):
        self.call("/api/auth/signup", {"username": name, "email": name + "@example.com",
                                       "password": PASSWORD})
        return name

    def token_key(self):
        """Of HS256; None: its tokens cannot be made outside of it."""
        return None

    def login_body(self, name):
        return json.dumps({"username": name, "password": PASSWORD})

    def refresh_body(self, token):
        return json.dumps({"refresh": token})

    def log_in(self, name):
        """{"access", "refresh"}"""
        return self.call(self.login_path, {"username": name, "password": PASSWORD})[1]
