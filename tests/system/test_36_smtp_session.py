"""What a session with a relay is made of: connections that are used again and given up, what EHLO
offers, logins by password, token file and token command, certificates of our own."""
import os
import stat
import time

import pytest

from client import Api, unique
from gatepost import free_port, patience, wait_for
from certificates import client_identity, key_pem, new_key, write_private
from smtp_script import ScriptedRelay
from smtp_story import ended, settings, sign_up


@pytest.fixture
def relay():
    with ScriptedRelay(offers=("PIPELINING",)) as scripted:
        yield scripted


def addresses(count):
    return [f"{unique('s')}@session.example" for _ in range(count)]


def deliver(server, relay, count):
    """One after another, so that each finds the connection of the one before."""
    for address in addresses(count):
        sign_up(server, address)
        wait_for(lambda to=address: relay.letters[to] == 1, 15, f"the letter to {address}")


# ---- connections ----------------------------------------------------------------------------------

def test_a_connection_takes_so_many_letters_and_then_says_quit(serve, relay):
    server = serve(settings(relay, **{"smtp.connections": "1", "smtp.letters_per_connection": "3"}))
    deliver(server, relay, 7)
    assert relay.sessions == 3
    assert relay.commands["QUIT"] == 2 and relay.commands["RSET"] == 0


def test_an_idle_connection_is_closed_with_quit(serve, relay):
    server = serve(settings(relay, **{"smtp.idle_s": "1"}))
    deliver(server, relay, 1)
    wait_for(lambda: relay.commands["QUIT"] == 1, 5, "QUIT of an idle connection")
    wait_for(lambda: not relay.tasks, 5, "no session left")
    deliver(server, relay, 1)
    assert relay.sessions == 2


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "BODY"])
@pytest.mark.parametrize("act", ["drop", "reset"])
def test_f26_a_kept_connection_that_is_gone_is_no_try(serve, relay, step, act):
    """A relay that closes what idles: the letter goes over a fresh connection, at once, uncounted. In
    the middle of the letter it depends on how much of it was written when the loss was seen."""
    server = serve(settings(relay, **{"smtp.connections": "1"}))
    deliver(server, relay, 1)
    address, = addresses(1)
    if step == "MAIL":
        relay.anyone = ("MAIL", act)
    else:
        relay.by_recipient[address] = (step, act)
    sign_up(server, address)
    story = [event for event, _ in ended(server, address)]
    assert story == ["delivered"] or step == "BODY" and story == ["deferred", "delivered"]
    assert relay.letters[address] == 1 and relay.acted[step, act] == 1
    if step != "BODY":
        assert relay.sessions == 2 and not server.events("relay.troubled")


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)], ids=["plain", "pipelining"])
@pytest.mark.parametrize("act", ["421", "450", "550", "garbage"])
def test_a_no_to_the_first_command_on_a_kept_connection(serve, act, offers):
    """A relay that counts its letters says 4xx then: a fresh connection, and no trouble. Anything else
    is trouble with the relay, as on a fresh one."""
    with ScriptedRelay(offers=offers) as relay:
        server = serve(settings(relay, **{"smtp.connections": "1"}))
        for _ in range(3):
            deliver(server, relay, 1)
            relay.anyone = ("MAIL", act)
        address, = addresses(1)
        sign_up(server, address)
        assert [event for event, _ in ended(server, address)] == ["delivered"]
        assert relay.sessions == 4 and relay.acted["MAIL", act] == 3
        assert bool(server.events("relay.troubled")) == (act in ("550", "garbage"))


def test_a_relay_that_is_away_for_good_is_no_worn_out_connection(serve, relay):
    server = serve(settings(relay, **{"smtp.connections": "1"}))
    deliver(server, relay, 1)
    relay.always = ("MAIL", "421")
    address, = addresses(1)
    sign_up(server, address)
    assert "421" in server.wait_event("relay.troubled")[0]
    relay.always = None
    assert [event for event, _ in ended(server, address)] == ["delivered"]


@pytest.mark.parametrize("act", ["2xx", "450", "550", "354", "garbage", "drop", "421"])
def test_f26_any_answer_to_rset_is_as_good(serve, relay, act):
    """It is sent with the next letter's commands, after a recipient that was refused."""
    server = serve(settings(relay, **{"smtp.connections": "1"}))
    refused, next_one = addresses(2)
    relay.by_recipient[refused] = ("RCPT", "550")
    relay.always = ("RSET", act)
    sign_up(server, refused)
    assert [event for event, _ in ended(server, refused)] == ["refused"]
    sign_up(server, next_one)
    assert [event for event, _ in ended(server, next_one)] == ["delivered"]
    assert relay.letters[next_one] == 1 and relay.acted["RSET", act] == 1
    assert relay.sessions == (2 if act in ("drop", "421") else 1)


