"""Letters a second to the same smtp-sink: our mailer, composing and settling each of them; Postfix's
smtp-source, which does neither; libcurl's multi interface by itself; nodemailer's pool. As many
connections each, all kept, letters of the same size, in turn."""
import json
import os
import resource
import shutil
import socketserver
import statistics
import subprocess
import threading
import time

from rig.server import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = os.path.join(BUILD, "peers/node")
SOURCE = os.path.join(BUILD, "tools/bin/smtp-source")
CONNECTIONS = 4
LETTERS = 30000


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


def mail_bench(letters, port, sink_program):
    text = subprocess.run([os.path.join(BUILD, "bench/mail_bench"), str(letters),
                           "127.0.0.1:%d" % port], capture_output=True, text=True, check=True,
                          env={**os.environ, "SMTP_SINK": sink_program}).stdout
    row = json.loads(text.strip().splitlines()[-1])
    return {"letters_per_second": row["smtp_letters_per_second"],
            "cpu_us_per_letter": row["smtp_mailer_cpu_us_per_letter"]}


def letter_length(sink_program):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OneLetter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mail_bench(1, server.server_address[1], sink_program)
        server.shutdown()
        return server.length


def smtp_source(port, length):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run([SOURCE, "-d", "-s", str(CONNECTIONS), "-m", str(LETTERS), "-l", str(length),
                    "-f", "a@example.com", "-t", "b@example.com", "127.0.0.1:%d" % port],
                   check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"letters_per_second": LETTERS / seconds, "cpu_us_per_letter": cpu * 1e6 / LETTERS}


def curl(port, length):
    text = subprocess.run([os.path.join(BUILD, "bench/curl_letters"), "127.0.0.1:%d" % port,
                           str(CONNECTIONS), str(LETTERS), str(length)],
                          capture_output=True, text=True, check=True).stdout
    return json.loads(text)


def nodemailer(port, length):
    letters = LETTERS // 6  # it is slower
    text = subprocess.run(["node", os.path.join(NODE, "nodemailer.mjs"), str(port),
                           str(CONNECTIONS), str(letters), str(length)],
                          capture_output=True, text=True, check=True).stdout
    row = json.loads(text)
    if row["failed"]:
        raise SystemExit("nodemailer failed to send %d letters" % row["failed"])
    return row


def has_nodemailer():
    """bench/peers/install puts the packages there."""
    if not os.path.exists(os.path.join(NODE, "installed")):
        return False
    shutil.copy(os.path.join(os.path.dirname(HERE), "peers/node/nodemailer.mjs"), NODE)
    return True


def bench_letters(options, sink):
    """sink: a context manager that gives a smtp-sink with .port; one for each measurement."""
    length = letter_length(sink.program)
    runs = {"gatepost": lambda port: mail_bench(LETTERS, port, sink.program),
            "libcurl": lambda port: curl(port, length)}
    if os.path.exists(SOURCE):
        runs["smtp_source"] = lambda port: smtp_source(port, length)
    if has_nodemailer():
        runs["nodemailer"] = lambda port: nodemailer(port, length)
    rows = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            with sink() as taker:
                rows[name].append(run(taker.port))
    results = {"letter_bytes": length, "connections": CONNECTIONS}
    for name, measured in rows.items():
        for key in ("letters_per_second", "cpu_us_per_letter"):
            results["%s_%s" % (name, key)] = statistics.median(row[key] for row in measured)
    for name in rows:
        if name != "gatepost":
            results["ratio_to_%s" % name] = statistics.median(
                ours["letters_per_second"] / theirs["letters_per_second"]
                for ours, theirs in zip(rows["gatepost"], rows[name]))
    return results
