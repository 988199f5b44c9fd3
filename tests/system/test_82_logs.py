"""Log lines as text and as JSON, whatever stands in them; and one request followed through all
processes by its id."""
import json
import os
import re
import signal
import time

import pytest

from client import Api, Connection, unique
from gatepost import wait_for

FIRST = ["time", "level", "process", "pid", "event"]
LEVELS = ("error", "warning", "info", "debug")
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug) [a-z.0-9]+ \d+ [a-z_]+\.[a-z_]+( .*)?")

# What has broken logs elsewhere: ends of lines, quotes, braces, escapes, terminals, what is no UTF-8.
EVIL = [b"plain", b"a\"b", b"a\\b", b"a\\", b"a\\\"b", b"\"}", b"{\"event\":\"forged\"}", b"a=b c=d",
        b"x\" level=\"error", b"\" event=\"forged.event", b"%s%n%d", b"\xff\xfe", b"\xc3", b"\xc3\xa9",
        b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xf0\x9f\x94\xa5", b"\xed\xa0\x80", b"\xc2\x9b31m", b"'<>&",
        b"\\u0000", b"\\n", b"A" * 3000, b"\xe2\x80\xa8" * 700, b"\"" * 900]


def lines_of(server, fmt):
    """Whole lines only: one may be on its way."""
    text = server.log_path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) if fmt == "json" else line.decode() for line in text if line]


def ask_for_evil_paths(server):
    """As many lines of the access log as there are texts."""
    for evil in EVIL:
        with Connection(server.address) as connection:
            connection.send(b"GET /" + evil.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: x\r\nX-Request-Id: " +
                            evil[:60] + b"\r\nUser-Agent: " + evil + b"\r\nConnection: close\r\n\r\n")
            try:
                connection.receive("GET")
            except Exception:  # what is no HTTP at all gets no answer that could be read
                pass


def test_every_line_of_json_is_an_object_whatever_is_asked(serve):
    server = serve({"log.format": "json", "log.access": "yes", "log.level": "debug"})
    api = Api(server.address)
    name = unique()
    assert api.signup(name).status == 201
    assert api.login(name, "wrong").status == 401
    for evil in EVIL:
        text = evil.decode("utf-8", "replace")
        api.login(text, text)
        api.signup(text, email=f"{text}@example.com")
    ask_for_evil_paths(server)
    server.kill("worker 0")
    wait_for(lambda: any(one["event"] == "child.died" for one in lines_of(server, "json")), 10, "the death")
    assert server.command("reload").returncode == 0
    server.stop()
    found = lines_of(server, "json")
    for one in found:
        assert list(one)[:5] == FIRST, one
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["time"])
        assert one["level"] in LEVELS and isinstance(one["pid"], int), one
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", one["event"]), one
        assert "forged" not in one["event"]
        assert all(isinstance(value, (str, int, float)) for value in one.values()), one
    for line in server.log_path.read_bytes().splitlines():
        assert len(line) <= 4096 and not re.search(rb"[\x00-\x1f\x7f]", line)
    died = [one for one in found if one["event"] == "child.died"]
    assert died[0]["role"] == "worker.0" and isinstance(died[0]["child"], int)
    assert died[0]["because"] == "it was killed by SIGKILL"
    assert found[-1]["event"] == "server.stopped" and found[-1]["exit"] == 0


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_one_event_is_one_line(serve, fmt):
    server = serve({"log.format": fmt, "log.access": "yes", "http.workers": "1"})
    ask_for_evil_paths(server)
    api = Api(server.address)
    for _ in range(20):
        assert api.get("/healthz").status == 200

    def answered():
        return [line for line in lines_of(server, fmt)
                if (line["event"] if fmt == "json" else line.split(" ")[4]) == "http.answered"]
    asked = api.metrics()
    # Each answer that was counted had its line; the one that counts is on its way itself.
    total = sum(asked[f'gatepost_http_responses_total{{status="{status}xx"}}'] for status in (2, 3, 4, 5))
    wait_for(lambda: len(answered()) == total + 1, 10, f"{total + 1} lines")
    if fmt == "text":
        for line in lines_of(server, fmt):
            assert TEXT_LINE.fullmatch(line), line


def test_numbers_stay_numbers_and_texts_texts(serve):
    server = serve({"log.format": "json", "log.access": "yes", "http.trusted_proxies": "127.0.0.1"})
    api = Api(server.address)
    assert api.get("/healthz", headers=[("X-Request-Id", "12345")]).status == 200
    line = wait_for(lambda: [one for one in lines_of(server, "json") if one.get("id") == "12345"], 5, "the line")[0]
    assert line["path"] == "/healthz" and line["status"] == 200 and line["method"] == "GET"
    assert isinstance(line["ms"], int) and isinstance(line["bytes"], int)


