"""A relay that does what it is told: the peer that the mailer's system tests talk to.

For tests (runs its own event loop on a thread of its own):

    with SmtpPeer() as peer:                       # accepts everything
        start_gatepost(smtp_host="127.0.0.1", smtp_port=peer.port, smtp_tls="none")
        letters = peer.wait_for(3)                 # [Letter], in order of arrival
        letters[0].message                         # email.message.EmailMessage
        letters[0].recipients, .sender, .raw, .authenticated_as, .over_tls

    peer = SmtpPeer(tls="starttls", credentials=("user", "secret"))   # or tls="tls"
    peer.ca_file                                   # for smtp.ca_file; certificate of "localhost"
                                                   # and 127.0.0.1, made by a CA of its own
    SmtpPeer(tls="starttls", certificate="expired")   # or another of certificates.BAD
    SmtpPeer(port=2525)                            # a given port, to stop and start it again

What it does is a list of rules, looked through in order at every step of every session:

    peer.rules = [Rule("RCPT", "550 5.1.1 no such user", match="bob@")]   # some recipients
    Rule("DATA", "451 4.3.0 later", times=2)        # twice, then OK
    Rule("MAIL", "421 4.3.2 closing", close=True)
    Rule("CONNECT", action="stall")                 # accepts and never answers
    Rule("DOT", action="drop")                      # the letter is NOT kept
    Rule("DOT", action="drop", keep=True)           # kept, and the reply is lost (ambiguous)
    Rule("DOT", action="delay", seconds=2)          # answers 250 that much later
    Rule("BODY", action="drop")                     # goes away in the middle of the letter

Steps: CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, BODY, DOT, QUIT. `match` is looked for in
the command's line (in the envelope's recipient for DATA, BODY and DOT). peer.rules may be
replaced at any time; peer.pause() refuses connections (the port stays the same), peer.resume()
takes them again. peer.sessions and peer.commands count what came in.
"""

import asyncio
import base64
import email
import email.policy
import os
import shutil
import ssl
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import List, Optional, Tuple

from certificates import key_pair, make_context  # noqa: F401


@dataclass
class Rule:
    """One thing to do at one step; `times` says how often, None is for ever."""

    step: str
    reply: Optional[str] = None
    action: str = "reply"  # reply, stall, drop, delay
    match: str = ""
    times: Optional[int] = None
    close: bool = False
    keep: bool = False
    seconds: float = 0.0


@dataclass
class Letter:
    sender: str
    recipients: List[str]
    raw: bytes
    over_tls: bool
    authenticated_as: Optional[str]
    session: int
    at: float = field(default_factory=time.time)
    begun: float = 0.0      # when its MAIL came

    @property
    def message(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)


class _Gone(Exception):
    """The session ends here."""


