"""Clients that change what their account is: password, name, address, until they delete it.

Each account is a life. Its diary, FOLDER/<number>.lives, is written as it goes, one line a step:

    ? LIFE WHAT WORDS...    will be asked for
    ! LIFE WHAT WORDS...    was done: the 2xx was read. Or the same was asked for again because its
                            answer was lost, and refused in a way that says that it had been done
    - LIFE WHAT WORDS...    was refused: not done, for certain
    ~ LIFE WHAT N WORDS...  so many tries of it had no answer, and may have been carried out too

WHAT: born NAME ADDRESS, id SUBJECT, login, password NEW, name NEW, verified, ask ADDRESS (for a move there),
move ADDRESS, reset-ask, reset NEW, delete. A life ends with the first step whose outcome stays unknown,
so of each at most one is. lives.py judges the diaries.

What is asked for again after its answer was lost may be carried out twice, and the first of the two
late: a worker that died leaves its questions behind. Passwords are compared before they are changed,
so that does no harm there; a name is changed once in a life, and links that a late ask may void are
not insisted on (in_air)."""
import os
import time
from pathlib import Path

from asking import STATE, Client
from client import PASSWORD, account

LINK_S = 10     # so long a letter is waited for; relays may be away for longer
DOMAIN = "example.net"
PATHS = {"verify": "/api/auth/verify-email", "change": "/api/auth/verify-email",
         "reset": "/api/auth/password/reset/confirm"}


class Life:
    """The account as its client knows it."""

    def __init__(self, life, name, address, heir_of=None):
        self.life, self.name, self.address, self.password = life, name, address, PASSWORD
        self.pair, self.moves = None, 0
        # Of an heir's address there may be letters under way that were the dead one's.
        self.heir, self.in_air = heir_of is not None, heir_of is not None and heir_of.in_air


