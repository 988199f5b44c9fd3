"""TLS as an attacker, a scanner and an old client meet it (security.md H9): which protocols, ciphers,
groups and signatures are spoken is a table here, looked at one by one with openssl s_client."""
import os
import re
import socket
import ssl
import subprocess
import time

import pytest

from certificates import key_pair
from client import Connection
from conftest import finish
from gatepost import Gatepost, cpu_seconds, patience, wait_for
from h2_frames import trusting
from http2_server import TLS, serve  # noqa: F401  (fixture)

# What there is besides: -cipher takes what the local openssl knows, at its lowest security level.
GOOD_1_2 = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}
GOOD_1_2_RSA = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"}
GOOD_1_3 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
BAD_1_3 = {"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}
GOOD_GROUPS = {"X25519", "P-256", "P-384"}
BAD_GROUPS = {"P-521", "X448", "ffdhe2048", "secp256k1", "brainpoolP256r1"}


@pytest.fixture(scope="module")
def server():
    made = Gatepost({**TLS, "http.http2": "yes"})
    key_pair(made.directory)
    made.start()
    yield made
    finish([made])


@pytest.fixture(scope="module")
def rsa_server():
    """The same with an RSA key: there are more ciphers to refuse."""
    made = Gatepost(TLS)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout",
                    "key.pem", "-out", "cert.pem"], cwd=made.directory, check=True, capture_output=True)
    (made.directory / "key.pem").chmod(0o600)
    made.start()
    yield made
    finish([made])


