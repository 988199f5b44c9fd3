"""Does the time of a refused login tell whether the account exists? Unknown user and wrong password,
in random order on one connection, at a cost that makes thousands of samples a matter of minutes: what
differs between the two is the same at any cost, and stands out more where the hash is short."""
import socket
import statistics
import time

from rig.clients import LENGTH, login
from rig.saturation import settings
from rig.server import Server

COST = 20000
SAMPLES = 2000      # of each
RESAMPLES = 1000


class Lone:
    """One kept connection, one request at a time, and nothing between the clock and the socket."""

    def __init__(self, address):
        self.sock = socket.create_connection(address, timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def seconds_until_401(self, request):
        data, length = b"", None
        began = time.perf_counter()
        self.sock.sendall(request)
        while length is None or len(data) < length:
            piece = self.sock.recv(65536)
            if not piece:
                raise SystemExit("the server closed the connection")
            data += piece
            if length is None and b"\r\n\r\n" in data:
                length = data.index(b"\r\n\r\n") + 4 + int(LENGTH.search(data)[1])
        took = time.perf_counter() - began
        if not data.startswith(b"HTTP/1.1 401 "):
            raise SystemExit("a wrong login was answered %r" % data[:20])
        return took


def of_medians(first, second):
    return statistics.median(first) / statistics.median(second)


def of_pairs(first, second):
    """What machines do to each other lasts longer than a pair, and falls out."""
    return statistics.median(a / b for a, b in zip(first, second))


def bootstrap(ratio, first, second, random):
    """The middle 95 % of that ratio, over pairs drawn from the pairs."""
    ratios = []
    for _ in range(RESAMPLES):
        drawn = random.choices(range(len(first)), k=len(first))
        ratios.append(ratio([first[i] for i in drawn], [second[i] for i in drawn]))
    ratios.sort()
    return ratios[int(RESAMPLES * 0.025)], ratios[int(RESAMPLES * 0.975)]


def compare(lone, unknown, wrong, samples, random):
    """Pairs, each in an order that is drawn."""
    requests = {"unknown_user": unknown, "wrong_password": wrong}
    taken = {name: [] for name in requests}
    for name in [*requests] * 10:               # until everything is warm
        lone.seconds_until_401(requests[name])
    for _ in range(samples):
        for name in random.sample([*requests], 2):
            taken[name].append(lone.seconds_until_401(requests[name]))
    results = {name + "_ms": statistics.median(seconds) * 1000 for name, seconds in taken.items()}
    for name, ratio in (("medians", of_medians), ("pairs", of_pairs)):
        low, high = bootstrap(ratio, *taken.values(), random)
        results.update({name + "_ratio": ratio(*taken.values()), name + "_low_ratio": low,
                        name + "_high_ratio": high})
    return results


def measure(run):
    samples = 100 * run.seconds if run.is_quick else SAMPLES
    with Server(base=settings(COST, "http.workers=1", "log.level=warning")) as server:
        lone, wrong = Lone(server.address), login(server.sign_up("somebody"), "not the password")
        for kind, stranger in (("a name as long", "anybody1"), ("a shorter name", "any")):
            run.add_all("equal-time", "gatepost, " + kind, compare(
                lone, login(stranger, "not the password"), wrong, samples, run.random))
        lone.sock.close()
