"""`gatepost mail list|show|retry|cancel|pause|resume|drain|suppress`, beside a relay that fails."""
import json
import re
import time

import pytest

from client import Api, unique
from gatepost import free_port, wait_for
from mail_desk import (DONE, NOT_THERE, REFUSED, TOKEN, USAGE, WRONG_CONFIG, done, events_of, in_state,
                       letter_of, listed, mail, relay, shown, sign_up, status)
from smtp_peer import Rule, SmtpPeer


@pytest.fixture
def peer():
    with SmtpPeer() as peer:
        yield peer


# ---- what there is ------------------------------------------------------------------------------

def test_a_letter_that_was_sent_is_shown_with_its_time_line(serve, peer):
    server = serve(relay(peer))
    name = unique("sent")
    sign_up(server, name)
    letter = in_state(server, name, "sent")
    assert letter["purpose"] == "verify" and letter["tries"] == 1 and letter["relay"] == "smtp"
    assert letter["due"] is None and letter["ended"] >= letter["created"]
    whole, events = shown(server, letter)
    assert whole == letter
    assert [event["event"] for event in events] == ["delivered"]
    assert events[0]["relay"] == "smtp" and events[0]["reply"].startswith("250")
    text = done(server, "show", letter["id"])
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +made$", text, re.M)
    assert re.search(r"  delivered by smtp: 250", text)
    assert not TOKEN.search(text) and name + "@" in text


def test_a_letter_that_was_put_off_and_given_up(serve, peer):
    peer.rules = [Rule("RCPT", "451 4.3.0 ask again", times=1), Rule("RCPT", "550 5.1.1 nobody here")]
    server = serve(relay(peer))
    name = unique("off")
    sign_up(server, name)
    letter = wait_for(lambda: [x for x in listed(server, "--state", "pending") if x["tries"] == 1],
                      10, "the first try")[0]
    assert letter["reply"].startswith("451 4.3.0")
    assert letter["due"] > letter["created"]
    assert "due next" in done(server, "show", letter["id"])
    assert done(server, "retry", letter["id"]) == "retried: 1 letter\n"
    dead = in_state(server, name, "dead")
    assert dead["id"] == letter["id"] and dead["tries"] == 2 and "5.1.1" in dead["reply"]
    _, events = shown(server, dead)
    assert [event["event"] for event in events] == ["deferred", "retried", "refused"]
    assert "given up" in done(server, "show", dead["id"])
    assert events_of(server, "admin.mail_retried") == [letter["id"]]


def test_filters(serve, peer):
    peer.rules = [Rule("RCPT", "550 5.1.1 no", match="gone"), Rule("RCPT", "451 4.2.0 no", match="wait")]
    server = serve(relay(peer))
    names = {state: unique(word) for state, word in
             (("dead", "gone"), ("pending", "wait"), ("sent", "fine"))}
    sign_up(server, *names.values())
    wait_for(lambda: [x["tries"] for x in listed(server)] == [1, 1, 1], 15, "three tries")
    for state, name in names.items():
        assert [x["to"] for x in listed(server, "--state", state)] == [f"{name}@example.com"]
        assert [x["state"] for x in listed(server, "--to", f"{name}@EXAMPLE.com")] == [state]
    assert len(listed(server, "--domain", "Example.COM")) == 3
    assert not listed(server, "--domain", "xample.com") and not listed(server, "--domain", "e.org")
    assert len(listed(server, "--purpose", "verify")) == 3
    assert not listed(server, "--purpose", "account_deleted")
    assert len(listed(server, "--since", "1h")) == 3
    assert not listed(server, "--since", "2999-01-01")
    assert not listed(server, "--due")
    assert len(listed(server, "--limit", "2")) == 2
    metrics = Api(server.address).metrics()
    for verdict in ("delivered", "retry", "refused"):
        assert metrics[f'gatepost_mail_relay_total{{relay="smtp",verdict="{verdict}"}}'] == 1
        assert metrics[f'gatepost_mail_relay_total{{relay="smtp2",verdict="{verdict}"}}'] == 0
    assert all(" relay=smtp " in line for line in server.events("mail.refused"))
    table = done(server, "list")
    assert table.splitlines()[0].split() == \
        ["ID", "STATE", "PURPOSE", "TO", "CREATED", "DUE", "TRIES", "REPLY"]
    assert len(table.splitlines()) == 4


