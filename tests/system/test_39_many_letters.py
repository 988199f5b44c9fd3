"""100,000 letters through two relays, one failing half of the time, with the mailer killed 20 times
(issue: done when 2): all delivered, duplicates within the bound, nobody waits behind a poisoned one."""
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from client import Api, unique
from gatepost import SLOW, scaled, wait_for

HERE = Path(__file__).parent
COUNT = scaled(100_000)
KILLS = 20
CONNECTIONS = 4     # of each relay
CLIENTS, PAUSE_MS = (16, 20) if SLOW else (64, 20)
WAIT_S = 1.0        # behind a poisoned one
KILL_S = 4.0        # after a kill the successor starts, and sweeps everything


class Sink:
    """volume_sink.py and what it wrote."""

    def __init__(self, path, *options):
        self.path = path
        self.process = subprocess.Popen([sys.executable, str(HERE / "volume_sink.py"), str(path), *options],
                                        stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().strip()

    def events(self, kind):
        """Lists of the words behind the kind."""
        return [line.split()[1:] for line in self.path.read_text().splitlines() if line.startswith(kind + " ")]

    def heal(self):
        self.process.send_signal(signal.SIGUSR1)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def sinks(tmp_path):
    made = [Sink(tmp_path / "half", "--half"), Sink(tmp_path / "good")]
    yield made
    for sink in made:
        sink.stop()


def relays(sinks):
    """Overrides: the failing one and the good one, alike in rank."""
    found = {}
    for section, sink in zip(("smtp", "smtp2"), sinks):
        found |= {f"{section}.host": "127.0.0.1", f"{section}.port": sink.port, f"{section}.tls": "none",
                  f"{section}.connections": str(CONNECTIONS)}
    return found


def sign_up(server, api):
    """Until there are COUNT accounts, as fast as letters leave; the mailer is killed KILLS times
    meanwhile, evenly. Gives the moments of the kills."""
    kills, prefix, run = [], unique("v"), 0
    while api.metrics()["gatepost_signups_total"] < COUNT:
        run += 1
        wait_for(lambda: api.metrics()["gatepost_outbox_pending"] <= COUNT // 100 + 500, 60, "letters to leave")
        load = subprocess.Popen(
            ["wrk", "-t1", f"-c{CLIENTS}", "-d2s", "--timeout", "20s", "-s", str(HERE / "volume.lua"),
             f"http://{server.address[0]}:{server.address[1]}", "--", f"{prefix}r{run}", str(PAUSE_MS)],
            stdout=subprocess.PIPE, text=True)
        while load.poll() is None:
            if len(kills) < KILLS * api.metrics()["gatepost_signups_total"] // COUNT:
                server.kill("mailer")
                kills.append(time.time())
                wait_for(lambda: server.child("mailer"), 10, "another mailer")
            time.sleep(0.2)
        answered = re.search(r"REQUESTS (\d+) ERRORS (\d+)", load.communicate()[0])
        assert answered and int(answered[2]) == 0, "sign-ups failed"
    return kills


def longest_wait(took, untouched, kills):
    """How much later than a letter made after it one came that no relay had refused, in seconds: what
    it waited for others. A mailer's death is left out, and what its successor has to catch up with."""
    letters = sorted((uuid.UUID(name.split("@")[0]).int >> 80, float(when)) for when, to, name in took
                     if to in untouched)
    longest, earliest_after = 0.0, float("inf")
    for _, came in reversed(letters):
        near_a_kill = any(kill - 1 <= came <= kill + KILL_S for kill in kills)
        if not near_a_kill:
            longest = max(longest, came - earliest_after)
        earliest_after = min(earliest_after, came)
    return longest


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_hundred_thousand_letters_through_two_relays(serve, sinks):
    server = serve(relays(sinks) | {"password.iterations": "1", "password.allow_weak": "yes",
                                    "limits.enabled": "no", "mail.retry_s": "1", "mail.retry_max_s": "2",
                                    "mail.sweep_s": "1"})
    api = Api(server.address)
    kills = sign_up(server, api)
    assert len(kills) >= KILLS
    accounts = int(api.metrics()["gatepost_signups_total"])
    poisoned = api.metrics()["gatepost_outbox_pending"]
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] <= accounts // 100 + 1, 120, "all but the poisoned")
    took = [event for sink in sinks for event in sink.events("took")]
    failed = [event for sink in sinks for event in sink.events("failed")]
    untouched = {to for _, to, _ in took} - {to for _, to, _ in failed}
    wait = longest_wait(took, untouched, kills)
    for sink in sinks:
        sink.heal()
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 60, "the poisoned ones too")
    took = [event for sink in sinks for event in sink.events("took")]
    names, people = Counter(name for _, _, name in took), {to for _, to, _ in took}
    after_dot = sum(how == "drop_after_dot" for _, _, how in failed)
    twice = sum(count - 1 for count in names.values())
    print(f"{accounts} letters ({poisoned:.0f} waited at the end of the sign-ups), {len(failed)} failures, "
          f"{len(kills)} kills, {twice} sent again of at most {2 * CONNECTIONS * len(kills) + after_dot}, "
          f"longest wait for others {wait:.2f} s")
    assert len(names) == len(people) == accounts
    assert twice <= 2 * CONNECTIONS * len(kills) + after_dot
    assert api.metrics()["gatepost_outbox_dead"] == 0
    assert wait <= WAIT_S
