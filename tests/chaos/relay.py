"""The relay of the chaos run: tests/system/smtp_peer.py with plans to misbehave by, and the keeper of
every letter that came in."""
import random
import socket
import tempfile

import post
from smtp_peer import Rule, SmtpPeer, make_context

REFUSED = "7@example."  # with the plan `550`: addresses that end so, or nearly, are refused for good
STEPS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT")


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
    def __init__(self, folder, **options):
        super().__init__(port=port_of_no_client(), **options)
        self.received, self.letters = 0, {}     # {id: letter}
        self.ambiguous = 0      # letters that were kept and whose sender was not told
        self.closed_open = 0    # sessions that were cut by a change of plan: as ambiguous, each
        self.tokens = open(folder / "tokens", "a", buffering=1)
        self.links = open(folder / "links", "a", buffering=1)
        self.good_context, self.plan = self._context, "good"
        if self.tls != "none":
            self.bad_context = make_context(tempfile.mkdtemp(dir=self._folder), "wrong-name")

    def keep(self, letter):
        known = post.read(letter.raw)
        self.letters[known.id] = known
        self.received += 1
        if known.token is None:
            return
        if known.to.endswith("@example.net"):
            self.links.write(f"{known.to} {known.purpose} {known.token}\n")
        else:
            self.tokens.write(f"{known.to.split('@')[0]} {known.token}\n")

    def take_rule(self, step, text):
        rule = super().take_rule(step, text)
        if rule is not None and rule.keep:
            self.ambiguous += 1
        return rule

    # ---- plans -----------------------------------------------------------------------------------

    def plans(self):
        """{name: rules}; `refuse` and `bad certificate` are done otherwise."""
        plans = {"good": [], "refuse": [], "550 for some": [Rule("RCPT", "550 5.1.1 no such user", match=REFUSED)]}
        for step in STEPS:
            plans[f"drop at {step}"] = [Rule(step, action="drop")]
            plans[f"stall at {step}"] = [Rule(step, action="stall")]
            if step not in ("CONNECT", "BODY"):
                plans[f"451 at {step}, then good"] = [Rule(step, "451 4.3.0 later", times=25)]
                plans[f"421 at {step}"] = [Rule(step, "421 4.3.2 closing", close=True)]
        plans["drop after the dot"] = [Rule("DOT", action="drop", keep=True, times=40)]
        plans["slow"] = [Rule("MAIL", action="delay", seconds=0.2)]
        if self.tls != "none":
            plans["bad certificate"] = []
        return plans

    def follow(self, plan):
        """Sessions of the plan before are cut, for a stalled one would last for minutes."""
        self.closed_open += len(self._tasks)
        self.pause()
        self.rules = self.plans()[plan]
        self._context = self.bad_context if plan == "bad certificate" else self.good_context
        self.plan = plan
        if plan != "refuse":
            self.resume()
