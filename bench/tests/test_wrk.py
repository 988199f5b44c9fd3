"""What a closed-loop load counts."""
import shutil
import socket
import threading

import pytest

from rig.wrk import wrk

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
REFUSAL = b"HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n"


class Script(threading.Thread):
    """Every connection is given these answers and closed at the request behind them."""

    def __init__(self, *answers):
        super().__init__(daemon=True)
        self.answers, self.given = answers, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            with client:
                for answer in self.answers:
                    if not client.recv(4096):
                        break
                    client.sendall(answer)
                    self.given += 1
                client.recv(4096)


def load(*answers):
    server = Script(*answers)
    server.start()
    try:
        return wrk(server.url, "get.lua", 1, 1), server.given
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


def test_a_refusal_is_no_answer():
    found, given = load(GOOD, REFUSAL)
    assert given > 20
    assert found["good"] == pytest.approx(given / 2, abs=2)
    assert found["per_second"] == pytest.approx(given / 2, rel=0.2)


def test_a_connection_that_breaks_takes_nothing_from_what_was_answered():
    found, given = load(GOOD)
    assert given > 20 and found["errors"] > given / 2
    assert found["good"] == pytest.approx(given, abs=2)
    assert found["per_second"] == pytest.approx(given, rel=0.2)
