"""After the handover: reports of failed delivery and complaints, by LMTP and by the pipe command."""
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from client import Api, unique
from gatepost import clean_environment, patience, wait_for
from letters import letter_to, letters_to
from reports import ANNA, FOLDER, FROM, JOB, Lmtp, bring, expected, report, sock_of
from smtp_peer import Rule, SmtpPeer

NOTED, NOTHING = (250, b"2.0.0 noted"), (250, b"2.0.0 nothing to note")
VISIBLE = {name: row for name, row in expected().items()
           if row[3] in ("returned", "quoted") and JOB in (FOLDER / f"{name}.eml").read_text()
           and ANNA in (FOLDER / f"{name}.eml").read_text() and name != "base64-status"}


@pytest.fixture(scope="module")
def server(module_servers):
    return module_servers({"mail.from": FROM})


def written(server, api, name=None):
    """An account's name and the letter that it got."""
    name = name or unique("bounce")
    assert api.signup(name).status == 201
    return name, letter_to(server, f"{name}@example.com")


def is_bounced(api, name):
    return api.me(api.tokens(name)["access"]).json()["email_bounced"]


def counts(api):
    metrics = api.metrics()
    return {kind: metrics.get(f'gatepost_mail_reports_total{{kind="{kind}"}}', 0)
            for kind in ("hard", "soft", "complaint", "ignored")}


def grown(before, after):
    return {kind: after[kind] - before[kind] for kind in after if after[kind] != before[kind]}


@pytest.mark.parametrize("name", sorted(VISIBLE))
def test_each_report_of_the_collection_does_what_it_should(server, api, name):
    kind, _, recipient, _ = VISIBLE[name]
    user, letter = written(server, api)
    before = counts(api)
    if kind in ("none", "harmless"):
        assert bring(server, report(name, letter)) == NOTHING
        wanted = {"ignored": 1}
    else:
        assert bring(server, report(name, letter)) == NOTED
        another = recipient not in (ANNA, "-")
        kind = "soft" if another else kind
        wanted = {kind: 1}
    wait_for(lambda: grown(before, counts(api)) == wanted, 5, f"{wanted} counted")
    assert is_bounced(api, user) == (kind == "hard")
    line = [line for line in server.events("mail.bounced") if letter.path.stem in line]
    assert len(line) == (kind not in ("none", "harmless"))
    assert letter.to not in server.log_text()


def test_a_bounced_address_gets_no_second_letter(server, api):
    user, letter = written(server, api)
    assert bring(server, report("postfix-unknown", letter)) == NOTED
    dead = api.metrics()["gatepost_outbox_dead"]
    assert api.post("/api/auth/password/reset", {"email": letter.to}).status == 202
    wait_for(lambda: api.metrics()["gatepost_outbox_dead"] == dead + 1, 5, "a dead letter")
    assert len(letters_to(server, letter.to)) == 1


@pytest.mark.parametrize("reply,bounced", [
    ("550 5.1.1 no such user", True), ("550 5.2.1 mailbox disabled", True), ("550 no", False),
    ("550 5.7.1 your letter looks like spam", False)])
def test_a_relay_that_knows_no_such_mailbox_says_as_much_as_a_report(serve, reply, bounced):
    with SmtpPeer(rules=[Rule("RCPT", reply)]) as peer:
        server = serve({"smtp.host": "127.0.0.1", "smtp.port": str(peer.port), "smtp.tls": "none"})
        api, name = Api(server.address), unique("nobody")
        assert api.signup(name).status == 201
        wait_for(lambda: api.metrics()["gatepost_outbox_dead"] == 1, 10, "a dead letter")
        assert is_bounced(api, name) is bounced


def test_a_complaint_stops_letters_and_is_no_bounce(server, api):
    user, letter = written(server, api)
    assert bring(server, report("arf-yahoo", letter)) == NOTED
    dead = api.metrics()["gatepost_outbox_dead"]
    assert api.post("/api/auth/password/reset", {"email": letter.to}).status == 202
    wait_for(lambda: api.metrics()["gatepost_outbox_dead"] == dead + 1, 5, "a dead letter")
    assert not is_bounced(api, user)


def test_the_same_report_twice_counts_once(server, api):
    _, letter = written(server, api)
    before = counts(api)
    with Lmtp(server) as lmtp:
        assert lmtp.bring(report("exim-failed", letter)) == NOTED
        assert lmtp.bring(report("exim-failed", letter)) == NOTED
    wait_for(lambda: grown(before, counts(api)) == {"hard": 1}, 5, "one hard bounce")


def test_a_letter_that_nobody_remembers_is_taken_off_the_mtas_hands(server, api):
    _, letter = written(server, api)
    stranger = report("postfix-unknown", letter).replace(letter.path.stem.encode(), JOB.encode())
    assert bring(server, stranger) == NOTHING
    assert bring(server, b"garbage \xff\x00 without a header") == NOTHING
    assert bring(server, b"") == NOTHING
    assert server.events("mail.report_unmatched")


