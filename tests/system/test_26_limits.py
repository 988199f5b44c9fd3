"""Limits on how often one address may call, whose address that is, and what a client is told."""
import os
import signal
import threading
import time
from collections import Counter

import pytest

from client import Api, Closed, Connection, FORM, JSON, PASSWORD, account, unique
from gatepost import wait_for
from letters import letters_to
from load import connection_to_each

VERIFY = "/api/auth/token/verify"
LOGIN = "/api/auth/login"
RESEND = "/api/auth/verify-email/resend"
PROXIED = {"limits.enabled": "yes", "limits.token_address": "5/3600", "http.workers": "1",
           "http.trusted_proxies": "127.0.0.1, 127.0.1.0/24, ::1", "log.access": "yes"}


def check(connection, *addresses):
    """One token check, as if it came through a proxy; True when it was not throttled."""
    headers = [("X-Forwarded-For", address) for address in addresses]
    answer = connection.request("POST", VERIFY, {"token": "x"}, headers=headers)
    assert answer.status in (401, 429), answer
    return answer.status == 401


def taken(connection, tries, *addresses):
    return sum(check(connection, *addresses) for _ in range(tries))


def reload(server):
    workers = server.workers()
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: len(server.workers()) == len(workers) and not set(workers) & set(server.workers()),
             15, "new workers alone")


