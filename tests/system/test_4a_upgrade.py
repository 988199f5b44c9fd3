"""USR2: the new binary in place (docs/upgrade.md). Row F39 of the fault list: binaries that are none."""
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

import gatepost
import segment
from client import Api, encode, unique
from gatepost import BINARY, patience, processes_where, scaled, stat_fields, wait_for
from letters import recipients
from load import Load, assert_all_exist
from smtp_peer import SmtpPeer
from upgrading import (CONFIG, own_version, Installed, assert_closes_on_exec, assert_upgraded, descriptors, family,
                       make, page, segment_of, settled, upgrade, usr2, version_like, write_config,
                       with_a_letter_in_flight)

HEALTH = encode("GET", "/healthz")
UPGRADES = int(os.environ.get("GATEPOST_UPGRADES", scaled(9)))


@pytest.fixture
def server(prepare):
    made = make(prepare)
    yield made
    if made.alive():
        made.stop()


# ---- good ones ---------------------------------------------------------------------------------------


def test_an_upgrade_under_load_fails_no_request(server):
    api = Api(server.address)
    name = unique("stays")
    assert api.signup(name).status == 201
    pair = api.tokens(name)
    api.close()
    before, listeners = settled(server), page(server)["listener"]
    held = segment_of(server.pid)
    with Load(server, keep=3, fresh=2) as load, Load(server, keep=1, fresh=1, request=HEALTH) as health:
        load.wait_progress(10)
        server.installed.own(version=version_like("9"))
        done = upgrade(server)
        load.wait_progress(10)
    assert_upgraded(server, done, version_like("9"))
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:3])
    assert not health.wrong and not health.cut, (health.wrong[:2], health.cut[:3])
    assert not set(before) & set(settled(server)), "a child of the old binary is left"
    for pid in settled(server):
        assert os.readlink(f"/proc/{pid}/exe") == os.readlink(f"/proc/{server.pid}/exe") == str(server.installed.path)
    assert page(server)["listener"] == listeners and segment_of(server.pid) == held
    assert (server.directory / "var" / "gatepost.pid").read_text() == f"{server.pid}\n"
    assert server.title(server.pid) == "gatepost: master"
    assert_closes_on_exec(server.pid)
    assert_all_exist(server, load.acknowledged)
    assert Api(server.address).me(pair["access"]).status == 200
    wait_for(lambda: page(server)["outbox_pending"] == "0", 20, "every letter sent")
    counts = Counter(recipients(server))
    assert all(counts[f"{one}@example.com"] == 1 for one in load.acknowledged)


def test_after_an_upgrade_reload_and_stop_work_as_before(server):
    server.installed.own(version=version_like("8"))
    assert_upgraded(server, upgrade(server), version_like("8"))
    before = settled(server)
    done = server.command("reload", seconds=60)
    assert done.returncode == 0 and done.stdout.startswith("reload 1 ok "), done
    after = settled(server)
    stays = [title for pid, title in after.items() if pid in before]
    assert stays == ["store"]
    server.kill("worker 0")
    wait_for(lambda: len(server.workers()) == 2, 10, "another worker 0")
    assert Api(server.address).signup(unique()).status == 201
    assert server.command("stop").returncode == 0
    assert server.wait(5) == 0
    server.assert_nothing_runs()
    server.start()


def test_a_symbolic_link_is_followed_anew(prepare):
    """The name counts that the server was started by, not the file that it led to."""
    server = prepare()
    server.installed = Installed(server)
    releases = server.directory / "releases"
    releases.mkdir()
    server.installed.path.rename(releases / "one")
    server.installed.own(version=version_like("7"))
    server.installed.path.rename(releases / "two")
    server.installed.path.symlink_to(releases / "one")
    server.start()
    assert page(server)["version"] == own_version()
    (server.installed.path.parent / "link").symlink_to(releases / "two")
    (server.installed.path.parent / "link").rename(server.installed.path)
    assert_upgraded(server, upgrade(server), version_like("7"))
    server.stop()


def test_upgrades_leave_no_descriptor_and_no_memory(server):
    def footprint():
        settled(server)
        size = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())[1])
        return len(descriptors(server.pid)), size
    assert upgrade(server).returncode == 0
    before = footprint()
    for _ in range(scaled(5)):
        assert upgrade(server).returncode == 0
    after = footprint()
    assert after[0] == before[0], descriptors(server.pid)
    assert after[1] < before[1] * 1.2, (before, after)


