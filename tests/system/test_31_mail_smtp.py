"""Letters over SMTP: against aiosmtpd with STARTTLS and AUTH, and against the scripted peer."""
import base64
import re
import time
import uuid

import pytest

from client import Api, unique
from gatepost import free_port, patience, wait_for
from smtp_peer import Rule, SmtpPeer, make_context

USER, PASSWORD = "gate", "secret äöü $#\"'"


def smtp(peer, tls="none", **more):
    return {"smtp.host": "127.0.0.1", "smtp.port": str(peer.port), "smtp.tls": tls,
            "mail.retry_s": "1", "mail.retry_max_s": "1", "mail.sweep_s": "1",
            "http.workers": "1", **more}


def signed_up(server, name, **fields):
    answer = Api(server.address).signup(name, **fields)
    assert answer.status == 201, answer
    return f"{name}@example.com"


class Keeper:
    """aiosmtpd's handler: keeps envelopes and who had logged in."""

    def __init__(self):
        self.envelopes = []

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append((session.authenticated, bool(session.ssl), envelope))
        return "250 kept"


@pytest.fixture
def aiosmtpd_relay(tmp_path):
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good)
    keeper = Keeper()
    controller = Controller(
        keeper, hostname="127.0.0.1", port=free_port(), tls_context=make_context(str(tmp_path), "good"),
        require_starttls=True, authenticator=authenticate, auth_required=True)
    controller.start()
    controller.keeper, controller.ca_file = keeper, str(tmp_path / "ca.pem")
    yield controller
    controller.stop()


def test_a_real_server_with_starttls_and_auth_gets_the_letter(serve, aiosmtpd_relay):
    server = serve(
        {"smtp.host": "localhost", "smtp.port": str(aiosmtpd_relay.port), "http.workers": "1",
         "smtp.ca_file": aiosmtpd_relay.ca_file, "mail.from": "sender@example.org"},
        env={"EMAIL_HOST_USER": USER, "EMAIL_HOST_PASSWORD": PASSWORD})
    address = signed_up(server, "overtls")
    wait_for(lambda: aiosmtpd_relay.keeper.envelopes, 15, "a letter")
    (authenticated, over_tls, envelope), = aiosmtpd_relay.keeper.envelopes
    assert authenticated and over_tls
    assert envelope.rcpt_tos == [address] and envelope.mail_from == "sender@example.org"
    from letters import Letter
    token = Letter(envelope.content).token
    api = Api(server.address)
    assert api.post("/api/auth/verify-email", {"token": token}).status == 200
    assert api.me(api.tokens("overtls")["access"]).json()["email_verified"] is True
    # S9: the mailer alone knows the password, and nobody logs it.
    assert PASSWORD not in server.log_text()
    for title, pids in {**server.children(), "master": [server.pid]}.items():
        if title != "mailer":
            with open(f"/proc/{pids[0]}/environ", "rb") as environ:
                assert PASSWORD.encode() not in environ.read(), title


def test_the_credentials_may_come_from_dotenv_and_a_password_file(serve, prepare):
    with SmtpPeer(tls="starttls", credentials=(USER, "from dot env")) as peer:
        server = prepare(smtp(peer, "starttls", **{"smtp.ca_file": peer.ca_file}))
        (server.directory / ".env").write_text(
            f"EMAIL_HOST_USER={USER}\nEMAIL_HOST_PASSWORD='from dot env'\n")
        server.start()
        signed_up(server, "dotenv")
        assert peer.wait_for(1, patience(10))[0].authenticated_as == USER
        server.stop()
    with SmtpPeer(tls="tls", credentials=(USER, "from a file")) as peer:
        server = prepare(smtp(peer, "tls", **{"smtp.ca_file": peer.ca_file, "smtp.user": USER,
                                              "smtp.password_file": "password"}))
        (server.directory / "password").write_text("from a file\n")
        (server.directory / "password").chmod(0o600)
        server.start()
        signed_up(server, "passwordfile")
        letter = peer.wait_for(1, patience(10))[0]
        assert letter.authenticated_as == USER and letter.over_tls
        server.stop()


@pytest.mark.parametrize("certificate", ["wrong-name", "expired", "self-signed"])
def test_a_wrong_certificate_gets_no_word_of_the_letter(serve, certificate):
    with SmtpPeer(tls="starttls", certificate=certificate) as peer:
        server = serve(smtp(peer, "starttls", **{"smtp.ca_file": peer.ca_file, "smtp.user": "u"}),
                       env={"EMAIL_HOST_PASSWORD": "secret"})
        signed_up(server, "private")
        wait_for(lambda: peer.commands["STARTTLS"] >= 2, 15, "two tries")
        assert not peer.letters
        assert not any(peer.commands[word] for word in ("MAIL", "RCPT", "DATA", "AUTH"))
        metrics = Api(server.address).metrics()
        server.wait_event("relay.troubled")
        assert metrics['gatepost_mail_total{verdict="refused"}'] == 0


