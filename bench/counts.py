"""What bench/check counts, and how two counts are held against each other."""
import collections
import http.client
import json

from rig.counted import Counted, costs_of
from rig.server import smtp
from rig.site import PASSWORD
from rig.sink import Sink
from rig.tokens import Mint
from rig.waiting import wait_until

# So many that a page of the database more or less is nothing; the least of three batches, since what
# else a process does meanwhile only adds: a checkpoint, turns of its loop in which there is nothing.
WARM, BATCHES = 40, 3
FUNCTIONS_KEPT = 60     # of each count: the others are a thousandth of it each, or less


class Asker:
    """One kept connection, one request at a time: nothing is done in batches, so that each request
    costs what it costs alone, whatever else the machine does."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection(*server.address, timeout=60)

    def ask(self, path, body=None, token=None, status=200):
        headers = {"Authorization": "Bearer " + token} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request("GET" if body is None else "POST", path,
                                None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != status:
            raise SystemExit("%s was answered %d %s" % (path, answer.status, text[:200]))
        return json.loads(text) if text else None

    def sign_up(self, number):
        name = "person%06d" % number
        self.ask("/api/auth/signup", {"username": name, "email": name + "@example.com",
                                      "password": PASSWORD}, status=201)


def known_token(server, asker):
    token = server.log_in(server.sign_up("known"))["access"]
    return lambda number: asker.ask("/api/auth/me", token=token)


def new_token(server, asker):
    mint = Mint(server, server.log_in(server.sign_up("new")))
    return lambda number: asker.ask("/api/auth/me", token=mint.token())


def sign_up(server, asker):
    return asker.sign_up


def refresh(server, asker):
    pair = server.log_in(server.sign_up("refresher"))

    def once(number):
        pair.update(asker.ask("/api/auth/token/refresh", {"refresh": pair["refresh"]}))
    return once


def letter(server, asker):
    """A sign-up, until its letter was taken and settled."""
    def once(number):
        asker.sign_up(number)
        wait_until(lambda: server.metric("gatepost_outbox_pending") == 0, 60)
    return once


# (name, what is asked, how often in a batch, in which processes it is counted)
WITHOUT_LETTERS = [
    ("me, known token", known_token, 100, ["worker"]),
    ("me, new token", new_token, 100, ["worker", "store"]),
    ("refresh", refresh, 100, ["worker", "store"]),
    ("sign-up", sign_up, 250, ["worker", "store"]),
]
WITH_LETTERS = [("letter", letter, 80, ["mailer"])]


def count(server, numbers, name, make, often, roles):
    """{"name: role": {function: instructions of a request}}"""
    once = make(server, Asker(server))
    for role in roles:
        server.counting(role, True)
    for _ in range(WARM):
        once(next(numbers))
    for role in roles:
        server.zero(role)       # as each dump does
    batches = {role: [] for role in roles}
    for _ in range(BATCHES):
        for _ in range(often):
            once(next(numbers))
        for role in roles:
            batches[role].append(costs_of(server.dump(role)))
    for role in roles:
        server.counting(role, False)
    return {"%s: %s" % (name, role): {"%s %s" % place: cost / often for place, cost in least(found).items()}
            for role, found in batches.items()}


def least(batches):
    return min(batches, key=lambda costs: sum(costs.values()))


def count_all(only=""):
    """Of those whose names begin so: {"name: role": {function: instructions of a request}}"""
    numbers, counts = iter(range(1 << 30)), {}
    plain, mailed = ([one for one in cases if one[0].startswith(only)]
                     for cases in (WITHOUT_LETTERS, WITH_LETTERS))
    if plain:
        with Counted("token.refresh_grace_s=0") as server:
            server.command("mail", "pause")
            for case in plain:
                counts.update(count(server, numbers, *case))
    if mailed:
        with Sink() as sink, Counted(*smtp(sink.port)) as server:
            for case in mailed:
                counts.update(count(server, numbers, *case))
    return counts


def kept(counts):
    """As it is committed: the whole, and the functions that are most of it."""
    return {key: {"instructions": round(sum(costs.values())),
                  "functions": {name: round(cost) for name, cost in
                                collections.Counter(costs).most_common(FUNCTIONS_KEPT)}}
            for key, costs in counts.items()}


def grown(before, now, most=5):
    """["+1,234 libc.so.6 memcpy", ...]: the functions that take the most more."""
    more = {name: cost - before["functions"].get(name, 0) for name, cost in now["functions"].items()}
    return ["%+d in %s" % (cost, name) for name, cost in collections.Counter(more).most_common(most)
            if cost > 0]