class Changing(Client):
    mailed = False      # letters with links come to it

    @classmethod
    def by_mail(cls, *arguments):
        client = cls(*arguments)
        client.mailed = True
        return client

    def __init__(self, port, folder, number, seed):
        super().__init__(port, folder, number, seed)
        self.diary = os.open(Path(folder) / f"{number}.lives", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.links_file, self.links = open(Path(folder) / "links", "a+"), {}
        self.links_file.seek(0)

    def tell(self, mark, life, *words):
        os.write(self.diary, " ".join((mark, life.life, *words, "\n")).encode())

    def settle(self, life, words, answer, done=(200,), again=()):
        """After a step was asked for: writes down what is known. again: the answer to a second try that
        says that the first was done. True: done; False: not done; None: unknown, or the life is over."""
        lost = self.lost() - self.lost_before
        if lost:
            self.tell("~", life, words[0], str(lost), *words[1:])
        if answer is None or answer.status == 500:
            return None
        if answer.status in done or answer.status in again and lost:
            self.tell("!", life, *words)
            return True
        self.tell("-", life, *words)
        return False

    def begin(self, life, *words):
        self.tell("?", life, *words)
        self.lost_before = self.lost()

    def insist(self, outcome, what, answer):
        """What nothing excuses."""
        if outcome is False:
            self.violation(f"{what}: {answer!r}")
            return None
        return outcome

    # ---- letters -----------------------------------------------------------------------------------

    def link(self, address, kind):
        """The token of the newest letter of that kind, or None when none came in time."""
        until = time.monotonic() + LINK_S
        while time.monotonic() < until and not STATE["finish"]:
            for line in iter(self.links_file.readline, ""):
                to, which, token = line.split()
                self.links[(to, which)] = token
            if (address, kind) in self.links:
                return self.links.pop((address, kind))
            time.sleep(0.03)
        return None

    def follow(self, life, token, kind, words, **fields):
        """Follows a link. True, False (it was void, as a late ask may have made it), None."""
        self.begin(life, *words)
        answer = self.until_answered("POST", PATHS[kind], {"token": token, **fields}, expect=(200, 400))
        if life.in_air and answer is not None and answer.status == 400 and self.lost() > self.lost_before:
            return None     # spent by the try before, or void: nobody knows
        outcome = self.settle(life, words, answer, again=(400,))
        if outcome is False and not life.in_air:    # made anew, or wrong: the census looks
            self.acknowledge("R", token)
            return None
        return outcome

    # ---- steps: True, the life goes on; None, it is over ---------------------------------------------

    def log_in(self, life, login=None):
        self.tell("?", life, "login")
        answer = self.until_answered("POST", "/api/auth/login",
                                     {"username": login or life.name, "password": life.password}, expect=(200,))
        if answer is None or answer.status != 200:
            return None
        life.pair = answer.json()
        return True

    def stays_out(self, login, password):
        self.until_answered("POST", "/api/auth/login", {"username": login, "password": password}, expect=(401,))

    def change_password(self, life):
        old, new = life.password, f"another-long-password-{self.random.randrange(10**9)}"
        elsewhere = None
        if self.random.random() < 0.3:
            kept = life.pair
            if not self.log_in(life):
                return None
            elsewhere, life.pair = life.pair, kept
        self.begin(life, "password", new)
        answer = self.authorized("POST", "/api/auth/password/change", life.pair, (200, 400),
                                 {"current_password": old, "new_password": new})
        outcome = self.settle(life, ("password", new), answer, again=(400,))
        if not self.insist(outcome, f"{life.life}'s password", answer):
            return None
        life.password = new
        self.stays_out(life.name, old)
        if elsewhere is not None:
            self.authorized("GET", "/api/auth/me", elsewhere, (401,))
        return True if self.random.random() < 0.5 else self.log_in(life)

    def change_name(self, life):
        new = f"{life.name}r"
        self.begin(life, "name", new)
        answer = self.authorized("PATCH", "/api/auth/me", life.pair, (200,), {"username": new})
        if not self.settle(life, ("name", new), answer):
            return None
        old, life.name = life.name, new
        self.stays_out(old, life.password)
        return self.look(life)

    def look(self, life):
        answer = self.authorized("GET", "/api/auth/me", life.pair, (200,))
        if answer is None or answer.status != 200:
            return None
        found = answer.json()
        if (found["username"], found["email"]) != (life.name, life.address):
            self.violation(f"{life.life} should be {life.name}, {life.address}: {answer!r}")
            return None
        return True

    def refresh(self, life):
        answer = self.until_answered("POST", "/api/auth/token/refresh", {"refresh": life.pair["refresh"]},
                                     expect=(200,))
        if answer is None or answer.status != 200:
            return None
        life.pair = answer.json()
        return True

    def verify(self, life):
        token = self.link(life.address, "verify")
        return token is None or self.follow(life, token, "verify", ("verified",))

    def move(self, life):
        life.moves += 1
        new = f"{life.life}m{life.moves}@{DOMAIN}"
        self.begin(life, "ask", new)
        answer = self.authorized("PATCH", "/api/auth/me", life.pair, (200,),
                                 {"email": new, "password": life.password})
        life.in_air = life.in_air or self.lost() > self.lost_before
        if not self.settle(life, ("ask", new), answer):
            return None
        token = self.link(new, "change")
        if token is None:
            return True
        outcome = self.follow(life, token, "change", ("move", new))
        if outcome is not True:
            return True if outcome is False else None
        old, life.address = life.address, new
        self.stays_out(old, life.password)
        return self.look(life) and self.log_in(life, new)

    def reset(self, life):
        self.begin(life, "reset-ask")
        answer = self.until_answered("POST", "/api/auth/password/reset", {"email": life.address}, expect=(202,))
        life.in_air = life.in_air or self.lost() > self.lost_before
        if not self.settle(life, ("reset-ask",), answer, done=(202,)):
            return None
        token = self.link(life.address, "reset")
        if token is None:
            return True
        new = f"another-long-password-{self.random.randrange(10**9)}"
        outcome = self.follow(life, token, "reset", ("reset", new), new_password=new)
        if outcome is not True:
            return True if outcome is False else None
        old, life.password = life.password, new
        self.authorized("GET", "/api/auth/me", life.pair, (401,))
        self.stays_out(life.name, old)
        return True if self.random.random() < 0.3 and self.stop(life) else self.log_in(life)

    def stop(self, life):
        """Its client wants nothing more."""
        life.pair = None
        return True

    def delete(self, life):
        self.begin(life, "delete")
        answer = self.authorized("DELETE", "/api/auth/me", life.pair, (204, 401), {"password": life.password})
        outcome = self.settle(life, ("delete",), answer, done=(204,), again=(401,))
        if not self.insist(outcome, f"the end of {life.life}", answer):
            return None
        self.authorized("GET", "/api/auth/me", life.pair, (401,))
        self.stays_out(life.name, life.password)
        return True

    # ---- a life --------------------------------------------------------------------------------------

    def be_born(self, life):
        """Asked for once: what became of it when the connection ends nobody will know."""
        words = ("born", life.name, life.address)
        self.begin(life, *words)
        answer = self.once("POST", "/api/auth/signup", account(life.name, life.address))
        if answer is not None and answer.status == 503:
            return None
        outcome = self.settle(life, words, answer, done=(201,))
        if not self.insist(outcome, f"the sign-up of {life.life}", answer) or not self.log_in(life):
            return None
        answer = self.authorized("GET", "/api/auth/me", life.pair, (200,))
        if answer is None or answer.status != 200:
            return None
        self.tell("!", life, "id", answer.json()["id"])
        return True

    def live(self, life):
        """True when it ended with its deletion."""
        if not self.be_born(life):
            return False
        steps = [self.change_password, self.change_name, self.refresh]
        if self.mailed:
            steps += [self.move, self.move] + ([] if life.heir else [self.verify, self.reset, self.reset])
        for _ in range(self.random.randrange(6)):
            step = self.random.choice(steps)
            if step in (self.change_name, self.verify, self.reset):     # once in a life
                steps = [other for other in steps if other != step]
            if step == self.move:       # voids the first address's link
                steps = [other for other in steps if other != self.verify]
            if STATE["finish"] or not step(life) or life.pair is None:
                return False
        return self.random.random() < 0.5 and self.delete(life) is True

    def step(self):
        name = self.name()
        life = Life(name, name, f"{name}@{DOMAIN}")
        if self.live(life) and self.random.random() < 0.5:
            # Names of the dead are free.
            self.live(Life(f"{life.life}b", life.name, life.address, heir_of=life))
