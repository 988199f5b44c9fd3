"""A relay of the chaos run: tests/system/smtp_peer.py with plans to misbehave by."""
import random
import socket
import tempfile

from keeper import MAILBOXES
from smtp_peer import Rule, SmtpPeer, make_context

REFUSED = "7@example."      # with the plan `550`: addresses that end so, or nearly, are refused for good
LATER = "later" + MAILBOXES  # whoever is called so is told to come again, until the world rests
STEPS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT")
FLAPS = {       # what a relay that flaps does at a step, one time in eight
    "CONNECT": [Rule("CONNECT", "421 4.3.2 too busy", close=True), Rule("CONNECT", action="drop")],
    "MAIL": [Rule("MAIL", "421 4.3.2 closing", close=True), Rule("MAIL", action="drop")],
    "RCPT": [Rule("RCPT", "451 4.3.0 later"), Rule("RCPT", action="delay", seconds=0.3)],
    "DATA": [Rule("DATA", "421 4.3.2 closing", close=True), Rule("DATA", action="delay", seconds=0.3)],
    "BODY": [Rule("BODY", action="drop")],
    "DOT": [Rule("DOT", action="drop"), Rule("DOT", action="drop", keep=True), Rule("DOT", "451 4.3.0 later")],
}


def port_of_no_client():
    """A port below those that the kernel gives to connections: while the relay refuses, a client of
    somebody else, or the mailer's own try to connect, may get one of them and keep it."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.SystemRandom().randrange(10000, 30000)))
                return probe.getsockname()[1]
            except OSError:
                continue


class Relay(SmtpPeer):
    def __init__(self, keeper, seed, **options):
        super().__init__(port=port_of_no_client(), **options)
        self.keeper, self.chance, self.drawn = keeper, random.Random(seed), None
        self.ambiguous = 0      # letters that were kept and whose sender was not told
        self.closed_open = 0    # sessions that were cut by a change of plan: as ambiguous, each
        self.good_context, self.plan = self._context, "good"
        if self.tls != "none":
            self.bad_context = make_context(tempfile.mkdtemp(dir=self._folder), "wrong-name")
        self.follow("good", quiet=True)

    def keep(self, letter):
        self.keeper.keep(letter)

    # ---- rules -----------------------------------------------------------------------------------

    def _find(self, step, text):
        if self.plan == "flapping" and step in FLAPS and self.chance.random() < 1 / 8:
            return self.chance.choice(FLAPS[step])
        return super()._find(step, text)

    def keeps(self, step, text):
        """Asked before the rule of the same step is taken: one chance for both."""
        self.drawn = self._find(step, text)
        return self.drawn is not None and self.drawn.keep

    def take_rule(self, step, text):
        if step == "MAIL":
            self.keeper.note_begun()
        if step != "DOT":
            return super().take_rule(step, text)
        if self.drawn is None:
            return None
        if self.drawn.times is not None:
            self.drawn.times -= 1
        self.ambiguous += self.drawn.keep
        return self.drawn

    # ---- plans -----------------------------------------------------------------------------------

    def plans(self):
        """{name: rules}; `refuse`, `flapping` and `bad certificate` are done otherwise."""
        plans = {"good": [], "refuse": [], "flapping": [],
                 "550 for some": [Rule("RCPT", "550 5.1.1 no such user", match=REFUSED)],
                 "greylisting": [Rule("RCPT", "450 4.7.1 greylisted", times=40)]}
        for domain in ("@example.net", MAILBOXES):
            plans[f"451 for {domain}"] = [Rule("RCPT", "451 4.4.1 no answer", match=domain)]
        for step in STEPS:
            plans[f"drop at {step}"] = [Rule(step, action="drop")]
            plans[f"stall at {step}"] = [Rule(step, action="stall")]
            if step not in ("CONNECT", "BODY"):
                plans[f"451 at {step}, then good"] = [Rule(step, "451 4.3.0 later", times=25)]
                plans[f"421 at {step}"] = [Rule(step, "421 4.3.2 closing", close=True)]
        plans["drop after the dot"] = [Rule("DOT", action="drop", keep=True, times=40)]
        plans["slow"] = [Rule("MAIL", action="delay", seconds=0.2)]
        plans["stall for a second"] = [Rule("DATA", action="delay", seconds=1, times=10)]
        if self.tls != "none":
            plans["bad certificate"] = []
        return plans

    def follow(self, plan, quiet=False):
        """`rest`: nobody is refused any more. Sessions of the plan before are cut, for a stalled one would
        last for minutes; quiet: it does not run yet."""
        if not quiet:
            self.closed_open += len(self._tasks)
            self.pause()
        always = [] if plan == "rest" else [Rule("RCPT", "450 4.2.2 mailbox full", match=LATER)]
        self.rules = always + ([] if plan == "rest" else self.plans()[plan])
        self._context = self.bad_context if plan == "bad certificate" else self.good_context
        self.plan = plan
        if plan != "refuse" and not quiet:
            self.resume()
