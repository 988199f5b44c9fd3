"""A gentle client in a process of its own: what a request that needs no hash waits for, whatever is
done to the server meanwhile."""
import multiprocessing
import statistics
import time

from rig.clients import Loop

EVERY_S = 0.02


def percentile(values, percent):
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def describe(name, seconds):
    """{name_p50_ms, name_p99_ms, name_max_ms, name_count}"""
    return {name + "_p50_ms": statistics.median(seconds) * 1000,
            name + "_p99_ms": percentile(seconds, 99) * 1000, name + "_max_ms": max(seconds) * 1000,
            name + "_count": len(seconds)}


class Probe:
    """One connection on which the same request is asked again and again."""

    def __init__(self, loop, address, request, status, until):
        self.client, self.request, self.status = loop.client(address), request, status
        self.seconds, self.wrong = [], []
        loop.call_every(EVERY_S, self.ask, until)

    def ask(self):
        if not self.client.waiting:
            self.client.send(self.request, self.on_answer)

    def on_answer(self, _, answer):
        self.seconds.append(answer.seconds)
        if answer.status != self.status:
            self.wrong.append(answer.status)


def run(pipe, address, requests, seconds):
    loop, until = Loop(), time.monotonic() + seconds
    probes = {name: Probe(loop, address, request, 200, until) for name, request in requests.items()}
    loop.run(until)
    pipe.send({name: (probe.seconds, probe.wrong) for name, probe in probes.items()})


class Probes:
    """with Probes(...) as probes: ...; then probes.results()."""

    def __init__(self, address, requests, seconds):
        self.here, there = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=run, args=(there, address, requests, seconds), daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        if self.process.is_alive():
            self.process.terminate()
        self.process.join()

    def results(self):
        found = self.here.recv()
        self.process.join()
        wrong = {name: bad for name, (_, bad) in found.items() if bad}
        if wrong:
            raise SystemExit("token checks and health: wrong answers %s" % wrong)
        results = {}
        for name, (seconds, _) in found.items():
            results.update(describe(name, seconds))
        return results
