"""The killer: picks process, moment and way from a seed, one event after the other.

Every event is one line of `trace`, so that a failure can be read. An event returns when what it did
has happened (the process is gone, the point has fired) or did not come to pass in time; the world
need not be whole again before the next one: half of all trouble is a second fault on top of a first."""
import os
import signal
import time
from collections import Counter

import segment


ARMED_S = 1.2          # so long a point has to be reached
OWN_FAULTS_MAX = 3     # of one role in ten seconds: more would only measure the back-off
ERRNO = {"k.fork": 11, "io.pwrite": 28, "io.open": 24, "w.half_reply": 1, "m.file_flush": 28}  # else EIO
# Not for the killer: a lying or failing flush ends the promise, a file is renamed only while a database is
# made, and one of an earlier format is not there. All have tests of their own.
# renew_links arms s.renew_due.
NEVER = {"s.renew_due", "io.fsync", "io.fsync_lies", "io.rename", "s.migrating", "s.migrated_some",
         "s.migration_filled"}
# Points that many letters or requests pass differently: each with these bytes is a point of its own.
VARIANTS = {
    "m.session_line": (b"220 ", b"250 "),
    "m.before_command": (b"MAIL", b"RCPT", b"DATA"),
}
# What somebody has to do, or who has to die, for a point to be reached soon.
PROVOKED = {
    **dict.fromkeys(("s.recovering", "s.opening", "s.recovered", "s.announced", "io.open",
                     "io.ftruncate", "c.met_store"), "store"),
    **dict.fromkeys(("m.opened", "m.page_came", "s.before_close", "m.connect", "m.connected",
                     "m.session_line"), "mailer"),
    **dict.fromkeys(("w.opened", "m.before_close", "k.before_fork", "k.fork", "k.reaped"), "worker"),
    **dict.fromkeys(("w.draining", "m.draining", "k.reload_begun", "k.reload_commit"), "reload"),
    **dict.fromkeys(("s.before_checkpoint", "s.checkpointed", "io.unlink"), "checkpoint"),
    **dict.fromkeys(("s.draining", "s.closing"), "stop"),
    **dict.fromkeys(("u.before_trial", "u.trial", "u.before_exec", "u.exec", "u.after_exec", "u.taken_over"), "upgrade"),
}
ROLES = {"w": "worker", "s": "store", "m": "mailer", "k": "master", "u": "master", "io": "store", "c": "worker"}