def test_a_start_that_fails_says_so_in_the_form_that_was_asked_for(prepare):
    server = prepare({"log.format": "json", "token.secret_file": "short.key"})
    (server.directory / "short.key").write_text("short")
    (server.directory / "short.key").chmod(0o600)
    server.spawn()
    assert server.wait(15) != 0
    found = lines_of(server, "json")
    assert any(one["event"] == "process.failed" and isinstance(one["exit"], int) and "short.key" in one["message"]
               for one in found), found


def test_a_reload_changes_the_form_of_every_process(prepare):
    server = prepare(config="[log]\nformat = text\naccess = yes\n")
    server.start()
    api = Api(server.address)
    assert api.signup(unique()).status == 201
    (server.directory / "gatepost.conf").write_text("[log]\nformat = json\naccess = yes\n")
    assert server.command("reload").returncode == 0
    at = len(server.log_path.read_bytes())
    api = Api(server.address)
    assert api.signup(unique()).status == 201
    wait_for(lambda: list(server.mail_dir.glob("*.eml")).__len__() == 2, 10, "the letter")
    wait_for(lambda: "mail.delivered" in server.log_path.read_text()[at:], 10, "its line")
    server.stop()
    fresh = server.log_path.read_bytes()[at:].splitlines()
    processes = set()
    for line in fresh:
        processes.add(json.loads(line)["process"])
    assert {"master", "worker", "store", "mailer"} <= {name.split(".")[0] for name in processes}


# ---- one request ----------------------------------------------------------------------------------

def test_one_sign_up_is_followed_through_all_processes(serve):
    server = serve({"log.level": "debug", "log.format": "json", "log.access": "yes",
                    "http.trusted_proxies": "127.0.0.1"})
    api = Api(server.address)
    name = "follow-me.1"
    answer = api.call("POST", "/api/auth/signup", {"username": unique(), "email": f"{unique()}@example.com",
                                                   "password": "correct horse battery staple"},
                      headers=[("X-Request-Id", name)])
    assert answer.status == 201 and answer.header("x-request-id") == name

    def told():
        found = [one for one in lines_of(server, "json") if name in (one.get("request"), one.get("id"))]
        return {"store.carried_out", "mail.delivered", "http.answered"} <= {one["event"] for one in found} and found
    found = wait_for(told, 10, "lines of three processes")
    events = {one["event"]: one for one in found}
    assert events["store.carried_out"]["ask"] == "account_create"
    assert events["letter.announced"]["job"] == events["mail.delivered"]["job"]
    assert events["http.answered"]["status"] == 201


def test_only_a_trusted_proxy_names_a_request(serve):
    server = serve({"http.trusted_proxies": "127.0.9.9", "log.access": "yes"})
    mine = [("X-Request-Id", "mine")]
    with Connection(server.address) as stranger:
        answer = stranger.request("GET", "/healthz", headers=mine)
        assert re.fullmatch(r"[0-9a-f]{32}", answer.header("x-request-id"))
    with Connection(server.address, source="127.0.9.9") as proxy:
        assert proxy.request("GET", "/healthz", headers=mine).header("x-request-id") == "mine"
        for bad in ("", "a b", "a" * 65, "a\"b", "é"):
            answer = proxy.request("GET", "/healthz", headers=[("X-Request-Id", bad)])
            assert re.fullmatch(r"[0-9a-f]{32}", answer.header("x-request-id")), bad
    wait_for(lambda: len(server.events("http.answered")) == 7, 5, "the lines")
    assert sum(" id=mine " in line for line in server.events("http.answered")) == 1


def test_a_letter_that_the_sweep_found_is_known_by_its_job(serve):
    """Its announcement is lost with the mailer; the worker's line links the two."""
    server = serve({"http.workers": "1", "mail.sweep_s": "1"})
    api = Api(server.address)
    os.kill(server.child("mailer"), signal.SIGSTOP)
    answer = api.signup(unique())
    assert answer.status == 201
    request = answer.header("x-request-id")
    server.kill("mailer")
    line = server.wait_event("mail.delivered")[0]
    assert "request=" not in line
    job = re.search(r" job=(\S+)", line)[1]
    assert any(f"request={request} job={job} " in one for one in server.events("letter.announced"))


def test_a_line_about_nothing_names_no_request(serve):
    """What one request was called is not left behind for the next line."""
    server = serve({"log.level": "debug", "http.workers": "1"})
    api = Api(server.address)
    answer = api.signup(unique())
    request = answer.header("x-request-id")
    server.wait_event("mail.delivered")
    time.sleep(0.1)
    server.kill("worker 0")
    server.wait_event("child.died")
    server.stop()
    for name in ("store.closed", "mailer.stopped", "audit.noted"):
        assert all("request=" not in line for line in server.events(name)), name
    assert sum(f"request={request}" in line for line in server.events("mail.delivered")) == 1
