"""nginx, Caddy and HAProxy in the foreground, each with the example of conf/proxies, in which a test
puts its own ports and paths; and the application that stands behind them."""
import json
import os
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import certificates
from client import Api, Connection
from gatepost import ROOT, Gatepost, free_port, patience, wait_for

EXAMPLES = ROOT / "conf" / "proxies"
SOCKET = "/run/gatepost/http.sock"


def example(name, changes):
    """The example with every old text for its new one: each must be in it."""
    text = (EXAMPLES / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


class Application:
    """Tells who it thinks is asking: every request is answered by its own method, path, headers and
    body."""

    def __init__(self):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                data = json.dumps({"method": self.command, "path": self.path, "body": body.decode(),
                                   "headers": {k.lower(): v for k, v in self.headers.items()}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Proxy:
    """One of them, running. A test asks it as a client of host would."""

    def __init__(self, directory, command, port, env=None):
        self.directory, self.address = directory, ("127.0.0.1", port)
        self.log = open(directory / "proxy.log", "ab")
        self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **(env or {})})
        try:
            wait_for(self.answers, 15, "the proxy to answer")
        except BaseException:
            print(self.text())
            self.close()
            raise

    def answers(self):
        assert self.process.poll() is None, self.text()
        try:
            with self.connect():
                return True
        except OSError:
            return False

    def text(self):
        return (self.directory / "proxy.log").read_text(errors="replace")

    def tls(self, protocol="http/1.1"):
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        context.set_alpn_protocols([protocol])
        return context

    def connect(self, host="accounts.example.com", **options):
        return HostConnection(host, self.address, tls=self.tls(), server_name=host, **options)

    def api(self, host="accounts.example.com", **options):
        return HostApi(host, self.address, tls=self.tls(), server_name=host, **options)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(patience(10))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class HostApi(Api):
    """Calls of one virtual host."""

    def __init__(self, host, *arguments, **options):
        super().__init__(*arguments, **options)
        self.host = host

    def call(self, method, path, body=None, headers=(), **options):
        if self.connection is None:
            self.connection = HostConnection(self.host, self.address, **self.options)
        return super().call(method, path, body, headers=headers, **options)


class HostConnection(Connection):
    def __init__(self, host, *arguments, **options):
        super().__init__(*arguments, **options)
        self.host = host

    def send(self, data):
        super().send(data.replace(b"\r\nHost: test\r\n", f"\r\nHost: {self.host}\r\n".encode(), 1))


def behind(overrides=None):
    """A Gatepost that is asked through a unix socket, or over TCP by who is no proxy."""
    server = Gatepost({"http.trusted_proxies": "unix, 127.0.0.1", "http.public_url": "https://accounts.example.com",
                       **(overrides or {})})
    server.socket = str(server.directory / "http.sock")
    server.settings["http.listen"] = f"127.0.0.1:0, unix:{server.socket}"
    make_certificates(server.directory)
    return server.start()


def make_certificates(directory):
    """ca.pem, cert.pem, key.pem, both.pem: of both hosts."""
    from cryptography import x509
    ca_key, key = certificates.new_key(), certificates.new_key()
    ca = certificates.sign("test CA", ca_key, "test CA", ca_key, is_ca=True, end=30)
    names = [x509.DNSName(name) for name in ("accounts.example.com", "app.example.com")]
    own = certificates.sign("accounts.example.com", key, "test CA", ca_key, hosts=names)
    pem = certificates.certificate_pem(own)
    (directory / "ca.pem").write_bytes(certificates.certificate_pem(ca))
    (directory / "cert.pem").write_bytes(pem)
    certificates.write_private(directory / "key.pem", certificates.key_pem(key))
    certificates.write_private(directory / "both.pem", pem + certificates.key_pem(key))


def nginx(server, application, upstream=None):
    """upstream: as nginx writes it; the unix socket by default."""
    port, directory = free_port(), server.directory
    changes = {"unix:/run/gatepost/http.sock": upstream or f"unix:{server.socket}",
               "127.0.0.1:3000": f"127.0.0.1:{application.port}", "listen 443": f"listen 127.0.0.1:{port}"}
    for host in ("accounts", "app"):
        changes[f"/etc/ssl/certs/{host}.example.com.pem"] = str(directory / "cert.pem")
        changes[f"/etc/ssl/private/{host}.example.com.key"] = str(directory / "key.pem")
    # The comment at its beginning has the socket too, which is as well.
    paths = "".join(f"{what}_temp_path {directory}/nginx-{what};\n"
                    for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    (directory / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {directory}/nginx.pid;\nerror_log stderr warn;\n"
        f"events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n{paths}"
        f"{example('nginx.conf', changes)}}}\n")
    command = ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"]
    return Proxy(directory, command, port)


def caddy(server, application):
    port, directory = free_port(), server.directory
    certificate = f"\ttls {directory}/cert.pem {directory}/key.pem\n"
    text = example("Caddyfile", {
        f"unix/{SOCKET}": f"unix/{server.socket}", "127.0.0.1:3000": f"127.0.0.1:{application.port}",
        "\naccounts.example.com {\n": f"\nhttps://accounts.example.com:{port} {{\n{certificate}",
        "\napp.example.com {\n": f"\nhttps://app.example.com:{port} {{\n{certificate}"})
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n"
    (directory / "Caddyfile").write_text(options + text)
    command = ["caddy", "run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"]
    home = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    return Proxy(directory, command, port, home)


def haproxy(server, application):
    del application     # HAProxy asks nobody before a request
    port, directory = free_port(), server.directory
    (directory / "haproxy.cfg").write_text(example("haproxy.cfg", {
        SOCKET: server.socket, "maxconn 10000": "maxconn 200", "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/haproxy/accounts.example.com.pem": str(directory / "both.pem")}))
    return Proxy(directory, ["haproxy", "-db", "-f", str(directory / "haproxy.cfg")], port)


def installed(name):
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is not None
