"""What an operation costs against the number of workers, and of lanes to one store, 1 to 8.

Measured: `me` and sign-ups with 1, 2, 4 and 8 workers on the cores that there are, with each process's
processor time for a request; and the store alone, asked by 1 to 8 processes (bench/growth/askers.c).
More workers than cores show what the others cost, not what they could do. That is modelled
(scaling_model.py) from costs measured here: with the cores of this machine, to be held against what
was measured, and with a core for every process and a load that costs nothing. Whoever is `modelled, ...` was never run."""
import json
import os
import subprocess
import time

from rig import processes
from rig.server import BUILD, Server, smtp
from rig.sink import Sink
from rig.tokens import Mint
from rig.wrk import wrk
from works import population
from works.scaling_model import Costs, Model

ASKERS = os.path.join(BUILD, "bench/askers")
WORKERS = (1, 2, 4, 8)
CONNECTIONS = 64
ROTATION = 1000
USERS = 10000       # whom the askers look up
RATES = {"me": "me_per_second", "signup": "signups_per_second"}
OURS = ("worker", "store", "mailer")


def counted(number, noun):
    return "%d %s%s" % (number, noun, "" if number == 1 else "s")


def spent(server):
    """{role: processor seconds}, workers together, up to now; "load": of wrk's that have ended."""
    found = dict.fromkeys(OURS, 0.0)
    for pid in processes.children(server.process.pid):
        role = processes.role_of(pid)
        if role in found:
            found[role] += processes.cpu_seconds(pid)
    times = os.times()
    return {**found, "load": times.children_user + times.children_system}


def loaded(server, load):
    """Requests a second, and microseconds of the processor for each, by role."""
    before = spent(server)
    done = load()
    after = spent(server)
    answered = done["good"]
    return done["per_second"], {role: (after[role] - before[role]) / answered * 1e6 for role in after}


def add(run, kind, workers, per_second, cpu_us):
    who = "gatepost, " + counted(workers, "worker")
    run.add("scaling", who, RATES[kind], per_second)
    run.add("scaling", who, kind + "_cpu_us", sum(cpu_us[role] for role in OURS))
    for role in OURS:
        run.add("scaling", who, "%s_%s_cpu_us" % (kind, role), cpu_us[role])
    run.add("scaling", who, kind + "_load_cpu_us", cpu_us["load"])


def measure_workers(run, workers, number):
    with Sink() as sink, Server("http.workers=%d" % workers, *smtp(sink.port)) as server:
        server.command("mail", "pause")
        mint = Mint(server, server.log_in(server.sign_up("early")))
        tokens = mint.file(server, "tokens", ROTATION)
        loads = {
            "me": lambda: wrk(server.url + server.me_path, "tokens.lua", CONNECTIONS, run.seconds, tokens),
            "signup": lambda: wrk(server.url, "signup.lua", CONNECTIONS, run.seconds, "s%d" % number)}
        for kind, load in loads.items():
            add(run, kind, workers, *loaded(server, load))


def measure_askers(run):
    printed = subprocess.run(
        [ASKERS, population.filled(USERS), str(USERS), str(run.seconds),
         str(run.random.randrange(1, 1 << 32))], check=True, capture_output=True, text=True).stdout
    for found in map(json.loads, printed.splitlines()):
        who = "%s, %s" % (found["kind"], counted(found["askers"], "asker"))
        run.add_all("scaling", who, {"asked_per_second": found["per_second"],
                                     "store_cpu_us": found["store_cpu_us"],
                                     "asker_cpu_us": found["asker_cpu_us"]})
        if found["kind"] == "signup":
            run.add("scaling", who, "writes_a_batch_count", found["batch_count"])
            run.add("scaling", who, "flush_us", found["flush_p50_us"])


def batch_costs(points):
    """(batch, write): the line cost = write + batch / n through points (n writes a batch, cost of one),
    by least squares; where the points do not tell the two apart, all is the write's."""
    xs, ys = [1 / n for n, _ in points], [cost for _, cost in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    batch = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / spread if spread > 1e-9 else 0
    batch = max(0.0, min(batch, mean_y / max(xs)))
    return batch, mean_y - batch * mean_x


def costs_of(run, kind):
    """From what one worker was measured to take, and the store by itself."""
    def median(who, what):
        return run.median("scaling", who, what)
    askers = ["signup, " + counted(n, "asker") for n in WORKERS]
    batch, write = batch_costs([(median(who, "writes_a_batch_count"), median(who, "store_cpu_us"))
                                for who in askers])
    return Costs(load=median("gatepost, 1 worker", kind + "_load_cpu_us"),
                 worker=median("gatepost, 1 worker", kind + "_worker_cpu_us"),
                 lookup=median("lookup, 1 asker", "store_cpu_us"), batch=batch, write=write,
                 flush=median(askers[0], "flush_us"))


def add_model(run):
    """Curves: measured and modelled on these cores, and modelled with a core each."""
    cores = len(os.sched_getaffinity(0))
    for kind, what in RATES.items():
        costs = costs_of(run, kind)
        measured = [(n, run.median("scaling", "gatepost, " + counted(n, "worker"), what))
                    for n in WORKERS]
        run.add_curve("scaling", "measured, %d cores" % cores, "workers", what.replace("_per_second", "/s"),
                      measured)
        for name, count, load in (("%d cores" % cores, lambda n: cores, costs.load),
                                  ("a core each, clients elsewhere", lambda n: n + 2, 0.0)):
            modelled = [(n, Model(kind, costs._replace(load=load), n, count(n)).per_second())
                        for n in WORKERS]
            run.add_curve("scaling", "modelled, " + name, "workers", what.replace("_per_second", "/s"),
                          modelled)
            for (n, value), (_, real) in zip(modelled, measured):
                who = "modelled, %s, %s" % (name, counted(n, "worker"))
                run.add("scaling", who, what, value)
                if load and n <= cores:
                    run.add("scaling", who, what + "_to_measured_ratio", value / real)


def add_cost_curves(run):
    for kind in RATES:
        points = [(n, run.median("scaling", "gatepost, " + counted(n, "worker"),
                                 kind + "_cpu_us")) for n in WORKERS]
        run.add_curve("scaling", kind, "workers", "us of processors for a request, measured", points)
    for kind in ("lookup", "signup"):
        points = [(n, run.median("scaling", "%s, %s" % (kind, counted(n, "asker")),
                                 "store_cpu_us")) for n in WORKERS]
        run.add_curve("scaling", kind, "askers", "us of the store's processor, measured", points)


def measure(run):
    for number in run.rounds():
        measure_askers(run)
        for workers in WORKERS:
            measure_workers(run, workers, number)
    add_model(run)
    add_cost_curves(run)
