#!/usr/bin/python3
"""Moving in: N accounts from a Django dump, then a login of one of them, then all of them out again.

`make bench-import N=1000000` calls it; prints a table and writes build/bench/import.json. Each process's
processor time is told beside the wall clock: other work on the machine takes from the latter."""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from base64 import b64encode

sys.dont_write_bytecode = True

from rig.server import BUILD, Server  # noqa: E402

GATEPOST = os.path.join(BUILD, "gatepost")


def password_of(number):
    return "correct horse %d" % number


def encoded(number):
    """A stored form as Django writes it; of one iteration, since somebody is to log in."""
    salt = "salt%018d" % number
    digest = hashlib.pbkdf2_hmac("sha256", password_of(number).encode(), salt.encode(), 1)
    return "pbkdf2_sha256$1$%s$%s" % (salt, b64encode(digest).decode())


def write_dump(path, count):
    with open(path, "w") as file:
        for number in range(count):
            user = {"model": "auth.user", "pk": number + 1, "fields": {
                "password": encoded(number), "last_login": None, "is_superuser": False,
                "username": "person%07d" % number, "first_name": "Ada", "last_name": "Byron",
                "email": "person%07d@example.com" % number, "is_staff": False, "is_active": True,
                "date_joined": "2020-02-29T12:00:00Z", "groups": [], "user_permissions": []}}
            file.write("[" if number == 0 else ", ")
            file.write(json.dumps(user))
        file.write("]")


def cpu_of(server):
    """{title: processor seconds} of the server's children."""
    found = {}
    for entry in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % entry) as file:
                fields = file.read().rsplit(")", 1)[1].split()
            if int(fields[1]) != server.process.pid:
                continue
            with open("/proc/%s/cmdline" % entry) as file:
                title = file.read().rstrip("\0").replace("gatepost: ", "")
        except (OSError, IndexError):
            continue
        found[title] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def command(server, *words):
    """Seconds by the clock and of its own processor time; its output."""
    began, before = time.monotonic(), os.times()
    ran = subprocess.run([GATEPOST, "user", *words], cwd=server.folder, capture_output=True, text=True)
    after = os.times()
    if ran.returncode != 0:
        raise SystemExit("gatepost user %s: %s" % (words[0], ran.stderr[-500:]))
    return (time.monotonic() - began,
            after.children_user + after.children_system - before.children_user - before.children_system,
            ran.stdout.strip())


def measure(count):
    with Server("http.workers=1", "store.cache_mib=512") as server:
        dump = os.path.join(server.folder, "dump.json")
        write_dump(dump, count)
        cpu = cpu_of(server)
        seconds, own, said = command(server, "import", "--from", "django", dump)
        spent = {name: now - cpu.get(name, 0) for name, now in cpu_of(server).items()}
        began = time.monotonic()
        status, _ = server.call("/api/auth/login", {"username": "person%07d" % (count // 2),
                                                    "password": password_of(count // 2)})
        login_ms = (time.monotonic() - began) * 1000
        if status != 200:
            raise SystemExit("the login was answered %d" % status)
        again, _, unchanged = command(server, "import", "--from", "django", dump)
        out, _, _ = command(server, "export", "--to", "jsonl", os.path.join(server.folder, "out.jsonl"))
        return {"accounts": count, "import_s": seconds, "import_per_s": count / seconds, "said": said,
                "command_cpu_s": own, "admin_cpu_s": spent.get("admin"), "store_cpu_s": spent.get("store"),
                "login_ms": login_ms, "again_per_s": count / again, "again_said": unchanged,
                "export_per_s": count / out}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=1000000)
    results = measure(parser.parse_args().count)
    os.makedirs(os.path.join(BUILD, "bench"), exist_ok=True)
    with open(os.path.join(BUILD, "bench", "import.json"), "w") as file:
        json.dump(results, file, indent=1)
    for name, value in results.items():
        print("%-16s %s" % (name, "%.2f" % value if isinstance(value, float) else value))


if __name__ == "__main__":
    main()
