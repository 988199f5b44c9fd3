"""What is lost by kill -9: every process of a server is killed in the middle of sign-ups, and started
again on the same data. Of the sign-ups that were answered with 201: who cannot log in, whose letter
never came. Sixteen clients sign up without a pause, one iteration. With a fast relay; and with one that
was away meanwhile and is back after the start, when all letters still wait, wherever a server keeps
them."""
import itertools
import time

from peers.table import spared
from rig.clients import Loop, signup
from rig.sink import free_port
from rig.taker import Taker
from rig.sites import sites

CONNECTIONS = 16
SETTLED_S = 6       # without one more letter
LETTERS_S = 30      # and no longer than that
LOGINS = 1000       # of so many accounts at most, drawn from all
RETRY_S = 2         # Gatepost's first wait after a relay's trouble: 10 would only take longer


class SignUps:
    """Every client has a sign-up under way; who was answered with 201 is known."""

    def __init__(self, site):
        self.site, self.loop = site, Loop()
        self.acknowledged, self.refused = [], []
        self.numbers = itertools.count()
        self.is_killed = False

    def again(self, client):
        name = "lost%d" % next(self.numbers)

        def on_answer(client, answer):
            if answer.status == 201:
                self.acknowledged.append(name)
            elif answer.status:
                self.refused.append(answer.status)
            if answer.status and not self.is_killed:
                self.again(client)
        client.send(signup(name), on_answer)

    def run_until_killed(self, seconds):
        """What was on its way to a client at that moment was answered: it is read, and counts."""
        clients = [self.loop.client(self.site.address) for _ in range(CONNECTIONS)]
        for client in clients:
            self.again(client)
        self.loop.run(time.monotonic() + seconds)
        self.site.kill()
        self.is_killed = True
        self.loop.run(time.monotonic() + 2, lambda: not any(client.waiting for client in clients))
        for client in clients:
            client.close()


def letters_of(relay, names):
    """{name: letters}, once each of them has one or nothing has come for a while."""
    wanted = {name + "@example.com": name for name in names}
    began = changed = time.monotonic()
    count = -1
    while True:
        letters = relay.letters()
        now = time.monotonic()
        if sum(letters.values()) != count:
            count, changed = sum(letters.values()), now
        if wanted.keys() <= letters.keys() or now - changed > SETTLED_S or now - began > LETTERS_S:
            return {wanted[address]: letters[address] for address in wanted if address in letters}
        time.sleep(0.2)


def cannot_log_in(site, names):
    return sum(site.ask(site.login_path, site.login_body(name).encode())[0] != 200 for name in names)


def judge(run, who, ups, relay):
    """After the second start."""
    names = ups.acknowledged
    letters = letters_of(relay, names)
    asked = names if len(names) <= LOGINS else run.random.sample(names, LOGINS)
    run.add_all("lost", who, {
        "acknowledged_count": len(names), "refused_count": len(ups.refused),
        "accounts_lost_count": cannot_log_in(ups.site, asked), "accounts_asked_count": len(asked),
        "letters_lost_count": len(names) - len(letters),
        "letters_twice_count": sum(count > 1 for count in letters.values())})


def with_fast_relay(run, who, start):
    with Taker() as relay, start(1, relay.port) as site:
        ups = SignUps(site)
        ups.run_until_killed(run.seconds)
        site.start()
        judge(run, who, ups, relay)


def with_relay_away(run, who, start):
    port = free_port()
    with start(1, port) as site:
        ups = SignUps(site)
        ups.run_until_killed(run.seconds)
        with Taker(port) as relay:
            site.start()
            judge(run, "%s, relay away" % who, ups, relay)


def measure(run):
    for who, start in sites(run, "lost", "mail.retry_s=%d" % RETRY_S):
        with spared(run, "lost", who):
            with_fast_relay(run, who, start)
            if not run.is_quick:
                with_relay_away(run, who, start)