def test_a_relay_without_starttls_gets_no_word_of_the_letter(serve):
    with SmtpPeer(tls="none") as peer:
        server = serve(smtp(peer, "starttls"))
        signed_up(server, "nostarttls")
        wait_for(lambda: peer.sessions >= 2, 15, "two tries")
        assert not peer.letters and not peer.commands["MAIL"]


def test_replies_slipped_in_before_tls_are_not_taken_for_the_relays(serve):
    """What somebody on the way adds in the clear must not count as said by the relay behind TLS:
    here an EHLO answer and a good AUTH, which would make the mailer believe that it is logged in."""
    with SmtpPeer(tls="starttls", credentials=(USER, "secret")) as peer:
        peer.injected = b"250-evil.example\r\n250 AUTH PLAIN\r\n235 2.7.0 welcome\r\n"
        server = serve(smtp(peer, "starttls", **{"smtp.ca_file": peer.ca_file, "smtp.user": USER}),
                       env={"EMAIL_HOST_PASSWORD": "secret"})
        address = signed_up(server, "injected")
        wait_for(lambda: peer.sessions >= 2, 15, "two tries")
        assert not peer.letters and not peer.commands["MAIL"]
        peer.injected = b""
        assert peer.wait_for(1, patience(15))[0].recipients == [address]


def test_wrong_credentials_are_tried_again_and_not_fatal(serve):
    with SmtpPeer(tls="starttls", credentials=(USER, "right")) as peer:
        server = serve(smtp(peer, "starttls", **{"smtp.ca_file": peer.ca_file, "smtp.user": USER}),
                       env={"EMAIL_HOST_PASSWORD": "wrong"})
        address = signed_up(server, "wrongpassword")
        wait_for(lambda: peer.commands["AUTH"] >= 2, 15, "two tries")
        assert not peer.letters
        peer.credentials = (USER, "wrong")
        assert peer.wait_for(1, patience(10))[0].recipients == [address]


# ---- replies (one server; the peer's rules change) --------------------------------------------------

@pytest.fixture(scope="module")
def peer():
    with SmtpPeer() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def relayed(module_servers, peer):
    return module_servers(smtp(peer))


@pytest.fixture
def rules(peer):
    def put(*these):
        peer.rules = list(these)
    yield put
    peer.rules = []


def letters_of(peer, address):
    return [letter for letter in peer.letters if letter.recipients == [address]]


@pytest.mark.parametrize("step, reply", [
    ("MAIL", "451 4.3.0 later"), ("RCPT", "450 4.2.1 greylisted"), ("DATA", "452 4.3.1 full"),
    ("DOT", "451 4.3.0 later"), ("CONNECT", "421 4.3.2 busy"), ("EHLO", "421 4.3.2 busy")])
def test_a_temporary_refusal_is_tried_again(relayed, peer, rules, step, reply):
    rules(Rule(step, reply, times=1, close=step in ("CONNECT", "EHLO")))
    address = signed_up(relayed, unique("later"))
    wait_for(lambda: letters_of(peer, address), 15, "the letter, at a second try")
    assert len(letters_of(peer, address)) == 1
    wait_for(lambda: Api(relayed.address).metrics()["gatepost_outbox_pending"] == 0, 10, "settled")


@pytest.mark.parametrize("step", ["RCPT", "DATA", "DOT"])
def test_a_permanent_refusal_is_the_end_of_that_letter_only(relayed, peer, rules, step):
    bad, good = unique("bad"), unique("good")
    rules(Rule(step, "550 5.1.1 no such user here", match=bad))
    before = Api(relayed.address).metrics()
    signed_up(relayed, bad)
    address = signed_up(relayed, good)
    wait_for(lambda: letters_of(peer, address), 15, "the other letter")
    api = Api(relayed.address)
    name = 'gatepost_mail_total{verdict="refused"}'
    wait_for(lambda: api.metrics()[name] == before[name] + 1, 10, "the verdict")
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 10, "nothing pending")
    assert api.metrics()["gatepost_outbox_dead"] == before["gatepost_outbox_dead"] + 1
    rules()
    # A retry would come within two seconds, before the letter of a later sign-up's retry.
    rules(Rule("MAIL", "451 later", times=1))
    after = signed_up(relayed, unique("after"))
    wait_for(lambda: letters_of(peer, after), 15, "a later letter")
    assert not letters_of(peer, f"{bad}@example.com")
    wait_for(lambda: "no such user here" in relayed.log_text(), 5, "the reply in the log")


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_a_connection_lost_before_the_end_of_the_letter_is_no_delivery(relayed, peer, rules, step):
    rules(Rule(step, action="drop", times=1))
    address = signed_up(relayed, unique("lost"))
    wait_for(lambda: letters_of(peer, address), 15, "the letter")
    wait_for(lambda: Api(relayed.address).metrics()["gatepost_outbox_pending"] == 0, 10, "settled")
    assert len(letters_of(peer, address)) == 1


