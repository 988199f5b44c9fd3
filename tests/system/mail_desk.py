"""`gatepost mail` as an operator runs it, and what it says as data."""
import json
import re
import subprocess

from client import Api
from gatepost import clean_environment, patience, wait_for

DONE, REFUSED, USAGE, NOT_THERE, WRONG_CONFIG = 0, 1, 2, 3, 10
TOKEN = re.compile(r"token=|[A-Za-z0-9_-]{60,}")


def mail(server, *words):
    line = server.arguments("mail") + list(words)
    return subprocess.run(line, cwd=server.directory, env=clean_environment(), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=patience(60))


def done(server, *words):
    ran = mail(server, *words)
    assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    return ran.stdout


def listed(server, *words):
    return [json.loads(line) for line in done(server, "list", "--json", *words).splitlines()]


def status(server):
    return json.loads(done(server, "status", "--json"))


def letter_of(server, name):
    found = listed(server, "--to", f"{name}@example.com")
    assert len(found) == 1, found
    return found[0]


def in_state(server, name, state):
    return wait_for(lambda: [letter for letter in listed(server, "--to", f"{name}@example.com")
                             if letter["state"] == state], 15, f"a {state} letter of {name}")[0]


def shown(server, letter):
    lines = [json.loads(line) for line in
             done(server, "show", letter["id"], "--json").splitlines()]
    return lines[0], lines[1:]


def relay(peer, **more):
    return {"smtp.host": "127.0.0.1", "smtp.port": str(peer.port), "smtp.tls": "none",
            "mail.retry_s": "3600", "mail.retry_max_s": "7200", "mail.sweep_s": "1",
            "limits.enabled": "no", **more}


def sign_up(server, *names):
    api = Api(server.address)
    for name in names:
        assert api.signup(name).status == 201
    api.close()


def events_of(server, name):
    return [json.loads(line)["detail"] for line in subprocess.run(
        server.arguments("audit") + ["show", "--event", name, "--json"], cwd=server.directory,
        env=clean_environment(), capture_output=True, text=True,
        timeout=patience(30)).stdout.splitlines()]