def count_at_once(connections, tries):
    """How many of so many tries over each connection get through, all connections at once; and how
    many nobody knows about, because the connection went away."""
    results, lost = [], []

    def run(connection):
        for _ in range(tries):
            try:
                results.append(check(connection))
            except (Closed, OSError):
                lost.append(connection)
                return
    threads = [threading.Thread(target=run, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(results), len(lost)


def test_the_limit_is_exact_over_four_workers_a_reload_and_a_kill(serve):
    server = serve({"limits.enabled": "yes", "limits.token_address": "400/86400", "http.workers": "4"})
    through, lost = count_at_once(connection_to_each(server).values(), 20)
    assert (through, lost) == (80, 0)
    reload(server)
    more, lost = count_at_once(connection_to_each(server).values(), 20)
    assert (more, lost) == (80, 0)
    through += more
    workers = connection_to_each(server)
    victim, connections = next(iter(workers)), list(workers.values())
    killer = threading.Timer(0.02, lambda: server.kill(server.title(victim).split("gatepost: ")[1]))
    killer.start()
    more, lost = count_at_once(connections, 35)
    killer.join()
    through += more
    wait_for(lambda: len(server.workers()) == 4, 10, "four workers again")
    more, again = count_at_once(connection_to_each(server).values(), 150)
    through += more
    assert again == 0
    # A day for 400: none has come back yet. What was asked of the killed worker may have counted.
    assert 400 - lost <= through <= 400, (through, lost)


def while_the_store_dies(server, connections, request):
    """The statuses of what each connection asks, request(number) at a time, while three stores are killed
    one after the other (more would meet the back-off), until it is told that it asks too often."""
    statuses, over = [], threading.Event()

    def run(first, connection):
        told = 0
        for number in range(first, 10**6, len(connections)):
            statuses.append(connection.request(*request(number)).status)
            told = told + 1 if statuses[-1] == 429 else 0
            if told >= 3 and over.is_set():
                return
    threads = [threading.Thread(target=run, args=(number, connection))
               for number, connection in enumerate(connections)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            time.sleep(0.05)
            pid = server.kill("store")
            wait_for(lambda: pid not in server.children().get("store", [pid]), 10, "another store")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return Counter(statuses)


def test_limits_are_exact_over_four_workers_while_the_store_is_killed(serve):
    server = serve({"limits.enabled": "yes", "limits.login_address": "150/86400", "http.workers": "4",
                    "limits.account_failures": "7", "limits.account_delay_s": "600", "limits.letters": "5/3600",
                    "limits.mail_address": "no"})
    connections = list(connection_to_each(server).values())
    owner = Api(server.address, source="127.0.0.9")     # whose logins do not count among the others'
    assert owner.signup("anna").status == 201
    access = owner.tokens("anna")["access"]
    guesses = while_the_store_dies(server, connections, lambda number: (
        "POST", "/api/auth/password/change",
        {"current_password": "not the password", "new_password": f"another-long-password-{number}"}, JSON,
        [("Authorization", f"Bearer {access}")]))
    # A guess that ended with 503 was none: nobody learned anything.
    assert guesses[400] == 7 and set(guesses) <= {400, 429, 503}, guesses
    logins = while_the_store_dies(server, connections, lambda number: (
        "POST", LOGIN, {"username": f"nobody{number}", "password": "x"}))
    assert logins[401] + logins[503] == 150 and set(logins) <= {401, 429, 503}, logins
    assert owner.signup("otto").status == 201
    access = owner.tokens("otto")["access"]
    moves = while_the_store_dies(server, connections, lambda number: (
        "PATCH", "/api/auth/me", {"email": f"otto{number}@example.net", "password": PASSWORD}, JSON,
        [("Authorization", f"Bearer {access}")]))
    assert 5 - moves[503] <= moves[200] <= 5 and set(moves) <= {200, 429, 503}, moves
    wait_for(lambda: owner.fresh().metrics()["gatepost_outbox_pending"] == 0, 10, "an empty outbox")
    assert len(letters_to(server, "otto@example.com", 1)) == 1 + 5, "the sign-up's, a notice for each move"


def test_a_throttled_request_is_told_when_to_come_again_before_all_else(serve):
    server = serve({"limits.enabled": "yes", "limits.login_address": "2/3600", "http.workers": "1",
                    "limits.signup_address": "1/1"})
    api = Api(server.address)
    for _ in range(2):
        assert api.login("nobody").status == 401
    answer = api.login("nobody")
    assert (answer.status, answer.reason) == (429, "Too Many Requests")
    wait = int(answer.header("retry-after"))
    assert 1790 <= wait <= 1800
    assert answer.json() == {"detail": f"Request was throttled. Expected available in {wait} seconds."}
    # As Django REST framework has it: before the media type and the fields.
    assert api.post(LOGIN, b"x", content_type="text/plain").status == 429
    assert api.post(LOGIN, "{").status == 429
    assert api.call("OPTIONS", LOGIN).status == 204
    # Other than it has it: what the route cannot do is not counted, or any page could use up its
    # visitors' logins with pictures.
    assert api.get(LOGIN).status == 405
    # Other routes and other addresses have limits of their own.
    assert api.post(VERIFY, {"token": "x"}).status == 401
    assert Api(server.address, source="127.0.0.2").login("nobody").status == 401
    assert api.signup(unique()).status == 201
    answer = api.signup(unique())
    assert answer.status == 429 and answer.header("retry-after") == "1"
    assert answer.json() == {"detail": "Request was throttled. Expected available in 1 second."}
    wait_for(lambda: api.signup(unique()).status == 201, 5, "the limit to let one through")
    metrics = api.metrics()
    assert metrics['gatepost_throttled_total{limit="login_address"}'] == 3
    assert metrics['gatepost_throttled_total{limit="signup_address"}'] >= 1
    assert metrics['gatepost_throttled_total{limit="token_address"}'] == 0
    assert metrics["gatepost_limit_evictions_total"] == 0


def test_every_route_that_costs_something_has_its_limit(serve):
    names = ("signup", "login", "refresh", "token", "mail")
    server = serve({"limits.enabled": "yes", "http.workers": "2",
                    **{f"limits.{name}_address": "1/3600" for name in names}})
    api = Api(server.address)
    calls = [("/api/auth/signup", account(unique())), (LOGIN, {"username": "a", "password": "b"}),
             ("/api/auth/token/refresh", {"refresh": "x"}), (VERIFY, {"token": "x"}),
             (RESEND, {"email": "a@example.com"})]
    for path, body in calls:
        assert api.post(path, body).status < 429, path
        assert api.post(path, body).status == 429, path
        assert api.post(path + "/?x=1", body, content_type=FORM).status == 429, path
    for _ in range(5):
        assert api.get("/healthz").status == api.get("/metrics").status == 200
        assert api.get("/api/auth/me").status == 401


def test_a_limit_for_all_is_for_all(serve):
    server = serve({"limits.enabled": "yes", "limits.login_global": "6/3600", "http.workers": "2",
                    "limits.login_address": "4/3600"})
    first, second = (Api(server.address, source=f"127.0.0.{i}") for i in (2, 3))
    # What one address asked for in vain is not taken from the others.
    assert [first.login("nobody").status for _ in range(10)] == [401] * 4 + [429] * 6
    assert [second.login("nobody").status for _ in range(4)] == [401] * 2 + [429] * 2
    metrics = first.metrics()
    assert metrics['gatepost_throttled_total{limit="login_global"}'] == 2


def test_a_reload_changes_the_limits(serve):
    server = serve(config="[limits]\ntoken_address = 3/3600\n", overrides={
        "limits.enabled": None, "http.workers": "1"})
    with Connection(server.address) as connection:
        assert taken(connection, 10) == 3
    (server.directory / "gatepost.conf").write_text("[limits]\ntoken_address = 3/3s\n")
    os.kill(server.pid, signal.SIGHUP)
    server.wait_event("reload.refused")
    with Connection(server.address) as connection:
        assert taken(connection, 1) == 0
    (server.directory / "gatepost.conf").write_text("[limits]\ntoken_address = no\n")
    reload(server)
    with Connection(server.address) as connection:
        assert taken(connection, 20) == 20


def test_without_limits_nothing_is_throttled(serve):
    names = ("signup", "login", "refresh", "token", "mail")
    server = serve({"limits.enabled": "no", "limits.account_failures": "1", "limits.letters": "1/3600",
                    "limits.login_global": "1/3600", "http.workers": "1",
                    **{f"limits.{name}_address": "1/3600" for name in names}})
    api = Api(server.address)
    assert api.signup("free").status == 201
    for _ in range(5):
        assert api.login("free", "wrong password").status == 401
        assert api.post(VERIFY, {"token": "x"}).status == 401
        assert api.post(RESEND, {"email": "free@example.com"}).status == 202
    assert api.login("free").status == 200
    assert not [value for name, value in api.metrics().items() if "throttled" in name and value]


# ---- whose address it is ----------------------------------------------------------------------------

def test_a_forged_header_does_not_change_the_bucket(serve):
    server = serve({**PROXIED, "http.trusted_proxies": "10.0.0.0/8"})
    with Connection(server.address) as connection:
        assert sum(check(connection, f"198.51.100.{i}") for i in range(20)) == 5
    lines = server.wait_event("http.answered", 20)
    assert all(" peer=127.0.0.1 " in line for line in lines)


def test_a_trusted_proxys_header_is_the_client(serve):
    server = serve(PROXIED)
    with Connection(server.address) as connection:
        assert taken(connection, 8, "198.51.100.1") == 5
        assert taken(connection, 8, "198.51.100.2") == 5
        # What the client wrote itself stands left of what the proxies wrote.
        assert taken(connection, 3, "198.51.100.77, 198.51.100.1") == 0
        assert taken(connection, 3, "198.51.100.77, 198.51.100.1, 127.0.1.9") == 0
        assert taken(connection, 3, "198.51.100.77", "198.51.100.1:1234", "127.0.1.9") == 0
        # The /64 of an IPv6 address is one client.
        assert taken(connection, 3, "2001:db8:1:2::1") == 3
        assert taken(connection, 8, "[2001:db8:1:2:ffff::9]:443") == 2
        assert taken(connection, 8, "2001:db8:1:3::1") == 5
        # Nothing: the proxy stands for itself. Nonsense: nobody is known, nor passes for the proxy.
        assert taken(connection, 3) == 3
        assert taken(connection, 3, "198.51.100.3, nonsense") == 3
        assert taken(connection, 3, "") == 2
        assert taken(connection, 3) == 2
        # However many lines there are, the last ones are the proxies'.
        assert taken(connection, 3, *["198.51.100.66"] * 20, "198.51.100.1") == 0
    with Connection(server.address, source="127.0.0.5") as stranger:
        assert taken(stranger, 8, "198.51.100.4") == 5

    def answered(peer):
        return len([line for line in server.events("http.answered") if f" peer={peer} " in line])
    wait_for(lambda: answered("198.51.100.1") == 20 and answered("127.0.0.5") == 8, 10, "a line for each")
    assert answered("unknown") == 6


def test_audit_and_metrics_go_by_the_clients_address(serve):
    server = serve({**PROXIED, "http.metrics_allow": "127.0.0.1, 198.51.100.9"})
    api = Api(server.address)

    def metrics(*addresses):
        return api.get("/metrics", headers=[("X-Forwarded-For", address) for address in addresses]).status
    assert metrics() == 200
    assert metrics("198.51.100.9") == 200
    assert metrics("198.51.100.8") == 404
    assert metrics("198.51.100.9, 198.51.100.8") == 404
    assert metrics("nonsense") == metrics("") == 404, "nobody passes for the proxy"
    assert metrics(*["198.51.100.9"] * 17, "198.51.100.8") == 404
    api.post(LOGIN, {"username": "x", "password": "y"}, headers=[("X-Forwarded-For", "198.51.100.8")])
    assert " peer=198.51.100.8 " in server.wait_event("login.failed")[0]


def test_local_sockets_have_no_address_unless_a_proxy_is_there(serve, tmp_path):
    path = str(tmp_path / "http.sock")
    server = serve({**PROXIED, "http.listen": f"unix:{path}"})
    with Connection(path) as connection:
        assert taken(connection, 20) == 20
        assert taken(connection, 20, "198.51.100.1") == 20
    server.stop()
    serve({**PROXIED, "http.listen": f"unix:{path}", "http.trusted_proxies": "unix"})
    with Connection(path) as connection:
        assert taken(connection, 20) == 20
        assert taken(connection, 20, "198.51.100.1") == 5


@pytest.mark.parametrize("proxies", ["127.0.0.1,", "proxy.example.com", "127.0.0.1/33"])
def test_a_list_of_proxies_that_is_none_is_refused(prepare, proxies):
    server = prepare({"http.trusted_proxies": proxies})
    done = server.command("check")
    assert done.returncode == 10 and "http.trusted_proxies" in done.stderr + done.stdout


# ---- letters ------------------------------------------------------------------------------------------

def test_letters_on_request_end_with_the_limit_and_the_answer_is_the_same(serve):
    server = serve({"limits.enabled": "yes", "limits.letters": "2/3600", "limits.mail_address": "6/3600",
                    "http.workers": "1"})
    api = Api(server.address)
    assert api.signup("first").status == 201
    letters_to(server, "first@example.com", 1)
    bodies = []
    for count in (2, 3, 3, 3):
        answer = api.post(RESEND, {"email": "first@example.com"})
        bodies.append((answer.status, answer.body))
        wait_for(lambda: api.metrics().get("gatepost_outbox_pending", 0) == 0, 10, "an empty outbox")
        assert len(letters_to(server, "first@example.com", count)) == count
    assert len(set(bodies)) == 1 and bodies[0][0] == 202
    # Whoever asks in many names is stopped by the address.
    assert [api.post(RESEND, {"email": f"n{i}@example.com"}).status for i in range(4)] == [202, 202, 429, 429]


def test_the_rate_comes_back_one_by_one(serve):
    server = serve({"limits.enabled": "yes", "limits.token_address": "10/2", "http.workers": "2"})
    with Connection(server.address) as connection:
        began = time.monotonic()
        through = 0
        while time.monotonic() - began < 4:
            through += check(connection)
            time.sleep(0.01)
        took = time.monotonic() - began
    assert abs(through - (10 + 5 * took)) <= 2, (through, took)
