"""The gap that a kill makes: from kill -9 to the first answer that each client gets, the slowest of
them. Of a killed worker only other workers' clients count; they must see no error at all."""
import os
import random
import signal
import time

from gatepost import Gatepost, wait_for
from probes import Probes, percentile

LIMITS_MS = {"worker": 150, "store": 700}   # p99, as the ledger must show; not judged in a short form


def choose_worker(server, probes, chance):
    """One that does not have all the clients."""
    titles = [f"worker {number}" for number in range(2)]
    chance.shuffle(titles)
    return next(title for title in titles
                if any(probe.worker not in (server.child(title), None) for probe in probes.all))


def kill_once(server, probes, role, chance):
    """(gap in ms, errors that others saw)."""
    title = role if role != "worker" else choose_worker(server, probes, chance)
    victim = server.child(title)
    others = [probe for probe in probes.all if role != "worker" or probe.worker not in (victim, None)]
    failed = {probe: len(probe.failures) for probe in others}
    server.kill(title)
    killed = time.monotonic()
    wait_for(lambda: server.children().get(title, [victim])[0] != victim, 10, f"a new {title}")
    wait_for(lambda: all(probe.first_success_after(killed) for probe in others), 20, "an answer for all")
    time.sleep(chance.uniform(0.05, 0.2))
    gap = max(probe.first_success_after(killed) for probe in others)
    return gap * 1000, [failure for probe in others for failure in probe.failures[failed[probe]:]]


def undisturbed(probes, chance):
    """The same without a kill: what a gap is made of anyway."""
    now = time.monotonic()
    wait_for(lambda: all(probe.first_success_after(now) for probe in probes.all), 20, "an answer for all")
    time.sleep(chance.uniform(0.05, 0.2))
    return max(probe.first_success_after(now) for probe in probes.all) * 1000


def run(result, kills):
    """Adds gap_<role>_ms_p50 and _p99 to the run's facts, and its verdict."""
    server = Gatepost()
    server.allow_deaths = True
    chance = random.Random(1)
    try:
        server.start()
        with Probes(server) as probes:
            wait_for(lambda: probes.answered() > 50, 20, "probes at work")
            quiet = [undisturbed(probes, chance) for _ in range(max(kills, 3))]
            result.facts["gap_none_ms_p99"] = round(percentile(quiet, 99), 1)
            for role in ("worker", "store", "mailer"):
                gaps, problems = [], []
                for _ in range(kills):
                    gap, errors = kill_once(server, probes, role, chance)
                    gaps.append(gap)
                    problems += [str(error) for error in errors]
                for share in (50, 99):
                    result.facts[f"gap_{role}_ms_p{share}"] = round(percentile(gaps, share), 1)
                if kills >= 50 and percentile(gaps, 99) > LIMITS_MS.get(role, 1e9):
                    problems.append(f"p99 is over {LIMITS_MS[role]} ms")
                result.kills[role] += kills
                result.say("%d kills of the %s: gap p50 %.0f ms, p99 %.0f ms, nobody else saw an error" % (
                    kills, role, percentile(gaps, 50), percentile(gaps, 99)), problems)
        os.kill(server.pid, signal.SIGTERM)
        server.process.wait(20)
    finally:
        server.destroy()
