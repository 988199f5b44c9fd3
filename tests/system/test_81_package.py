"""The Debian package on a bare Debian: it is installed, serves, is upgraded, removed, purged; in this
order, each test going on where the one before it ended.

Twenty seconds, and a minute more the first time, when debootstrap has to make the tree."""
import json
import os
import re
import subprocess

import pytest

import debian_tree
from gatepost import BINARY, ROOT, SLOW, make, patience, wait_for

CONFIG = "etc/gatepost/gatepost.conf"
LOG = "var/log/gatepost/gatepost.log"
UNIT = "lib/systemd/system/gatepost.service"

# What apt, dpkg, ldconfig and the tools that keep /etc/passwd remember by themselves.
REMEMBERED = re.compile(r"var/(cache|lib)/(apt|dpkg|debconf)(/|$)|var/log/(apt(/|$)|dpkg\.log|alternatives\.log)|"
                        r"var/cache/ldconfig/aux-cache|etc/ld\.so\.cache|"
                        r"etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|etc/\.pwd\.lock$|var/lib/logrotate/status$|"
                        r"(var/log|var/lib)/nginx(/|$)|run/nginx\.pid$")

# docs/install.md, literally: all that stands there in blocks of sh, from the first hour on.
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "install.md").read_text(), re.DOTALL)
PERSON = {"username": "testuser", "password": "a good deal of rain"}     # who signs up there
OWN_FILES = {"etc/gatepost", "etc/gatepost/smtp.password",               # what it puts into /etc
             "etc/gatepost/tls", "etc/gatepost/tls/cert.pem", "etc/gatepost/tls/key.pem",
             "etc/nginx/conf.d/gatepost.conf",
             *(f"etc/ssl/{place}/{name}.example.com.{kind}" for name in ("accounts", "app")
               for place, kind in (("certs", "pem"), ("private", "key")))}


class Machine:
    """The tree, the packages, and the server that runs in it."""

    def __init__(self, tree, packages):
        self.tree, self.packages, self.process, self.before = tree, packages, None, None

    def path(self, name):
        return self.tree.root / name

    def login(self):
        """The status of a login, over the socket that nginx uses in the end."""
        done = self.tree.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket",
                             "/run/gatepost/http.sock", "-H", "Content-Type: application/json", "-d",
                             json.dumps(PERSON), "http://gatepost/api/auth/login", net=True)
        return int(done.stdout)

    def gatepost(self, *words, check=True):
        return self.tree.run("gatepost", *words, net=True, check=check)

    def start(self, at="127.0.0.1:8000"):
        """As the unit does: its command, in an environment without anything, with its directory."""
        self.path("run/gatepost").mkdir(exist_ok=True)
        self.path("run/gatepost").chmod(0o755)
        command = ["gatepost", "serve", "-c", f"/{CONFIG}"]
        if self.path(UNIT).exists():
            command = re.search(r"^ExecStart=(.+)$", self.path(UNIT).read_text(), re.MULTILINE)[1].split()
        self.process = self.tree.start(*command)
        line = self.process.stdout.readline()
        while line and not line.startswith("ready "):
            line = self.process.stdout.readline()
        assert line.startswith(f"ready http={at} "), line
        return self.pid()

    def pid(self):
        return int(self.path("run/gatepost/gatepost.pid").read_text())

    def gone(self):
        """Waits until the server has ended by itself."""
        assert self.process.wait(patience(20)) == 0
        self.process.stdout.close()
        self.process = None

    def owner(self, name):
        status = self.path(name).lstat()
        names = {}
        for table in ("passwd", "group"):
            rows = [row.split(":") for row in self.path(f"etc/{table}").read_text().splitlines()]
            names[table] = {int(row[2]): row[0] for row in rows}
        return "{} {}:{}".format(oct(status.st_mode & 0o7777)[2:], names["passwd"][status.st_uid],
                                 names["group"][status.st_gid])


def build_name():
    return BINARY.parent.name if BINARY.parent.parent.name == "build" else "release"


def build(revision, folder, **options):
    told = make("deb", f"BUILD={build_name()}", f"REVISION={revision}", **options)
    made = ROOT / told.strip().splitlines()[-1]
    kept = folder / made.name
    kept.write_bytes(made.read_bytes())
    return kept


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    reason = debian_tree.why_not() or (SLOW and "the package is of the release build")
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("package")
    packages = [build(revision, folder) for revision in (1, 2)]
    try:
        tree = debian_tree.unpack(folder, packages[0])
    except debian_tree.NoTree as problem:
        pytest.skip(str(problem))
    made = Machine(tree, packages)
    yield made
    tree.close()
    if made.process is not None:
        made.process.wait(20)
        made.process.stdout.close()


def log_of(machine):
    return machine.path(LOG).read_text() if machine.path(LOG).exists() else ""


def test_lintian_has_nothing_to_say(machine):
    if subprocess.run(["which", "lintian"], capture_output=True).returncode != 0:
        pytest.skip("there is no lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", machine.packages[0]],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_the_package_is_made_of_the_source_alone(machine, tmp_path):
    """Packed again in another time zone, with another umask: the same bytes. And the binary knows
    nothing of the folder that it was built in. `make deb-check` builds it twice, which takes minutes."""
    again = build(1, tmp_path, umask=0o077, env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})
    assert again.read_bytes() == machine.packages[0].read_bytes()
    if build_name() == "release":
        assert str(ROOT).encode() not in BINARY.read_bytes()


