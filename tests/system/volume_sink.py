#!/usr/bin/python3
"""A relay for many letters, in a process of its own: prints its port, then writes one line an event
into the file that it is given:

    took TIME RECIPIENT MESSAGE-ID      after its 250 was written, or was to be
    failed TIME RECIPIENT HOW           whatever it did instead

With --half every second letter, by chance, meets one of FAILURES. Recipients at poison.example are
put off (451) until the process gets SIGUSR1."""
import asyncio
import random
import re
import signal
import sys
import time

OFFERS = b"250-sink\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n"
FAILURES = ("421 at MAIL", "451 at RCPT", "drop in DATA", "451 at dot", "421 at dot", "drop after dot")


class Relay(asyncio.Protocol):
    half = False
    poisoned = True
    out = None

    def connection_made(self, transport):
        self.transport, self.buffer, self.letter = transport, b"", None
        self.recipient, self.failure = "", None
        transport.write(b"220 sink\r\n")

    def note(self, event, *words):
        self.out.write("%s %.3f %s\n" % (event, time.time(), " ".join(words)))

    def fail(self, reply=None, close=False):
        self.note("failed", self.recipient, self.failure.replace(" ", "_"))
        if reply:
            self.transport.write(reply)
        if close:
            self.transport.close()

    def data_received(self, data):
        self.buffer += data
        while not self.transport.is_closing():
            end = self.buffer.find(b"\r\n.\r\n" if self.letter is not None else b"\r\n")
            if end < 0:
                return
            if self.letter is not None:
                letter, self.buffer, self.letter = self.buffer[:end], self.buffer[end + 5:], None
                self.on_letter(letter)
            else:
                line, self.buffer = self.buffer[:end], self.buffer[end + 2:]
                self.on_command(line)

    def on_command(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.transport.write(OFFERS)
        elif verb == b"MAIL":
            self.failure = random.choice(FAILURES) if self.half and random.random() < 0.5 else None
            if self.failure == "421 at MAIL":
                self.recipient = "-"
                self.fail(b"421 4.3.2 closing\r\n", close=True)
            else:
                self.transport.write(b"250 ok\r\n")
        elif verb == b"RCPT":
            self.recipient = line[9:-1].decode()
            self.refused = True
            if self.poisoned and self.recipient.endswith("@poison.example"):
                self.transport.write(b"451 4.3.0 later\r\n")
            elif self.failure == "451 at RCPT":
                self.fail(b"451 4.3.0 later\r\n")
            else:
                self.refused = False
                self.transport.write(b"250 ok\r\n")
        elif verb == b"DATA" and self.refused:
            self.transport.write(b"554 no recipients\r\n")
        elif verb == b"DATA":
            self.transport.write(b"354 go on\r\n")
            self.letter = b""
            if self.failure == "drop in DATA":
                self.fail(close=True)
        else:
            self.transport.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")

    def on_letter(self, letter):
        if self.failure == "451 at dot":
            self.fail(b"451 4.3.0 later\r\n")
        elif self.failure == "421 at dot":
            self.fail(b"421 4.3.2 closing\r\n", close=True)
        else:
            name = re.search(rb"^Message-ID: <([^>]*)>", letter, re.MULTILINE | re.IGNORECASE)[1]
            self.note("took", self.recipient, name.decode())
            if self.failure:
                self.fail(close=True)
            else:
                self.transport.write(b"250 ok\r\n")


async def serve():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: setattr(Relay, "poisoned", False))
    server = await loop.create_server(Relay, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    Relay.out = open(sys.argv[1], "w", buffering=1)
    Relay.half = "--half" in sys.argv
    asyncio.run(serve())
