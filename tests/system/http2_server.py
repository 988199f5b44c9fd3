"""Servers that speak HTTP/2, for the tests of it."""
import pytest

from certificates import key_pair
from conftest import finish
from gatepost import Gatepost
from h2_frames import Api2, trusting

TLS = {"http.tls_cert": "cert.pem", "http.tls_key": "key.pem"}


def start(overrides=None, **options):
    server = Gatepost({**TLS, "http.http2": "yes", **(overrides or {})}, **options)
    key_pair(server.directory)
    server.start()
    server.tls = trusting(server.directory)
    return server


@pytest.fixture(scope="module")
def server():
    """The module's server."""
    made = start()
    yield made
    finish([made])


@pytest.fixture
def serve():
    """A maker of servers for one test."""
    made = []

    def make(overrides=None, **options):
        made.append(start(overrides, **options))
        return made[-1]
    yield make
    finish(made)


@pytest.fixture
def api(server):
    calls = Api2(server.address, server.tls)
    yield calls
    calls.close()
