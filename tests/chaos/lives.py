"""Judges the diaries of changing accounts (changing.py) against the database, the letters and the audit
trail: what was done is there, what was refused is not, and the one step of a life whose outcome
nobody knows is done in all of its places or in none."""
import base64
import hashlib
import uuid
from collections import Counter

from database import record
from relay import REFUSED

EVENTS = {"password": 12, "reset": 11, "name": 15, "move": 14, "delete": 16}    # audit_events.def


class Life:
    """What a diary says: the account after all that was done, and the step that nobody knows of."""

    def __init__(self, life, password):
        self.life, self.password = life, password
        self.name = self.address = self.subject = self.open = None
        self.born = self.deleted = self.verified = False
        self.sessions = False       # it may have some
        self.done, self.again = Counter(), Counter()
        self.letters = {}           # (address, purpose): [at least, at most]

    def letter(self, purpose, least, most, address=None):
        bounds = self.letters.setdefault((address or self.address, purpose), [0, 0])
        bounds[0] += least
        bounds[1] += most

    def withdraw(self, *purposes):
        """Letters that still wait with a link that became void are not sent."""
        for (_, purpose), bounds in self.letters.items():
            if purpose in purposes:
                bounds[0] = 0

    def step(self, mark, what, words):
        if mark == "~":
            self.ask_again(what, int(words[0]), words[1:])
            return
        if mark == "?":
            self.sessions |= what == "login"
            self.open = (what, words) if what != "login" else None
            return
        self.open = None
        if mark == "!":
            self.do(what, words)

    def do(self, what, words):
        self.done[what] += 1
        if what == "born":
            self.born, (self.name, self.address) = True, words
            self.letter("verify", 1, 1)
        elif what == "id":
            self.subject = words[0]
        elif what == "verified":
            self.verified = True
        elif what == "name":
            self.name = words[0]
        elif what in ("password", "reset"):
            self.password = words[0]
            self.withdraw("reset", "change")
            self.letter("password", 1, 1)
            if what == "reset":     # its link was read at the address, so that is proven
                self.verified, self.sessions = True, False
                self.withdraw("verify")
        elif what == "ask":
            self.withdraw("change")
            self.letter("change", 1, 1, words[0])
            self.letter("asked", 1, 1)
        elif what == "move":
            self.withdraw("verify", "reset")
            self.letter("moved", 1, 1)
            self.address, self.verified = words[0], True
            self.letter("asked", 0, self.again["ask"])      # what comes late is told to the new one
        elif what == "reset-ask":
            self.withdraw("reset")
            self.letter("reset", 1, 1)
        elif what == "delete":
            self.withdraw("verify", "reset", "change")
            if REFUSED in self.address:       # what its relay refused for good went with the account
                self.withdraw(*{purpose for address, purpose in self.letters if address == self.address})
            self.letter("deleted", 1, 1)
            self.deleted = True

    def ask_again(self, what, tries, words):
        """Tries whose answer was lost: each may have been carried out, and late."""
        self.again[what] += tries
        if what == "ask":
            self.letter("change", 0, tries, words[0])
            self.letter("asked", 0, tries)
        elif what == "reset-ask":
            self.letter("reset", 0, tries)


def read(folder, password):
    """The lives of all diaries. password: that of every birth."""
    lives = {}
    for path in sorted(folder.glob("*.lives")):
        for line in path.read_text().splitlines():
            mark, life, what, *words = line.split()
            lives.setdefault(life, Life(life, password)).step(mark, what, words)
    return list(lives.values())


def changes(lives):
    """Counter of what was done, but for births."""
    done = sum((life.done for life in lives), Counter())
    del done["born"], done["id"]
    return done


def password_fits(encoded, password):
    """pbkdf2_sha256, as Django writes it."""
    kind, rounds, salt, digest = encoded.decode().split("$")
    assert kind == "pbkdf2_sha256", kind
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), int(rounds))
    return base64.b64encode(made).decode() == digest


def row_of(life, database):
    """(user id, row) or (None, None)."""
    if life.subject is not None:
        user_id = database.users_by_subject.get(life.subject.encode())
        if user_id is None:
            return None, None
        return user_id, record(database.users[user_id], "user")
    return database.by_email.get(life.open[1][1] if life.open and not life.born else life.address, (None, None))


