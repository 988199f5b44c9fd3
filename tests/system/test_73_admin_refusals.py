"""What administration refuses: half a path, half a change, and a server that is none."""
import json
import os
import shutil
import subprocess

import pytest

from client import Api, Connection
from gatepost import clean_environment, patience, wait_for
from test_70_admin import DONE, REFUSED, USAGE, admin, done, person, user  # noqa: F401  (fixtures too)


def test_a_session_without_its_id_is_not_all_of_them(server, api, admin, person):
    access = api.tokens(person)["access"]
    assert user(server, "sessions", person, "--end", "").returncode == USAGE
    assert admin.call("DELETE", f"/admin/users/{person}/sessions/").status == 404
    assert api.call("DELETE", "/api/auth/sessions/", headers=[("Authorization", f"Bearer {access}")]).status == 404
    assert api.me(access).status == 200


IMPOSTOR = """
import fcntl, os, socket, sys
pid_file = os.open("gatepost.pid", os.O_RDWR | os.O_CREAT, 0o644)
os.write(pid_file, b"%d\\n" % os.getpid())
fcntl.flock(pid_file, fcntl.LOCK_EX)
server = socket.socket(socket.AF_UNIX)
server.bind("admin.sock")
os.chmod("admin.sock", 0o666)
server.listen()
print("ready", flush=True)
while True:
    connection = server.accept()[0]
    said = connection.recv(65536)
    if said:
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    print(len(said), flush=True)
"""


def test_the_command_line_says_nothing_to_a_service_user_s_own_socket(prepare):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    server = prepare()
    place = server.directory / "var"
    place.mkdir(exist_ok=True)
    os.chown(place, 65534, 65534)
    for name in ("gatepost.pid", "admin.sock"):
        assert not (place / name).exists()
    for above in [place, *place.parents][:-1]:
        if above.stat().st_uid == 0 and str(above).startswith("/tmp/"):
            os.chmod(above, 0o755)
    server.settings["master.pid_file"] = "var/gatepost.pid"
    server.settings["admin.socket"] = "var/admin.sock"
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", IMPOSTOR]
    with subprocess.Popen(line, cwd=place, stdout=subprocess.PIPE, text=True) as impostor:
        try:
            assert impostor.stdout.readline() == "ready\n"
            # Who runs the server himself, without root, is asked: nobody else could be meant.
            assert done(server, "list", "--json") == ""
            assert int(impostor.stdout.readline()) > 0
            server.settings["master.user"] = "nobody"
            ran = user(server, "list", "--json")
            assert ran.returncode == REFUSED and "uid 65534 listens there" in ran.stderr, ran
            assert impostor.stdout.readline() == "0\n"
            del server.settings["master.user"]
            os.unlink(place / "gatepost.pid")
            ran = user(server, "list", "--json")
            assert ran.returncode == REFUSED and "nothing was asked" in ran.stderr, ran
            assert impostor.stdout.readline() == "0\n"
        finally:
            impostor.kill()


def stored(server, who):
    lines = [json.loads(line) for line in done(server, "export", "--to", "jsonl").splitlines()]
    return {line["id"]: line["password"] for line in lines}[who]


def test_a_password_is_set_for_whom_the_name_meant_when_it_was_judged(serve):
    server = serve({"password.iterations": "10000000"})       # seconds
    path = str(server.directory / "var" / "admin.sock")
    with Connection(path) as admin:
        first = admin.request("POST", "/admin/users", {"username": "name", "email": "first@example.com"}).json()["id"]
        before = stored(server, first)
        running = subprocess.Popen(server.arguments("user") + ["set-password", "name", "--password-stdin"],
                                   cwd=server.directory, env=clean_environment(), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.stdin.write("another correct horse battery\n")
        running.stdin.close()
        with_api = Api(server.address)
        wait_for(lambda: any("password_lanes_busy" in name and value > 0 for name, value in with_api.metrics().items()),
                 20, "the hash has begun")
        with_api.close()
        assert admin.request("PATCH", "/admin/users/name", {"username": "elsewhere"}).status == 200
        other = admin.request("POST", "/admin/users", {"username": "name", "email": "other@example.com"}).json()["id"]
        others = stored(server, other)
        assert running.poll() is None, "the hash was over too early: this shows nothing"
        assert running.wait(timeout=patience(120)) == DONE
    assert stored(server, other) == others
    assert stored(server, first) != before
