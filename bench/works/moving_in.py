"""Moving in: so many accounts from a Django dump, then a login of one of them, the same dump again, then
all of them out. Each process's processor time is told beside the clock's: other work on the machine
takes from the latter. `make bench-import N=1000000` measures that many."""
import hashlib
import json
import os
import time
from base64 import b64encode

from rig import processes
from rig.server import Server

ACCOUNTS, QUICK_ACCOUNTS = 100000, 10000


def password_of(number):
    return "correct horse %d" % number


def encoded(number):
    """A stored form as Django writes it; of one iteration, since somebody is to log in."""
    salt = "salt%018d" % number
    digest = hashlib.pbkdf2_hmac("sha256", password_of(number).encode(), salt.encode(), 1)
    return "pbkdf2_sha256$1$%s$%s" % (salt, b64encode(digest).decode())


def name_of(number):
    return "person%07d" % number


def write_dump(path, count):
    with open(path, "w") as file:
        for number in range(count):
            user = {"model": "auth.user", "pk": number + 1, "fields": {
                "password": encoded(number), "last_login": None, "is_superuser": False,
                "username": name_of(number), "first_name": "Ada", "last_name": "Byron",
                "email": name_of(number) + "@example.com", "is_staff": False, "is_active": True,
                "date_joined": "2020-02-29T12:00:00Z", "groups": [], "user_permissions": []}}
            file.write("[" if number == 0 else ", ")
            file.write(json.dumps(user))
        file.write("]")


def cpu_of(server):
    """{role: processor seconds} of the server's children."""
    return {processes.role_of(pid): processes.cpu_seconds(pid)
            for pid in processes.children(server.process.pid)}


def timed(server, *words):
    """Seconds by the clock and of its own processor time, of a command."""
    began, before = time.monotonic(), os.times()
    server.command(*words)
    after = os.times()
    return (time.monotonic() - began,
            after.children_user + after.children_system - before.children_user - before.children_system)


def move(run, server, count):
    dump = os.path.join(server.folder, "dump.json")
    write_dump(dump, count)
    before = cpu_of(server)
    took, own = timed(server, "user", "import", "--from", "django", dump)
    spent = {role: seconds - before.get(role, 0) for role, seconds in cpu_of(server).items()}
    began = time.monotonic()
    server.call(server.login_path, {"username": name_of(count // 2),
                                    "password": password_of(count // 2)})
    login_ms = (time.monotonic() - began) * 1000
    if server.metric("gatepost_users") != count:
        raise SystemExit("%d accounts were moved in, not %d" % (server.metric("gatepost_users"), count))
    again, _ = timed(server, "user", "import", "--from", "django", dump)
    out, _ = timed(server, "user", "export", "--to", "jsonl", os.path.join(server.folder, "out.jsonl"))
    run.add_all("moving-in", "gatepost", {
        "accounts_count": count, "imported_per_second": count / took, "login_ms": login_ms,
        "again_per_second": count / again, "exported_per_second": count / out,
        "command_cpu_us": own / count * 1e6, "admin_cpu_us": spent["admin"] / count * 1e6,
        "store_cpu_us": spent["store"] / count * 1e6})


def measure(run):
    count = run.accounts or (QUICK_ACCOUNTS if run.is_quick else ACCOUNTS)
    with Server("http.workers=1", "store.cache_mib=512") as server:
        move(run, server, count)
