"""A relay of which every answer can be chosen, for the matrix of test_35: by recipient from RCPT on, for
the next session, or for every one, before. What it is told is a word of ACTS:

    with ScriptedRelay(offers=("PIPELINING",)) as relay:
        relay.by_recipient["anna@example.com"] = ("DATA", "450")    # once; then all is well
        relay.once = ("EHLO", "garbage")                            # the next session
        relay.anyone = ("MAIL", "421")                              # once, whichever session it is
    relay.always = ("MAIL", "421")                              # None: no more
        relay.seen["anna@example.com"]          # its steps, one list a try
        relay.letters["anna@example.com"]       # how many were kept
        relay.kick()                            # ends every session; the port stays open
    relay.pace, relay.late                  # seconds for each byte that it says; before the greeting
    relay.handshake                         # what it does in place of TLS: junk, words, stall, drop

Steps: BANNER, EHLO, STARTTLS, AUTH, MAIL, RSET, RCPT, DATA, BODY (after a few lines), DOT, QUIT."""
import asyncio
import base64
import socket
import struct
import tempfile
import threading
from collections import Counter, defaultdict

from certificates import make_context


class Act:
    """Bytes to say instead of what is right, and what to do then: go-on, close, reset, stall."""

    def __init__(self, says=b"", then="go-on"):
        self.says, self.then = says, then


ACTS = {
    "2xx": Act(b"250 fine\r\n"),
    "354": Act(b"354 go on\r\n"),
    "450": Act(b"450 later\r\n"),
    "421": Act(b"421 closing\r\n", "close"),
    "550": Act(b"550 no\r\n"),
    "530": Act(b"530 log in first\r\n"),
    "535": Act(b"535 who are you\r\n"),
    "multi-450": Act(b"450-not\r\n450-now\r\n450 later\r\n"),
    "multi-550": Act(b"550-never\r\n550-ever\r\n550 no\r\n"),
    "long-550": Act(b"550 " + b"x" * 6000 + b"\r\n"),
    "garbage": Act(b"hello, who is there?\r\n"),
    "binary": Act(b"\x00\xff\xfe\x1b[2J\r\n"),
    "999": Act(b"999 what\r\n"),
    "drop": Act(then="close"),
    "half-line": Act(b"25", "close"),
    "reset": Act(then="reset"),
    "stall": Act(then="stall"),
    "twice": Act(b"250 STARTTLS\r\n250 2.0.0 and more\r\n220 and more\r\n", "close"),
    "half-stall": Act(b"250-half of a rep", "stall"),
}


class Gone(Exception):
    pass