def test_more_letters_than_a_page_are_all_listed_once(serve):
    server = serve(relay(SmtpPeer(port=free_port()), **{"http.workers": "1"}))
    done(server, "pause")
    names = [unique("many") for _ in range(600)]
    sign_up(server, *names)
    found = [letter["to"] for letter in listed(server)]
    assert sorted(found) == sorted(f"{name}@example.com" for name in names)
    assert done(server, "cancel", "--all", "--domain", "example.com").splitlines()[0] == \
        "cancelled: 600 letters"
    assert status(server)["pending"] == 0
    assert not listed(server)


# ---- wrong words --------------------------------------------------------------------------------

@pytest.mark.parametrize("words", [
    ["show"], ["show", "a", "b"], ["list", "x"], ["list", "--limit", "0"], ["list", "--since", "x"],
    ["retry"], ["cancel"], ["retry", "an-id", "--all"], ["cancel", "an-id", "--state", "dead"],
    ["drain", "--wait", "x"], ["suppress", "add"], ["suppress", "remove"], ["suppress", "what"],
    ["suppress", "list", "a@example.com"], ["pause", "now"], ["show", "x", "--all"], ["fly"], []])
def test_wrong_words(serve_once, words):
    ran = mail(serve_once, *words)
    assert ran.returncode == USAGE and ran.stderr.startswith("gatepost: "), ran


@pytest.mark.parametrize("words,code,told", [
    (["show", "00000000-0000-7000-8000-000000000000"], NOT_THERE, "no such letter"),
    (["show", "nonsense"], NOT_THERE, "no such letter"),
    (["retry", "00000000-0000-7000-8000-000000000000"], NOT_THERE, "no such letter"),
    (["cancel", "nonsense"], NOT_THERE, "no such letter"),
    (["suppress", "remove", "nobody@example.com"], NOT_THERE, "not suppressed"),
    (["suppress", "add", "no address"], REFUSED, "address"),
    (["list", "--state", "odd"], REFUSED, "state"),
    (["list", "--purpose", "odd"], REFUSED, "purpose"),
    (["list", "--to", "odd"], REFUSED, "to"),
    (["list", "--domain", "a@b"], REFUSED, "domain")])
def test_refusals(serve_once, words, code, told):
    ran = mail(serve_once, *words)
    assert ran.returncode == code and told in ran.stderr, ran


@pytest.fixture(scope="module")
def serve_once(module_servers):
    return module_servers({"limits.enabled": "no"})


def test_without_a_server(prepare):
    server = prepare()
    assert mail(server, "list").returncode == NOT_THERE
    assert mail(server, "drain").returncode == NOT_THERE
    server.settings["mail.sweep_s"] = "0"
    assert mail(server, "list").returncode == WRONG_CONFIG


# ---- pause, resume, drain -----------------------------------------------------------------------

def test_paused_nothing_is_sent_also_after_a_restart(serve, peer):
    server = serve(relay(peer))
    assert done(server, "pause").startswith("paused")
    assert done(server, "pause").startswith("paused")
    name = unique("pause")
    sign_up(server, name)
    time.sleep(1.5)
    assert not peer.letters and letter_of(server, name)["tries"] == 0
    assert status(server)["paused"] is True and "mail: paused pending=1" in \
        server.command("status").stdout
    ran = mail(server, "drain")
    assert ran.returncode == REFUSED and "paused" in ran.stderr
    server.stop()
    server.start()
    time.sleep(1.5)
    assert not peer.letters and status(server)["paused"] is True
    server.kill("store")
    wait_for(lambda: mail(server, "status").returncode == DONE, 10, "the next store")
    assert status(server)["paused"] is True
    server.allow_deaths = True
    assert done(server, "resume") == "letters are sent\n"
    peer.wait_for(1)
    in_state(server, name, "sent")
    assert status(server)["paused"] is False
    assert len(events_of(server, "admin.mail_paused")) == 1
    assert len(events_of(server, "admin.mail_resumed")) == 1


def test_drain_ignores_the_wait_and_ends_when_nothing_waits(serve, peer):
    peer.rules = [Rule("RCPT", "451 4.3.0 later", times=3)]
    server = serve(relay(peer))
    sign_up(server, *[unique("drain") for _ in range(3)])
    wait_for(lambda: [x["tries"] for x in listed(server)] == [1, 1, 1], 10, "three tries")
    assert not peer.letters
    assert done(server, "drain") == "drained: no letter waits\n"
    assert len(peer.letters) == 3
    assert [x["state"] for x in listed(server)] == ["sent"] * 3
    assert done(server, "drain", "--json") == '{"pending":0,"due":0}\n'


