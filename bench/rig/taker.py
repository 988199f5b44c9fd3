#!/usr/bin/python3
"""A relay that remembers whom it took letters for, in a process of its own: what it said 250 to is in its
file before that, so it is known after everything else was killed."""
import asyncio
import collections
import os
import re
import subprocess
import sys
import tempfile

RECIPIENT = re.compile(rb"(?i)^RCPT TO: *<([^>]*)>")


class Session(asyncio.Protocol):
    """One connection. Lines are answered as they come, so a client may pipeline."""

    def __init__(self, book):
        self.book, self.rest, self.in_letter, self.recipients = book, b"", False, []

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 taker\r\n")

    def data_received(self, data):
        self.rest += data
        while True:
            # The end of a letter whose first line is its last is at the start.
            end = self.rest.find(b"\r\n.\r\n") if self.in_letter else self.rest.find(b"\r\n")
            if end < 0:
                return
            line, self.rest = self.rest[:end], self.rest[end + (5 if self.in_letter else 2):]
            if self.in_letter:
                os.write(self.book, b"".join(name + b"\n" for name in self.recipients))
                self.in_letter, self.recipients = False, []
                self.transport.write(b"250 taken\r\n")
            else:
                self.obey(line)

    def obey(self, line):
        verb = line[:4].upper()
        if verb == b"RCPT":
            self.recipients.append(RECIPIENT.match(line)[1])
        if verb == b"DATA":
            self.in_letter = True
            self.transport.write(b"354 go on\r\n")
        elif verb == b"EHLO":
            self.transport.write(b"250-taker\r\n250 8BITMIME\r\n")
        elif verb == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
        else:
            if verb in (b"RSET", b"MAIL"):
                self.recipients = []
            self.transport.write(b"250 ok\r\n")


async def serve(path, port):
    book = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    server = await asyncio.get_running_loop().create_server(lambda: Session(book), "127.0.0.1", port,
                                                            backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


class Taker:
    """with Taker() as relay: relay.port; relay.letters() is a Counter of recipients' addresses."""

    def __init__(self, port=0):
        self.wanted_port = port

    def __enter__(self):
        handle, self.path = tempfile.mkstemp(prefix="gatepost-taker-")
        os.close(handle)
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.path,
                                         str(self.wanted_port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)
        self.port = int(self.process.stdout.readline())
        return self

    def letters(self):
        with open(self.path) as file:
            return collections.Counter(file.read().split())

    def __exit__(self, *_):
        self.process.stdin.close()      # its end
        self.process.stdout.close()
        self.process.wait()
        os.unlink(self.path)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
