"""Under a service manager (docs/systemd.md): what it hears, the sockets and secrets it passes, the units.
The manager is the test; systemd itself only looks at the units."""
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import config_table
from client import Api, Connection, unique
from gatepost import BINARY, ROOT, SLOW, free_port, patience, wait_for
from letters import letters_to
from manager import Listener, passing
from test_41_signals import write_config
from test_42_startup import refused

UNIT = ROOT / "conf" / "systemd" / "gatepost.service"
SOCKET_UNIT = ROOT / "conf" / "systemd" / "gatepost.socket"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                                   reason="systemd-analyze is not installed")


# ---- sd_notify --------------------------------------------------------------------------------------

@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "path" else f"@gatepost-test-{os.getpid()}"
    with Listener(name) as listener:
        yield listener


def test_the_manager_hears_ready_reloading_and_stopping(prepare, manager):
    server = prepare({"http.workers": None}, env={"NOTIFY_SOCKET": manager.path}, config="[http]\nworkers = 2\n",
                     **passing())
    server.start()
    assert manager.await_message("READY") == {"READY": "1", "MAINPID": str(server.pid)}
    status = manager.await_message("STATUS")["STATUS"]
    assert status == f"Serving; {server.listeners[0]}, 2 workers, 0 letters waiting"

    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    done = server.command("reload")
    assert done.returncode == 0, done
    reloading = manager.await_message("RELOADING")
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) / 1e6 <= time.clock_gettime(time.CLOCK_MONOTONIC)
    manager.await_message("READY")

    write_config(server, "[http]\nworkers = 2\n[store]\ndir = elsewhere\n")
    assert server.command("reload").returncode == 1
    manager.await_message("RELOADING")
    manager.await_message("READY")      # it serves on, by the configuration that it had
    manager.await_message("STATUS", lambda text: text.endswith(
        "; the last reload was refused: needs a restart: store.dir"))

    os.kill(server.pid, signal.SIGTERM)
    assert manager.await_message("STOPPING")["STOPPING"] == "1"
    assert server.wait(5) == 0
    assert not manager.named("WATCHDOG"), "nobody asked for it"


def test_a_drain_asks_for_time(prepare, tmp_path):
    with Listener(str(tmp_path / "notify")) as manager:
        server = prepare({"master.drain_s": "3"}, env={"NOTIFY_SOCKET": manager.path})
        server.start()
        with Connection(server.address) as idle:
            assert idle.request("GET", "/healthz").status == 200
            os.kill(server.pid, signal.SIGQUIT)
            manager.await_message("STOPPING")
            manager.await_message("STATUS", lambda text: text.startswith("Stopping: "))
            assert int(manager.await_message("EXTEND_TIMEOUT_USEC")["EXTEND_TIMEOUT_USEC"]) >= 10_000_000
        assert server.wait(10) == 0


def test_the_watchdog_hears_of_the_masters_loop_and_of_nothing_else(prepare, tmp_path):
    with Listener(str(tmp_path / "notify")) as manager:
        server = prepare(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "900000"}, **passing())
        server.start()
        manager.await_message("READY")
        manager.heard.clear()
        manager.listen(patience(2))
        times = [when for when, message in manager.heard if "WATCHDOG" in message]
        assert len(times) >= patience(2) / 0.9
        if not SLOW:
            assert max(b - a for a, b in zip(times, times[1:])) < 0.9
        os.kill(server.pid, signal.SIGSTOP)
        try:
            manager.listen(0.2)
            manager.heard.clear()
            manager.listen(1.2)
            assert not manager.named("WATCHDOG"), "of a master that stands still"
        finally:
            os.kill(server.pid, signal.SIGCONT)
        manager.await_message("WATCHDOG")
        server.stop()