def test_drain_says_what_still_waits(serve, peer):
    peer.rules = [Rule("RCPT", "451 4.3.0 later")]
    server = serve(relay(peer))
    sign_up(server, unique("stays"))
    wait_for(lambda: listed(server)[0]["tries"] == 1, 10, "the first try")
    ran = mail(server, "drain")
    assert ran.returncode == REFUSED and ran.stdout.startswith("1 letter waits: tried"), ran
    assert listed(server)[0]["tries"] == 2
    peer.pause()
    ran = mail(server, "drain", "--wait", "1")
    assert ran.returncode == REFUSED and "not all could be tried" in ran.stdout, ran


# ---- retry, cancel ------------------------------------------------------------------------------

def test_all_that_were_given_up_go_out_again(serve, peer):
    peer.rules = [Rule("RCPT", "550 5.7.1 not today")]
    server = serve(relay(peer))
    names = [unique("again") for _ in range(3)]
    sign_up(server, *names)
    wait_for(lambda: status(server)["dead"] == 3, 10, "three dead letters")
    peer.rules = []
    assert done(server, "retry", "--all", "--to", f"{names[0]}@example.com") == "retried: 1 letter\n"
    in_state(server, names[0], "sent")
    assert json.loads(done(server, "retry", "--all", "--json")) == \
        {"retried": 2, "left": 0, "under_way": False}
    wait_for(lambda: status(server)["sent"] == 3, 10, "all letters")
    assert len(peer.letters) == 3
    ran = mail(server, "retry", letter_of(server, names[0])["id"])
    assert ran.returncode == REFUSED and "was sent" in ran.stderr


def test_a_cancelled_letter_never_goes_out(serve, peer):
    peer.rules = [Rule("RCPT", "451 4.3.0 later", times=1)]
    server = serve(relay(peer))
    name = unique("cancel")
    sign_up(server, name)
    letter = wait_for(lambda: [x for x in listed(server) if x["tries"] == 1], 10, "the first try")[0]
    assert done(server, "cancel", letter["id"]) == "cancelled: 1 letter\n"
    assert mail(server, "show", letter["id"]).returncode == NOT_THERE
    assert done(server, "drain") == "drained: no letter waits\n"
    assert not peer.letters
    assert events_of(server, "admin.mail_cancelled") == [letter["id"]]


def test_cancelling_what_is_due_says_that_it_may_be_under_way(serve, peer):
    server = serve(relay(peer))
    done(server, "pause")
    name = unique("late")
    sign_up(server, name)
    assert "if the mailer was sending it already" in \
        done(server, "cancel", letter_of(server, name)["id"])
    assert status(server)["pending"] == 0


# ---- suppressions -------------------------------------------------------------------------------

def test_a_suppressed_address_gets_nothing_until_it_is_lifted(serve, peer):
    server = serve(relay(peer))
    name = unique("sup")
    address = f"{name}@example.com"
    assert done(server, "suppress", "add", address.upper(), "--detail", "asked us to") == \
        "suppressed\n"
    sign_up(server, name)
    letter = in_state(server, name, "dead")
    assert letter["reply"].startswith("suppressed: ") and letter["tries"] == 0
    assert done(server, "show", letter["id"]).count("suppressed: by an operator") == 2
    assert "suppressed: suppressed" not in done(server, "show", letter["id"])
    row, = [json.loads(line) for line in done(server, "suppress", "--json").splitlines()]
    assert (row["id"], row["reason"], row["detail"]) == (address, "operator", "asked us to")
    assert address.upper().split("@")[0] in done(server, "suppress", "list")
    ran = mail(server, "retry", letter["id"])
    assert ran.returncode == REFUSED and "suppressed" in ran.stderr
    assert "address is suppressed: 1" in done(server, "retry", "--all")
    assert not peer.letters
    assert done(server, "suppress", "remove", address) == "not suppressed any more\n"
    assert done(server, "retry", letter["id"]) == "retried: 1 letter\n"
    peer.wait_for(1)
    assert not done(server, "suppress", "--json")
    metrics = Api(server.address).metrics()
    assert metrics["gatepost_mail_suppressions"] == 0 and metrics["gatepost_outbox_sent"] == 1


def test_answers_do_not_tell_that_an_address_is_suppressed(serve, peer):
    server = serve(relay(peer))
    plain, stopped = unique("plain"), unique("stop")
    done(server, "suppress", "add", f"{stopped}@example.com")
    answers = {}
    api = Api(server.address)
    for name in (plain, stopped):
        up = api.signup(name)
        resend = api.post("/api/auth/verify-email/resend", {"email": f"{name}@example.com"})
        reset = api.post("/api/auth/password/reset", {"email": f"{name}@example.com"})
        answers[name] = [(a.status, sorted(a.json()) if a is up else a.json())
                         for a in (up, resend, reset)]
        assert api.me(api.tokens(name)["access"]).json()["email_bounced"] is False
    assert answers[plain] == answers[stopped]
