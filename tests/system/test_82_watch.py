"""What an operator watches: the metrics and their promises."""
import os
import re
import signal
import time

import pytest

import certificates
import exposition
from client import Api, Connection, unique
from gatepost import SLOW, wait_for
from status_page import members, page

pytestmark = pytest.mark.usefixtures("the_binary_exists")


def families(server):
    return exposition.read(Api(server.address).get("/metrics").text())


def answers(server, route, method="POST"):
    """{status class: count} of one route."""
    found = families(server)["gatepost_http_requests_total"].samples
    return {labels["status"]: value for _, labels, value in found
            if (labels["route"], labels["method"]) == (route, method)}


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
    server.kill("mailer", signal.SIGKILL if SLOW else signal.SIGSEGV)  # a sanitizer has its own word on that one
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
