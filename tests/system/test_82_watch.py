"""What an operator watches: the metrics and their promises, and `gatepost status`."""
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time

import pytest

import certificates
import exposition
from client import PASSWORD, Api, Connection, unique
from gatepost import SLOW, clean_environment, patience, wait_for

pytestmark = pytest.mark.usefixtures("the_binary_exists")


def families(server):
    return exposition.read(Api(server.address).get("/metrics").text())


def answers(server, route, method="POST"):
    """{status class: count} of one route."""
    found = families(server)["gatepost_http_requests_total"].samples
    return {labels["status"]: value for _, labels, value in found
            if (labels["route"], labels["method"]) == (route, method)}


def page(server):
    """The status page as the command has it: {key: [values]}."""
    found = {}
    for line in server.command("status").stdout.splitlines():
        key, value = line.split(": ", 1)
        found.setdefault(key, []).append(value)
    return found


def members(value):
    return dict(word.split("=", 1) for word in value.split() if "=" in word)


# ---- metrics --------------------------------------------------------------------------------------

def test_the_text_is_what_prometheus_reads(server, api):
    assert api.signup(unique()).status == 201
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 10, "an empty outbox")
    found = families(server)
    assert len(found) > 60
    assert found["gatepost_build_info"].samples[0][1]["version"]
    durations = found["gatepost_http_request_duration_seconds"].series()
    assert sorted(dict(labels)["work"] for labels in durations) == ["hash", "read", "write"]


@pytest.mark.parametrize("text", [
    "# HELP a b\n# TYPE a gauge\na 1\n# HELP a b\n# TYPE a gauge\na 1\n",
    "# HELP a b\n# TYPE a counter\na 1\n",
    "# HELP a_total b\n# TYPE a_total counter\na_total -1\n",
    "# HELP a_ms b\n# TYPE a_ms gauge\na_ms 1\n",
    "# HELP a b\n# TYPE a gauge\na{b=\"1\"} 1\na{b=\"1\"} 2\n",
    "# HELP a b\n# TYPE a gauge\nb 1\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
    "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
    "# HELP a b\n# TYPE a gauge\na 1",
])
def test_the_judge_refuses_what_is_no_such_text(text):
    with pytest.raises(AssertionError):
        exposition.read(text)


def test_answers_are_counted_by_the_route_that_gave_them(server, api):
    before = {route: answers(server, route) for route in ("/api/auth/signup", "/api/auth/login", "other")}
    other = answers(server, "other", "")
    me = answers(server, "/api/auth/me", "GET")
    name = unique()
    assert api.signup(name).status == 201
    assert api.signup(name).status == 400
    assert api.login(name, "not that one").status == 401
    assert api.get("/api/auth/me").status == 401
    assert api.get("/nothing").status == 404
    assert api.call("OPTIONS", "/api/auth/signup").status == 204
    assert api.get("/api/auth/login").status == 405
    signup = answers(server, "/api/auth/signup")
    assert signup["2xx"] == before["/api/auth/signup"]["2xx"] + 1
    assert signup["4xx"] == before["/api/auth/signup"]["4xx"] + 1
    login = answers(server, "/api/auth/login")
    assert login["4xx"] == before["/api/auth/login"]["4xx"] + 1
    assert answers(server, "/api/auth/me", "GET")["4xx"] == me["4xx"] + 1
    after = answers(server, "other", "")
    assert (after["4xx"], after["2xx"]) == (other["4xx"] + 2, other["2xx"] + 1)


def test_administration_has_its_own_routes(server):
    with Connection(str(server.directory / "var" / "admin.sock")) as admin:
        assert admin.request("GET", "/admin/users?limit=1").status == 200
        assert admin.request("GET", "/admin/users/nobody").status == 404
    assert answers(server, "/admin/users", "GET")["2xx"] >= 1
    assert answers(server, "/admin/users/:user", "GET")["4xx"] >= 1


def test_a_sign_up_is_seen_on_its_way(server, api):
    before = api.metrics()
    assert api.signup(unique()).status == 201
    after = api.metrics()

    def grown(name):
        return after[name] - before[name]
    assert grown('gatepost_http_request_duration_seconds_count{work="hash"}') == 1
    assert grown("gatepost_store_line_seconds_count") >= 1
    assert grown("gatepost_store_batch_writes_count") >= 1
    assert grown("gatepost_store_batch_writes_sum") >= 1
    assert grown("gatepost_store_commit_seconds_count") >= 1
    assert grown("gatepost_store_flush_seconds_count") >= 1
    assert grown("gatepost_store_flush_seconds_sum") > 0
    assert after["gatepost_http_connections_open"] >= 1
    assert after["gatepost_disk_free_bytes"] > 1 << 20