def test_f26_nobody_waits_for_the_answer_to_quit(serve, relay):
    relay.always = ("QUIT", "stall")
    server = serve(settings(relay, **{"smtp.connections": "1", "smtp.letters_per_connection": "1"}))
    began = time.monotonic()
    deliver(server, relay, 20)
    assert time.monotonic() - began < patience(5)


def test_a_stop_says_goodbye_to_relays(prepare, relay):
    server = prepare(settings(relay)).start()
    deliver(server, relay, 1)
    server.stop()
    wait_for(lambda: relay.commands["QUIT"] == 1, 5, "QUIT")


# ---- what is offered ------------------------------------------------------------------------------

def test_the_size_is_told_where_it_is_asked_for(serve):
    with ScriptedRelay(offers=("SIZE 1000000", "8BITMIME", "SMTPUTF8")) as relay:
        server = serve(settings(relay))
        deliver(server, relay, 1)
        # Our letters are 7 bit, so that signatures survive: no BODY, no SMTPUTF8.
        assert relay.senders[0].startswith("MAIL FROM:<gatepost@localhost> SIZE=")
        assert relay.senders[0].count(" ") == 2 and int(relay.senders[0].split("SIZE=")[1]) > 500
    with ScriptedRelay() as relay:
        server = serve(settings(relay))
        deliver(server, relay, 1)
        assert relay.senders == ["MAIL FROM:<gatepost@localhost>"]


def test_a_letter_larger_than_the_relay_takes_is_refused_unsent(serve):
    with ScriptedRelay(offers=("PIPELINING", "SIZE 300")) as relay:
        server = serve(settings(relay, **{"smtp.connections": "1"}))
        first, second = addresses(2)
        for address in (first, second):
            sign_up(server, address)
            (event, reply), = ended(server, address)
            assert event == "refused" and "takes at most 300 (SIZE)" in reply
        assert not relay.senders and not relay.letters
        assert relay.sessions == 1, "the connection is as good as before"
        wait_for(lambda: Api(server.address).metrics()["gatepost_outbox_dead"] == 2, 5, "two dead letters")


# ---- logins ---------------------------------------------------------------------------------------

def login_settings(relay, **more):
    return settings(relay, **{"smtp.ca_file": relay.ca_file, "smtp.user": "gate@example.org",
                              "smtp.connections": "1", **more})


def token_file(server, text):
    path = server.directory / "token"
    fresh = server.directory / "token.new"
    fresh.write_text(text + "\nand nothing else\n")
    fresh.chmod(0o600)
    os.replace(fresh, path)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_configured_mechanism_is_the_one(serve, mechanism):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="PLAIN LOGIN XOAUTH2") as relay:
        server = serve(login_settings(relay, **{"smtp.auth": mechanism.lower()}),
                       env={"EMAIL_HOST_PASSWORD": "secret"})
        if mechanism == "LOGIN":    # two questions: this relay asks one; it is the word that counts
            sign_up(server, addresses(1)[0])
            wait_for(lambda: relay.logins, 10, "a login")
        else:
            deliver(server, relay, 1)
            assert relay.logins[0][1] == "\0gate@example.org\0secret"
        assert {name for name, _ in relay.logins} == {mechanism}


def test_f27_a_relay_that_offers_no_login_gets_nothing(serve):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="CRAM-MD5") as relay:
        server = serve(login_settings(relay), env={"EMAIL_HOST_PASSWORD": "secret"})
        address, = addresses(1)
        sign_up(server, address)
        line = server.wait_event("relay.troubled")[0]
        assert " error " in line and "kind=login" in line and "no login that auth allows" in line
        assert not relay.senders and not relay.logins
        relay.mechanisms = "PLAIN"
        assert [event for event, _ in ended(server, address)] == ["delivered"]


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_file_is_read_again_when_it_changes(prepare, mechanism):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="PLAIN " + mechanism) as relay:
        server = prepare(login_settings(relay, **{"smtp.token_file": "token", "smtp.auth": "xoauth2",
                                                  "smtp.letters_per_connection": "1"}))
        token_file(server, "first.token")
        server.start()
        deliver(server, relay, 1)
        name, answer = relay.logins[0]
        assert name == mechanism and "Bearer first.token\1" in answer and "gate@example.org" in answer
        token_file(server, "second.token")
        deliver(server, relay, 1)
        assert "Bearer second.token\1" in relay.logins[-1][1]
        assert "first.token" not in server.log_text() and "second.token" not in server.log_text()
        server.stop()