class _Session:
    def __init__(self, peer, number, reader, writer):
        self.peer, self.number = peer, number
        self.reader, self.writer = reader, writer
        self.over_tls = peer.tls == "tls"
        self.user = None
        self.sender, self.recipients, self.begun = None, [], 0.0

    async def say(self, text):
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def line(self):
        line = await self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise _Gone
        return line[:-2].decode("utf-8", "replace")

    async def rule(self, step, text=""):
        """Applies the first rule that fits. True: the step has been answered."""
        rule = self.peer.take_rule(step, text)
        if rule is None:
            return False
        if rule.action == "stall":
            await asyncio.sleep(86400)
        if rule.action == "delay":
            await asyncio.sleep(rule.seconds)
            return False
        if rule.action == "drop":
            raise _Gone
        await self.say(rule.reply)
        if rule.close:
            raise _Gone
        return True

    async def run(self):
        if await self.rule("CONNECT"):
            raise _Gone
        await self.say("220 peer.example ESMTP")
        while True:
            line = await self.line()
            word = line.split(" ", 1)[0].upper()
            self.peer.commands[word] += 1
            step = "EHLO" if word == "HELO" else word
            handler = getattr(self, "on_" + step.lower(), None)
            if step == "MAIL":
                self.begun = time.time()
            if handler is None:
                await self.say("500 5.5.1 unknown command")
            elif not await self.rule(step, line):
                await handler(line)

    async def on_ehlo(self, line):
        words = ["peer.example", "SIZE 1000000", "8BITMIME"]
        if self.peer.tls == "starttls" and not self.over_tls:
            words.append("STARTTLS")
        elif self.peer.credentials:
            words.append("AUTH PLAIN LOGIN")
        for word in words[:-1]:
            await self.say("250-" + word)
        await self.say("250 " + words[-1])

    async def on_starttls(self, line):
        if self.peer.tls != "starttls" or self.over_tls:
            await self.say("502 5.5.1 not here")
            return
        self.writer.write(b"220 2.0.0 go ahead\r\n" + self.peer.injected)
        await self.writer.drain()
        await self.peer.upgrade(self)
        self.over_tls, self.user = True, None

    async def on_auth(self, line):
        words = line.split(" ")
        if len(words) > 1 and words[1].upper() == "PLAIN":
            if len(words) > 2:
                answer = words[2]
            else:
                await self.say("334 ")
                answer = await self.line()
            user, password = base64.b64decode(answer).decode().split("\0")[1:3]
        elif len(words) > 1 and words[1].upper() == "LOGIN":
            await self.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(await self.line()).decode()
            await self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(await self.line()).decode()
        else:
            await self.say("504 5.5.4 unknown mechanism")
            return
        if (user, password) != self.peer.credentials:
            await self.say("535 5.7.8 bad credentials")
            return
        self.user = user
        await self.say("235 2.7.0 welcome")

    async def on_mail(self, line):
        if self.peer.tls == "starttls" and not self.over_tls:
            await self.say("530 5.7.0 must issue a STARTTLS command first")
        elif self.peer.credentials and self.user is None:
            await self.say("530 5.7.0 authentication required")
        else:
            self.sender, self.recipients = line[line.find("<") + 1 : line.rfind(">")], []
            await self.say("250 2.1.0 ok")

    async def on_rcpt(self, line):
        if self.sender is None:
            await self.say("503 5.5.1 MAIL first")
            return
        self.recipients.append(line[line.find("<") + 1 : line.rfind(">")])
        await self.say("250 2.1.5 ok")

    async def on_data(self, line):
        if not self.recipients:
            await self.say("503 5.5.1 RCPT first")
            return
        recipient = self.recipients[0]
        if await self.rule("DATA", recipient):
            return
        await self.say("354 go ahead")
        lines = []
        while True:
            raw = await self.reader.readline()
            if not raw.endswith(b"\n"):
                raise _Gone
            if raw == b".\r\n":
                break
            lines.append(raw[1:] if raw.startswith(b".") else raw)
            if len(lines) == 5 and await self.rule("BODY", recipient):
                raise _Gone
        letter = Letter(
            self.sender, self.recipients, b"".join(lines), self.over_tls, self.user, self.number,
            begun=self.begun
        )
        self.sender, self.recipients = None, []
        kept = self.peer.keeps("DOT", recipient)
        if kept:
            self.peer.keep(letter)
        if await self.rule("DOT", recipient):
            return
        if not kept:
            self.peer.keep(letter)
        await self.say("250 2.0.0 queued")

    async def on_rset(self, line):
        self.sender, self.recipients = None, []
        await self.say("250 2.0.0 ok")

    async def on_noop(self, line):
        await self.say("250 2.0.0 ok")

    async def on_quit(self, line):
        await self.say("221 2.0.0 bye")
        raise _Gone


class SmtpPeer:
    def __init__(self, tls="none", credentials: Optional[Tuple[str, str]] = None,
                 certificate="good", rules=(), port=0):
        self.tls, self.credentials = tls, credentials
        self.rules, self.port = list(rules), port
        self.letters: List[Letter] = []
        self.injected = b""  # sent in the clear, together with the reply to STARTTLS
        self.commands, self.sessions = Counter(), 0
        self._changed = threading.Condition()
        self._folder = tempfile.mkdtemp(prefix="smtp-peer-")
        self.ca_file = os.path.join(self._folder, "ca.pem")
        self._context = make_context(self._folder, certificate) if tls != "none" else None
        self._server, self._tasks = None, set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # ---- what tests call ------------------------------------------------------------------
    def start(self):
        self._thread.start()
        self.resume()
        return self

    def stop(self):
        self.pause()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        shutil.rmtree(self._folder, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *exc):
        self.stop()

    def pause(self):
        """Closes the port and every session: connections are refused."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)

    def resume(self):
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(5)

    def wait_for(self, count, seconds=10.0):
        """The letters, once there are `count` of them. Fails when they do not come in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.letters) >= count, seconds):
                raise AssertionError(f"{len(self.letters)} of {count} letters in {seconds} s")
            return list(self.letters)

    # ---- what sessions call ---------------------------------------------------------------
    def _find(self, step, text):
        for rule in self.rules:
            if rule.step == step and rule.match in text and (rule.times is None or rule.times > 0):
                return rule
        return None

    def take_rule(self, step, text):
        rule = self._find(step, text)
        if rule is not None and rule.times is not None:
            rule.times -= 1
        return rule

    def keeps(self, step, text):
        rule = self._find(step, text)
        return rule is not None and rule.keep

    def keep(self, letter):
        with self._changed:
            self.letters.append(letter)
            self._changed.notify_all()

    async def upgrade(self, session):
        await session.writer.start_tls(self._context, ssl_handshake_timeout=10)

    # ---- life -----------------------------------------------------------------------------
    async def _open(self):
        context = self._context if self.tls == "tls" else None
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=context, limit=1 << 20, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self):
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.sessions += 1
        session = _Session(self, self.sessions, reader, writer)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await session.run()
        except (_Gone, OSError, ssl.SSLError, asyncio.CancelledError, ValueError):
            pass
        finally:
            self._tasks.discard(task)
            session.writer.transport.abort() if session.sender else session.writer.close()
