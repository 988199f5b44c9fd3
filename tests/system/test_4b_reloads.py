"""What a reload does to clients, sockets, certificates and secrets (docs/reload.md). GATEPOST_RELOADS is
how many reloads the crowd of strict clients goes through: 40, and 500 by `make reloads`."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import jwt
import pytest

from client import Api, Closed, Connection, unique
from gatepost import free_port, patience, scaled, wait_for
from smtp_peer import SmtpPeer, key_pair
from steady import Crowd, Steady, settled, trusting
from test_41_signals import write_config

RELOADS = int(os.environ.get("GATEPOST_RELOADS", scaled(40)))
PLAIN = "[http]\nlisten = 127.0.0.1:0\n"


def reload(server, code=0, seconds=60):
    """`gatepost reload`; what it printed."""
    done = server.command("reload", seconds=seconds)
    assert done.returncode == code, done
    return done.stdout + done.stderr


def file_server(prepare, config=PLAIN, **settings):
    server = prepare({"http.listen": None, "http.workers": None, **settings}, config=config + "[log]\nlevel = info\n")
    return server


def status(server):
    with socket.socket(socket.AF_UNIX) as page:
        page.connect(str(server.directory / "var" / "gatepost.sock"))
        return page.makefile().read()


# ---- no request fails -------------------------------------------------------------------------------

def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def test_many_reloads_good_and_broken_fail_no_request(prepare, tmp_path):
    """Clients that keep their connections, that pipeline, that rest between requests, that come anew, in
    the clear and by TLS; every fifth reload is broken, in turn by its file, its port and its certificate."""
    path = tmp_path / "http.sock"
    key_pair(tmp_path)
    good = (f"[http]\nlisten = 127.0.0.1:0, unix:{path}\nworkers = WORKERS\n"
            f"tls_cert = {tmp_path}/cert.pem\ntls_key = {tmp_path}/key.pem\n")
    (tmp_path / "broken.pem").write_text("nothing")
    server = file_server(prepare, good.replace("WORKERS", "2"))
    server.start()
    taken = socket.create_server(("127.0.0.1", 0))
    broken = ["[nonsense]\n", f"[http]\nlisten = 127.0.0.1:0, 127.0.0.1:{taken.getsockname()[1]}\n",
              good.replace("WORKERS", "2").replace("cert.pem", "broken.pem")]
    tls, unix, tcp = trusting(), str(path), server.address
    crowd = Crowd([
        Steady(unix, rest=0.004), Steady(unix, rest=0.3), Steady(unix, together=4, rest=0.01),
        Steady(unix, together=3, rest=0.05), Steady(unix, fresh=True, rest=0.02),
        Steady(tcp, tls, rest=0.004), Steady(tcp, tls, rest=0.3), Steady(tcp, tls, together=4, rest=0.01),
        Steady(tcp, tls, fresh=True, rest=0.05)])
    took, refused = [], 0
    with crowd:
        for i in range(RELOADS):
            if i % 5 == 4:
                write_config(server, broken[i // 5 % 3])
                # `gatepost reload` would find these by itself, and not ask the server.
                count = len(server.events("reload.refused"))
                os.kill(server.pid, signal.SIGHUP)
                server.wait_event("reload.refused", count + 1, 40)
                refused += 1
            else:
                write_config(server, good.replace("WORKERS", "23"[i % 2]))
                took.append(int(re.search(r"^took (\d+) ms$", reload(server), re.M)[1]))
    taken.close()
    server.allow_deaths = True      # of new workers with the broken certificate
    print(f"{RELOADS} reloads, {refused} of them refused; {crowd.requests} requests, "
          f"{len(crowd.failures)} failed, {crowd.repeated} sent again; answers: p99 "
          f"{crowd.percentile(0.99) * 1000:.1f} ms, longest {crowd.percentile(1) * 1000:.0f} ms; a reload: "
          f"median {percentile(took, 0.5)} ms, p99 {percentile(took, 0.99)} ms")
    assert not crowd.failures, crowd.failures[:5]
    assert crowd.requests > 20 * RELOADS
    # What comes between the server's last look and its closing answer is the client's to repeat.
    assert crowd.repeated <= RELOADS
    server.stop()


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_sees_no_error_while_the_server_reloads(prepare):
    server = file_server(prepare)
    server.start()
    wrk = subprocess.Popen(["wrk", "-t1", "-c16", "-d5s", f"http://127.0.0.1:{server.port}/healthz"],
                           stdout=subprocess.PIPE, text=True)
    count = 0
    while wrk.poll() is None:
        reload(server)
        count += 1
    text = wrk.stdout.read()
    assert "Socket errors" not in text and "Non-2xx" not in text, text
    assert int(re.search(r"(\d+) requests in", text)[1]) > scaled(500) and count >= 1, (count, text)


def test_an_idle_connection_is_answered_by_the_worker_that_has_it(prepare):
    """Twice reloaded under it, a connection that did nothing meanwhile gets its answer, and only then is
    told to go."""
    server = file_server(prepare)
    server.start()
    with Connection(server.address) as idle:
        assert idle.request("GET", "/healthz").status == 200
        reload(server)
        reload(server)
        answer = idle.request("GET", "/healthz")
        assert answer.status == 200 and answer.closes()
        assert idle.closed_by_server()


def test_what_was_pipelined_is_answered_to_the_end(prepare):
    server = file_server(prepare)
    server.start()
    with Connection(server.address) as idle:
        assert idle.request("GET", "/healthz").status == 200
        reload(server)
        idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        answers = [idle.receive("GET") for _ in range(5)]
        assert [answer.status for answer in answers] == [200] * 5
        assert [answer.closes() for answer in answers] == [False] * 4 + [True]
        assert idle.closed_by_server()


def test_a_client_that_wants_to_close_is_not_kept(prepare):
    """Connection: close holds also for a worker that leaves, whatever was sent behind it."""
    server = file_server(prepare)
    server.start()
    with Connection(server.address) as idle:
        assert idle.request("GET", "/healthz").status == 200
        reload(server)
        idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                  b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.receive("GET").closes()
        assert idle.rest() == b""


# ---- storms -----------------------------------------------------------------------------------------

def test_a_thousand_hups_in_a_second_are_two_reloads_at_a_time(prepare):
    server = file_server(prepare)
    server.start()
    usual, peak = len(server.session_processes()), [0]
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            peak[0] = max(peak[0], len(server.session_processes()))
            page = status(server)
            begun = int(re.search(r"^reloads_begun: (\d+)$", page, re.M)[1])
            done = int(re.search(r"^reload: (\d+) ", page, re.M)[1])
            assert begun - done <= 1
            time.sleep(0.02)
    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    for i in range(1000):
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(max(0.0, began + i / 1000 - time.monotonic()))
    text = reload(server)       # one that reads the configuration as it is now
    stop.set()
    watcher.join()
    done = int(re.match(r"reload (\d+) ok", text)[1])
    assert 2 <= done <= 60, f"{done} reloads for 1,000 HUPs"
    assert peak[0] <= 3 * usual, f"{peak[0]} processes, usually {usual}"


# ---- listeners --------------------------------------------------------------------------------------

def answers(address, **options):
    try:
        with Connection(address, **options) as connection:
            return connection.request("GET", "/healthz").status == 200
    except (OSError, Closed):
        return False


def test_listeners_come_and_go_and_the_others_stay(prepare, tmp_path):
    server = file_server(prepare)
    server.start()
    first, path, port = server.address, str(tmp_path / "http.sock"), free_port()
    with Connection(first) as kept:
        assert kept.request("GET", "/healthz").status == 200
        write_config(server, PLAIN.replace(":0", f":0, unix:{path}, 127.0.0.1:{port}, [::1]:0"))
        text = reload(server)
        assert f"opened unix:{path}" in text and f"opened 127.0.0.1:{port}" in text
        sixth = re.search(r"^opened \[::1\]:(\d+)$", text, re.M)
        for address in (first, path, ("127.0.0.1", port), ("::1", int(sixth[1]))):
            assert answers(address), address
        write_config(server, f"[http]\nlisten = unix:{path}, 127.0.0.1:0\n")
        text = reload(server)
        assert f"closed 127.0.0.1:{port}" in text and "closed [::1]" in text and "opened" not in text
        assert answers(first) and answers(path)
        wait_for(lambda: not answers(("127.0.0.1", port)), 5, "an address that was taken away refuses")
        write_config(server, PLAIN)
        reload(server)
        assert not os.path.exists(path) and answers(first)


def test_a_listener_that_cannot_be_opened_takes_back_what_was(prepare, tmp_path):
    server = file_server(prepare)
    server.start()
    path = tmp_path / "http.sock"
    before = server.children()
    write_config(server, PLAIN.replace(":0", f":0, unix:{path}, 192.0.2.1:80") +
                 f"[admin]\nsocket = {tmp_path}/admin.sock\n")
    assert "192.0.2.1:80" in reload(server, 1)
    assert not path.exists() and not (tmp_path / "admin.sock").exists()
    assert server.children() == before and answers(server.address)


# ---- TLS --------------------------------------------------------------------------------------------

def serial(address):
    with Connection(address, tls=trusting()) as connection:
        return connection.sock.getpeercert(binary_form=True)


def test_certificates_change_under_connections_that_stay(prepare, tmp_path):
    """By another name, by another file of the same name; a pair that does not fit changes nothing."""
    server = file_server(prepare)
    server.start()
    assert answers(server.address)
    tls = "".join(f"tls_{kind} = {{}}/{kind}.pem\n" for kind in ("cert", "key"))
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        key_pair(folder)
    write_config(server, PLAIN + tls.format(folders[0], folders[0]))
    reload(server)
    one = serial(server.address)
    with Connection(server.address, tls=trusting()) as kept:
        assert kept.request("GET", "/healthz").status == 200
        write_config(server, PLAIN + tls.format(folders[1], folders[1]))
        assert "changed http.tls_cert" in reload(server)
        two = serial(server.address)
        assert one != two
        answer = kept.request("GET", "/healthz")    # not dropped, and as it was shaken hands on
        assert answer.status == 200 and kept.sock.getpeercert(binary_form=True) == one
    key_pair(folders[1])
    assert "no key changed" in reload(server)
    three = serial(server.address)
    assert three not in (one, two)
    before = settled(server)
    server.allow_deaths = True      # of new workers with the broken pair
    write_config(server, PLAIN + tls.format(folders[0], folders[1]))
    assert "certificate and key could not be used" in reload(server, 1)
    assert serial(server.address) == three and settled(server) == before
    write_config(server, PLAIN)
    reload(server)
    wait_for(lambda: answers(server.address), 5, "HTTP without TLS")
    with pytest.raises((ssl.SSLError, OSError)):
        serial(server.address)


# ---- sockets of its own -----------------------------------------------------------------------------

def test_the_servers_own_sockets_move(prepare):
    server = file_server(prepare)
    server.start()
    var = server.directory / "var"
    api = Api(server.address)
    name = unique("moves")
    assert api.signup(name).status == 201
    api.close()
    own = ("[master]\nadmin_socket = var/new/page.sock\n[admin]\nsocket = var/new/admin.sock\n"
           "[mail]\nbounce_socket = var/new/bounce.sock\nbounce_mode = 0660\n")
    write_config(server, PLAIN + own)
    text = reload(server)
    assert "changed master.admin_socket: var/gatepost.sock -> var/new/page.sock" in text
    assert {path.name for path in var.glob("*.sock")} == set()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (var / "new").iterdir()}
    assert modes == {"page.sock": 0o600, "admin.sock": 0o600, "bounce.sock": 0o660}
    assert "state: serving" in server.command("status").stdout
    assert name in server.command("user", "show", f"username:{name}").stdout
    write_config(server, PLAIN + own.replace("0660", "0666"))       # the same path, by another mode
    reload(server)
    assert (var / "new" / "bounce.sock").stat().st_mode & 0o777 == 0o666
    assert len(list((var / "new").iterdir())) == 3
    report = b"From: x@example.com\r\n\r\nnothing to know\r\n"
    done = subprocess.run(server.arguments("mail") + ["bounce"], cwd=server.directory, input=report,
                          capture_output=True, timeout=patience(20))
    assert done.returncode == 0, done
    # A refused reload is told at the new path too, and then that one is gone again.
    write_config(server, PLAIN + own.replace("page", "other") + "[store]\ndir = var/elsewhere\n")
    assert "needs a restart: store.dir" in reload(server, 1)
    write_config(server, PLAIN + own)
    reload(server)
    assert not (var / "new" / "other.sock").exists() and not (var / "elsewhere").exists()
    write_config(server, PLAIN + "[mail]\nbounce_socket = no\n")
    reload(server)
    assert list((var / "new").iterdir()) == []
    server.stop()
    assert list(var.glob("**/*.sock")) == []


# ---- the configuration's sources --------------------------------------------------------------------

def test_a_file_that_vanished_is_no_wish_for_the_defaults(prepare):
    server = file_server(prepare)
    server.start()
    before = server.children()
    (server.directory / "gatepost.conf").unlink()
    assert "gatepost.conf is gone" in reload(server, 1)
    assert server.children() == before and answers(server.address)
    write_config(server, PLAIN)
    reload(server)


def test_the_environments_file_is_read_again_and_its_password_is_never_told(prepare):
    server = file_server(prepare, PLAIN + "[mail]\ntransport = file\n[smtp]\nhost = 127.0.0.1\nuser = postman\n", **{"token.access_s": None})
    (server.directory / ".env").write_text("GATEPOST_TOKEN_ACCESS_S=100\nEMAIL_HOST_PASSWORD=first-of-two\n")
    server.start()
    (server.directory / ".env").write_text("GATEPOST_TOKEN_ACCESS_S=200\nEMAIL_HOST_PASSWORD=second-of-two\n")
    text = reload(server)
    assert "changed token.access_s: 100 -> 200" in text
    assert "changed EMAIL_HOST_PASSWORD: (not shown) -> (not shown)" in text
    api = Api(server.address)
    name = unique("env")
    assert api.signup(name).status == 201
    claims = jwt.decode(api.tokens(name)["access"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 200
    assert "of-two" not in text + server.log_text() + status(server)
    (server.directory / ".env").unlink()
    assert "changed token.access_s: 200 -> 300" in reload(server)


# ---- secrets ----------------------------------------------------------------------------------------

def test_what_secret_files_hold_is_read_again(prepare):
    """The mail password and the token key, each by what a file of the same name holds."""
    with SmtpPeer(credentials=("postman", "the second one")) as peer:
        server = file_server(prepare, PLAIN + f"[smtp]\nhost = 127.0.0.1\nport = {peer.port}\ntls = none\n"
                             "user = postman\npassword_file = password\n[mail]\nretry_s = 1\n")
        password = server.directory / "password"
        password.write_text("the first one\n")
        password.chmod(0o600)
        server.start()
        api = Api(server.address)
        name = unique("secret")
        assert api.signup(name).status == 201
        access = api.tokens(name)["access"]
        api.close()
        key = server.directory / "var" / "token.key"
        key.write_text("another key of at least 32 bytes, by hand\n")
        password.write_text("the second one\n")
        reload(server)
        api = Api(server.address)
        assert api.me(access).status == 401         # signed with the key that was
        assert jwt.decode(api.tokens(name)["access"], key.read_text().strip(), algorithms=["HS256"])
        peer.wait_for(1, patience(15))
        assert "the second one" not in server.log_text()