def test_a_refused_token_is_trouble_of_login_until_there_is_another(prepare):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="XOAUTH2") as relay:
        relay.tokens = {"good"}
        server = prepare(login_settings(relay, **{"smtp.token_file": "token"}))
        token_file(server, "stale")
        server.start()
        address, = addresses(1)
        sign_up(server, address)
        line = server.wait_event("relay.troubled")[0]
        assert " error " in line and "kind=login" in line and ("334" in line or "535" in line)
        assert not relay.senders
        token_file(server, "good")
        assert [event for event, _ in ended(server, address)] == ["delivered"]
        server.stop()


def test_a_missing_token_file_is_told_and_mended(prepare):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="XOAUTH2") as relay:
        server = prepare(login_settings(relay, **{"smtp.token_file": "token"})).start()
        address, = addresses(1)
        sign_up(server, address)
        line = server.wait_event("relay.troubled")[0]
        assert "kind=login" in line and "token_file" in line and relay.sessions == 0
        token_file(server, "good")
        assert [event for event, _ in ended(server, address)] == ["delivered"]
        server.stop()


def command(server, body):
    """A program that writes down what it was started with, and then does what body says."""
    path = server.directory / "issue"
    path.write_text("#!/bin/sh\n"
                    f"env > {server.directory}/seen.env\n"
                    f"ls -l /proc/self/fd > {server.directory}/seen.fds\n"
                    f"echo \"$*\" >> {server.directory}/seen.words\n" + body)
    path.chmod(0o700)
    return f"{path} --for gate  'two words'"


def test_a_token_command_is_run_when_a_token_is_needed_and_when_one_is_refused(prepare):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="XOAUTH2") as relay:
        server = prepare(login_settings(relay, **{"smtp.letters_per_connection": "1"}),
                         env={"EMAIL_HOST_PASSWORD": "of nobody's business"})
        server.settings["smtp.token_command"] = command(
            server, f"wc -l < {server.directory}/seen.words | sed 's/^/token-/'; echo second line\n")
        relay.tokens = {"token-1", "token-3"}
        server.start()
        deliver(server, relay, 3)
        words = server.directory / "seen.words"
        assert words.read_text() == "--for gate 'two words'\n", "once, its words split at spaces"
        assert all("Bearer token-1\1" in answer for _, answer in relay.logins)
        relay.tokens = {"token-3"}
        address, = addresses(1)
        sign_up(server, address)
        assert [event for event, _ in ended(server, address)] == ["delivered"]
        assert len(words.read_text().splitlines()) == 3
        environment = (server.directory / "seen.env").read_text()
        assert "EMAIL_" not in environment and "nobody's business" not in environment
        assert {line.split("=")[0] for line in environment.splitlines()} <= {
            "PATH", "LANG", "HOME", "PWD", "OLDPWD", "SHLVL", "_"}
        fds = (server.directory / "seen.fds").read_text().splitlines()
        assert len(fds) <= 6 and "socket:" not in "".join(fds), fds
        server.stop()


def test_tokens_are_made_anew_after_their_life(prepare):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="XOAUTH2") as relay:
        server = prepare(login_settings(relay, **{"smtp.letters_per_connection": "1", "smtp.token_s": "1"}))
        server.settings["smtp.token_command"] = command(server, "echo token\n")
        server.start()
        deliver(server, relay, 1)
        time.sleep(1.1)
        deliver(server, relay, 1)
        assert len((server.directory / "seen.words").read_text().splitlines()) == 2
        server.stop()


@pytest.mark.parametrize("body, reason", [
    ("exit 7\n", "exit status 7"), ("kill -9 $$\n", "ended by signal 9"), ("true\n", "no token"),
    ("echo 'two words'\n", "no token"), ("printf 'a\\001b\\n'\n", "no token"),
    ("head -c 9000 /dev/zero | tr '\\\\0' x\n", "no token")])
def test_a_token_command_that_fails_is_told_and_nothing_is_sent(prepare, body, reason):
    with ScriptedRelay(tls="starttls", user=True, mechanisms="XOAUTH2") as relay:
        server = prepare(login_settings(relay))
        server.settings["smtp.token_command"] = command(server, body)
        server.start()
        address, = addresses(1)
        sign_up(server, address)
        line = server.wait_event("relay.troubled")[0]
        assert "kind=login" in line and "token_command" in line and reason in line
        assert relay.sessions == 0
        command(server, "echo good\n")
        assert [event for event, _ in ended(server, address)] == ["delivered"]
        server.stop()