ROLES = ("master", "worker", "store", "mailer", "admin")


def test_every_process_tells_its_memory(serve):
    server = serve()
    api = Api(server.address)

    def measured():
        found = api.metrics()
        return all(found[f'gatepost_process_pss_bytes{{role="{role}"}}'] > 0 for role in ROLES) and found
    found = wait_for(measured, 15, "memory of every role")
    for role in ROLES:
        assert found[f'gatepost_process_resident_bytes{{role="{role}"}}'] >= \
            found[f'gatepost_process_pss_bytes{{role="{role}"}}'] > 100_000
        assert 5 < found[f'gatepost_process_open_fds{{role="{role}"}}'] < 1000
    lines = wait_for(lambda: len(page(server)["memory"]) == 6 and page(server)["memory"], 10, "all six")
    assert {line.split()[0] for line in lines} == {"master", "store", "mailer", "worker.0", "worker.1", "admin"}
    assert {int(members(line)["pid"]) for line in lines} == \
        {server.pid, *(pid for pids in server.children().values() for pid in pids)}

    def descriptors_are_right():
        told = {int(members(line)["pid"]): int(members(line)["fds"]) for line in page(server)["memory"]}
        return all(abs(count - len(os.listdir(f"/proc/{pid}/fd"))) < 8 for pid, count in told.items())
    wait_for(descriptors_are_right, 15, "what each said at its last look")


@pytest.mark.skipif(SLOW, reason="sanitizers take memory of their own")
def test_an_idle_server_takes_less_than_36_mib(serve):
    """As it is configured by default, with two workers, after some work."""
    server = serve({"store.cache_mib": None, "http.workers": "2"})
    api = Api(server.address)
    for _ in range(5):
        name = unique()
        assert api.signup(name).status == 201
        assert api.login(name).status == 200
    api.close()

    def total():
        told = page(server)
        return len(told.get("memory", [])) == 6 and int(members(told["memory_total"][0])["pss_kib"])
    wait_for(total, 15, "memory of all six")
    time.sleep(6)  # what they told is that of their rest: each measures every 5 s
    print(*page(server)["memory"], *page(server)["memory_total"], sep="\n")
    assert total() < 36 * 1024, server.command("status").stdout


def test_ends_of_processes_are_counted_by_role_and_reason(serve):
    server = serve()

    def ended(role, reason):
        return Api(server.address).metrics()[
            f'gatepost_process_restarts_total{{role="{role}",reason="{reason}"}}']
    assert ended("store", "signal") == ended("worker", "told") == 0
    server.kill("store")
    wait_for(lambda: ended("store", "signal") == 1, 10, "the store's end")
    server.kill("mailer", signal.SIGSEGV)
    wait_for(lambda: ended("mailer", "signal") == 1, 10, "the mailer's end")
    wait_for(lambda: server.command("reload").returncode == 0, 20, "a reload")
    wait_for(lambda: ended("worker", "told") == 2, 10, "the old workers' end")
    told = {line.split()[0]: members(line) for line in page(server)["restarts"]}
    assert told["store"]["signal"] == "1" and told["worker"]["told"] == "2"


def test_the_end_of_the_certificate_in_use_is_told(serve, tmp_path):
    files = []
    for name, days in (("first", 20), ("second", 40)):
        key = certificates.new_key()
        certificate = certificates.sign("localhost", key, "localhost", key, end=days)
        (tmp_path / f"{name}.pem").write_bytes(certificates.certificate_pem(certificate))
        (tmp_path / f"{name}.key").write_bytes(certificates.key_pem(key))
        files.append(certificate.not_valid_after)
    for suffix in ("pem", "key"):
        os.symlink(tmp_path / f"first.{suffix}", tmp_path / f"now.{suffix}")
    server = serve({"http.listen": "127.0.0.1:0", "http.tls_cert": str(tmp_path / "now.pem"),
                    "http.tls_key": str(tmp_path / "now.key"), "http.workers": "1"})

    def told():
        return members(page(server)["certificate"][0])
    assert told()["ends"].startswith(files[0].strftime("%Y-%m-%dT%H:%M:%S"))
    assert told()["days"] in ("19", "20")
    for suffix in ("pem", "key"):
        os.unlink(tmp_path / f"now.{suffix}")
        os.symlink(tmp_path / f"second.{suffix}", tmp_path / f"now.{suffix}")
    assert server.command("reload").returncode == 0
    wait_for(lambda: told()["ends"].startswith(files[1].strftime("%Y-%m-%dT%H:%M:%S")), 10, "the new one")


