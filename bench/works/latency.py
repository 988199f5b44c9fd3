"""How long one login takes when it is alone, and when eight are under way at one worker; held against
what the kernels take for one chain, and for eight, without a server."""
import statistics
import time

from rig.clients import Loop, get, login
from rig.raw_rate import raw_rate
from rig.saturation import cost_of, settings
from rig.server import Server

IN_FLIGHT = 8
SAMPLES = 5


def check(answers):
    wrong = [answer.status for answer in answers if answer.status != 200]
    if wrong:
        raise SystemExit("logins were answered %s" % wrong)
    return answers


def lone(loop, server, name, samples=SAMPLES):
    """Seconds of each of some logins with nothing else under way, after one that is not counted."""
    client = loop.client(server.address)
    seconds = [check(loop.ask_all([client], [login(name)]))[0].seconds for _ in range(samples + 1)]
    client.close()
    return seconds[1:]


def eight(loop, server, name):
    """Seconds of the slowest of eight that begin together, some times."""
    clients = [loop.client(server.address) for _ in range(IN_FLIGHT)]
    loop.ask_all(clients, [get("/healthz")] * IN_FLIGHT)
    slowest = []
    for _ in range(SAMPLES):
        time.sleep(0.05)
        slowest.append(max(a.seconds for a in check(loop.ask_all(clients, [login(name)] * IN_FLIGHT))))
    for client in clients:
        client.close()
    return slowest


def measure(run):
    for _ in run.rounds():
        raw = raw_rate(cost_of(run), run.seconds)
        with Server(base=settings(cost_of(run), "http.workers=1")) as server:
            loop, name = Loop(), server.sign_up("lone")
            found = {"alone_ms": statistics.median(lone(loop, server, name)) * 1000,
                     "slowest_of_eight_ms": statistics.median(eight(loop, server, name)) * 1000}
        run.add_all("latency", "gatepost", found)
        for key, what in (("chain_seconds", "alone_ms"), ("eight_seconds", "slowest_of_eight_ms")):
            if raw[key]:
                run.add("latency", "raw kernel", what, raw[key] * 1000)