def test_a_token_command_that_hangs_holds_up_nothing_and_dies_with_the_mailer(prepare):
    """The other relay goes on, and so does the loop: a stop is quick."""
    with ScriptedRelay(tls="starttls", user=True, mechanisms="XOAUTH2") as hanging, ScriptedRelay() as other:
        server = prepare({**login_settings(hanging), "smtp2.host": "127.0.0.1",
                          "smtp2.port": str(other.port), "smtp2.tls": "none"})
        server.settings["smtp.token_command"] = command(server, "sleep 600\n")
        server.start()
        names = addresses(8)
        for address in names:
            sign_up(server, address)
        wait_for(lambda: sum(other.letters.values()) == 7, 15, "all but the one that waits for a token")
        assert server.stop() < patience(5)


# ---- who we are -----------------------------------------------------------------------------------

def test_a_certificate_of_ours_is_shown_to_the_relay_that_asks(prepare):
    with ScriptedRelay(tls="starttls") as relay:
        server = prepare(settings(relay, **{"smtp.ca_file": relay.ca_file, "smtp.client_cert": "our.pem",
                                            "smtp.client_key": "our.key"}))
        client_identity(server.directory, relay.context)
        server.start()
        deliver(server, relay, 1)
        server.stop()
        del server.settings["smtp.client_cert"], server.settings["smtp.client_key"]
        server.start()
        sign_up(server, addresses(1)[0])
        assert server.wait_event("relay.troubled") and sum(relay.letters.values()) == 1
        server.stop()


@pytest.mark.parametrize("spoil, sentence", [
    (lambda folder: (folder / "our.pem").unlink(), "No such file"),
    (lambda folder: (folder / "our.pem").write_text("no certificate"), "no certificate in PEM"),
    (lambda folder: (folder / "our.key").write_text(""), "empty or unreadable"),
    (lambda folder: (folder / "our.key").write_text("x" * 70000), "too large"),
    (lambda folder: write_private(folder / "our.key", key_pem(new_key(), b"secret")), "or an encrypted one")])
def test_an_identity_that_cannot_be_used_is_told_by_check(prepare, spoil, sentence):
    server = prepare({"smtp.host": "localhost", "smtp.client_cert": "our.pem", "smtp.client_key": "our.key"})
    client_identity(server.directory)
    assert server.command("check").returncode == 0
    spoil(server.directory)
    told = server.command("check")
    assert told.returncode != 0 and "smtp.client_cert" in told.stdout + told.stderr
    assert sentence in told.stdout + told.stderr, told


def test_a_key_that_is_not_the_certificates_is_told_by_check_and_at_the_start(prepare):
    server = prepare({"smtp.host": "localhost", "smtp.port": str(free_port()),
                      "smtp.client_cert": "our.pem", "smtp.client_key": "our.key"})
    client_identity(server.directory)
    key = server.directory / "our.key"
    assert server.command("check").returncode == 0
    key.chmod(0o644)
    told = server.command("check")
    assert told.returncode != 0 and "smtp.client_cert" in told.stdout + told.stderr
    key.unlink()
    client_identity(server.directory, name="other")
    os.replace(server.directory / "other.key", key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    told = server.command("check")
    assert told.returncode != 0 and "not the key of" in told.stdout + told.stderr
    server.allow_deaths = True
    server.spawn()
    assert server.wait(15) != 0
    assert "not the key of" in server.log_text()


@pytest.mark.parametrize("values, sentence", [
    ({"smtp.token_file": "a", "smtp.token_command": "/bin/true", "smtp.user": "u"}, "only one of them"),
    ({"smtp.token_command": "true", "smtp.user": "u"}, "from / on"),
    ({"smtp.token_file": "a"}, "smtp.token_file is of no use without user"),
    ({"smtp2.auth": "xoauth2", "smtp2.user": "u"}, "smtp2.auth = xoauth2 needs"),
    ({"smtp.token_file": "a", "smtp.user": "u", "smtp.auth": "plain"}, "is of no use with this auth"),
    ({"smtp3.client_cert": "a"}, "smtp3.client_cert needs client_key"),
    ({"smtp.client_key": "a"}, "smtp.client_key needs client_cert"),
    ({"smtp.client_key": "a", "smtp.client_cert": "b", "smtp.tls": "none"}, "is of no use without TLS"),
])
def test_relays_that_make_no_sense_are_told(prepare, values, sentence):
    hosts = {f"{key.split('.')[0]}.host": "127.0.0.1" for key in values}
    told = prepare({**hosts, **values}).command("check")
    assert told.returncode != 0 and sentence in told.stdout + told.stderr
