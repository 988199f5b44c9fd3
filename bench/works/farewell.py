"""QUIT while every place of the queue is taken: how long until the last that waited has its answer."""
import functools
import itertools
import os
import re
import signal
import time

from rig.balance import balanced
from rig.clients import Loop, login
from rig.server import Server
from works.throughput import ACCOUNTS, settings

DRAIN_S = 30    # the default
MORE = 40       # than the queue holds: what is computed, and some that are refused
SETTLE_S = 0.3


def measured_queue(server):
    """The largest queue that a worker has given itself."""
    with open(os.path.join(server.folder, "log")) as log:
        return max(int(text) for text in re.findall(r"password\.measured .* queue_max=(\d+)", log.read()))


def measure(options):
    with Server(base=settings(options, "http.workers=%d" % options.cores,
                              "master.drain_s=%d" % DRAIN_S)) as server:
        queue_max = measured_queue(server)
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
        loop.run(told + DRAIN_S + 15, lambda: sum(map(len, answers.values())) == everyone)
        got = [answer for pid in groups for answer in answers[pid]]
        late = [answer for answer in got if answer.at > told]
        server.process.wait(timeout=DRAIN_S + 15)
        ended = time.monotonic() - told
    return {"queue_max": queue_max, "drain_s": DRAIN_S, "target_s": DRAIN_S / 2,
            "refused_before_quit": count, "answered_after_quit": len(late),
            "served_after_quit": sum(answer.status == 200 for answer in late),
            "unavailable_after_quit": sum(answer.status == 503 for answer in late),
            "cut_after_quit": everyone - len(got) + sum(answer.status == 0 for answer in got),
            "last_answer_s": max((answer.at for answer in late), default=told) - told,
            "server_ended_s": ended}
