"""Rows F28 and F43 of the fault list: name servers that lie, fail or say nothing; logs that nobody
takes."""
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from client import Api, unique
from gatepost import SLOW, cpu_seconds, wait_for
from load import Load
from smtp_peer import SmtpPeer

DNS = "127.77.0.53"
# A mount namespace of its own, so that this machine's resolver is left alone.
PRIVATE_RESOLVER = """mount --bind resolv.conf /etc/resolv.conf && mount --bind nsswitch.conf /etc/nsswitch.conf \
&& exec "$@" """


def may_unshare():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "--bind", "/etc/hostname", "/etc/hostname"],
        capture_output=True).returncode == 0


@pytest.fixture
def dns(tmp_path):
    """A function that says what the name server does from now on."""
    if not may_unshare():
        pytest.skip("needs root and mount namespaces")
    word = tmp_path / "word"
    word.write_text("silent")
    server = subprocess.Popen([sys.executable, Path(__file__).with_name("dns_peer.py"), DNS, word])
    yield word.write_text
    server.kill()
    server.wait()


def descriptors(server):
    return len(os.listdir(f"/proc/{server.child('mailer')}/fd"))


def threads(server):
    return len(os.listdir(f"/proc/{server.child('mailer')}/task"))


def test_f28_a_name_server_in_trouble_delays_letters_and_leaks_nothing(prepare, dns):
    """NXDOMAIN, SERVFAIL, silence, slowness: letters wait, sign-ups go on, the mailer lives."""
    with SmtpPeer() as peer:
        server = prepare({"smtp.host": "relay.test", "smtp.port": str(peer.port), "smtp.tls": "none",
                          "mail.retry_s": "1", "mail.retry_max_s": "1", "mail.sweep_s": "1"},
                         wrap=("unshare", "-m", "sh", "-c", PRIVATE_RESOLVER, "sh"))
        (server.directory / "resolv.conf").write_text(f"nameserver {DNS}\noptions timeout:1 attempts:1\n")
        (server.directory / "nsswitch.conf").write_text("hosts: dns\n")
        server.start()
        api, names = Api(server.address), []
        mailer, before = server.child("mailer"), descriptors(server)
        for trouble in ("silent", "nxdomain", "servfail"):
            dns(trouble)
            for _ in range(3):
                names.append(unique("dns"))
                assert api.signup(names[-1]).status == 201
                time.sleep(0.5)
        assert not peer.letters
        dns("slow:127.0.0.1")
        letters = peer.wait_for(len(names), 60)
        assert sorted(letter.recipients[0] for letter in letters) == sorted(f"{name}@example.com" for name in names)
        assert server.child("mailer") == mailer and not server.events("child.stuck")
        wait_for(lambda: descriptors(server) <= before + 4 + 4 and threads(server) <= 2, 15,
                 f"no resolver left behind: {descriptors(server)} descriptors, had {before}; "
                 f"{threads(server)} threads")
        server.stop()


@pytest.mark.parametrize("redirect", ["2>/dev/full", "2>&-"], ids=["a full disk", "closed"])
def test_f43_a_log_that_takes_nothing_holds_up_nothing(prepare, redirect):
    server = prepare({"log.access": "yes"}, wrap=("sh", "-c", f'exec "$@" {redirect}', "sh"))
    server.start()
    with Load(server, keep=3) as load:
        load.wait_progress(100)
    assert not load.wrong and not load.cut
    if redirect == "2>/dev/full":
        assert Api(server.address).metrics()["gatepost_log_dropped_total"] > 100
    server.stop()


def test_f43_a_pipe_that_nobody_reads_fills_up_and_holds_up_nothing(prepare):
    """64 KiB of log lines, and the writer would wait for ever."""
    server = prepare({"log.access": "yes", "log.level": "debug"},
                     wrap=("sh", "-c", 'mkfifo pipe && exec 3<>pipe && exec "$@" 2>&3 3>&-', "sh"))
    server.start()
    with Load(server, keep=3) as load:
        load.wait_progress(300, 30)
    assert not load.wrong and not load.cut
    assert Api(server.address).metrics()["gatepost_log_dropped_total"] > 0
    server.stop()


@pytest.mark.skipif(SLOW, reason="a sanitizer's build has its own way with memory")
def test_f23_a_relay_that_is_away_costs_no_processor(serve):
    """A busy loop over a relay that refuses would show here."""
    server = serve({"smtp.host": "127.0.0.1", "smtp.port": "9", "smtp.tls": "none", "mail.retry_s": "1",
                    "mail.retry_max_s": "2"})
    api = Api(server.address)
    for _ in range(50):
        assert api.signup(unique("away")).status == 201
    server.wait_event("relay.troubled")
    mailer = server.child("mailer")
    began = cpu_seconds(mailer)
    time.sleep(3)
    assert cpu_seconds(mailer) - began < 0.5