def test_who_is_no_address_of_ours_is_refused(server):
    for address in ("postmaster@accounts.example", "gatepost@example.com", "gatepost+x@accounts.example"):
        assert bring(server, b"x\r\n", address)[0] == 550, address


def test_a_message_beyond_the_size_is_refused_by_its_announcement_and_by_its_bytes(server):
    with Lmtp(server) as lmtp:
        lmtp.ehlo_or_helo_if_needed()
        assert lmtp.esmtp_features["size"] == "262144"
        assert lmtp.docmd("MAIL FROM:<> SIZE=262145")[0] == 552
        assert lmtp.bring(b"x" * 262145) == (552, b"5.3.4 message too big")
        assert lmtp.bring(b"x\r\n" * 100) == NOTHING


# ---- the return path --------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def verp(module_servers):
    """A server whose letters have return paths of their own, and the relay that sees them."""
    with SmtpPeer() as peer:
        yield module_servers({"mail.from": FROM, "mail.return_path": "bounces@accounts.example",
                              "smtp.host": "127.0.0.1", "smtp.port": str(peer.port), "smtp.tls": "none"}), peer


def sent(server, peer):
    name = unique("verp")
    count = len(peer.letters)
    assert Api(server.address).signup(name).status == 201
    return name, peer.wait_for(count + 1)[-1]


SES = (FOLDER / "ses.eml").read_bytes().replace(b"\n", b"\r\n")


def ses(letter, header=b""):
    """A report of a provider that gave the letter a Message-ID of its own."""
    return header + SES.replace(ANNA.encode(), letter.recipients[0].encode())


def test_the_return_path_tells_the_letter(verp):
    server, peer = verp
    name, letter = sent(server, peer)
    assert re.fullmatch(r"bounces\+[a-z2-7]{42}@accounts\.example", letter.sender)
    assert bring(server, ses(letter), letter.sender.upper()) == NOTED
    assert is_bounced(Api(server.address), name)
    assert "matched=return_path" in server.events("mail.bounced")[-1]


@pytest.mark.parametrize("header", ["Delivered-To: {}", "X-Original-To: <{}>", "To: \"Bounces\" <{}>"])
def test_a_return_path_in_a_header_tells_it_too(verp, header):
    server, peer = verp
    name, letter = sent(server, peer)
    assert bring(server, ses(letter)) == NOTHING
    line = header.format(letter.sender).encode() + b"\r\n"
    assert bring(server, ses(letter, line)) == NOTED
    assert is_bounced(Api(server.address), name)


def test_a_feedback_report_is_matched_by_the_return_path_it_names(verp):
    server, peer = verp
    _, letter = sent(server, peer)
    text = (FOLDER / "arf-yahoo.eml").read_bytes().replace(b"\n", b"\r\n")
    text = text.replace(b"Original-Mail-From: <" + FROM.encode(), b"Original-Mail-From: <" + letter.sender.encode())
    before = counts(Api(server.address))
    assert bring(server, text) == NOTED
    assert grown(before, counts(Api(server.address))) == {"complaint": 1}


def test_a_forged_return_path_is_nobodys(verp):
    server, peer = verp
    name, letter = sent(server, peer)
    local, domain = letter.sender.split("@")
    for place in (-1, -16, -17, 8):
        other = "b" if local[place] == "a" else "a"
        forged = local[:place] + other + (local[place + 1:] if place != -1 else "")
        assert bring(server, ses(letter), f"{forged}@{domain}")[0] == 550
        assert bring(server, ses(letter, f"Delivered-To: {forged}@{domain}\r\n".encode())) == NOTHING
    assert not is_bounced(Api(server.address), name)


# ---- the pipe command --------------------------------------------------------------------------------------

def pipe(server, message, *arguments, **settings):
    line = server.arguments("mail") + ["bounce", *arguments]
    for key, value in settings.items():
        line += ["-o", f"{key.replace('__', '.')}={value}"]
    return subprocess.run(line, cwd=server.directory, env=clean_environment(server.env), input=message,
                          capture_output=True, timeout=patience(30))


def test_the_pipe_command_brings_a_report(server, api):
    user, letter = written(server, api)
    message = report("sendmail-unknown", letter).replace(b"\r\n", b"\n")
    done = pipe(server, b"From MAILER-DAEMON Sat Nov 28 06:00:00 2026\n.dot: x\n" + message)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert is_bounced(api, user)


def test_the_pipe_command_with_the_envelopes_address(verp):
    server, peer = verp
    name, letter = sent(server, peer)
    assert pipe(server, ses(letter), "--to", letter.sender).returncode == 0
    assert is_bounced(Api(server.address), name)


