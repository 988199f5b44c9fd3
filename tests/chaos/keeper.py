"""What came in at the relays of a world, whichever took it: every letter, and each of its copies."""
import threading
import time
from collections import defaultdict
from types import SimpleNamespace

import post

MAILBOXES = "@example.org"      # whose copies are kept whole (mailing.py)


class Keeper:
    """Any thread."""

    def __init__(self, folder):
        self.lock = threading.Lock()
        self.received, self.letters = 0, {}         # {id: the first copy as post.read has it}
        self.copies = defaultdict(list)             # {id: [copy]}: begun, at, token, sender, message
        self.by_address = defaultdict(list)         # {address: [id]} of MAILBOXES
        self.begun = []                             # when each MAIL came, of letters that were not kept as well
        self.tokens = open(folder / "tokens", "a", buffering=1)
        self.links = open(folder / "links", "a", buffering=1)

    def note_begun(self):
        self.begun.append(time.time())

    def keep(self, letter):
        known = post.read(letter.raw)
        with self.lock:
            self.received += 1
            self.letters.setdefault(known.id, known)
            is_mailbox = known.to.endswith(MAILBOXES)
            if is_mailbox and known.id not in self.copies:
                self.by_address[known.to].append(known.id)
            self.copies[known.id].append(SimpleNamespace(
                id=known.id, begun=letter.begun, at=letter.at, token=known.token, sender=letter.sender,
                message=letter.message if is_mailbox else None))
        if known.token is None or is_mailbox:
            return
        if known.to.endswith("@example.net"):
            self.links.write(f"{known.to} {known.purpose} {known.token}\n")
        else:
            self.tokens.write(f"{known.to.split('@')[0]} {known.token}\n")

    def to(self, address, purpose):
        """The copies of the newest letter for that, oldest first; [] when there is none."""
        with self.lock:
            ids = [one for one in self.by_address[address] if self.letters[one].purpose == purpose]
            return list(self.copies[ids[-1]]) if ids else []

    def newer_than(self, token):
        """Did the letter with that token come again with another one? None: no letter had it."""
        for copies in self.copies.values():
            tokens = [copy.token for copy in copies]
            if token in tokens:
                return tokens[-1] != token
        return None
