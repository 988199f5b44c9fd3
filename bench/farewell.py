"""QUIT while every place of the queue is taken: how long until the last that waited has its answer."""
import functools
import itertools
import os
import signal
import subprocess
import time

from balance import balanced
from clients import Loop, login
from server import BUILD, Server
from throughput import ACCOUNTS, settings

MORE = 40       # than the queue holds: what is computed, and some that are refused
SETTLE_S = 0.3


def configured(server, name):
    """A key's value as the server prints it."""
    text = subprocess.run([os.path.join(BUILD, "gatepost"), "config", *server.overrides],
                          cwd=server.folder, capture_output=True, text=True, check=True).stdout
    section, key = name.split(".")
    inside = text.split("[%s]" % section)[1].split("\n[")[0]
    return int(next(line.split("=")[1] for line in inside.splitlines() if line.startswith(key)))


def measure(options):
    with Server(base=settings(options, "http.workers=%d" % options.cores)) as server:
        drain_s, queue_max = (configured(server, name) for name in ("master.drain_s", "password.queue_max"))
        accounts = itertools.cycle([login(server.sign_up("account%d" % n)) for n in range(ACCOUNTS)])
        loop, answers = Loop(), {pid: [] for pid in server.workers()}
        groups = balanced(loop, server, queue_max + MORE)

        def on_answer(client, answer, pid):
            answers[pid].append(answer)
            client.close()      # an idle connection would hold up the server's end
        for pid, clients in groups.items():
            for client in clients:
                client.send(next(accounts), functools.partial(on_answer, pid=pid))

        def refused(pid):
            return [answer for answer in answers[pid] if answer.status == 503]
        filled = loop.run(time.monotonic() + 5, lambda: all(refused(pid) for pid in groups))
        if not filled:
            raise SystemExit("a queue of %d was not filled by %d logins" % (queue_max, queue_max + MORE))
        loop.run(time.monotonic() + SETTLE_S)       # the others that find no place
        count = sum(len(refused(pid)) for pid in groups)
        told = time.monotonic()
        server.process.send_signal(signal.SIGQUIT)
        everyone = sum(len(clients) for clients in groups.values())
        loop.run(told + drain_s + 15, lambda: sum(map(len, answers.values())) == everyone)
        got = [answer for pid in groups for answer in answers[pid]]
        late = [answer for answer in got if answer.at > told]
        server.process.wait(timeout=drain_s + 15)
        ended = time.monotonic() - told
    return {"queue_max": queue_max, "drain_s": drain_s, "target_s": drain_s / 2,
            "refused_before_quit": count, "answered_after_quit": len(late),
            "served_after_quit": sum(answer.status == 200 for answer in late),
            "unavailable_after_quit": sum(answer.status == 503 for answer in late),
            "cut_after_quit": everyone - len(got) + sum(answer.status == 0 for answer in got),
            "last_answer_s": max((answer.at for answer in late), default=told) - told,
            "server_ended_s": ended}