def test_a_storm_of_upgrades_and_reloads_is_folded(server):
    with Load(server, keep=2, fresh=1) as load:
        for _ in range(40):
            os.kill(server.pid, signal.SIGUSR2)
            os.kill(server.pid, signal.SIGHUP)
            time.sleep(0.005)
        wait_for(lambda: page(server)["upgrade"].split()[1] == "ok" and
                 page(server)["upgrades_begun"] == page(server)["upgrade"].split()[0] and
                 page(server)["reload"].split()[1] == "ok", 60, "all of them done")
        load.wait_progress(5)
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:3])
    assert int(page(server)["upgrades_begun"]) < 20
    assert_all_exist(server, load.acknowledged)


def test_a_letter_in_flight_is_sent_once(prepare):
    with SmtpPeer() as peer:
        server, address = with_a_letter_in_flight(prepare, peer)
        assert upgrade(server).returncode == 0
        wait_for(lambda: page(server)["outbox_pending"] == "0", 20, "the letter settled")
        time.sleep(1.5)
        assert [letter.recipients for letter in peer.letters] == [[address]]
        server.stop()


@pytest.mark.points
@pytest.mark.parametrize("point", ["u.before_exec", "u.after_exec"])
def test_who_dies_between_the_two_images_is_reaped_and_replaced(server, points, point):
    """The kernel forgets the signal of a death when the new image says what it does with that signal."""
    server.allow_deaths = True
    points.arm(point, segment.SLEEP, value=int(patience(0.6) * 1000))
    mailer = server.child("mailer")
    os.kill(server.pid, signal.SIGUSR2)
    wait_for(lambda: points.fired(point) == 1, 15, "the moment between the images")
    os.kill(mailer, signal.SIGKILL)
    wait_for(lambda: page(server)["upgrade"].startswith("1 ok"), 40, "the upgrade's end")
    assert stat_fields(mailer) is None, "a zombie"
    settled(server)
    assert Api(server.address).signup(unique()).status == 201


# ---- broken ones (F39) ---------------------------------------------------------------------------------

ANSWER = "#!/usr/bin/python3\nimport os, sys\nos.write(int(sys.argv[1].split(',')[1]), %r)\n"
# name: (what lies there, what the refusal says)
BROKEN = {
    "missing": (lambda file: file.remove(), "No such file or directory"),
    "not executable": (lambda file: file.script("#!/bin/sh\n", 0o644), "Permission denied"),
    "not a program": (lambda file: file.script("neither fish nor fowl\n"), "Exec format error"),
    "crashes": (lambda file: file.script("#!/bin/sh\nkill -SEGV $$\n"), "SIGSEGV"),
    "says nothing": (lambda file: file.program("/bin/true"), "said nothing"),
    "fails": (lambda file: file.program("/bin/false"), "ended with 1"),
    "answers nonsense": (lambda file: file.script(ANSWER % b"ready for everything"), "nonsense"),
    "answers too much": (lambda file: file.script(ANSWER % (b"ready 1 " + b"9" * 2000)), "nonsense"),
    "refuses": (lambda file: file.script(ANSWER % b"refused for a reason" + "sys.exit(16)\n"), "for a reason"),
    "is ready and fails": (lambda file: file.script(ANSWER % b"ready 1 1.0" + "sys.exit(1)\n"), "nonsense"),
    "an older version": (lambda file: file.script("#!/bin/sh\necho usage >&2\nexit 2\n"), "ended with 2"),
}


@pytest.fixture(scope="module")
def stubborn(module_servers):
    """The server that all the broken ones are tried on."""
    server = gatepost.Gatepost(config=CONFIG)
    server.installed = Installed(server)
    server.start()
    yield server
    server.stop()
    complaints = server.log_complaints()
    server.destroy()
    gatepost.servers.remove(server)
    assert not complaints, complaints


def assert_refused(server, before, done, reason):
    assert done.returncode == 1 and "upgrade " in done.stderr and " refused " in done.stderr, done
    assert reason in done.stderr, done.stderr
    assert family(server) == before
    assert page(server)["version"] == own_version()
    assert reason in server.events("upgrade.refused")[-1]
    assert Api(server.address).signup(unique()).status == 201


@pytest.mark.parametrize("kind", BROKEN)
def test_f39_a_broken_binary_changes_nothing(stubborn, kind):
    before = settled(stubborn)
    install, reason = BROKEN[kind]
    install(stubborn.installed)
    assert_refused(stubborn, before, upgrade(stubborn), reason)


