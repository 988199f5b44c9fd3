"""What the tests of backups share."""
from client import Api, unique
from gatepost import wait_for

DONE, FAILED, USAGE, NOT_RUNNING, REFUSED_START, SHORT, DAMAGED = 0, 1, 2, 3, 20, 25, 26


def database(server):
    return server.directory / "var" / "db"


def backup_of(server, *words, name="backup"):
    """Makes one, or adds to it; its directory."""
    ran = server.command("backup", name, *words)
    assert (ran.returncode, ran.stderr) == (DONE, ""), ran
    return server.directory / name


def files_of(backup):
    """The directory that the manifest names."""
    sets = [line.split()[1] for line in (backup / "manifest").read_text().splitlines() if line.startswith("set ")]
    return backup / sets[0]


def restored(server, *words):
    """A database beside the server's own, out of its backup."""
    ran = server.command("restore", "backup", "--into", "restored", *words, seconds=60)
    assert ran.returncode == DONE, ran
    return server.directory / "restored"


def names(server, count):
    made = [unique("b") for _ in range(count)]
    api = Api(server.address)
    for name in made:
        assert api.signup(name).status == 201
    api.close()
    return made


def settled(server):
    """No letter waits: the numbers of two looks at the database can be compared."""
    wait_for(lambda: Api(server.address).metrics()["gatepost_outbox_pending"] == 0, 20, "every letter sent")
