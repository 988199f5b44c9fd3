"""Durable sign-ups a second with their letters on their way to smtp-sink, and until the last letter
has arrived; passwords cost nothing."""
import time

from rig.server import FAST, Server, smtp
from rig.sink import Sink
from rig.wrk import wrk

CONNECTIONS = 64


def measure(run):
    for number in run.rounds():
        with Sink() as sink, Server(*smtp(sink.port), base=FAST) as server:
            began = time.monotonic()
            load = wrk(server.url, "signup.lua", CONNECTIONS, run.seconds, "s%d" % number)
            while server.metric("gatepost_outbox_pending") > 0:
                time.sleep(0.05)
            letters = server.metric('gatepost_mail_total{verdict="delivered"}')
            run.add_all("signup", "gatepost", {
                "requests_per_second": load["per_second"], "p50_ms": load["p50_ms"],
                "p99_ms": load["p99_ms"], "errors_count": load["errors"],
                "with_letter_per_second": letters / (time.monotonic() - began)})