class Session:
    def __init__(self, relay, reader, writer):
        self.relay, self.reader, self.writer = relay, reader, writer
        self.over_tls = relay.tls == "tls"
        self.once = relay.take_once()
        self.recipient, self.steps, self.has_sender = None, [], False

    async def say(self, words):
        words = words if isinstance(words, bytes) else words.encode() + b"\r\n"
        for piece in ([bytes([byte]) for byte in words] if self.relay.pace else [words]):
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(self.relay.pace)

    def act_for(self, step):
        relay = self.relay
        if self.once and self.once[0] == step:
            (_, act), self.once = self.once, None
            return act
        if relay.always and relay.always[0] == step:
            return relay.always[1]
        if relay.anyone and relay.anyone[0] == step:
            (_, act), relay.anyone = relay.anyone, None
            return act
        if self.recipient and relay.by_recipient.get(self.recipient, ("",))[0] == step:
            return relay.by_recipient.pop(self.recipient)[1]
        return None

    async def step(self, step, right):
        """Says what is right, or does what it was told. True: what is right was said."""
        self.steps.append(step)
        name = self.act_for(step)
        if step == "DOT" and name in (None, "2xx"):
            self.relay.letters[self.recipient] += 1
        if name is None:
            await self.say(right)
            return True
        self.relay.acted[step, name] += 1
        act = ACTS[name]
        if act.says:
            await self.say(act.says)
        if act.then == "stall":
            await asyncio.sleep(86400)
        if act.then == "reset":
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        if act.then != "go-on":
            raise Gone
        return name == "2xx" and step in ("RCPT", "DOT")

    async def line(self):
        line = await self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise Gone
        return line[:-2].decode("utf-8", "replace")

    async def run(self):
        await asyncio.sleep(self.relay.late)
        await self.step("BANNER", "220 relay.example ESMTP")
        while True:
            line = await self.line()
            word = line.split(" ")[0].upper()
            self.relay.commands[word] += 1
            await getattr(self, "on_" + word.lower(), self.on_other)(line)

    async def on_other(self, line):
        await self.say("500 what?")

    async def on_ehlo(self, line):
        words = ["relay.example", *self.relay.offers]
        if self.relay.tls == "starttls" and not self.over_tls:
            words.append("STARTTLS")
        elif self.relay.user:
            words.append("AUTH " + self.relay.mechanisms)
        lines = [f"250-{word}\r\n" for word in words[:-1]] + [f"250 {words[-1]}\r\n"]
        await self.step("EHLO", "".join(lines).encode())

    async def on_helo(self, line):
        await self.say("250 relay.example")

    async def on_starttls(self, line):
        if await self.step("STARTTLS", "220 go ahead"):
            await self.spoil_handshake()
            await self.writer.start_tls(self.relay.context, ssl_handshake_timeout=10)
            self.over_tls = True

    async def spoil_handshake(self):
        kind = self.relay.handshake
        if kind:
            await self.reader.read(100)
        if kind == "junk":
            await self.say(b"\x16\x03\x01\x00\x05no\r\n\r\n250 trust me\r\n" * 20)
        if kind == "words":
            await self.say("250 no need of that")
        if kind == "stall":
            await asyncio.sleep(86400)
        if kind:
            raise Gone

    async def on_auth(self, line):
        """Takes any password; of tokens those in relay.tokens (None: any)."""
        mechanism, *more = line.split(" ")[1:]
        answer = base64.b64decode(more[0]).decode() if more else ""
        if not more:
            await self.say("334 ")
            answer = base64.b64decode(await self.line()).decode()
        self.relay.logins.append((mechanism.upper(), answer))
        token = answer.partition("Bearer ")[2].partition("\1")[0]
        if mechanism.upper() in ("XOAUTH2", "OAUTHBEARER") and self.relay.tokens is not None and \
                token not in self.relay.tokens:
            await self.say("334 " + base64.b64encode(b'{"status":"401"}').decode())
            await self.line()
            await self.say("535 5.7.8 token")
        else:
            await self.step("AUTH", "235 welcome")

    async def on_rset(self, line):
        self.recipient = None
        await self.step("RSET", "250 ok")

    async def on_mail(self, line):
        self.recipient, self.steps = None, []
        self.relay.senders.append(line)
        self.has_sender = await self.step("MAIL", "250 ok")

    async def on_rcpt(self, line):
        if not self.has_sender:
            await self.say("503 MAIL first")
            return
        self.recipient = line[line.index("<") + 1:line.rindex(">")]
        self.relay.seen[self.recipient].append(self.steps)
        if not await self.step("RCPT", "250 ok"):
            self.recipient = None

    async def on_data(self, line):
        if self.recipient is None:
            await self.say("503 RCPT first")
        elif await self.step("DATA", "354 go ahead"):
            await self.letter()

    async def letter(self):
        count = 0
        while await self.line() != ".":
            count += 1
            if count == 5 and self.relay.by_recipient.get(self.recipient, ("",))[0] == "BODY":
                await self.step("BODY", b"")
                await self.drain()
                return
        await self.step("DOT", "250 queued")
        self.recipient = None

    async def drain(self):
        while await self.line() != ".":
            pass

    async def on_quit(self, line):
        await self.step("QUIT", "221 bye")
        raise Gone


class ScriptedRelay:
    def __init__(self, offers=(), tls="none", user=False, mechanisms="PLAIN", certificate="good"):
        self.offers, self.tls, self.user, self.mechanisms = offers, tls, user, mechanisms
        self.logins, self.tokens, self.senders = [], None, []
        self.pace, self.late, self.handshake = 0, 0, None
        self.by_recipient, self.once, self.anyone, self.always = {}, None, None, None
        self.seen, self.letters = defaultdict(list), Counter()
        self.commands, self.acted, self.sessions = Counter(), Counter(), 0
        self.folder = tempfile.TemporaryDirectory(prefix="smtp-script-")
        self.ca_file = self.folder.name + "/ca.pem"
        self.context = make_context(self.folder.name, certificate) if tls != "none" else None
        self.tasks = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.run(self._open())
        return self

    def __exit__(self, *_):
        self.kick()
        self.run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.folder.cleanup()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def kick(self):
        self.run(self._kick())

    def take_once(self):
        once, self.once = self.once, None
        return once

    async def _open(self):
        self.server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self.context if self.tls == "tls" else None,
            limit=1 << 20, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _close(self):
        self.server.close()

    async def _kick(self):
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.sessions += 1
        task = asyncio.current_task()
        self.tasks.add(task)
        session = Session(self, reader, writer)
        try:
            await session.run()
        except (Gone, OSError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            session.writer.close()