def test_the_pipe_commands_exit_codes_are_those_of_sysexits(server, prepare):
    assert pipe(server, b"x\n", "--to", "nobody@accounts.example").returncode == 67
    assert pipe(server, b"x\n", "--to", "a b>").returncode == 67
    assert pipe(server, b"").returncode == 65
    assert pipe(server, b"x" * 262145).returncode == 65
    assert pipe(server, b"\n" * 200000).returncode == 65  # twice as long with CRLF
    assert pipe(server, b"x" * 262000 + b"\n").returncode == 0
    assert pipe(server, b"x\n", mail__bounce_socket="no").returncode == 75
    assert pipe(server, b"x\n", mail__bounce_socket="var/nothing.sock").returncode == 75
    assert pipe(server, b"x\n", http__nothing="1").returncode == 75
    assert pipe(server, b"x\n", "--nothing").returncode == 2
    stopped = prepare({"mail.from": FROM})
    done = pipe(stopped, b"x\n")
    assert done.returncode == 75 and b"var/bounce.sock" in done.stderr


# ---- what happens to the socket ------------------------------------------------------------------------------

def test_the_socket_is_its_starters_alone_and_goes_with_the_server(prepare):
    server = prepare({"mail.from": FROM}).start()
    mode = os.stat(sock_of(server)).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    server.stop()
    assert not sock_of(server).exists()


def test_its_mode_is_what_the_operator_says_and_it_can_be_off(serve, prepare):
    server = serve({"mail.bounce_mode": "0666"})
    assert stat.S_IMODE(os.stat(sock_of(server)).st_mode) == 0o666
    server = serve({"mail.bounce_socket": "no"})
    assert not sock_of(server).exists() and not (server.directory / "no").exists()
    assert Api(server.address).get("/readyz").status == 200
    server = prepare({"mail.bounce_socket": "in-the-way/bounce.sock"})
    (server.directory / "in-the-way").write_text("")
    server.spawn()
    assert server.wait(10) == 1 and "in-the-way" in server.log_text()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to give it up")
def test_a_server_that_gave_up_root_takes_reports_on_roots_socket(serve):
    server = serve({"mail.from": FROM, "master.user": "nobody"}, owner=65534)
    assert os.stat(sock_of(server)).st_uid == 0
    api = Api(server.address)
    user, letter = written(server, api)
    assert bring(server, report("qmail", letter)) == NOTED
    assert is_bounced(api, user)


def test_a_store_that_dies_makes_it_try_again_and_nothing_is_lost(serve):
    server = serve({"mail.from": FROM})
    api = Api(server.address)
    for _ in range(5):
        user, letter = written(server, api)
        message, seen = report("postfix-unknown", letter), []
        with Lmtp(server) as lmtp:
            server.kill("store")
            deadline = time.monotonic() + patience(30)
            while not seen or seen[-1] != NOTED:
                assert time.monotonic() < deadline, seen
                seen.append(lmtp.bring(message))
                assert seen[-1][0] in (250, 451), seen
                assert seen[-1] != NOTHING, seen
        wait_for(lambda: api.get("/readyz").status == 200, 10, "a store")
        assert is_bounced(api.fresh(), user)


def test_who_waits_while_the_mailer_is_replaced_is_served_by_the_next_one(serve):
    server = serve({"mail.from": FROM})
    api = Api(server.address)
    inode = os.stat(sock_of(server)).st_ino
    for how in ("kill", "reload"):
        user, letter = written(server, api)
        idle = Lmtp(server)
        idle.lhlo = idle.ehlo()
        if how == "kill":
            server.kill("mailer")
        else:
            os.kill(server.pid, signal.SIGHUP)
            server.env["GATEPOST_MAIL_SWEEP_S"] = "4"
        assert bring(server, report("gmail", letter)) == NOTED
        assert is_bounced(api, user)
        idle.close()
    assert os.stat(sock_of(server)).st_ino == inode


def test_peers_that_hold_every_place_are_sent_away_in_time_and_letters_go_on(serve, prepare):
    """Nobody talks; letters go out all the same, and a stop is not held up."""
    server = prepare({"mail.from": FROM}).start()
    api = Api(server.address)
    held = []
    for _ in range(40):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(sock_of(server)))
        held.append(peer)
    written(server, api)
    for peer in held[:20]:
        peer.close()
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < patience(5)
    for peer in held[20:]:
        peer.close()


def test_a_flood_of_reports_does_not_delay_letters(server, api):
    """Two connections bring reports as fast as they are taken; sign-ups' letters come meanwhile."""
    _, about = written(server, api)
    message = report("postfix-delayed", about)
    lines = b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n%s.\r\n" % (FROM.encode(), message)
    peers = []
    for _ in range(2):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(sock_of(server)))
        peer.sendall(b"LHLO x\r\n")
        peer.setblocking(False)
        peers.append([peer, b""])
    names = [unique("flood") for _ in range(20)]
    taken = 0
    for name in names:
        assert api.signup(name).status == 201
        for peer in peers:
            for _ in range(20):
                peer[1] = peer[1] or lines
                try:
                    peer[1] = peer[1][peer[0].send(peer[1]):]
                except BlockingIOError:
                    pass
                try:
                    taken += peer[0].recv(65536).count(b"2.0.0 noted")
                except BlockingIOError:
                    pass
    for name in names:
        letter_to(server, f"{name}@example.com", seconds=5)
    assert taken > 0
    for peer in peers:
        peer[0].close()