class Killer:
    points_seen = set()     # every (point, bytes) that a world of this run could reach

    def __init__(self, world, random, fired):
        """fired: Counter of (point, bytes) over the whole run; what fired least comes first."""
        self.world, self.random, self.fired = world, random, fired
        self.trace, self.kills, self.armed, self.reloads = [], Counter(), 0, 0
        self.upgrades = 0
        self.own_faults, self.spun, self.stopping = {}, 0, False

    def note(self, *words):
        self.trace.append(" ".join(str(word) for word in words))

    def event(self):
        """One event, by chance."""
        kinds = [(self.kill_one, 40), (self.fault, 45), (self.kill_several, 6), (self.kill_in_recovery, 4),
                 (self.reload, 3), (self.upgrade, 3), (self.change_relay, 6), (self.change_pace, 3), (self.kill_master, 2), (self.renew_links, 3)]
        chosen = self.random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]
        chosen()
        if self.stopping:
            self.note("stop")
            self.world.restart(signal.SIGTERM)
        elif not self.world.alive():
            self.kills["master"] += 1
            self.world.restart()
        self.stopping = False
        self.world.follow_segment()
        time.sleep(self.random.choice((0, 0, 0.01, 0.05, 0.15)))

    # ---- by signal -------------------------------------------------------------------------------

    def victims(self, role):
        return [(title, pid) for title, pid in self.world.processes() if title.startswith(role)]

    def kill(self, role):
        """True when there was one to kill."""
        victims = self.victims(role)
        if not victims:
            return False
        title, pid = self.random.choice(victims)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.note("kill", title, pid)
        self.kills[role] += 1
        return True

    def any_role(self):
        return self.random.choices(("worker", "store", "mailer", "admin"), (33, 38, 20, 9))[0]

    def kill_one(self):
        time.sleep(self.random.uniform(0, 0.1))
        self.kill(self.any_role())

    def kill_several(self):
        for role in self.random.sample(("worker", "store", "mailer", "admin"), self.random.choice((2, 3))):
            self.kill(role)

    def kill_in_recovery(self):
        """The store, and its successor while it recovers, at a point or at any moment."""
        name = self.random.choice([point for point in ("s.recovering", "s.opening", "s.recovered", "s.announced")])
        self.world.segment.arm(name, segment.KILL, skip=self.random.randrange(3))
        self.kill("store")
        time.sleep(self.random.uniform(0, 0.08))
        self.kill("store")
        self.await_fired(name, b"", 0.3)

    def kill_master(self):
        os.kill(self.world.server.pid, signal.SIGKILL)
        self.note("kill master")
        self.world.server.process.wait(10)

    def reload(self):
        os.kill(self.world.server.pid, signal.SIGHUP)
        self.reloads += 1
        self.note("reload")
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 0.2))
            self.kill(self.any_role())

    def upgrade(self):
        """To the same binary, to one of another layout, or to one that is none; somebody may die meanwhile."""
        kind = self.random.choices(("same", "another layout", "broken"), (5, 2, 2))[0]
        self.upgrades += 1
        self.note("upgrade", kind)
        self.world.install(kind)
        self.world.ask_for_upgrade()
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 0.4))
            self.kill(self.any_role())
        if kind != "same":
            self.world.await_upgrade(self.random.choice((0.5, 4)))
        if kind == "broken":
            self.world.install("same")

    # ---- the world around -------------------------------------------------------------------------

    def change_relay(self):
        """The second relay flaps half of the time."""
        if self.world.relays:
            number = self.random.randrange(len(self.world.relays))
            relay = self.world.relays[number]
            plan = self.random.choice(sorted(relay.plans()))
            if number > 0 and self.random.random() < 0.5:
                plan = "flapping"
            self.note("relay", number, plan)
            relay.follow(plan)

    def renew_links(self):
        """The next claims find that their links are near their end; where letters come twice, because the
        relay's word was lost, the second copy has another link than the first."""
        self.world.segment.arm("s.renew_due", segment.FAIL, value=1, times=40)
        self.note("renew links")
        if self.world.relays:
            self.world.relays[0].follow("drop after the dot")

    def change_pace(self):
        pace = self.random.choice(("idle", "load", "load"))
        self.note("pace:", pace)
        self.world.tell_clients(pace)

    # ---- by fault point ----------------------------------------------------------------------------

    def choose_point(self):
        points = [(name, match) for name in self.world.segment.points() if name not in NEVER
                  for match in VARIANTS.get(name, (b"",))]
        points = [(name, match) for name, match in points if self.can_be_reached(name)]
        self.points_seen.update(points)
        self.random.shuffle(points)
        points.sort(key=lambda point: self.fired[point])
        return points[int(len(points) * self.random.random() ** 3)]

    def can_be_reached(self, name):
        if name == "io.unlink":
            return self.world.settings["small_logs"]
        smtp = bool(self.world.relays)
        if name.startswith("m.file"):
            return not smtp
        if name in ("m.session_line", "m.before_command", "m.connect", "m.connected", "m.mid_letter", "m.after_dot",
                    "m.bounce_asked"):
            return smtp
        return True

    def choose_action(self, name):
        """(action, value, times)."""
        role = ROLES.get(name.split(".")[0])
        recent = [when for when in self.own_faults.get(role, []) if time.monotonic() - when < 10]
        if self.world.segment.points()[name]:
            action = segment.FAIL
        else:
            action = self.random.choices(
                (segment.KILL, segment.EXIT, segment.ABORT, segment.STOP, segment.SLEEP, segment.SPIN),
                (60, 8, 4, 6, 20, 0.5 if self.spun < 2 else 0))[0]
        if action in (segment.EXIT, segment.ABORT, segment.FAIL):
            if len(recent) >= OWN_FAULTS_MAX or role == "master" and action == segment.ABORT:
                action = segment.FAIL if name in ERRNO else segment.KILL
            else:
                self.own_faults[role] = recent + [time.monotonic()]
        self.spun += action == segment.SPIN
        value = {segment.EXIT: 42, segment.SLEEP: self.random.choice((50, 400, 1500)),
                 segment.FAIL: ERRNO.get(name, 5)}.get(action, 0)
        return action, value

    def fault(self):
        name, match = self.choose_point()
        action, value = self.choose_action(name)
        skip = 0 if name in PROVOKED else self.random.choice(
            (0, 0, self.random.randrange(10), self.random.randrange(100)))
        self.armed += 1
        self.world.segment.arm(name, action, value, skip=skip, match=match)
        self.provoke(name)
        fired = self.await_fired(name, match, ARMED_S)
        self.note("fault", name, match.decode(), "action", action, value, "skip", skip, "fired" if fired else "-")
        if fired and action in (segment.KILL, segment.EXIT, segment.ABORT, segment.SPIN):
            self.kills[ROLES.get(name.split(".")[0], "any")] += 1
        if fired and action == segment.STOP:
            time.sleep(self.random.choice((0.2, 2)))
            self.world.resume_stopped()

    def provoke(self, name):
        """Leads there, where only somebody else's trouble does."""
        way = PROVOKED.get(name)
        if way == "checkpoint":
            self.world.segment.arm("s.checkpoint_due", segment.FAIL, value=1, times=20)
        elif way == "reload":
            os.kill(self.world.server.pid, signal.SIGHUP)
            self.reloads += 1
        elif way == "upgrade":
            self.world.install("same")
            self.world.ask_for_upgrade()
            self.upgrades += 1
        elif way == "stop":
            os.kill(self.world.server.pid, signal.SIGTERM)
            self.stopping = True
        elif way is not None:
            self.kill(way)

    def await_fired(self, name, match, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.world.segment.fired(name) == 0:
            time.sleep(0.005)
        fired = self.world.segment.fired(name) > 0
        self.fired[(name, match)] += fired
        if self.world.alive():
            self.world.segment.disarm(name)
        return fired
