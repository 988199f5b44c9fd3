"""Rows F12 to F15 of the fault list: the mailer dies at a named point of one letter."""
import smtplib
import time
from collections import Counter

import pytest

import segment
from client import Api, unique
from gatepost import wait_for
from reports import bring, report
from smtp_peer import Rule, SmtpPeer

pytestmark = pytest.mark.points

# (point, bytes that it is about): all of them before the relay could have taken the letter.
BEFORE_THE_DOT = [("m.before_claim", b""), ("m.claimed", b""), ("m.composed", b""), ("m.connect", b""),
                  ("m.session_line", b"220 "), ("m.session_line", b"250 "), ("m.connected", b""),
                  ("m.before_command", b"MAIL"), ("m.before_command", b"RCPT"),
                  ("m.before_command", b"DATA"), ("m.mid_letter", b"")]
STARTTLS_AND_AUTH = [("m.session_line", b"220 2.0.0"), ("m.session_line", b"235 ")]


@pytest.fixture(scope="module")
def peer():
    with SmtpPeer() as made:
        yield made


@pytest.fixture(scope="module")
def server(module_servers, peer):
    made = module_servers({"smtp.host": "127.0.0.1", "smtp.port": str(peer.port), "smtp.tls": "none",
                           "mail.retry_s": "1", "mail.retry_max_s": "1", "mail.sweep_s": "1"})
    made.allow_deaths = True
    return made


def ids_of(peer, name):
    """Message-IDs of the letters to that name, in order."""
    return [letter.message["Message-ID"] for letter in list(peer.letters)
            if letter.recipients == [f"{name}@example.com"]]


def fresh_connection(server):
    """A new mailer has none to use again, so that the session's points are passed."""
    dead = server.kill("mailer")
    wait_for(lambda: server.child("mailer") != dead, 5, "a new mailer")
    server.wait_event("mailer.ready", len(server.events("mailer.ready")), 5)


def sign_up_with_a_death(server, points, peer, point, match):
    """Signs up; the mailer dies at the point. Returns the name once its letter has come."""
    fresh_connection(server)
    time.sleep(0.2)
    name = unique("mx")
    dead = server.child("mailer")
    points.arm(point, segment.KILL, match=match)
    assert Api(server.address).signup(name).status == 201
    wait_for(lambda: points.fired(point) == 1, 10, f"{point} reached")
    wait_for(lambda: server.child("mailer") != dead, 5, "a successor")
    wait_for(lambda: ids_of(peer, name), 20, f"the letter of {name}")
    wait_for(lambda: Api(server.address).metrics()["gatepost_outbox_pending"] == 0, 10, "a settled row")
    time.sleep(0.3)
    return name


@pytest.mark.parametrize("point, match", BEFORE_THE_DOT)
def test_f12_a_mailer_that_dies_before_the_dot_delivers_once(server, points, peer, point, match):
    name = sign_up_with_a_death(server, points, peer, point, match)
    assert len(ids_of(peer, name)) == 1


@pytest.mark.parametrize("point", ["m.after_dot", "m.delivered"])
def test_f13_a_mailer_that_dies_after_the_dot_delivers_once_or_twice(server, points, peer, point):
    """And twice the same letter: whoever gets both sees one Message-ID."""
    name = sign_up_with_a_death(server, points, peer, point, b"")
    ids = ids_of(peer, name)
    assert len(ids) in (1, 2) and len(set(ids)) == 1
    assert len(ids) == 2 or point == "m.after_dot", "the relay had it, and nobody had settled the row"


@pytest.mark.parametrize("point", ["m.settle_asked", "m.settled"])
def test_f14_what_a_dead_mailer_settled_stays_settled(server, points, peer, point):
    """Its last word lies in the lane, or the row is gone already: the successor sends nothing."""
    name = sign_up_with_a_death(server, points, peer, point, b"")
    assert len(ids_of(peer, name)) == 1


def test_f12_starttls_and_auth(serve):
    with SmtpPeer(tls="starttls", credentials=("me", "secret")) as peer:
        server = serve({"smtp.host": "localhost", "smtp.port": str(peer.port), "smtp.ca_file": peer.ca_file,
                        "smtp.user": "me", "mail.retry_s": "1", "mail.retry_max_s": "1", "mail.sweep_s": "1"},
                       env={"EMAIL_HOST_PASSWORD": "secret"})
        server.allow_deaths = True
        with segment.open_points(server.pid) as points:
            for point, match in STARTTLS_AND_AUTH:
                name = sign_up_with_a_death(server, points, peer, point, match)
                assert len(ids_of(peer, name)) == 1
        assert all(letter.over_tls and letter.authenticated_as == "me" for letter in peer.letters)


def test_f15_a_mailer_that_dies_while_it_waits_for_the_store(server, points, peer):
    """No store to ask, letters in hand: the successor finds every one of them."""
    names = [unique("f15x") for _ in range(10)]
    api = Api(server.address)
    peer.rules = [Rule("MAIL", action="delay", seconds=0.3)]
    for name in names:
        assert api.signup(name).status == 201
    points.arm("s.opening", segment.SLEEP, value=2000)
    server.kill("store")
    time.sleep(0.5)
    server.kill("mailer")
    peer.rules = []
    wait_for(lambda: all(ids_of(peer, name) for name in names), 30, "every letter")
    counted = Counter(letter.recipients[0] for letter in list(peer.letters))
    again = sum(counted[f"{name}@example.com"] - 1 for name in names)
    assert again <= 4 * 17, f"{again} letters more than once"


def test_f22_a_full_lane_delays_letters_and_nothing_else(server, points, peer):
    """A mailer that reads nothing: pushes find the lane full at once, every sign-up is acknowledged,
    the sweep sends what was not announced."""
    api = Api(server.address)
    full_before = api.metrics()["gatepost_mail_lane_full_total"]
    names = []
    points.arm("m.loop", segment.SLEEP, value=4000)
    while api.metrics()["gatepost_mail_lane_full_total"] == full_before:
        names.append(unique("f22xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
        assert api.signup(names[-1]).status == 201
        assert len(names) < 4000
        if points.fired("m.loop") == 1 and len(names) % 200 == 0:
            points.arm("m.loop", segment.SLEEP, value=4000)
    wait_for(lambda: all(ids_of(peer, name) for name in names[-50:]), 60, "the letters that were not announced")
    wait_for(lambda: api.fresh().metrics()["gatepost_outbox_pending"] == 0, 60, "an empty outbox")
    counted = Counter(letter.recipients[0] for letter in list(peer.letters))
    assert all(counted[f"{name}@example.com"] == 1 for name in names)


def test_a_mailer_that_dies_before_it_asked_about_a_report_is_brought_it_again(server, points, peer):
    name = unique("mx")
    assert Api(server.address).signup(name).status == 201
    wait_for(lambda: ids_of(peer, name), 10, "the letter")
    letter = next(letter for letter in peer.letters if letter.recipients == [f"{name}@example.com"])
    about = report("postfix-unknown", letter)
    points.arm("m.bounce_asked", segment.KILL)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        bring(server, about, "gatepost@localhost")
    assert points.fired("m.bounce_asked") == 1
    assert bring(server, about, "gatepost@localhost") == (250, b"2.0.0 noted")
    api = Api(server.address)
    assert api.me(api.tokens(name)["access"]).json()["email_bounced"]
