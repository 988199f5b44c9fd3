#!/usr/bin/python3
"""smtp_peer.py as a process of its own, in place of Postfix's smtp-sink: prints its port, then one line
a letter, which begins with the recipient."""
import signal

from smtp_peer import SmtpPeer


class Printing(SmtpPeer):
    def keep(self, letter):
        print(letter.recipients[0], len(letter.raw), flush=True)


if __name__ == "__main__":
    with Printing() as peer:
        print("port", peer.port, flush=True)
        signal.pause()