def test_a_watchdog_of_another_process_is_not_ours(prepare, tmp_path):
    with Listener(str(tmp_path / "notify")) as manager:
        server = prepare(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"})
        server.start()
        manager.listen(1)
        assert manager.named("READY") and not manager.named("WATCHDOG")
        server.stop()


# ---- sockets ----------------------------------------------------------------------------------------

def listening(family, address):
    one = socket.socket(family)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind(address)
    one.listen(64)
    return one


def is_served(address):
    with Connection(address, timeout=5) as connection:
        return connection.request("GET", "/healthz").status == 200


def test_sockets_are_taken_by_their_address_and_outlive_the_server(prepare, tmp_path):
    """TCP, IPv6 in another spelling, unix: whoever connects while the server is restarted waits."""
    path = str(tmp_path / "http.sock")
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as four, \
            listening(socket.AF_INET6, ("::1", 0)) as six, listening(socket.AF_UNIX, path) as unix:
        ports = four.getsockname()[1], six.getsockname()[1]
        names = f"127.0.0.1:{ports[0]}, [0::1]:{ports[1]}, unix:{path}, 127.0.0.1:0"
        server = prepare({"http.listen": names}, **passing([unix, four, six], "local:http:http6"))
        server.start()
        assert server.listeners[:3] == [f"127.0.0.1:{ports[0]}", f"[::1]:{ports[1]}", f"unix:{path}"]
        addresses = [("127.0.0.1", ports[0]), ("::1", ports[1]), path]
        assert all(is_served(address) for address in addresses) and is_served(
            ("127.0.0.1", int(server.listeners[3].rsplit(":", 1)[1])))
        for pid in server.workers():
            assert b"LISTEN_" not in Path(f"/proc/{pid}/environ").read_bytes()
        server.stop()
        assert os.path.exists(path), "the file is the manager's"
        waiting = [Connection(address, timeout=20) for address in addresses]
        for connection in waiting:
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        server.start()
        assert [connection.receive("GET").status for connection in waiting] == [200] * 3
        for connection in waiting:
            connection.close()
        server.stop()


def test_a_reload_leaves_a_passed_socket_and_takes_it_again(prepare):
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as passed:
        address = passed.getsockname()
        both = f"[http]\nlisten = 127.0.0.1:{address[1]}, 127.0.0.1:0\n"
        server = prepare({"http.listen": None}, config=both, **passing([passed]))
        server.start()
        write_config(server, "[http]\nlisten = 127.0.0.1:0\n")
        done = server.command("reload")
        assert f"left 127.0.0.1:{address[1]} to the service manager" in done.stdout, done
        assert server.events("listener.left")
        write_config(server, both)
        assert server.command("reload").returncode == 0
        assert is_served(address)
        server.stop()


@pytest.mark.parametrize("kind, words", [
    ("other address", "(web), which http.listen does not name"),
    ("datagrams", "(web) from the service manager is no stream socket"),
    ("a connection", "(web) from the service manager does not listen"),
    ("a file", "(web) from the service manager is no socket")])
def test_what_cannot_be_served_is_told_in_a_sentence(prepare, kind, words, tmp_path):
    if kind == "other address":
        passed = listening(socket.AF_INET, ("127.0.0.1", 0))
    elif kind == "datagrams":
        passed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elif kind == "a connection":
        passed = socket.socketpair()[0]
    else:
        passed = open(tmp_path / "file", "w")
    with passed:
        assert refused(prepare(**passing([passed], "web")), words) == 10


def test_sockets_for_another_process_are_left_alone(prepare):
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as passed:
        server = prepare(env={"LISTEN_PID": "1", "LISTEN_FDS": "1"}, pass_fds=[passed.fileno()])
        server.start()
        assert len(server.listeners) == 1 and server.port != passed.getsockname()[1]
        server.stop()


# ---- secrets ----------------------------------------------------------------------------------------

@needs_root
def test_keys_can_be_credentials_that_only_root_reads(prepare, tmp_path):
    """As LoadCredential= gives them: files of root in a directory of root, read before root is given up."""
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    for name, mode in (("token.key", 0o400), ("relay", 0o440)):
        (folder / name).write_text(name + " of at least 32 bytes, as a credential\n")
        (folder / name).chmod(mode)
    server = prepare({"master.user": "nobody"}, owner=pwd.getpwnam("nobody").pw_uid,
                     env={"CREDENTIALS_DIRECTORY": str(folder),
                          "GATEPOST_TOKEN_SECRET_FILE": f"{folder}/token.key",
                          "GATEPOST_SMTP_HOST": "127.0.0.1", "GATEPOST_MAIL_TRANSPORT": "file",
                          "GATEPOST_SMTP_USER": "postman", "GATEPOST_SMTP_PASSWORD_FILE": f"{folder}/relay"})
    server.start()
    api = Api(server.address)
    name = unique("cred")
    assert api.signup(name).status == 201
    assert letters_to(server, f"{name}@example.com")
    assert sorted(path.name for path in folder.iterdir()) == ["relay", "token.key"]
    api.close()
    assert server.command("reload").returncode == 0
    server.stop()


# ---- the units --------------------------------------------------------------------------------------

def unit_values(path=UNIT):
    """{setting: [values]}."""
    values = {}
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith(("#", "[")):
            name, value = line.split("=", 1)
            values.setdefault(name, []).append(value)
    return values


@needs_systemd
def test_systemd_finds_the_unit_hardened():
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager",
                           str(UNIT)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@needs_systemd
def test_systemd_understands_the_units(tmp_path):
    """Every name and value; with a binary where this machine has one."""
    for unit in (UNIT, SOCKET_UNIT):
        text = unit.read_text().replace("/usr/sbin/gatepost", str(BINARY))
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(tmp_path / UNIT.name),
                           str(tmp_path / SOCKET_UNIT.name)], capture_output=True, text=True, timeout=60)
    complaints = [line for line in done.stderr.splitlines() if "gatepost" in line]
    assert done.returncode == 0 and not complaints, done