def test_it_is_installed_with_what_it_needs(machine):
    tree = machine.tree
    tree.install_tools()
    machine.before = tree.snapshot()
    tree.install(tree.put(machine.packages[0]))
    assert machine.gatepost("check").stdout == f"/{CONFIG}: no problems\n"
    assert machine.owner(CONFIG) == "640 root:gatepost"
    assert machine.owner("var/lib/gatepost") == "700 gatepost:gatepost"
    assert machine.owner("var/log/gatepost") == "2750 root:root"
    assert machine.owner("usr/sbin/gatepost") == "755 root:root"
    user = tree.run("getent", "passwd", "gatepost").stdout.strip().split(":")
    assert user[5:] == ["/var/lib/gatepost", "/usr/sbin/nologin"] and 100 <= int(user[2]) < 1000
    assert tree.run("dpkg", "--verify", "gatepost").stdout == ""
    assert tree.run("dpkg-query", "-W", "-f", "${Conffiles}", "gatepost").stdout.count("/etc/") == 2


def test_the_first_hour_goes_as_the_page_says(machine):
    with machine.path(CONFIG).open("a") as config:
        config.write(f"\n[log]\nfile = /{LOG}\n")
    machine.start()
    said = machine.tree.run("sh", "-ec", "\n".join(BLOCKS), net=True).stdout
    for answer in ('{"message":"User registered successfully"}', '{"message":"Email verified successfully"}',
                   '"email_verified":true', ".eml\n", "email.verified"):
        assert answer in said, said
    assert said.count('"status":"ok"') == 2 and said.count("no problems\n") == 3, said
    assert re.search(r"username +second\n(.*\n)*?email_verified +yes", said), said
    assert len(BLOCKS) == 8 and machine.login() == 200
    assert {machine.owner(f"var/lib/gatepost/{name}") for name in ("db", "mail")} == \
        {"700 gatepost:gatepost"}
    assert machine.owner("var/lib/gatepost/token.key") == "600 gatepost:gatepost"


def test_logrotate_gives_the_running_server_a_new_file(machine):
    assert "server.ready" in log_of(machine)
    machine.tree.run("logrotate", "--force", "/etc/logrotate.d/gatepost", net=True)
    assert "server.ready" in machine.path(f"{LOG}.1").read_text()
    machine.gatepost("reload")
    wait_for(lambda: "reload" in log_of(machine), 10, "a line in the new file")
    assert "server.ready" not in log_of(machine)


def test_an_upgrade_replaces_the_program_and_keeps_what_is_changed(machine):
    pid, changed = machine.pid(), machine.path(CONFIG).read_text()
    said = machine.tree.run("dpkg", "-i", machine.tree.put(machine.packages[1]), net=True).stdout
    version = machine.tree.run("dpkg-query", "-W", "-f", "${Version}", "gatepost").stdout
    assert version.endswith("-2") and machine.path(CONFIG).read_text() == changed
    program = machine.tree.run("readlink", f"/proc/{pid}/exe").stdout
    assert machine.pid() == pid and program == "/usr/sbin/gatepost\n", (program, said)
    assert machine.login() == 200


def test_with_a_wrong_configuration_an_upgrade_ends_nobody_and_removing_does(machine):
    pid, good = machine.pid(), machine.path(CONFIG).read_text()
    machine.path(CONFIG).write_text(good + "[nonsense]\n")
    said = machine.tree.run("dpkg", "-i", machine.tree.put(machine.packages[0]), net=True).stdout
    assert "still the old version; mend it and say gatepost upgrade" in said, said
    program = machine.tree.run("readlink", f"/proc/{pid}/exe").stdout
    assert machine.pid() == pid and program.startswith("/usr/sbin/gatepost") and "deleted" in program, program
    assert machine.login() == 200
    machine.tree.run("apt-get", "remove", "-y", "-qq", "gatepost", net=True)
    machine.gone()
    machine.path(CONFIG).write_text(good)
    machine.tree.install(machine.tree.put(machine.packages[1]))
    machine.start("unix:/run/gatepost/http.sock")


def test_removing_stops_it_and_keeps_configuration_and_accounts(machine):
    machine.tree.run("apt-get", "remove", "-y", "-qq", "gatepost", net=True)
    machine.gone()
    assert not machine.path("usr/sbin/gatepost").exists() and not machine.path("run/gatepost").exists()
    assert machine.path(CONFIG).exists() and machine.path("var/lib/gatepost/db").is_dir()
    machine.tree.install(machine.tree.put(machine.packages[1]))
    machine.start("unix:/run/gatepost/http.sock")
    assert machine.login() == 200


def test_purging_leaves_nothing_behind(machine):
    machine.tree.run("apt-get", "purge", "-y", "-qq", "gatepost", net=True)
    machine.gone()
    machine.tree.run("apt-get", "autoremove", "--purge", "-y", "-qq")
    after = machine.tree.snapshot()
    changed = sorted(path for path in after.keys() | machine.before.keys()
                     if after.get(path) != machine.before.get(path) and not REMEMBERED.match(path))
    assert set(changed) == OWN_FILES, [(path, machine.before.get(path), after.get(path)) for path in changed]