def test_f39_a_binary_that_hangs_is_ended_with_all_that_it_started(stubborn):
    before = settled(stubborn)
    stubborn.installed.script("#!/bin/sh\nsleep 4711 &\nsleep 4712\n")
    done = upgrade(stubborn)
    assert_refused(stubborn, before, done, "within 10 s")
    wait_for(lambda: not processes_where(lambda fields: int(fields[3]) == stubborn.pid != int(fields[2])), 5,
             "nobody of another process group left")


@pytest.mark.parametrize("text, reason", [
    (CONFIG + "[password]\nmin_length = many\n", "password.min_length"),
    (CONFIG + "[store]\ndir = var/elsewhere\n", "store.dir"),
    (CONFIG + "[mail]\ntemplate_dir = /no/such/folder\n", "/no/such/folder"),
], ids=["wrong", "needs a restart", "no letters"])
def test_f39_a_binary_that_does_not_like_the_configuration_changes_nothing(stubborn, text, reason):
    before = settled(stubborn)
    stubborn.installed.own(version=version_like("6"))
    write_config(stubborn, text)
    try:
        words = usr2(stubborn)
        assert words[1] == "refused" and reason in words[3], words
        assert family(stubborn) == before and page(stubborn)["version"] == own_version()
    finally:
        write_config(stubborn, CONFIG)


CAPTURE = """#!/usr/bin/python3
import os, sys
open("handover.txt", "wb").write(os.pread(int(sys.argv[1].split("=")[1].split(",")[0]), 2**20, 0))
"""


def tried(server, text):
    """What the binary under test answers in a trial with this handed over; without the segment."""
    state = os.memfd_create("state")
    os.write(state, text)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        words = [BINARY, f"--trial={state},{theirs.fileno()}", *server.arguments()[1:]]
        done = subprocess.run(words, cwd=server.directory, pass_fds=(state, theirs.fileno()), timeout=patience(10),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=gatepost.clean_environment())
        theirs.close()
        os.close(state)
        assert done.stdout == b""
        return done.returncode, ours.recv(1000).decode()


def test_f39_what_a_binary_refuses_of_a_predecessor(stubborn):
    """The text that a server hands over, changed as another version might have written it."""
    stubborn.installed.script(CAPTURE)
    assert usr2(stubborn)[1] == "refused"
    text = (stubborn.directory / "handover.txt").read_bytes()
    form = re.search(rb"number data_format (\d+)", text)
    later = text.replace(form[0], b"number data_format %d" % (int(form[1]) + 1))
    for changed, reason in ((later, "a database of form"), (text[:-1], "ends too early"), (b"", "odd size"),
                            (text.replace(b"handover 1", b"handover 2", 1), "not of a form"),
                            (text.replace(b"number served 1", b"number served x"), "makes no sense"),
                            (re.sub(rb"child .* store .*\n", b"", text, 1), "shared memory")):
        code, answer = tried(stubborn, changed)
        assert code == 16 and answer.startswith("refused ") and reason in answer, (reason, answer)
    other = re.sub(rb"layout \d+", b"layout 1", text, 1)       # a segment that will not be joined
    code, answer = tried(stubborn, other)
    assert code == 0 and answer.startswith("ready ") and answer.endswith(own_version())


def test_f39_after_all_of_them_a_good_one_works(stubborn):
    stubborn.installed.own(version=version_like("5"))
    assert_upgraded(stubborn, upgrade(stubborn), version_like("5"))
    stubborn.installed.own()
    assert_upgraded(stubborn, upgrade(stubborn), own_version())


def test_good_and_broken_ones_mixed_under_load_fail_nothing(server):
    """GATEPOST_UPGRADES=100 for the long form."""
    import random
    random.seed(4711)
    quick = [install for kind, (install, _) in BROKEN.items()]
    pid = server.pid
    with Load(server, keep=2, fresh=1) as load, Load(server, keep=1, fresh=1, request=HEALTH) as health:
        for number in range(UPGRADES):
            if number % 3 == 2:
                random.choice(quick)(server.installed)
                assert usr2(server)[1] == "refused"
            else:
                server.installed.own(version=version_like(str(number % 10)))
                words = usr2(server, 60)
                assert words[1] == "ok", (words, server.log_tail())
            if number % 5 == 4:
                os.kill(server.pid, signal.SIGHUP)
        load.wait_progress(5)
    assert not load.wrong and not load.cut, (load.wrong[:2], load.cut[:3])
    assert not health.wrong and not health.cut, (health.wrong[:2], health.cut[:3])
    assert server.pid == pid and server.alive()
    assert_all_exist(server, load.acknowledged)