def test_the_unit_leaves_the_server_the_time_it_takes():
    defaults = {key.name: key.default for key in config_table.all_keys()}
    values = unit_values()
    drain_s, mailer_s, store_s = int(defaults["master.drain_s"]), 5, 30     # stop.c
    assert int(values["TimeoutStopSec"][0]) > drain_s + mailer_s + store_s
    assert int(values["WatchdogSec"][0]) >= 10
    listen = unit_values(SOCKET_UNIT)["ListenStream"]
    packaged = (ROOT / "conf" / "packaged.conf").read_text()
    assert re.search(r"^listen = (.*)$", packaged, re.M)[1].split(", ") == listen


def place_of(server, text):
    """The packaged configuration's paths, in the test's directory."""
    return (text.replace("/var/lib/gatepost", f"{server.directory}/lib")
            .replace("/run/gatepost", f"{server.directory}/run").replace("user = gatepost", "user = nobody")
            .replace("127.0.0.1:8000", f"127.0.0.1:{free_port()}", 1))


def capabilities(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return {name: int(value, 16) for name, value in re.findall(r"^Cap(\w+):\s+(\w+)$", status, re.M)}


@needs_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_the_packaged_configuration_works_with_the_units_rights(prepare):
    """The capabilities of the unit and no others, a state directory of the service user, a runtime
    directory of root: everything is made, keys too; the children have no capability at all."""
    user = pwd.getpwnam("nobody")
    bounding = unit_values()["CapabilityBoundingSet"][0].split()
    kept = ",".join("+" + name.removeprefix("CAP_").lower() for name in bounding)
    server = prepare(owner=0, wrap=["setpriv", "--bounding-set", f"-all,{kept}", "--no-new-privs"])
    server.settings = {key: value for key, value in server.settings.items()
                       if not key.startswith(("http.", "store.dir"))}
    (server.directory / "gatepost.conf").write_text(
        place_of(server, (ROOT / "conf" / "packaged.conf").read_text()))
    (server.directory / "run").mkdir(mode=0o755)
    (server.directory / "lib").mkdir(mode=0o700)
    os.chown(server.directory / "lib", user.pw_uid, user.pw_gid)
    server.start()
    api = Api(server.address)
    assert api.signup(unique("unit")).status == 201
    api.close()
    owners = {path.name: path.stat().st_uid for folder in ("lib", "run")
              for path in (server.directory / folder).iterdir()}
    assert owners == {"db": user.pw_uid, "mail": user.pw_uid, "token.key": user.pw_uid, "mail.key": user.pw_uid,
                      "gatepost.pid": 0, "gatepost.sock": 0, "admin.sock": 0, "bounce.sock": 0}
    assert bin(capabilities(server.pid)["Bnd"]).count("1") == len(bounding)
    for pids in server.children().values():
        assert capabilities(pids[0])["Eff"] == capabilities(pids[0])["Prm"] == 0
    assert server.command("reload").returncode == 0
    assert server.command("user", "list").returncode == 0
    server.stop()


@pytest.mark.skipif(SLOW, reason="a sanitizer's own mappings are not the server's")
def test_no_process_needs_memory_that_is_writable_and_executable(prepare):
    """MemoryDenyWriteExecute=: under the kernel's own form of it, which refuses such a mapping."""
    PR_SET_MDWE = 65
    if ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:     # PR_GET_MDWE
        pytest.skip("the kernel has no PR_SET_MDWE (6.3)")
    deny = f"import ctypes, os, sys; assert ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0) == 0; " \
           "os.execv(sys.argv[1], sys.argv[1:])"
    server = prepare(wrap=["/usr/bin/python3", "-c", deny])
    server.start()
    api = Api(server.address)
    name = unique("wx")
    assert api.signup(name).status == 201 and api.tokens(name)
    letters_to(server, f"{name}@example.com")
    for pid in [server.pid, *sum(server.children().values(), [])]:
        assert not re.search(r"^\S+ .wx", Path(f"/proc/{pid}/maps").read_text(), re.M)
    server.stop()


def test_without_a_manager_nothing_is_missing(prepare):
    server = prepare(env={"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "nonsense"})
    server.start()
    assert is_served(server.address)
    server.stop()
