"""A relay that accepts and never answers, and none at all: sign-ups go on, no letter is lost."""
from collections import Counter

from client import Api, unique
from gatepost import free_port, patience, wait_for
from load import Load, sign_up_many
from smtp_peer import Rule, SmtpPeer


def trouble(port):
    return {"smtp.host": "127.0.0.1", "smtp.port": str(port), "smtp.tls": "none",
            "mail.retry_s": "1", "mail.retry_max_s": "2", "mail.sweep_s": "1"}


def assert_each_once(peer, names, seconds=30):
    expected = Counter(f"{name}@example.com" for name in names)
    wait_for(lambda: len(peer.letters) >= len(names), seconds,
             f"{len(names)} letters, {len(peer.letters)} came")
    assert Counter(letter.recipients[0] for letter in peer.letters) == expected


def test_without_a_relay_no_sign_up_fails_and_letters_come_once_there_is_one(serve):
    port = free_port()
    server = serve(trouble(port))
    with Load(server, keep=3) as load:
        load.wait_progress(100)
    assert not load.wrong and not load.cut
    api = Api(server.address)
    assert api.get("/readyz").status == 200
    server.wait_event("relay.troubled")
    with SmtpPeer(port=port) as peer:
        assert_each_once(peer, load.acknowledged)
        wait_for(lambda: api.fresh().metrics()["gatepost_outbox_pending"] == 0, 15, "an empty outbox")
        assert len(peer.letters) == len(load.acknowledged)


def test_a_relay_that_never_answers_holds_up_nothing(serve):
    with SmtpPeer(rules=[Rule("CONNECT", action="stall")]) as peer:
        server = serve(trouble(peer.port))
        with Load(server, keep=3) as load:
            wait_for(lambda: peer.sessions > 0, 10, "the mailer's connection")
            load.wait_progress(100)
        assert not load.wrong and not load.cut
        assert load.longest < patience(3)
        assert not peer.letters
        peer.rules = []
        peer.pause()
        peer.resume()
        assert_each_once(peer, load.acknowledged)


def test_a_relay_that_stalls_in_the_middle_and_comes_back(serve):
    with SmtpPeer() as peer:
        server = serve(trouble(peer.port))
        names = [unique("mid") for _ in range(40)]
        sign_up_many(server, names[:20], 2)
        peer.rules = [Rule("RCPT", action="stall")]
        sign_up_many(server, names[20:], 2)
        wait_for(lambda: peer.commands["RCPT"] > 0, 10, "a letter under way")
        peer.rules = []
        peer.pause()
        assert Api(server.address).get("/readyz").status == 200
        peer.resume()
        assert_each_once(peer, names)


def test_a_stop_does_not_wait_for_a_stalled_relay_and_the_letter_is_kept(prepare):
    with SmtpPeer(rules=[Rule("DATA", action="stall")]) as peer:
        server = prepare(trouble(peer.port))
        server.start()
        assert Api(server.address).signup("kept").status == 201
        wait_for(lambda: peer.commands["DATA"] > 0, 10, "the letter under way")
        assert server.stop() < patience(5)
        peer.rules = []
        server.start()
        assert_each_once(peer, ["kept"])
        server.stop()


def test_a_mailer_that_does_nothing_delays_letters_only(serve):
    """SIGSTOP: lanes fill up, sign-ups go on, and everything arrives once."""
    import os
    import signal
    with SmtpPeer() as peer:
        server = serve(trouble(peer.port))
        mailer = server.child("mailer")
        os.kill(mailer, signal.SIGSTOP)
        try:
            names = [unique("stopped") for _ in range(600)]
            sign_up_many(server, names, 3)
        finally:
            server.allow_deaths = True  # a machine this slow may make the master replace it
            os.kill(mailer, signal.SIGCONT)
        assert_each_once(peer, names, 40)
