"""A real Postfix as the relay: what it says decides what becomes of the letter."""
from collections import Counter

import pytest

import postfix_relay
from client import Api, unique
from gatepost import patience, scaled, wait_for
from load import sign_up_many
from smtp_story import Story, ended, settings, sign_up

pytestmark = pytest.mark.skipif(postfix_relay.why_not() is not None, reason=str(postfix_relay.why_not()))


class Relay:
    """What smtp_story.settings wants to know."""

    def __init__(self, postfix):
        self.port, self.tls = postfix.port, "starttls"


def through(postfix, **more):
    return settings(Relay(postfix), **{"smtp.ca_file": str(postfix.ca_file), "mail.from": "id@example.org",
                                       **more})


@pytest.fixture(scope="module")
def postfix():
    with postfix_relay.Postfix({"nobody@": "550 5.1.1 no such user"}) as relay:
        yield relay


@pytest.fixture(scope="module")
def relayed(module_servers, postfix):
    return module_servers(through(postfix))


def address():
    return f"{unique('p')}@example.com"


def test_letters_go_over_tls_and_what_postfix_offers_is_used(relayed, postfix):
    to = [address() for _ in range(10)]
    for one in to:
        sign_up(relayed, one)
    wait_for(lambda: set(to) <= set(postfix.deliveries()), 20, "ten letters")
    assert [count for one, count in Counter(postfix.deliveries()).items() if one in to] == [1] * 10
    opened = relayed.events("relay.opened")[0]
    assert "pipelining=1 size=10240000 8bitmime=1 smtputf8=1 enhanced=1" in opened
    for one in to:
        (event, reply), = ended(relayed, one)
        assert event == "delivered" and reply.startswith("250 2.0.0 Ok: queued as")
    assert "from=<id@example.org>" in postfix.log()


def test_f25_an_unknown_recipient_is_dead_with_postfixs_words(relayed, postfix):
    bad, good = "nobody@example.com", address()
    sign_up(relayed, bad)
    sign_up(relayed, good)
    (event, reply), = ended(relayed, bad)
    assert event == "refused" and reply.startswith("550 5.1.1 <") and "no such user" in reply
    assert [event for event, _ in ended(relayed, good)] == ["delivered"]
    assert bad not in postfix.deliveries()


@pytest.mark.parametrize("words", ["450 4.2.1 mailbox busy", "450 4.7.1 greylisted, try again later",
                                   "451 4.3.0 trouble here"])
def test_f24_a_recipient_put_off_gets_the_letter_later(module_servers, words):
    to = address()
    with postfix_relay.Postfix({to: words}) as postfix:
        server = module_servers(through(postfix, **{"mail.retry_s": "1"}))
        sign_up(server, to)
        story = wait_for(lambda: Story(server).of[to], 15, "the first try")
        assert story[0][0] == "deferred" and story[0][1].startswith(words[:9]), story
        postfix.stop()
        postfix.answer({})
        postfix.start()
        story = ended(server, to)
        assert [event for event, _ in story][-1] == "delivered"
        assert "refused" not in [event for event, _ in story]
        wait_for(lambda: postfix.deliveries() == [to], 10, "the letter, once")


def test_f25_a_size_limit_is_met_before_the_letter_is_sent(module_servers):
    with postfix_relay.Postfix(message_size_limit="1000") as postfix:
        server = module_servers(through(postfix))
        to = address()
        sign_up(server, to)
        (event, reply), = ended(server, to)
        assert event == "refused" and "takes at most 1000 (SIZE)" in reply
        assert "from=<" not in postfix.log()


def test_f25_a_size_limit_that_is_not_told_refuses_the_letter(module_servers):
    """EHLO without SIZE: Postfix reads the letter and answers 552 to the dot."""
    with postfix_relay.Postfix(message_size_limit="1000", smtpd_discard_ehlo_keywords="size") as postfix:
        server = module_servers(through(postfix))
        to = address()
        sign_up(server, to)
        (event, reply), = ended(server, to)
        assert event == "refused" and reply.startswith("552 5.3.4"), reply
        assert to not in postfix.deliveries()


def test_without_pipelining_it_is_the_same(module_servers):
    with postfix_relay.Postfix(smtpd_discard_ehlo_keywords="pipelining, 8bitmime") as postfix:
        server = module_servers(through(postfix))
        to = [address() for _ in range(5)]
        for one in to:
            sign_up(server, one)
        wait_for(lambda: sorted(postfix.deliveries()) == sorted(to), 20, "five letters")


def test_f13_postfix_that_is_stopped_in_the_middle_gets_every_letter(serve):
    """A letter whose reply was lost may come twice; more than were under way cannot."""
    count, lanes = scaled(600), 4
    with postfix_relay.Postfix() as postfix:
        server = serve(through(postfix, **{"smtp.connections": str(lanes), "smtp.timeout_s": "5"}))
        names = [unique("stop") for _ in range(count)]
        stops = 0
        sign_up_many(server, names[:count // 2], 3)
        for part in (names[count // 2:3 * count // 4], names[3 * count // 4:]):
            postfix.stop()
            stops += 1
            sign_up_many(server, part, 3)
            postfix.start()
        api = Api(server.address)
        wait_for(lambda: api.fresh().metrics()["gatepost_outbox_pending"] == 0, 60, "an empty outbox")
        expected = {f"{name}@example.com" for name in names}
        wait_for(lambda: set(postfix.deliveries()) == expected, patience(15), "every letter at Postfix")
        twice = sum(count - 1 for count in Counter(postfix.deliveries()).values())
        assert twice <= stops * lanes, twice
        assert api.metrics()["gatepost_outbox_dead"] == 0
