"""`gatepost status`: the page, as an object, as a live screen."""
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

from client import PASSWORD, Api, unique
from gatepost import clean_environment, patience, wait_for
from status_page import members, page

pytestmark = pytest.mark.usefixtures("the_binary_exists")


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