def test_a_reply_lost_after_the_end_of_the_letter_sends_the_same_letter_again(relayed, peer, rules):
    rules(Rule("DOT", action="drop", keep=True, times=1))
    address = signed_up(relayed, unique("ambiguous"))
    wait_for(lambda: len(letters_of(peer, address)) == 2, 15, "the second copy")
    first, second = letters_of(peer, address)
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_each_letter_has_a_return_path_of_its_own(serve):
    """VERP: what a report comes back to names the letter; the header's sender stays."""
    with SmtpPeer() as peer:
        server = serve(smtp(peer, **{"mail.return_path": "bounces@mail.example.org"}))
        for name in ("pathone", "pathtwo"):
            signed_up(server, name)
        found = peer.wait_for(2)
    assert len({letter.sender for letter in found}) == 2
    for letter in found:
        code = re.fullmatch(r"bounces\+([a-z2-7]{42})@mail\.example\.org", letter.sender)[1]
        job = uuid.UUID(bytes=base64.b32decode(code[:26].upper() + "======"))
        assert letter.message["Message-ID"] == f"<{job}@localhost>"
        assert letter.message["From"] == "gatepost@localhost"


def test_the_return_path_may_be_nowhere(serve):
    with SmtpPeer() as peer:
        signed_up(serve(smtp(peer, **{"mail.return_path": "<>"})), "nowhere")
        assert peer.wait_for(1)[0].sender == ""


def test_no_input_reaches_the_envelope(relayed, peer):
    api = Api(relayed.address)
    before = len(peer.letters)
    attempts = ["a@x.com\r\nRCPT TO:<b@y.com>", "a@x.com>\nRCPT TO:<b@y.com", "a@x.com> NOTIFY=NEVER <",
                "a@x.com%0d%0aBcc: b@y.com", "a b@x.com", "<a@x.com>", "a@x.com, b@y.com",
                "a@x.com;b@y.com", "a@x.com\0b@y.com", "a@x.com\u2028b@y.com", "a\r@x.com",
                "@relay,@other:a@x.com", "a@x.com\u000bb", "\"a\r\nb\"@x.com", "a@[1.2.3.4]\r\n",
                "a%b@y.com@x.com", "a@x.com\x7f", "a\x00@x.com"]
    for attempt in attempts:
        answer = api.signup(unique("inject"), email=attempt)
        assert answer.status == 400 and list(answer.json()) == ["email"], (attempt, answer)
    for attempt in ("x\r\nBcc: b@y.com", "x\nTo: b@y.com", "x<b@y.com>", "x\0", "=?utf-8?q?x?="):
        answer = api.post("/api/auth/signup", {"username": attempt, "password": "securepassword123",
                                               "email": f"{unique()}@example.com"})
        assert answer.status == 400 and list(answer.json()) == ["username"], (attempt, answer)
    tagged = f"{unique('o')}!#$%&'*+-/=?^_`{{|}}~x@example.com"
    assert api.signup(unique("plain"), email=tagged).status == 201
    wait_for(lambda: len(peer.letters) > before, 15, "the one letter")
    assert [letter.recipients for letter in peer.letters[before:]] == [[tagged]]
    letter = peer.letters[-1]
    assert letter.sender == "gatepost@localhost"
    assert [str(to) for to in letter.message.get_all("To")] == [tagged]
    assert "Bcc" not in letter.message and "Cc" not in letter.message


def test_links_are_built_from_the_configured_origin_only(relayed, peer):
    api = Api(relayed.address)
    for host in ("evil.example", "127.0.0.1:1"):
        before = len(peer.letters)
        name = unique("origin")
        request = (f'{{"username":"{name}","email":"{name}@example.com","password":"securepassword123"}}')
        from client import Connection
        with Connection(relayed.address) as connection:
            connection.send((f"POST /api/auth/signup HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\n"
                             f"X-Forwarded-Proto: https\r\nForwarded: host={host}\r\n"
                             f"Content-Type: application/json\r\nContent-Length: {len(request)}\r\n\r\n"
                             f"{request}").encode())
            assert connection.receive().status == 201
        wait_for(lambda: len(peer.letters) > before, 15, "the letter")
        raw = peer.letters[-1].raw.decode()
        assert host not in raw
    assert api.get("/healthz").status == 200


def test_connections_are_used_again(relayed, peer):
    api = Api(relayed.address)
    sessions, before = peer.sessions, len(peer.letters)
    for _ in range(20):
        assert api.signup(unique("reuse")).status == 201
    wait_for(lambda: len(peer.letters) >= before + 20, 15, "20 letters")
    assert peer.sessions - sessions <= 8


def test_tries_are_further_and_further_apart(serve):
    with SmtpPeer(rules=[Rule("RCPT", "451 4.2.1 never")]) as refusing:
        server = serve(smtp(refusing, **{"mail.retry_s": "1", "mail.retry_max_s": "600"}))
        times, seen = [], 0
        signed_up(server, "patient")
        deadline = time.monotonic() + patience(15)
        while len(times) < 3 and time.monotonic() < deadline:
            if refusing.commands["RCPT"] > seen:
                seen = refusing.commands["RCPT"]
                times.append(time.monotonic())
            time.sleep(0.01)
        assert len(times) == 3, f"{len(times)} tries"
        assert times[2] - times[1] > 1.2 * (times[1] - times[0]) * 0.8, times
