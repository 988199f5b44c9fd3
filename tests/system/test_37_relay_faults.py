"""F23: relays that are away, far away or slow. F27: no word of a letter, of a login, without the TLS that
is configured, whatever is wrong with it; and the operator is told which relay it is."""
import socket
import ssl
import threading
import time

import pytest

from certificates import BAD
from client import Api, unique
from gatepost import patience, wait_for
from smtp_script import ScriptedRelay
from smtp_story import ended, settings, sign_up

SECTIONS = ("smtp", "smtp2", "smtp3", "smtp4")
IN_THE_CLEAR = {"EHLO", "HELO", "STARTTLS", "QUIT"}


def address():
    return f"{unique('f')}@fault.example"


# ---- F23 ------------------------------------------------------------------------------------------

def test_f23_a_black_hole_is_given_up_and_tried_again(serve):
    """A listener whose queue is full drops every SYN, as a firewall does."""
    with socket.socket() as hole:
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        port = hole.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        with ScriptedRelay() as relay:
            server = serve(settings(relay, **{"smtp.port": str(port), "smtp.timeout_s": "1",
                                              "mail.retry_max_s": "2"}))
            to = address()
            sign_up(server, to)
            line = server.wait_event("relay.troubled", 1, 10)[0]
            assert "kind=network" in line and "imeout" in line, line
            began = time.monotonic()
            assert Api(server.address).get("/readyz").status == 200
            assert time.monotonic() - began < patience(1)
            server.settings["smtp.port"] = str(relay.port)
            server.stop()
            server.start()
            assert [event for event, _ in ended(server, to)] == ["delivered"]
        for filler in fillers:
            filler.close()


def test_f23_a_relay_that_resets_every_connection_costs_no_letter_and_little_work(serve):
    with ScriptedRelay() as relay:
        relay.always = ("BANNER", "reset")
        server = serve(settings(relay, **{"mail.retry_max_s": "2"}))
        names = [address() for _ in range(20)]
        for to in names:
            sign_up(server, to)
        server.wait_event("relay.troubled")
        time.sleep(2)
        assert relay.sessions < 20, "pauses between the attempts"
        relay.always = None
        for to in names:
            assert [event for event, _ in ended(server, to)] == ["delivered"]
            assert relay.letters[to] == 1


def test_f23_a_slow_relay_gets_its_letters_and_one_too_slow_is_left(serve):
    with ScriptedRelay(offers=("PIPELINING",)) as relay:
        relay.pace = 0.01
        server = serve(settings(relay, **{"smtp.timeout_s": str(patience(3))}))
        to = address()
        sign_up(server, to)
        assert [event for event, _ in ended(server, to)] == ["delivered"]
        assert not server.events("relay.troubled")
        relay.kick()
        relay.pace = 1
        to = address()
        sign_up(server, to)
        server.wait_event("relay.troubled", 1, 15)
        relay.pace = 0
        relay.kick()
        assert [event for event, _ in ended(server, to)] == ["delivered"]


def test_f23_a_late_greeting_is_waited_for(serve):
    with ScriptedRelay() as relay:
        relay.late = 2
        server = serve(settings(relay))
        to = address()
        sign_up(server, to)
        assert [event for event, _ in ended(server, to)] == ["delivered"]
        assert not server.events("relay.troubled")


# ---- F27 ------------------------------------------------------------------------------------------

def four_relays(relays):
    """All in one configuration: every one is tried, as none of them takes a letter."""
    values = {"mail.retry_s": "1", "mail.retry_max_s": "1", "mail.sweep_s": "1", "http.workers": "1",
              "log.level": "debug"}
    for section, (relay, tls) in zip(SECTIONS, relays):
        values.update({f"{section}.host": "localhost", f"{section}.port": str(relay.port),
                       f"{section}.tls": tls, f"{section}.ca_file": relay.ca_file,
                       f"{section}.user": "gate", f"{section}.connections": "1",
                       f"{section}.timeout_s": "2"})
        if section != "smtp":
            values[f"{section}.password_file"] = "password"
    return values


CASES = [(tls, kind) for kind in BAD for tls in ("starttls", "tls")]


@pytest.mark.parametrize("cases", [CASES[i:i + 4] for i in range(0, len(CASES), 4)],
                         ids=lambda cases: "+".join(f"{tls}:{kind}" for tls, kind in cases))
