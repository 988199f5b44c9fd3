"""One world of the chaos run: a server with fault points, its relay, its clients; how it is started,
brought to rest and ended."""
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from asking import STATE
from client import Connection
from desk import Desk, Operator
from gatepost import Gatepost, free_port, stat_fields, wait_for
from keeper import Keeper
from mailing import Correspondent
from relay import Relay
from segment import Segment
from upgrading import Installed, page, segment_of

HERE = Path(__file__).parent
# So that log files change, and old ones are removed; four buffers are the least that a file holds.
SMALL_LOGS = "set_lg_bsize 131072\nset_lg_max 1048576\n"
RESTING = {"mail.retry_s": "1", "mail.retry_max_s": "2", "mail.sweep_s": "1", "mail.greylist_retry_s": "1, 2"}
CORRESPONDENTS = 6


class World:
    """settings: http.workers, connections to each of two relays, transport (file, smtp), tls (none, starttls),
    the second relay's order, verp, kinds of clients, idle."""

    def __init__(self, seed, settings):
        self.seed, self.settings = seed, settings
        self.port = free_port()
        self.server = Gatepost({"http.listen": f"127.0.0.1:{self.port}",
                                "http.workers": str(settings["workers"]),
                                # longer than a client may have to ask again for a lost answer
                                "token.refresh_grace_s": "120", "token.access_s": "3600", **RESTING})
        self.server.allow_deaths = True
        self.installed, self.salt = Installed(self.server), 0
        self.folder = self.server.directory / "clients"
        self.folder.mkdir()
        for name in ("tokens", "links"):
            (self.folder / name).touch()
        if settings["small_logs"]:
            home = self.server.directory / "var" / "db"
            home.mkdir(parents=True, mode=0o700)
            (home / "DB_CONFIG").write_text(SMALL_LOGS)
        self.keeper, self.relays, self.desk = Keeper(self.folder), [], Desk(self)
        self.correspondents, self.operator = [], None
        if settings["transport"] == "smtp":
            self.add_relay("smtp", order=1)
            self.add_relay("smtp2", order=settings["second_order"])
            self.server.settings.update({"mail.from": "gatepost@accounts.example", "mail.domain_rate": "1000/1"})
            if settings["verp"]:
                self.server.settings["mail.return_path"] = "bounces@accounts.example"
        self.clients, self.segment, self.master_deaths = None, None, 0
        self.start()

    def add_relay(self, section, order):
        relay = Relay(self.keeper, f"{section} {self.seed}", tls=self.settings["tls"]).start()
        self.relays.append(relay)
        self.server.settings.update({
            f"{section}.host": "127.0.0.1", f"{section}.port": str(relay.port), f"{section}.tls": self.settings["tls"],
            f"{section}.connections": str(self.settings["connections"]), f"{section}.order": str(order),
            f"{section}.rate": "1000/1"})
        if self.settings["tls"] != "none":
            self.server.settings[f"{section}.ca_file"] = relay.ca_file

    # ---- the server ------------------------------------------------------------------------------

    def start(self):
        self.server.start(30)
        self.segment, self.segment_name = Segment(self.server.pid), segment_of(self.server.pid)

    def follow_segment(self):
        """An upgrade to another layout makes a new one."""
        try:
            if segment_of(self.server.pid) == self.segment_name:
                return
            fresh = Segment(self.server.pid)
        except (OSError, StopIteration, AssertionError):
            return      # just now there is none: looked at again after the next event
        self.segment.close()
        self.segment, self.segment_name = fresh, segment_of(self.server.pid)

    def install(self, kind):
        """What the next upgrade, or start, finds: same, another layout, broken."""
        if kind == "broken":
            self.installed.script("#!/bin/sh\nexit 1\n")
            return
        self.salt += kind != "same"
        self.installed.own(salt=self.salt % 10)

    def ask_for_upgrade(self):
        try:
            os.kill(self.server.pid, signal.SIGUSR2)
        except ProcessLookupError:
            pass  # a fault point was quicker

    def await_upgrade(self, seconds):
        """Until none is under way, or not that long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.alive():
            time.sleep(0.05)
            try:
                told = page(self.server)
            except OSError:
                continue
            if told.get("upgrades_begun") == told.get("upgrade", "").split(" ")[0]:
                return

    def end_server(self, how):
        """how: a signal. A killed master takes everybody with it within a second."""
        self.segment.close()
        try:
            os.kill(self.server.pid, how)
        except ProcessLookupError:
            pass  # a fault point was quicker
        self.server.process.wait(30)
        self.server.process.stdout.close()
        wait_for(lambda: not self.server.session_processes(), 5, "every process gone")

    def restart(self, how=signal.SIGKILL):
        self.master_deaths += how == signal.SIGKILL
        self.end_server(how)
        self.start()

    def alive(self):
        return self.server.process.poll() is None

    def processes(self):
        """[(title, pid)] of the children."""
        return [(title, pid) for title, pids in self.server.children().items() for pid in pids]

    def whole(self):
        """Everybody who should run does, and a request is answered."""
        found = sorted(title for title, _ in self.processes())
        expected = sorted([f"worker {i}" for i in range(self.settings["workers"])] +
                          ["admin", "store", "mailer"])
        return found == expected and self.ready()

    def ready(self):
        return self.get("/readyz") == 200

    def get(self, path, read=lambda answer: answer.status):
        try:
            with Connection(("127.0.0.1", self.port), timeout=5) as connection:
                return read(connection.request("GET", path))
        except Exception:  # noqa: BLE001 whoever asks asks again
            return None

    def metric(self, name):
        text = self.get("/metrics", lambda answer: answer.text()) or ""
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None

    # ---- clients ---------------------------------------------------------------------------------

    def start_clients(self):
        self.clients = subprocess.Popen(
            [sys.executable, HERE / "clients.py", str(self.port), self.folder, str(self.seed),
             *self.settings["kinds"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        STATE["finish"] = False
        self.operator = Operator(self.desk, self.seed)
        self.operator.start()
        if self.relays:
            self.correspondents = [Correspondent(self, self.desk, i, self.seed) for i in range(CORRESPONDENTS)]
        for one in self.correspondents:
            one.start()

    def tell_clients(self, word):
        self.clients.stdin.write(word + "\n")
        self.clients.stdin.flush()

    def finish_clients(self):
        """Their report."""
        out, _ = self.clients.communicate("finish\n", timeout=150)
        self.clients = None
        report = json.loads(out)
        self.finish_mail(report)
        return report

    def finish_mail(self, report):
        """The operator and the people of mailing.py; what they saw goes into the clients' report."""
        STATE["finish"] = True
        self.desk.ending.set()
        for one in (self.operator, *self.correspondents):
            one.join(100)
            if one.is_alive():
                report["hanging"].append(one.name)
        report["violations"] += [text for one in self.correspondents for text in one.violations]

    def acknowledged(self, kind):
        names = []
        for path in self.folder.glob("*.acks"):
            names += [line[2:] for line in path.read_text().splitlines() if line.startswith(kind + " ")]
        return names

    # ---- rest ------------------------------------------------------------------------------------

    def resume_stopped(self):
        for pid in (self.server.pid, *(pid for _, pid in self.processes())):
            fields = stat_fields(pid)
            if fields and fields[0] in "Tt":
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass

    def rest(self):
        """Nothing is armed, the relay is well, nobody asks; waits until nothing is left to do."""
        if not self.alive():
            self.restart()
        self.segment.disarm_all()
        self.resume_stopped()
        for relay in self.relays:
            relay.follow("good")
        report = self.finish_clients() if self.clients else None
        wait_for(self.whole, 60, "every process at work after the chaos")
        self.await_upgrade(20)
        wait_for(self.whole, 60, "every process at work after the last upgrade")
        self.follow_segment()
        for relay in self.relays:
            relay.follow("rest")
        wait_for(self.nothing_waits, 90, "every letter sent or dead")
        return report

    def nothing_waits(self):
        """A pause whose answer was lost may come late."""
        if self.metric("gatepost_mail_paused") == 1:
            self.desk.insist("resume")
        return self.metric("gatepost_outbox_pending") == 0

    def audit_problems(self):
        """What the server's own check of the audit trail says, by way of the admin process."""
        done = self.server.command("audit", "verify", seconds=60)
        return [] if done.returncode == 0 else [f"gatepost audit verify: {done.stdout} {done.stderr}"]

    def destroy(self):
        if self.clients is not None:
            self.clients.kill()
            self.clients.communicate()
        STATE["finish"] = True
        self.desk.ending.set()
        for relay in self.relays:
            relay.stop()
        self.server.destroy()

    # ---- what may have been sent twice -------------------------------------------------------------

    def duplicate_bound(self):
        """docs/design.md section 4: connections for each mailer that went, one for each letter whose
        sender was not told; sixteen times as many where its store died in the same moment."""
        lanes = self.settings["connections"] * len(self.relays)
        deaths = {"mailer": [], "store": []}
        for line in self.server.log_text().splitlines():
            match = re.match(r"(\S+)Z \w+ master \d+ child\.(died|left|stuck) role=(mailer|store) ", line)
            if match:
                deaths[match[3]].append(seconds(match[1]))
        bound = len(deaths["mailer"]) * lanes
        for when in deaths["mailer"]:
            if any(abs(when - other) < 2 for other in deaths["store"]):
                bound += 16 * lanes
        return bound + self.master_deaths * 17 * lanes + sum(
            relay.ambiguous + relay.closed_open for relay in self.relays)


def seconds(text):
    day, clock = text.split("T")
    hour, minute, second = clock.split(":")
    return time.mktime(time.strptime(day, "%Y-%m-%d")) + int(hour) * 3600 + int(minute) * 60 + float(second)