def test_a_refused_reload_shows_until_one_takes_effect(prepare):
    server = prepare(config="[http]\nlisten = 127.0.0.1:0\nworkers = 1\n")
    server.settings = {key: value for key, value in server.settings.items() if not key.startswith("http.")}
    server.start()
    api = Api(server.address)
    config = server.directory / "gatepost.conf"
    assert api.metrics()["gatepost_config_last_reload_refused"] == 0
    began = api.metrics()["gatepost_config_last_success_timestamp_seconds"]
    config.write_text("[http]\nlisten = 127.0.0.1:0\nworkers = none\n")
    os.kill(server.pid, signal.SIGHUP)  # `gatepost reload` would not even ask
    wait_for(lambda: api.metrics()["gatepost_config_last_reload_refused"] == 1, 10, "the refusal")
    assert api.metrics()["gatepost_reloads_refused_total"] == 1
    done = server.command("status")     # the file is as wrong as it was
    assert done.returncode == 0 and re.search(r"^reload: 1 refused .*http\.workers", done.stdout, re.M), done
    assert "gatepost.conf:3: http.workers" in done.stderr, done
    config.write_text("[http]\nlisten = 127.0.0.1:0\nworkers = 1\n")
    assert server.command("reload").returncode == 0
    found = Api(server.address).metrics()
    assert found["gatepost_config_last_reload_refused"] == 0
    assert found["gatepost_config_last_success_timestamp_seconds"] > began
    server.stop()
    config.write_text("[http]\nworkers = none\n")
    done = server.command("status")
    assert done.returncode == 10 and "no server is running" in done.stderr and not done.stdout, done
    config.unlink()
    assert server.command("status", "-c", "gatepost.conf").returncode == 10


# ---- the status page ------------------------------------------------------------------------------

def test_the_page_shows_rates_and_latencies(serve):
    server = serve({"http.workers": "1"})
    api = Api(server.address)
    name = unique()
    assert api.signup(name).status == 201
    assert api.login(name, PASSWORD).status == 200
    for _ in range(50):
        assert api.get("/healthz").status == 200

    def told():
        found = page(server)
        rates = members(found["rates_60s"][0])
        return all(float(rates[key]) > 0 for key in ("requests", "signups", "logins", "letters")) and found
    found = wait_for(told, 15, "rates of all that was done")
    latency = {line.split()[0]: members(line) for line in found["latency_60s"]}
    assert int(latency["read"]["count"]) >= 50 and 0 < float(latency["read"]["p50_ms"])
    assert float(latency["read"]["p50_ms"]) <= float(latency["read"]["p99_ms"])
    assert int(latency["hash"]["count"]) == 2
    assert set(members(found["rates_10s"][0])) == {"requests", "signups", "logins", "letters"}


def test_the_page_shows_what_asked_for_attention_last(serve):
    server = serve({"http.workers": "1"})
    assert "last" not in page(server)
    server.kill("mailer")
    found = wait_for(lambda: page(server).get("last"), 10, "a line")
    assert any(re.search(r" warning master \d+ child\.died role=mailer ", line) for line in found), found
    assert int(members(page(server)["attention"][0])["warnings"]) >= 1


