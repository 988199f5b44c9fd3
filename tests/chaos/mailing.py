"""People whose letters have a fate: reports of failure and complaints come back of them, an operator suppresses
their addresses and lifts that again, cancels their letters; they ask for a reset twice and follow the
old link. What was answered is written into a Person; mail_judge.py looks whether it is so."""
import json
import smtplib
import time
import traceback
from types import SimpleNamespace

from asking import GIVE_UP_S, STATE, Client
from client import PASSWORD, account
from keeper import MAILBOXES
from reports import Lmtp, report

LETTER_S = 8        # so long a letter is waited for
OPEN = float("inf")


class Person:
    def __init__(self, name, address):
        self.name, self.address, self.born = name, address, False
        self.expected = {}      # {purpose: [at least, at most]}
        self.stops = []         # its address was suppressed: reason, since (answered), until (asked)
        self.is_sure = True     # of its last state
        self.cancels = []       # job id, answered, was it under way

    def expect(self, purpose, least, most):
        bounds = self.expected.setdefault(purpose, [0, 0])
        bounds[0], bounds[1] = bounds[0] + least, bounds[1] + most

    def stop(self, reason):
        self.stops.append(SimpleNamespace(reason=reason, since=time.time(), until=OPEN))


class Correspondent(Client):
    def __init__(self, world, desk, number, seed):
        super().__init__(world.port, world.folder, 100 + number, seed)
        self.world, self.desk, self.keeper, self.people = world, desk, world.keeper, []
        self.reports = 0        # that were answered 250
        self.prefix = f"m{self.prefix}"

    # ---- letters and reports -----------------------------------------------------------------------

    def letter(self, person, purpose, besides=None):
        """The newest copy of the newest letter, of another job than `besides`; None: not in time."""
        until = time.monotonic() + LETTER_S
        while time.monotonic() < until and not STATE["finish"]:
            copies = self.keeper.to(person.address, purpose)
            if copies and copies[-1].id != besides:
                return copies[-1]
            time.sleep(0.03)
        return None

    def bring(self, copy, name):
        """A report by LMTP, until it is answered by something else than 451."""
        until = time.monotonic() + GIVE_UP_S
        while time.monotonic() < until:
            try:
                with Lmtp(self.world.server) as lmtp:
                    code, text = lmtp.bring(report(name, copy), copy.sender)
            except (OSError, smtplib.SMTPException):
                code, text = 451, b"gone"
            if code == 250:
                self.reports += 1
                if text != b"2.0.0 noted":
                    self.violation(f"a report of {copy.id}: {text!r}")
                return True
            if code != 451 and code != 421:
                self.violation(f"a report of {copy.id} is answered {code} {text!r}")
                return False
            time.sleep(0.05)
        self.violation(f"no answer to a report in {GIVE_UP_S} s")
        return False

    # ---- requests ----------------------------------------------------------------------------------

    def be_born(self, later=False):
        """None when nobody knows."""
        name = self.name()
        person = Person(name, f"{name}{'later' if later else ''}{MAILBOXES}")
        self.people.append(person)
        answer = self.once("POST", "/api/auth/signup", account(name, person.address))
        person.born = answer is not None and answer.status == 201
        person.expect("verify", person.born, 1)
        if not person.born:
            time.sleep(0.1)
        return person if person.born else None

    def ask_reset(self, person):
        """True: asked for once, for certain; False: perhaps several times, or late."""
        before = self.lost()
        answer = self.until_answered("POST", "/api/auth/password/reset", {"email": person.address}, expect=(202,))
        lost = self.lost() - before
        done = answer is not None and answer.status == 202
        person.expect("reset", 0, lost + 1)
        person.expected["reset"][0] = int(done)     # one before that waits is withdrawn
        return done and lost == 0

    def choose_password(self, person, token, expect):
        """The status, or None when an earlier try may have spent the link."""
        before = self.lost()
        answer = self.until_answered("POST", "/api/auth/password/reset/confirm",
                                     {"token": token, "new_password": PASSWORD + "2"}, expect=expect)
        sure = answer is not None and answer.status != 500 and self.lost() == before
        if not sure or answer.status == 200:
            person.expect("password", int(sure), 1)
            person.expected["verify"][0] = 0        # a link to the address was followed: that one is not wanted
        return answer.status if sure else None

    def look(self, person, bounced):
        """What its owner is told."""
        answer = self.until_answered("POST", "/api/auth/login", {"username": person.name, "password": PASSWORD},
                                     expect=(200,))
        if answer is None or answer.status != 200:
            return
        answer = self.authorized("GET", "/api/auth/me", answer.json(), (200,))
        if answer is not None and answer.status == 200 and answer.json()["email_bounced"] != bounced:
            self.violation(f"{person.name} should be told bounced={bounced}: {answer!r}")

    def lift(self, person):
        asked = time.time()
        answer, lost = self.desk.insist("suppress", "remove", person.address)
        person.stops[-1].until, person.is_sure = asked, answer is not None and lost == 0
        if person.is_sure and not answer.done:
            self.violation(f"{person.address} could not be lifted: {answer}")

    # ---- what happens to people --------------------------------------------------------------------

    def bounced(self):
        self.reported("postfix-unknown", "bounce", True)

    def complained(self):
        self.reported("arf-yahoo", "complaint", False)

    def reported(self, name, reason, is_bounce):
        person = self.be_born()
        copy = person and self.letter(person, "verify")
        if not copy or not self.bring(copy, name):
            return
        person.stop(reason)
        self.look(person, is_bounce)
        self.ask_reset(person)
        if is_bounce and self.random.random() < 0.3:
            return self.prove(person, copy)
        if self.random.random() < 0.5:
            self.lift(person)
            if person.is_sure:
                self.look(person, False)
            self.ask_reset(person)

    def prove(self, person, copy):
        """Mail arrives there after all."""
        person.stops[-1].until, before = time.time(), self.lost()
        answer = self.until_answered("POST", "/api/auth/verify-email", {"token": copy.token}, expect=(200, 400))
        person.is_sure = answer is not None and answer.status == 200
        if answer is not None and answer.status == 400 and self.lost() == before:
            self.acknowledge("R", copy.token)
        if person.is_sure:
            self.look(person, False)

    def delayed(self):
        person = self.be_born()
        copy = person and self.letter(person, "verify")
        if copy and self.bring(copy, "postfix-delayed"):
            self.look(person, False)
            self.ask_reset(person)

    def suppressed(self):
        person = self.be_born(later=self.random.random() < 0.5)
        if person is None:
            return
        if self.random.random() < 0.5:
            self.ask_reset(person)
        answer, lost = self.desk.insist("suppress", "add", person.address)
        if answer is None:
            return
        person.stop("operator")
        self.ask_reset(person)
        if lost == 0 and self.random.random() < 0.5:
            self.lift(person)
            self.ask_reset(person)

    def cancelled(self):
        """Of a letter that was put off, so that there is something to cancel; or while the relays are away."""
        person = self.be_born(later=True)
        until, letters = time.monotonic() + LETTER_S / 2, []
        while person is not None and time.monotonic() < until and not STATE["finish"]:
            letters = self.desk.letters(person.address) or letters
            if letters and letters[0]["tries"] > 0:
                break
            time.sleep(0.2)
        if not letters:
            return
        answer = self.desk.once("cancel", letters[0]["id"], "--json")
        if answer is None or answer.done:
            person.expected["verify"][0] = 0
        if answer is not None and answer.done:
            said = json.loads(answer.text)
            person.cancels.append((letters[0]["id"].replace("-", ""), time.time(), said["under_way"]))

    def superseded(self):
        """The newer link works, and the older one does not."""
        person = self.be_born()
        if person is None or not self.ask_reset(person):
            return
        old = self.letter(person, "reset")
        if old is None or not self.ask_reset(person):
            return
        if self.choose_password(person, old.token, (400,)) != 400:
            return
        new = self.letter(person, "reset", besides=old.id)
        if new is None:
            return
        if self.choose_password(person, new.token, (200, 400)) == 400:
            self.acknowledge("R", new.token)

    def run(self):
        try:
            super().run()
        except Exception:  # noqa: BLE001 a thread that is gone must be noticed
            self.violation(traceback.format_exc()[-400:])

    def step(self):
        self.random.choices((self.bounced, self.complained, self.delayed, self.suppressed, self.cancelled,
                             self.superseded), (4, 2, 1, 4, 3, 3))[0]()
