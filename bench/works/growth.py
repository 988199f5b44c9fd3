"""What an operation costs with 10^3 to 10^7 users and a cache that does not grow with them.

A login lookup is measured over the store's lanes (bench/growth/lookup.c), of random users after the
cache has filled: what it takes of the store's processor, and how long somebody waits for it; with a
cache of 1 GiB and with one of 64 MiB, which shows where it stops to be large enough. All else is
asked of a whole server with the large one, on a copy of the database."""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

from rig.clients import login
from rig.run import Missing
from rig.server import BUILD, Server, smtp
from rig.sink import Sink, free_port
from rig.tokens import write_lines
from rig.wrk import wrk
from works import population
from works.disk import sizes
from works.lost import SignUps
from works.memory import pss_mib
from works.start import first_answer

LOOKUP = os.path.join(BUILD, "bench/lookup")
CACHES_MIB = (1024, 64)     # the first is that of the mark, and the server's
USERS_QUICK, USERS_FULL = 10**4, 10**6
LOGIN_NAMES = 20000         # of so many users, drawn from all, so that wrk can hold them
CONNECTIONS = 64
PANELS = {
    "lookup_cpu_us": "a login lookup, us of the store's processor",
    "lookup_mean_us": "a login lookup, us until its answer",
    "logins_per_second": "logins/s", "signups_per_second": "sign-ups/s",
    "first_answer_ms": "cold start, ms to the first login", "backup_s": "backup, s",
    "recovery_ms": "kill -9 under load, ms to the first login",
    "after_load_pss_mib": "memory of all processes, MiB PSS", "per_user_bytes": "bytes on the disk for each user",
}


def label(users, cache_mib=CACHES_MIB[0]):
    power = len(str(users)) - 1
    size = "10^%d" % power if users == 10**power else "{:,}".format(users)
    return "gatepost, %s users%s" % (size, "" if cache_mib == CACHES_MIB[0] else ", %d MiB" % cache_mib)


def sizes_of(run):
    most = run.users_max or (USERS_QUICK if run.is_quick else USERS_FULL)
    return [users for users in (10**power for power in range(3, 9)) if users <= most]


def look_up(run, users, cache_mib):
    """One store, one warm-up, one look."""
    printed = subprocess.run(
        [LOOKUP, population.filled(users), str(cache_mib), str(users),
         str(run.random.randrange(1, 1 << 32)), str(run.seconds)],
        check=True, capture_output=True, text=True).stdout
    found = json.loads(printed)
    run.add_all("growth", label(users, cache_mib), {
        "lookup_cpu_us": found["cpu_us"], "lookup_p50_us": found["p50_us"],
        "lookup_p99_us": found["p99_us"], "lookup_mean_us": found["mean_us"],
        "lookups_per_second": found["lookups_per_second"],
        "lookup_pages_read_count": found["pages_read_count"]})


def login_bodies(run, server, users):
    numbers = range(users) if users <= LOGIN_NAMES else run.random.sample(range(users), LOGIN_NAMES)
    return write_lines(server, "logins", [server.login_body(population.name_of(number))
                                          for number in numbers])


def back_up(server, folder):
    """(seconds, bytes)"""
    target = os.path.join(folder, "backup")
    began = time.monotonic()
    server.command("backup", target)
    seconds = time.monotonic() - began
    data, log = sizes(target)
    shutil.rmtree(target)
    return seconds, data + log


def recovery_ms(server, seconds, request):
    ups = SignUps(server)
    ups.run_until_killed(seconds)
    return first_answer(server, request)[0]


def serve(run, server, users, folder):
    """All that a whole server is asked for; the sign-ups last, since the database grows by them."""
    request = login(population.name_of(0))
    figures = {"per_user_bytes": sizes(os.path.join(folder, "db"))[0] / users}
    figures["first_answer_ms"] = min(first_answer(server, request)[0] for _ in range(3))
    bodies = login_bodies(run, server, users)
    for seconds in (1, run.seconds):    # the first one warms
        load = wrk(server.url, "logins.lua", CONNECTIONS, seconds, bodies, str(run.seed))
    figures.update(logins_per_second=load["per_second"], login_p99_ms=load["p99_ms"],
                   login_errors_count=load["errors"])
    figures["backup_s"], figures["backup_bytes"] = back_up(server, folder)
    load = wrk(server.url, "signup.lua", CONNECTIONS, run.seconds, "grown")
    figures.update(signups_per_second=load["per_second"], signup_p99_ms=load["p99_ms"],
                   signup_errors_count=load["errors"], after_load_pss_mib=pss_mib(server))
    figures["users_after_count"] = server.metric("gatepost_users")
    figures["recovery_ms"] = recovery_ms(server, run.seconds, request)
    run.add_all("growth", label(users), figures)


@contextlib.contextmanager
def room():
    """A folder beside the kept databases: on the same disk."""
    folder = tempfile.mkdtemp(prefix="growth-served-", dir=os.path.join(BUILD, "bench"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve_copy(run, users):
    with room() as folder, Sink() as sink:
        database = population.copy(population.filled(users), os.path.join(folder, "db"))
        with Server(*smtp(sink.port), "http.listen=127.0.0.1:%d" % free_port(), "http.workers=1",
                    "store.dir=" + database, "store.cache_mib=%d" % CACHES_MIB[0]) as server:
            serve(run, server, users, folder)


def add_curves(run, found):
    for what, y in PANELS.items():
        for cache_mib in CACHES_MIB:
            points = [(users, run.median("growth", label(users, cache_mib), what)) for users in found]
            points = [point for point in points if point[1] is not None]
            if points:
                run.add_curve("growth", "%d MiB cache" % cache_mib, "users", y, points)


def measure(run):
    wanted, found = sizes_of(run), []
    for users in wanted:
        try:
            population.filled(users)
            found.append(users)
        except Missing as missing:
            run.skip("growth", label(users), str(missing))
    for _ in run.rounds():
        for cache_mib in CACHES_MIB:
            for users in found:
                look_up(run, users, cache_mib)
    for users in found:
        serve_copy(run, users)
    add_curves(run, found)
