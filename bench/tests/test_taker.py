"""bench/rig/taker.py: it remembers those whom it took a letter for, and nobody else."""
import smtplib
import socket

from rig.taker import Taker


def test_recipients_are_remembered_with_the_letter():
    with Taker() as relay:
        with smtplib.SMTP("127.0.0.1", relay.port) as client:
            client.sendmail("a@example.com", ["one@example.com", "two@example.com"],
                            "Subject: x\r\n\r\n.dots\r\n..\r\n")
            client.sendmail("a@example.com", ["one@example.com"], "x")
            client.mail("a@example.com")
            client.rcpt("never@example.com")
        assert relay.letters() == {"one@example.com": 2, "two@example.com": 1}


def test_a_letter_that_is_cut_short_was_not_taken():
    with Taker() as relay:
        with socket.create_connection(("127.0.0.1", relay.port)) as client:
            client.sendall(b"HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhalf a letter\r\n")
            while b"354" not in client.recv(1000):
                pass
        with smtplib.SMTP("127.0.0.1", relay.port) as client:
            client.noop()
        assert relay.letters() == {}