def test_f27_a_bad_certificate_gets_no_word(prepare, cases):
    relays = [ScriptedRelay(tls=tls, user=True, certificate=kind).__enter__() for tls, kind in cases]
    try:
        server = prepare(four_relays([(relay, tls) for relay, (tls, _) in zip(relays, cases)]),
                         env={"EMAIL_HOST_PASSWORD": "secret"})
        (server.directory / "password").write_text("secret\n")
        (server.directory / "password").chmod(0o600)
        server.start()
        sign_up(server, address())
        for section, (_, kind) in zip(SECTIONS, cases):
            line = wait_for(lambda name=section: [line for line in server.events("relay.troubled")
                                                  if f"relay={name} " in line], 15, f"{section}, {kind}")[0]
            assert " error " in line and "kind=tls" in line, line
        for relay, case in zip(relays, cases):
            assert not relay.logins and not relay.senders, case
            assert case[0] == "tls" or relay.commands["STARTTLS"] > 0, case
            assert set(relay.commands) <= (IN_THE_CLEAR if case[0] == "starttls" else set()), case
        assert Api(server.address).metrics()["gatepost_outbox_pending"] == 1
        assert "secret" not in server.log_text()
        server.stop()
    finally:
        for relay in relays:
            relay.__exit__()


@pytest.mark.parametrize("kind", ["junk", "words", "drop", "stall", "old", "missing", "before-220"])
def test_f27_a_handshake_that_fails_gets_no_word(prepare, kind):
    """Also a relay that offers no STARTTLS at all, and one that speaks before its 220 is out."""
    with ScriptedRelay(tls="starttls", user=True) as relay:
        if kind == "old":
            relay.context.minimum_version = ssl.TLSVersion.TLSv1
            relay.context.maximum_version = ssl.TLSVersion.TLSv1_1
            relay.context.set_ciphers("ALL:@SECLEVEL=0")
        elif kind == "missing":
            relay.tls = "none"
        elif kind == "before-220":
            relay.always = ("EHLO", "twice")
        else:
            relay.handshake = kind
        values = settings(relay, **{"smtp.tls": "starttls", "smtp.ca_file": relay.ca_file, "smtp.user": "gate",
                                    "smtp.timeout_s": "2"})
        server = prepare({**values, "smtp.host": "localhost"}, env={"EMAIL_HOST_PASSWORD": "secret"}).start()
        to = address()
        sign_up(server, to)
        line = server.wait_event("relay.troubled", 1, 15)[0]
        assert "relay=smtp " in line
        if kind not in ("stall", "before-220"):
            assert " error " in line and "kind=tls" in line, line
        assert not relay.logins and not relay.senders
        assert set(relay.commands) <= IN_THE_CLEAR
        relay.tls, relay.handshake, relay.always = "starttls", None, None
        if kind != "old":
            assert [event for event, _ in ended(server, to)] == ["delivered"]
            assert relay.logins
        server.stop()


def test_f27_trouble_that_stays_is_told_once_and_its_end_too(serve):
    with ScriptedRelay(tls="starttls") as relay:
        relay.handshake = "junk"
        server = serve(settings(relay, **{"smtp.ca_file": relay.ca_file, "smtp.connections": "1"}))
        to = address()
        sign_up(server, to)
        wait_for(lambda: relay.sessions >= 4, 20, "four tries")
        assert len(server.events("relay.troubled")) == 1
        metrics = Api(server.address).metrics()
        assert metrics['gatepost_mail_relay_troubles_total{relay="smtp"}'] >= 3
        assert metrics['gatepost_mail_relay_troubles_total{relay="smtp2"}'] == 0
        relay.handshake = None
        assert [event for event, _ in ended(server, to)] == ["delivered"]
        assert len(server.wait_event("relay.recovered")) == 1


def test_a_sign_up_is_as_quick_while_every_relay_hangs(serve):
    with ScriptedRelay() as relay:
        relay.always = ("BANNER", "stall")
        server = serve(settings(relay, **{"smtp.timeout_s": "1"}))
        took, api = [], Api(server.address)

        def sign_up_some():
            for _ in range(100):
                began = time.monotonic()
                assert api.signup(unique("quick")).status == 201
                took.append(time.monotonic() - began)
        thread = threading.Thread(target=sign_up_some)
        thread.start()
        thread.join(patience(30))
        assert len(took) == 100 and sorted(took)[98] < patience(0.5), sorted(took)[-3:]
        relay.always = None
        relay.kick()
        wait_for(lambda: sum(relay.letters.values()) == 100, 60, "every letter")