def find_out(life, database):
    """The step that nobody knows of: was it done? Says it in the life, in all of its places."""
    what, words = life.open
    user_id, row = row_of(life, database)
    if what == "born":
        done = row is not None
    elif what == "delete":
        done = row is None
    elif row is None:
        return      # judged as a life that is lost
    elif what in ("password", "reset"):
        done = password_fits(row.password, words[0])
    elif what == "name":
        done = row.username.decode() == words[0]
    elif what == "move":
        done = row.email.decode() == words[0]
    elif what == "verified":
        done = bool(row.email_verified)
    else:
        done = False    # ask, reset-ask: their letters may be there or not
        life.ask_again(what, 1, words)
        life.withdraw("change" if what == "ask" else "reset")
    if done:
        life.do(what, words)


def problems_of(life, database, events):
    """Of a life whose open step was found out."""
    user_id, row = row_of(life, database)
    if not life.born or life.deleted:
        if row is not None and life.subject is not None:
            yield f"{life.life} was deleted and is there"
        if life.subject is not None and uuid.UUID(life.subject).bytes in database.users:
            yield f"{life.life} was deleted and has a row"
    elif row is None:
        yield f"{life.life} is lost"
    else:
        if (row.username.decode(), row.email.decode()) != (life.name, life.address):
            yield f"{life.life} is {row.username!r}, {row.email!r} and not {life.name}, {life.address}"
        if not password_fits(row.password, life.password):
            yield f"{life.life} has another password than {life.password}"
        if row.email_verified != life.verified and not (life.open and life.open[0] == "verified"):
            yield f"{life.life}: its address counts as {'' if row.email_verified else 'not '}proven"
        if not life.sessions and any(key[:16] == user_id for key in database.sessions_by_user):
            yield f"{life.life} has sessions from before its password was reset"
    if life.subject is not None:
        for what, number in EVENTS.items():
            counted, most = events[(uuid.UUID(life.subject).bytes, number)], life.done[what]
            most += life.again[what] if what == "name" else 0       # the same name again
            if not life.done[what] <= counted <= most:
                yield f"{life.life}: the audit trail has {counted} times {what}, done were {life.done[what]}"


def letter_problems(lives, letters, domain):
    """letters: {id: letter} of all that came, wait or are dead."""
    bounds = {}
    for life in lives:
        for key, (least, most) in life.letters.items():
            kept = bounds.setdefault(key, [0, 0])
            kept[0], kept[1] = kept[0] + least, kept[1] + most
    there = Counter((letter.to, letter.purpose) for letter in letters.values() if letter.to.endswith("@" + domain))
    for key in sorted(set(bounds) | set(there)):
        least, most = bounds.get(key, (0, 0))
        if not least <= there[key] <= most:
            yield f"{there[key]} letters {key}, and not {least} to {most}"


def judge(lives, database, letters, domain):
    """All that is wrong. Call it once: what was open is found out in the lives themselves."""
    events = Counter((row.user_id, row.event) for row in database.trail.values())
    for life in lives:
        if life.open is not None:
            find_out(life, database)
    found = [text for life in lives for text in problems_of(life, database, events)]
    return found + list(letter_problems(lives, letters, domain))


def doubts(lives, database, letters, domain):
    """What the judge does not find in a life that was tampered with. After judge()."""
    events = Counter((row.user_id, row.event) for row in database.trail.values())
    life = next((life for life in reversed(lives) if life.born and life.subject and not life.deleted and
                 not life.open and life.done["password"]), None)
    if life is None:
        return
    for field, wrong in (("password", life.password + "x"), ("name", life.name + "x"), ("deleted", True),
                         ("address", f"nobody@{domain}"), ("verified", not life.verified)):
        kept = getattr(life, field)
        setattr(life, field, wrong)
        if not list(problems_of(life, database, events)):
            yield f"another {field} of a life"
        setattr(life, field, kept)
    notice = next(key for key in life.letters if key[1] == "password")
    kept = {key: letter for key, letter in letters.items() if (letter.to, letter.purpose) != notice}
    if not any(str(notice) in text for text in letter_problems(lives, kept, domain)):
        yield "a notice that was not sent"
