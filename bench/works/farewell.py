"""QUIT while every place of the queue is taken: how long until the last that waited has its answer. At
the real cost of a hash always: the queue is as long as what can be answered in time."""
import functools
import itertools
import os
import re
import signal
import time

from rig.balance import balanced
from rig.clients import Loop, login
from rig.saturation import ACCOUNTS, FULL_COST, settings
from rig.server import Server

DRAIN_S = 30    # the default
MORE = 40       # than the queue holds: what is computed, and some that are refused
SETTLE_S = 0.3


def measured_queue(server):
    """The largest queue that a worker has given itself."""
    with open(os.path.join(server.folder, "log")) as log:
        return max(int(text) for text in re.findall(r"password\.measured .* queue_max=(\d+)", log.read()))


def crowd_at(loop, server, each):
    """{worker's pid: answers} of so many logins at each worker, all under way; how many those are."""
    accounts = itertools.cycle([login(server.sign_up("account%d" % n)) for n in range(ACCOUNTS)])
    answers = {pid: [] for pid in server.workers()}

    def on_answer(client, answer, pid):
        answers[pid].append(answer)
        client.close()      # an idle connection would hold up the server's end
    groups = balanced(loop, server, each)
    for pid, clients in groups.items():
        for client in clients:
            client.send(next(accounts), functools.partial(on_answer, pid=pid))
    return answers, sum(map(len, groups.values()))


def refused(answers):
    return [answer for answer in answers if answer.status == 503]


def measure(run):
    with Server(base=settings(FULL_COST, "http.workers=%d" % len(os.sched_getaffinity(0)),
                              "master.drain_s=%d" % DRAIN_S)) as server:
        loop, queue_max = Loop(), measured_queue(server)
        answers, everyone = crowd_at(loop, server, queue_max + MORE)
        if not loop.run(time.monotonic() + 5, lambda: all(map(refused, answers.values()))):
            raise SystemExit("a queue of %d was not filled by %d logins" % (queue_max, queue_max + MORE))
        loop.run(time.monotonic() + SETTLE_S)       # the others that find no place
        before = sum(len(refused(got)) for got in answers.values())
        told = time.monotonic()
        server.process.send_signal(signal.SIGQUIT)
        loop.run(told + DRAIN_S + 15, lambda: sum(map(len, answers.values())) == everyone)
        got = list(itertools.chain(*answers.values()))
        late = [answer for answer in got if answer.at > told]
        server.process.wait(timeout=DRAIN_S + 15)
        ended = time.monotonic() - told
    run.add_all("farewell", "gatepost", {
        "queue_max_count": queue_max, "drain_s": DRAIN_S, "refused_before_quit_count": before,
        "answered_after_quit_count": len(late),
        "served_after_quit_count": sum(answer.status == 200 for answer in late),
        "unavailable_after_quit_count": sum(answer.status == 503 for answer in late),
        "cut_after_quit_count": everyone - len(got) + sum(answer.status == 0 for answer in got),
        "last_answer_s": max((answer.at for answer in late), default=told) - told,
        "server_ended_s": ended})
