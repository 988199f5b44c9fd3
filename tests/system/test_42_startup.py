"""What a start refuses and what it makes of its surroundings."""
import os
import pwd
import shutil
import socket
import ssl
import subprocess

import pytest

from client import Api, Connection, unique
from gatepost import wait_for
from letters import letter_to
from smtp_peer import key_pair

ROOT = os.getuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="needs root")


def refused(server, *words):
    """The server does not start: no ready line, a code that is not 0, and these words."""
    server.spawn()
    assert server.read_ready(20) == ""
    code = server.wait(10)
    text = server.log_text()
    assert code > 0, f"exit code {code}\n{text}"
    for word in words:
        assert word in text, f"{word!r} is missing in\n{text}"
    server.assert_nothing_runs()
    server.allow_deaths = True
    return code


@pytest.mark.parametrize("which", ["token.key", "mail.key"])
@pytest.mark.parametrize("content, mode", [(b"k" * 43, 0o644), (b"k" * 43, 0o640), (b"k" * 31, 0o600),
                                           (b"k" * 31 + b"\n", 0o600), (b"", 0o600), (b"\n", 0o600)])
def test_a_bad_key_file_refuses_to_start(prepare, which, content, mode):
    server = prepare()
    (server.directory / "var").mkdir(mode=0o700)
    path = server.directory / "var" / which
    path.write_bytes(content)
    path.chmod(mode)
    assert refused(server, which) in (1, 11)
    assert path.read_bytes() == content


def test_a_good_key_file_is_used_and_kept(serve, prepare):
    import jwt
    server = prepare()
    (server.directory / "var").mkdir(mode=0o700)
    key = "a key of a django project: 32 bytes and more, with spaces"
    path = server.directory / "var" / "token.key"
    path.write_text(key + "\n")
    path.chmod(0o600)
    server.start()
    api = Api(server.address)
    assert api.signup("keyed").status == 201
    assert jwt.decode(api.tokens("keyed")["access"], key, algorithms=["HS256"])
    server.stop()
    assert path.read_text() == key + "\n"


def test_a_port_in_use_is_named(prepare):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = prepare({"http.listen": f"127.0.0.1:{port}"})
        assert refused(server, f"127.0.0.1:{port}") == 1


def test_an_unreachable_address_is_named(prepare):
    assert refused(prepare({"http.listen": "192.0.2.1:8000"}), "192.0.2.1:8000") == 1


def test_several_listeners_are_printed_in_order(prepare):
    server = prepare()
    path = str(server.directory / "http.sock")
    server.settings["http.listen"] = f"127.0.0.1:0, unix:{path}, [::1]:0"
    server.start()
    first, second, third = server.listeners
    assert first.startswith("127.0.0.1:") and second == f"unix:{path}"
    assert third.startswith("[::1]:") and not third.endswith(":0")
    for address in (server.address, path, ("::1", int(third.rsplit(":", 1)[1]))):
        api = Api(address)
        assert api.get("/healthz").status == 200
        assert api.signup(unique()).status == 201
        assert api.get("/metrics").status == 200
        api.close()
    server.stop()
    assert not os.path.exists(path), "the socket file stays behind"


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(prepare):
    server = prepare()
    server.settings["http.listen"] = f"unix:{server.directory}/http.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(server.directory / "http.sock"))
    server.start()
    assert Api(str(server.directory / "http.sock")).get("/healthz").status == 200
    server.stop()
    with socket.socket(socket.AF_UNIX) as live:
        path = server.directory / "http.sock"
        path.unlink(missing_ok=True)
        live.bind(str(path))
        live.listen()
        refused(server, "http.sock")


def test_systemd_sockets_are_used(prepare):
    """Bound here, so that a server that binds by itself could not start."""
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        port, fd = inherited.getsockname()[1], inherited.fileno()
        server = prepare(
            {"http.listen": f"127.0.0.1:{port}"}, pass_fds=(fd,),
            wrap=("bash", "-c", f'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&{fd}', "sh"))
        server.start()
        assert server.listeners == [f"127.0.0.1:{port}"]
        assert Api(server.address).get("/healthz").status == 200
        for pid in [server.pid, *server.workers()]:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                assert b"EMAIL_HOST_PASSWORD" not in environ.read()
        server.stop()


@needs_root
def test_a_small_dev_shm_is_a_sentence_and_not_a_crash(prepare):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("mount namespaces are not permitted here")
    server = prepare(wrap=(
        "unshare", "-m", "sh", "-c",
        'mount -t tmpfs -o size=256k tmpfs /dev/shm && exec "$@"', "sh"))
    assert refused(server, "/dev/shm") == 12


def test_the_segment_is_under_32_mib_and_has_no_name(serve):
    before = set(os.listdir("/dev/shm"))
    server = serve({"http.workers": None})
    assert not {n for n in set(os.listdir("/dev/shm")) - before if "gatepost" in n}
    assert len(server.workers()) == len(os.sched_getaffinity(0))
    sizes = []
    with open(f"/proc/{server.pid}/maps") as maps:
        for line in maps:
            if "/dev/shm/" in line:
                begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                sizes.append(end - begin)
    assert sizes and sum(sizes) < 32 << 20, sizes