def test_json_has_every_line_of_the_page(server):
    done = server.command("status", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["pid"] == server.pid and found["state"] == "serving"
    assert found["listener"] == server.listeners
    assert {one["name"] for one in found["process"]} == {"master", "store", "mailer", "worker.0", "worker.1", "admin"}
    assert all(isinstance(one["pid"], int) for one in found["process"])
    assert set(page(server)) - {"last"} <= set(found)
    assert found["disk"] == "enough" and isinstance(found["disk_free_mib"], int)
    assert isinstance(found["rates_10s"]["requests"], float)


def test_json_names_nothing_twice(prepare):
    server = prepare({"http.workers": None}, config="[http]\nworkers = 1\n")
    server.start()
    (server.directory / "gatepost.conf").write_text("[http]\nworkers = 2\n[mail]\nfrom_name = a=b\n")
    assert server.command("reload").returncode == 0

    def read(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)
    found = json.loads(server.command("status", "--json").stdout, object_pairs_hook=read)
    assert found["reload_change"] == ["http.workers: 1 -> 2", "mail.from_name: none -> a=b"]
    assert found["reload_did"][0].startswith("replaced 1 workers by 2")
    server.stop()


@pytest.mark.parametrize("words", [["--wach"], ["now"], ["--json", "--json=1"]])
def test_wrong_words_are_told(server, words):
    done = server.command("status", *words)
    assert done.returncode == 2 and "usage: gatepost status" in done.stderr and done.stdout == ""


def test_watch_prints_a_page_each_second_to_a_pipe_and_ends_with_its_reader(server):
    watching = subprocess.Popen(server.arguments("status") + ["--watch", "--json"], cwd=server.directory,
                                env=clean_environment(), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        uptimes = [json.loads(watching.stdout.readline())["uptime_s"] for _ in range(3)]
        assert uptimes[2] - uptimes[0] in (1, 2, 3, 4), uptimes
        watching.stdout.close()
        assert watching.wait(patience(5)) == 0
    finally:
        watching.kill()
        watching.wait()


def watch_on_a_terminal(server, rows=40, columns=100):
    import fcntl
    import struct
    import termios
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(server.directory)
        line = server.arguments("status") + ["--watch"]
        os.execve(line[0], line, clean_environment())
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return pid, fd


def read_terminal(fd, until, seconds=10):
    deadline, seen = time.monotonic() + patience(seconds), ""
    while not until(seen):
        assert time.monotonic() < deadline, seen
        if select.select([fd], [], [], 0.1)[0]:
            try:
                piece = os.read(fd, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            seen += piece.decode()
    return seen


def frames(seen):
    return seen.split("\x1b[H")[1:]


@pytest.mark.parametrize("end", [b"q", signal.SIGINT])
def test_watch_draws_a_screen_that_a_key_ends(server, end):
    pid, fd = watch_on_a_terminal(server)
    try:
        seen = read_terminal(fd, lambda text: len(frames(text)) >= 3 and "log: errors" in frames(text)[-1])
        last = re.sub(r"\x1b\[[?0-9]*[a-zA-Z]", "", frames(seen)[-2])
        lines = last.split("\r\n")
        assert len(lines) <= 40 and max(map(len, lines)) <= 100
        assert lines[0].startswith("gatepost ") and "serving" in lines[0]
        for word in ("requests", "store_flush", "worker.1", "connections", "letters due"):
            assert word in last, last
        if end == b"q":
            os.write(fd, end)
        else:
            os.kill(pid, end)
        seen = read_terminal(fd, lambda text: "\x1b[?1049l" in text)
        assert "\x1b[?25h\x1b[?1049l" in seen, "the terminal is given back"
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(fd)


def test_watch_fits_a_small_screen(server):
    pid, fd = watch_on_a_terminal(server, rows=5, columns=20)
    try:
        seen = read_terminal(fd, lambda text: len(frames(text)) >= 3)
        for frame in frames(seen)[1:2]:  # the first one may have been drawn before the size was told
            lines = re.sub(r"\x1b\[[?0-9]*[a-zA-Z]", "", frame).split("\r\n")
            assert len(lines) == 5 and max(map(len, lines)) <= 20, lines
        os.write(fd, b"q")
        os.waitpid(pid, 0)
    finally:
        os.close(fd)


def test_watch_ends_with_the_server(serve):
    server = serve({"http.workers": "1"})
    watching = subprocess.Popen(server.arguments("status") + ["--watch"], cwd=server.directory,
                                env=clean_environment(), stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)
    server.stop()
    assert watching.wait(patience(5)) == 3
    assert "the server has ended" in watching.stderr.read()


def test_a_page_costs_its_reader_little(server):
    """Whoever may read may do so as often as he likes: a scrape is some milliseconds of one worker."""
    api = Api(server.address)
    began = time.monotonic()
    for _ in range(20):
        assert api.get("/metrics").status == 200
    assert time.monotonic() - began < patience(2)


def test_the_admin_socket_stays_one_way(server):
    with socket.socket(socket.AF_UNIX) as reader:
        reader.connect(str(server.directory / "var" / "gatepost.sock"))
        text = b""
        while piece := reader.recv(65536):
            text += piece
    assert text.startswith(b"version: ") and len(text) < 32768
