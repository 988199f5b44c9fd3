"""`gatepost compact`: files get smaller, nobody is missed, and nobody waits for it."""
import json
import re

from backups import DONE, FAILED, NOT_RUNNING, USAGE, backup_of, names, settled
from client import Api, unique
from gatepost import scaled, wait_for
from load import Load
from test_83_backup import asked


def sizes(server):
    return {path.name: path.stat().st_size for path in (server.directory / "var" / "db").glob("*.db")}


def imported(server, count):
    """Accounts that are there at once: (names, how many were added)."""
    made = [f"c{i:06}" for i in range(count)]
    path = server.directory / "accounts.jsonl"
    path.write_text("".join(json.dumps({"username": name, "email": f"{name}@example.com",
                                        "password": "pbkdf2_sha256$1$c2FsdHNhbHRzYWx0$" + "A" * 43 + "="}) + "\n"
                            for name in made))
    ran = server.command("user", "import", "--from", "jsonl", str(path), seconds=60)
    assert ran.returncode == DONE, ran
    return made


def test_what_deleted_accounts_left_is_given_back(serve):
    server = serve()
    made = imported(server, scaled(2000))
    kept = names(server, 5)
    settled(server)
    backup_of(server)
    full = sizes(server)
    with Load(server, 1) as load:
        wait_for(lambda: load.acknowledged, 10, "a sign-up")
        for name in made:
            assert asked(server, "DELETE", f"/admin/users/username:{name}")[0] == 204
        ran = server.command("compact", seconds=60)
        assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    assert not load.wrong and not load.cut
    told = {name: (int(before), int(after)) for name, after, before in
            re.findall(r"^(\S+): (\d+) bytes, before (\d+)$", ran.stdout, re.MULTILINE)}
    assert set(full) | {"all"} == set(told)
    assert told["all"][1] < told["all"][0]
    assert told["users.db"][1] < told["users.db"][0]    # how far depends on who signed up meanwhile
    api = Api(server.address)
    assert all(api.login(name).status == 200 for name in [*kept, *load.acknowledged[-3:]])
    assert api.signup(unique("after")).status == 201
    assert backup_of(server)
    ran = server.command("verify", "backup")
    assert ran.returncode == DONE, ran
    server.stop()
    assert server.command("verify").returncode == DONE


def test_not_beside_a_backup(serve):
    server = serve()
    imported(server, scaled(400))
    status, body = asked(server, "POST", "/admin/backup")
    assert status == 200
    ran = server.command("compact")
    assert (ran.returncode, "backup is under way" in ran.stderr) == (FAILED, True), ran
    assert asked(server, "DELETE", f"/admin/backup/{json.loads(body)['id']}")[0] == 204
    ran = server.command("compact", "--json")
    assert json.loads(ran.stdout.splitlines()[-1])["name"] == "all"


def test_what_is_refused(prepare):
    server = prepare()
    server.start()
    assert server.command("compact", "now").returncode == USAGE
    for query in ("", "?table=x", "?table=256", "?table=0&from=0", "?table=0&from=xx", "?table=0&from=" + "00" * 1101):
        assert asked(server, "POST", "/admin/compact" + query)[0] == 400, query
    assert asked(server, "POST", "/admin/compact?table=200")[0] == 404
    assert asked(server, "POST", "/admin/compact?table=0&from=" + "ff" * 40)[0] == 200
    server.stop()
    assert server.command("compact").returncode == NOT_RUNNING
