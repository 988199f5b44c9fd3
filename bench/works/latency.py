"""How long one login takes when it is alone, and when eight are under way at one worker."""
import statistics
import time

from rig.clients import Loop, get, login
from rig.raw_rate import raw_rate
from rig.server import Server
from works.throughput import settings

IN_FLIGHT = 8


def check(answers):
    wrong = [answer.status for answer in answers if answer.status != 200]
    if wrong:
        raise SystemExit("logins were answered %s" % wrong)
    return answers


def lone(loop, server, name, rounds):
    """Seconds of each of some logins with nothing else under way, after one that is not counted."""
    client = loop.client(server.address)
    seconds = [check(loop.ask_all([client], [login(name)]))[0].seconds for _ in range(rounds + 1)]
    client.close()
    return seconds[1:]


def eight(loop, server, name, rounds):
    """Seconds of the slowest of eight that begin together, some times."""
    clients = [loop.client(server.address) for _ in range(IN_FLIGHT)]
    loop.ask_all(clients, [get("/healthz")] * IN_FLIGHT)
    slowest = []
    for _ in range(rounds):
        time.sleep(0.05)
        slowest.append(max(a.seconds for a in check(loop.ask_all(clients, [login(name)] * IN_FLIGHT))))
    for client in clients:
        client.close()
    return slowest


def measure(options):
    raw = raw_rate(options)
    with Server(base=settings(options, "http.workers=1")) as server:
        loop, name = Loop(), server.sign_up("lone")
        alone = lone(loop, server, name, options.rounds)
        together = eight(loop, server, name, options.rounds)
    results = {"lone_login_median_s": statistics.median(alone), "lone_login_max_s": max(alone),
               "slowest_of_eight_median_s": statistics.median(together),
               "slowest_of_eight_max_s": max(together)}
    if raw["chain_seconds"]:
        results["lone_to_chain_ratio"] = results["lone_login_median_s"] / raw["chain_seconds"]
    if raw["eight_seconds"]:
        results["eight_to_lanes_ratio"] = results["slowest_of_eight_median_s"] / raw["eight_seconds"]
    return results
