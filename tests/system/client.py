"""HTTP for the tests: a lean keep-alive client on a plain socket, so that what is sent and what
comes back is known to the byte, and calls for the routes."""
import json
import re
import socket
import ssl
import time
from urllib.parse import urlencode

from gatepost import patience

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Closed(Exception):
    """The server closed the connection before an answer was whole."""


class Answer:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def header(self, name):
        """The one value of that header, or None; twice is an error of the server."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} stands {len(values)} times"
        return values[0] if values else None

    @property
    def type(self):
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    def json(self):
        assert self.type == JSON, f"{self!r} is no JSON"
        return json.loads(self.body)

    def text(self):
        return self.body.decode()

    def closes(self):
        return (self.header("connection") or "").lower() == "close"

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Connection:
    """One connection. Not for two threads at once."""

    def __init__(self, address, timeout=20, tls=None, server_name="localhost", source=None):
        self.timeout = patience(timeout)
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout=self.timeout,
                                                 source_address=source and (source, 0))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname=server_name)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def _more(self):
        try:
            piece = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(str(error)) from None
        if not piece:
            raise Closed(f"end after {self.buffer[:200]!r}")
        self.buffer += piece

    def receive(self, method="POST"):
        """The next answer."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) ?(.*)", first)
        assert match, f"status line {first!r}"
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        answer = Answer(int(match[1]), match[2], headers, b"")
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        if (answer.header("transfer-encoding") or "").lower() == "chunked":
            answer.body = self._chunks()
        elif answer.header("content-length") is not None:
            length = int(answer.header("content-length"))
            while len(self.buffer) < length:
                self._more()
            answer.body, self.buffer = self.buffer[:length], self.buffer[length:]
        else:
            answer.body, self.buffer = self.buffer + self.rest(), b""
        return answer

    def _chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                self._more()
            size, self.buffer = self.buffer.split(b"\r\n", 1)
            length = int(size.split(b";")[0], 16)
            while len(self.buffer) < length + 2:
                self._more()
            body, self.buffer = body + self.buffer[:length], self.buffer[length + 2:]
            if length == 0:
                return body

    def rest(self):
        """Everything until the server closes."""
        data = b""
        while True:
            try:
                piece = self.sock.recv(65536)
            except ConnectionError:
                return data
            if not piece:
                return data
            data += piece

    def closed_by_server(self, seconds=5):
        """True when the end of the connection comes within that time, and no answer before it."""
        self.sock.settimeout(patience(seconds))
        try:
            return not self.buffer and self.sock.recv(1) == b""
        except socket.timeout:
            return False
        except ConnectionError:
            return True

    def request(self, method, path, body=None, content_type=JSON, headers=()):
        self.send(encode(method, path, body, content_type, headers))
        return self.receive(method)

    def signup(self, name, **fields):
        return self.request("POST", "/api/auth/signup", account(name, **fields))


def encode(method, path, body=None, content_type=JSON, headers=()):
    """A well-formed request. body: bytes, text, or anything else as JSON (a dict as a form when the
    content type says so)."""
    if body is not None and not isinstance(body, bytes):
        if not isinstance(body, str):
            body = urlencode(body) if content_type == FORM else json.dumps(body)
        body = body.encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: test"]
    if body is not None:
        lines += [f"Content-Length: {len(body)}"] + ([f"Content-Type: {content_type}"] if content_type else [])
    elif method in ("POST", "PUT", "PATCH"):
        lines += ["Content-Length: 0"] + ([f"Content-Type: {content_type}"] if content_type else [])
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + (body or b"")


PASSWORD = "securepassword123"


def account(name, email=None, password=PASSWORD):
    return {"username": name, "email": email or f"{name}@example.com", "password": password}


class Api:
    """Calls of the routes, each on a connection that is kept and opened again when the server said
    that it closes."""

    def __init__(self, address, **options):
        self.address, self.options = address, options
        self.connection = None

    def call(self, method, path, body=None, content_type=JSON, headers=()):
        if self.connection is None:
            self.connection = Connection(self.address, **self.options)
        try:
            answer = self.connection.request(method, path, body, content_type, headers)
        except BaseException:
            self.close()
            raise
        if answer.closes():
            self.close()
        return answer

    def fresh(self):
        """The next call goes over a new connection (an idle one may have been timed out)."""
        self.close()
        return self

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def post(self, path, body=None, **options):
        return self.call("POST", path, body, **options)

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def signup(self, name, headers=(), **fields):
        return self.call("POST", "/api/auth/signup", account(name, **fields), headers=headers)

    def login(self, name, password=PASSWORD):
        return self.post("/api/auth/login", {"username": name, "password": password})

    def tokens(self, name, password=PASSWORD):
        answer = self.login(name, password)
        assert answer.status == 200, answer
        return answer.json()

    def me(self, access):
        return self.get("/api/auth/me", headers=[("Authorization", f"Bearer {access}")])

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        answer = self.get("/metrics")
        assert answer.status == 200, answer
        values = {}
        for line in answer.text().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values


def raw(address, data, seconds=20, half_close=False):
    """Sends bytes as they are and returns everything that comes back until the server closes; after
    half_close the server knows that no more will come."""
    with Connection(address, timeout=seconds) as connection:
        try:
            connection.send(data)
            if half_close:
                connection.sock.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass
        return connection.rest()


QUICK_S = 2     # for an answer that waits for nothing


def quick(call, *arguments):
    """The call's answer, which must not have waited for anything."""
    began = time.monotonic()
    answer = call(*arguments)
    took = time.monotonic() - began
    assert took < patience(QUICK_S), f"{took:.1f} s for {answer}"
    return answer


def assert_refused(answer):
    """503, with word when to come again."""
    assert answer.status == 503, answer
    assert int(answer.header("retry-after")) > 0


_serial = [int(time.time() * 1000) % 10**9]


def unique(prefix="u"):
    """A name that nobody in this session had."""
    _serial[0] += 1
    return f"{prefix}{_serial[0]}"