def s_client(server, *arguments, text=""):
    """(what it settled on, or None; all that it printed)."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, *arguments],
        input=text, capture_output=True, text=True, timeout=patience(30),
        env={**os.environ, "OPENSSL_CONF": "/dev/null"})
    out = done.stdout + done.stderr
    match = re.search(r"New, (\S+), Cipher is (\S+)", out)
    return (None if match is None or match[2] == "(NONE)" else match[2]), out


def known_ciphers():
    """Of TLS 1.2 and before, all that this openssl has, the worst too."""
    out = subprocess.run(["openssl", "ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL:eNULL:aNULL:@SECLEVEL=0"],
                         capture_output=True, text=True, check=True).stdout
    return out.strip().split(":")


# ---- protocols --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("protocol, spoken", [
    ("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_the_protocols(server, protocol, spoken):
    cipher, out = s_client(server, protocol, "-cipher", "ALL:@SECLEVEL=0")
    assert (cipher is not None) == spoken, out


def test_sslv3_and_sslv2_get_no_hello(server):
    """No openssl of today speaks them; their first bytes do."""
    suites = bytes.fromhex("c02bc02fc00ac0140035002f000a")
    body = b"\x03\x00" + os.urandom(32) + b"\0" + len(suites).to_bytes(2, "big") + suites + b"\x01\x00"
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    version_2 = b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(21) + os.urandom(16)
    for data in (b"\x16\x03\x00" + len(hello).to_bytes(2, "big") + hello, version_2):
        with Connection(server.address) as connection:
            connection.send(data)
            answer = connection.rest()
        assert not answer.startswith(b"\x16"), answer    # an alert or nothing, no ServerHello


# ---- ciphers ----------------------------------------------------------------------------------------------

def test_the_ciphers_of_tls_1_2(server, rsa_server):
    known = known_ciphers()
    assert len(known) > 80 and GOOD_1_2 | GOOD_1_2_RSA <= set(known)
    for where, good in ((server, GOOD_1_2), (rsa_server, GOOD_1_2_RSA)):
        # All that are bad in one offer, since what is not chosen of many is not chosen of one.
        bad = [cipher for cipher in known if cipher not in good]
        cipher, out = s_client(where, "-tls1_2", "-cipher", ":".join(bad) + ":@SECLEVEL=0")
        assert cipher is None, cipher
        for each in good:
            assert s_client(where, "-tls1_2", "-cipher", each)[0] == each


@pytest.mark.parametrize("cipher", sorted(GOOD_1_3 | BAD_1_3))
def test_the_ciphers_of_tls_1_3(server, cipher):
    settled, out = s_client(server, "-tls1_3", "-ciphersuites", cipher)
    assert settled == (cipher if cipher in GOOD_1_3 else None), out


def test_the_server_chooses(server):
    order = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
    assert s_client(server, "-tls1_3", "-ciphersuites", order)[0] == "TLS_AES_256_GCM_SHA384"


# ---- groups and signatures --------------------------------------------------------------------------------

@pytest.mark.parametrize("protocol", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("group", sorted(GOOD_GROUPS | BAD_GROUPS))
def test_the_groups(rsa_server, protocol, group):
    """With an RSA key: an ECDSA one of P-256 would want its own group of a 1.2 client too."""
    cipher, out = s_client(rsa_server, protocol, "-groups", group)
    assert (cipher is not None) == (group in GOOD_GROUPS), out


@pytest.mark.parametrize("signatures, spoken", [
    ("ecdsa_secp256r1_sha256", True), ("ECDSA+SHA256", True), ("ECDSA+SHA1", False), ("RSA+SHA1", False)])
def test_the_signatures_of_tls_1_2(server, signatures, spoken):
    cipher, out = s_client(server, "-tls1_2", "-sigalgs", signatures, "-cipher", "ALL:@SECLEVEL=0")
    assert (cipher is not None) == spoken, out


# ---- what else a handshake may ask for --------------------------------------------------------------------

def test_a_client_may_not_renegotiate(server):
    """CVE-2011-1473: a handshake costs the server more than the client."""
    cipher, out = s_client(server, "-tls1_2", text="R\n")
    assert cipher is not None and "RENEGOTIATING" in out
    assert re.search(r"no renegotiation|handshake failure|error", out.split("RENEGOTIATING", 1)[1]), out
    assert "Secure Renegotiation IS supported" in out, "what tells a client that it is safe from CVE-2009-3555"


def test_nothing_is_compressed(server):
    for protocol in ("-tls1_2", "-tls1_3"):
        out = s_client(server, protocol, "-comp")[1]
        assert "Compression: NONE" in out and "Expansion: NONE" in out


def test_no_session_is_resumed_and_none_is_early(server, tmp_path):
    """Tickets would need one key in all workers; see src/worker/tls.c."""
    for protocol in ("-tls1_2", "-tls1_3"):
        file = tmp_path / protocol
        out = s_client(server, protocol, "-sess_out", str(file), text="GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")[1]
        assert "Cipher is" in out and "TLS session ticket" not in out and "Early Data" not in out
        if file.exists():
            assert "Reused, " not in s_client(server, protocol, "-sess_in", str(file))[1]
    tls = trusting(server.directory, ["http/1.1"])
    with Connection(server.address, tls=tls) as connection:
        assert connection.request("GET", "/healthz").status == 200
        session = connection.sock.session
    for _ in range(8):      # whichever worker
        raw = socket.create_connection(server.address)
        with tls.wrap_socket(raw, server_hostname="localhost", session=session) as sock:
            assert not sock.session_reused


def test_whatever_name_is_asked_for_there_is_one_certificate(server):
    def subject(*arguments):
        return re.search(r"subject=(.*)", s_client(server, *arguments)[1])[1]
    assert subject("-servername", "elsewhere.example") == subject("-noservername") == \
        subject("-servername", "localhost")
    assert "OCSP response: no response sent" in s_client(server, "-status")[1]


def test_no_client_certificate_is_asked_for(server):
    assert "No client certificate CA names sent" in s_client(server)[1]


@pytest.mark.parametrize("offered, chosen", [
    (["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"),
    (["spdy/3", "http/1.1"], "http/1.1"), (["h2-14", "h2"], "h2"), ([], None)])
def test_alpn(server, offered, chosen):
    tls = trusting(server.directory)
    if offered:
        tls.set_alpn_protocols(offered)
    else:
        tls = ssl.create_default_context(cafile=str(server.directory / "ca.pem"))
    with Connection(server.address, tls=tls) as connection:
        assert connection.sock.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("offered", [["spdy/3"], ["ftp"], ["http/1.0"], ["h2c"]])
def test_who_wants_to_speak_something_else_is_refused(server, offered):
    """So that nobody's FTP is read as HTTP (ALPACA)."""
    with pytest.raises(OSError):
        Connection(server.address, tls=trusting(server.directory, offered))


# ---- many handshakes --------------------------------------------------------------------------------------

def test_silent_clients_are_let_go_and_cost_no_processor(serve):
    server = serve({"http.workers": "1"})
    worker = server.child("worker 0")
    silent = [socket.create_connection(server.address) for _ in range(200)]
    began, before = time.monotonic(), cpu_seconds(worker)
    with Connection(server.address, tls=trusting(server.directory, ["http/1.1"])) as connection:
        assert connection.request("GET", "/healthz").status == 200
    for sock in silent:
        sock.settimeout(patience(10))
        assert sock.recv(1) == b""
        sock.close()
    assert 3 < time.monotonic() - began < patience(8)
    assert cpu_seconds(worker) - before < patience(0.5)


def test_random_bytes_instead_of_a_handshake_hurt_nobody(server):
    workers = server.workers()
    for i in range(50):
        with Connection(server.address) as connection:
            try:
                connection.send(b"\x16\x03\x01" + os.urandom(i * 40) if i % 2 else os.urandom(i * 40 + 1))
                connection.sock.shutdown(socket.SHUT_WR)
                connection.rest()
            except OSError:
                pass
    wait_for(lambda: server.workers() == workers, 1, "the same workers")
