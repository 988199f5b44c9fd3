"""Certificates for the tests, good ones and bad ones, made on the spot."""
import datetime
import ipaddress
import os
import ssl
from pathlib import Path

# What is wrong with a relay's certificate (F27).
BAD = ("expired", "not-yet-valid", "wrong-name", "self-signed", "unknown-authority", "wrong-purpose",
       "issued-by-no-authority")


def _library():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    return x509, hashes, serialization, ec


def new_key():
    return _library()[3].generate_private_key(_library()[3].SECP256R1())


def sign(subject, key, issuer, issuer_key, is_ca=False, start=-1, end=10, hosts=(), purpose=None):
    """start, end: days from now."""
    x509, hashes, _, _ = _library()
    now, day = datetime.datetime.utcnow(), datetime.timedelta(days=1)

    def name(text):
        return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + start * day).not_valid_after(now + end * day)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(hosts)), False)
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
    return builder.sign(issuer_key, hashes.SHA256())


def certificate_pem(*certificates):
    pem = _library()[2].Encoding.PEM
    return b"".join(certificate.public_bytes(pem) for certificate in certificates)


def key_pem(key, password=None):
    serialization = _library()[2]
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def make_chain(kind):
    """(what a client is to trust, key, the server's chain)."""
    x509 = _library()[0]
    ca_key, key, other_key = new_key(), new_key(), new_key()
    ca = sign("test CA", ca_key, "test CA", ca_key, is_ca=True, end=30)
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    if kind == "wrong-name":
        hosts = [x509.DNSName("elsewhere.example")]
    if kind == "self-signed":
        return ca, key, [sign("localhost", key, "localhost", key, hosts=hosts)]
    if kind == "unknown-authority":
        other = sign("other CA", other_key, "other CA", other_key, is_ca=True)
        return ca, key, [sign("localhost", key, "other CA", other_key, hosts=hosts), other]
    if kind == "issued-by-no-authority":
        other = sign("no authority", other_key, "test CA", ca_key)
        return ca, key, [sign("localhost", key, "no authority", other_key, hosts=hosts), other]
    start, end = {"expired": (-2, -0.05), "not-yet-valid": (0.05, 5)}.get(kind, (-1, 10))
    purpose = x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH if kind == "wrong-purpose" else None
    return ca, key, [sign("localhost", key, "test CA", ca_key, start=start, end=end, hosts=hosts,
                          purpose=purpose)]


def make_context(folder, kind):
    """A server context; folder/ca.pem is what a client is to trust."""
    ca, key, chain = make_chain(kind)
    Path(folder, "ca.pem").write_bytes(certificate_pem(ca))
    path = os.path.join(folder, "server.pem")
    Path(path).write_bytes(key_pem(key) + certificate_pem(*chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def key_pair(directory):
    """cert.pem and key.pem, of the authority that is ca.pem."""
    ca, key, chain = make_chain("good")
    Path(directory, "ca.pem").write_bytes(certificate_pem(ca))
    write_private(Path(directory, "key.pem"), key_pem(key))
    Path(directory, "cert.pem").write_bytes(certificate_pem(*chain))


def client_identity(directory, context=None, name="our"):
    """NAME.pem and NAME.key: who a client says that it is. The server of that context asks for it."""
    key = new_key()
    certificate = sign(name, key, name, key, is_ca=True)
    Path(directory, name + ".pem").write_bytes(certificate_pem(certificate))
    write_private(Path(directory, name + ".key"), key_pem(key))
    if context is not None:
        context.load_verify_locations(cadata=certificate_pem(certificate).decode())
        context.verify_mode = ssl.CERT_REQUIRED


def write_private(path, data):
    path.write_bytes(data)
    path.chmod(0o600)
