"""Letters a second to the same smtp-sink: our mailer, composing and settling each of them; libcurl's
multi interface by itself and Postfix's smtp-source, which do neither; Django's mail and nodemailer's pool.
As many connections each, all kept, letters of the same size, in turn."""
import importlib.util
import json
import os
import resource
import shutil
import socketserver
import subprocess
import sys
import threading
import time

from rig.run import Missing
from rig.server import BUILD, ROOT
from rig.sink import SINK, Sink

PEERS = os.path.join(ROOT, "bench/peers")
NODE = os.path.join(BUILD, "peers/node")       # where `make bench-deps` puts its packages
SOURCE = os.path.join(BUILD, "tools/bin/smtp-source")
CONNECTIONS = 4
# For each second that a load is to take, by what they were seen to send on two cores.
A_SECOND = {"gatepost": 10000, "bare libcurl": 7000, "smtp-source": 12000, "node": 1500, "django": 700}


class OneLetter(socketserver.StreamRequestHandler):
    """Takes one letter and remembers its length."""

    def handle(self):
        self.wfile.write(b"220 hello\r\n")
        for line in self.rfile:
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                length = 0
                for body in self.rfile:
                    if body == b".\r\n":
                        break
                    length += len(body)
                self.server.length = length
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return


def output_of(*command):
    """The last line that it prints, which is an object."""
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                           env={**os.environ, "SMTP_SINK": SINK})
    if ended.returncode != 0:
        raise SystemExit("%s: %s" % (os.path.basename(str(command[0])), ended.stderr[-1000:]))
    row = json.loads(ended.stdout.strip().splitlines()[-1])
    if row.get("failed"):
        raise SystemExit("%s: %d letters were not sent" % (command[0], row["failed"]))
    return row


def gatepost(port, letters, _=0):
    row = output_of(os.path.join(BUILD, "bench/mail_bench"), letters, "127.0.0.1:%d" % port)
    return {"letters_per_second": row["smtp_letters_per_second"],
            "cpu_us_per_letter": row["smtp_mailer_cpu_us_per_letter"]}


def letter_length():
    """Of a letter as our mailer makes it."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OneLetter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        gatepost(server.server_address[1], 1)
        server.shutdown()
        return server.length


def smtp_source(port, letters, length):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run([SOURCE, "-d", "-s", str(CONNECTIONS), "-m", str(letters), "-l", str(length),
                    "-f", "a@example.com", "-t", "b@example.com", "127.0.0.1:%d" % port],
                   check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"letters_per_second": letters / seconds, "cpu_us_per_letter": cpu * 1e6 / letters}


def curl(port, letters, length):
    return output_of(os.path.join(BUILD, "bench/curl_letters"), "127.0.0.1:%d" % port, CONNECTIONS,
                     letters, length)


def nodemailer(port, letters, length):
    program = shutil.copy(os.path.join(PEERS, "node/nodemailer.mjs"), NODE)     # beside its packages
    return output_of("node", program, port, CONNECTIONS, letters, length)


def django(port, letters, length):
    return output_of(sys.executable, os.path.join(PEERS, "django_letters.py"), port, CONNECTIONS,
                     letters, length)


def senders(run):
    """{who: a function of (port, letters, length)}; who is missing is skipped by name."""
    found = {"gatepost": gatepost, "bare libcurl": curl}
    wanted = {
        "smtp-source": (smtp_source, os.path.exists(SOURCE), "smtp-source is not there: make bench-deps"),
        "node": (nodemailer, os.path.isdir(os.path.join(NODE, "node_modules/nodemailer")),
                 "nodemailer is not installed: make bench-deps"),
        "django": (django, importlib.util.find_spec("django"), "python3-django is not installed")}
    for who, (function, is_there, why) in wanted.items():
        if who in ("node", "django") and who not in run.peers:
            continue
        if is_there:
            found[who] = function
        else:
            run.skip("letters", who, why)
    return found


def measure(run):
    if not os.path.exists(SINK):
        raise Missing("smtp-sink is not there: make bench-deps")
    length = letter_length()
    run.add("letters", "gatepost", "letter_bytes", length)
    who_sends = senders(run)
    for _ in run.rounds():
        for who, send in who_sends.items():
            with Sink() as sink:
                row = send(sink.port, A_SECOND[who] * run.seconds, length)
            run.add_all("letters", who, {"letters_per_second": row["letters_per_second"],
                                         "cpu_per_letter_us": row["cpu_us_per_letter"]})