@needs_root
def test_root_gives_its_rights_away(prepare):
    nobody = pwd.getpwnam("nobody")
    server = prepare({"master.user": "nobody"}, owner=nobody.pw_uid)
    server.start()
    assert Api(server.address).signup("dropped").status == 201
    letter_to(server, "dropped@example.com")
    for title, pids in server.children().items():
        status = open(f"/proc/{pids[0]}/status").read()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert set(fields["Uid"].split()) == {str(nobody.pw_uid)}, title
        assert set(fields["Gid"].split()) == {str(nobody.pw_gid)}, title
        assert fields["Groups"].split() in ([], [str(nobody.pw_gid)]), title
        assert int(fields["CapEff"], 16) == 0 and int(fields["CapPrm"], 16) == 0, title
        assert fields["NoNewPrivs"].strip() == "1", title
    var = server.directory / "var"
    for path in [var / "token.key", var / "mail.key", var / "db", var / "mail",
                 *(var / "db").iterdir(), *(var / "mail").iterdir()]:
        assert path.stat().st_uid == nobody.pw_uid, path
    server.stop()
    server.start()
    assert Api(server.address).login("dropped").status == 200
    server.stop()


@needs_root
def test_root_without_a_user_is_warned_once(serve):
    server = serve()
    warnings = [line for line in server.log_text().splitlines()
                if " warning " in line and "master.user" in line]
    assert len(warnings) == 1, server.log_tail()


def test_a_user_that_does_not_exist_is_named(prepare):
    refused(prepare({"master.user": "no-such-user"}), "no-such-user")


def test_children_have_no_core_and_few_descriptors(serve):
    server = serve()
    for title, pids in server.children().items():
        limits = open(f"/proc/{pids[0]}/limits").read()
        core = [line for line in limits.splitlines() if line.startswith("Max core file size")][0]
        assert core.split()[4] == "0", title
        targets = [os.readlink(f"/proc/{pids[0]}/fd/{n}") for n in os.listdir(f"/proc/{pids[0]}/fd")]
        if not title.startswith("store"):
            assert not [t for t in targets if "/var/db/" in t], title
        if not title.startswith("worker"):
            listening = listening_inodes()
            assert not [t for t in targets if t in listening], f"{title} holds a listener"


def test_f33_when_memory_runs_out_workers_go_first_and_the_master_last(serve):
    server = serve()

    def score(pid):
        return int(open(f"/proc/{pid}/oom_score_adj").read())
    worker, mailer, store = (score(server.child(name)) for name in ("worker 0", "mailer", "store"))
    assert worker > mailer > store > score(server.pid)


def listening_inodes():
    found = set()
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            found.add(f"socket:[{fields[9]}]")
    return found


# ---- TLS -------------------------------------------------------------------------------------------

def test_https(prepare):
    server = prepare({"http.tls_cert": "cert.pem", "http.tls_key": "key.pem"})
    key_pair(server.directory)
    server.start()
    tls = ssl.create_default_context(cafile=str(server.directory / "ca.pem"))
    tls.set_alpn_protocols(["h2", "http/1.1"])
    with Connection(server.address, tls=tls) as connection:
        assert connection.sock.selected_alpn_protocol() in (None, "http/1.1")
        assert connection.sock.version() in ("TLSv1.2", "TLSv1.3")
        assert connection.signup("overtls").status == 201
        answer = connection.request("GET", "/healthz")
        assert answer.status == 200 and answer.header("strict-transport-security")
    old = ssl.create_default_context(cafile=str(server.directory / "ca.pem"))
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        Connection(server.address, tls=old)
    with Connection(server.address) as plain:
        plain.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in plain.rest()
    # Smuggling checks look at the raw head: also under TLS.
    with Connection(server.address, tls=tls) as connection:
        connection.send(b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                        b"Content-Length: 3\r\nContent-Type: application/json\r\n\r\n{}")
        assert connection.receive().status == 400
    server.stop()


@pytest.mark.parametrize("case", ["missing", "no key", "other key"])
def test_a_wrong_certificate_refuses_to_start(prepare, case, tmp_path):
    server = prepare({"http.tls_cert": "cert.pem", "http.tls_key": "key.pem"})
    if case != "missing":
        key_pair(server.directory)
    if case == "no key":
        (server.directory / "key.pem").write_text("nonsense")
    if case == "other key":
        key_pair(tmp_path)
        shutil.copy(tmp_path / "key.pem", server.directory / "key.pem")
    refused(server)


def test_a_certificate_without_a_key_is_a_configuration_error(prepare):
    assert refused(prepare({"http.tls_cert": "cert.pem"}), "http.tls_key") == 10


def test_a_database_directory_that_cannot_be_used_is_named(prepare):
    server = prepare()
    (server.directory / "var").mkdir(mode=0o700)
    (server.directory / "var" / "db").write_text("a file")
    refused(server, "var/db")


def test_a_damaged_database_refuses_to_start(prepare):
    server = prepare()
    server.start()
    assert Api(server.address).signup("solid").status == 201
    server.stop()
    users = server.directory / "var" / "db" / "users.db"
    data = bytearray(users.read_bytes())
    data[12:16] = b"\xde\xad\xbe\xef"  # the magic number of the meta page
    users.write_bytes(data)
    assert refused(server) in (1, 20)
    wait_for(lambda: not server.session_processes(), 2, "nothing running")
