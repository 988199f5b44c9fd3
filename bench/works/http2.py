"""`me` with one token by h2load: HTTP/1.1 plain and over TLS, and HTTP/2 with one and with ten streams
on a connection. libh2o alone with one constant answer, plain, is the limit. One process each, measured
in turn."""
import subprocess

from rig.h2load import h2load
from rig.server import Server
from rig.wrk import Bare

CONNECTIONS = 64
STREAMS = 10


def make_certificate(folder):
    """cert.pem and key.pem, signed by itself: h2load believes any."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", "key.pem",
                    "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)


def logged_in(server):
    """Headers of somebody who is."""
    return ["Authorization: Bearer " + server.log_in(server.sign_up("bench"))["access"]]


def measure(run):
    with Bare() as bare, Server("http.workers=1") as plain, Server("http.workers=1") as secure:
        headers = {server: logged_in(server) for server in (plain, secure)}     # before there is TLS
        make_certificate(secure.folder)
        secure.restart("http.tls_cert=cert.pem", "http.tls_key=key.pem", "http.http2=yes")
        me = plain.url + plain.me_path
        tls = "https://127.0.0.1:%d%s" % (secure.port, secure.me_path)
        asked = {
            "bare libh2o": (bare.url, (), {}),
            "gatepost": (me, headers[plain], {}),
            "gatepost, TLS": (tls, headers[secure], {}),
            "gatepost, HTTP/2": (tls, headers[secure], {"http2": True}),
            "gatepost, HTTP/2, %d streams" % STREAMS: (
                tls, headers[secure], {"http2": True, "streams": STREAMS}),
        }
        for _ in run.rounds():
            for who, (url, lines, how) in asked.items():
                run.add_all("http2", who, h2load(url, CONNECTIONS, run.seconds, headers=lines, **how))
