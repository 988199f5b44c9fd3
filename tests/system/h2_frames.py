"""HTTP/2 by the frame (RFC 9113), so that what is sent is known to the byte, bad frames as well as good
ones; on top of it the calls of client.py."""
import json
import select
import ssl
import struct
import time
from urllib.parse import urlencode

from hpack import Decoder, Encoder

from client import Answer, Api, Closed, Connection, FORM, JSON
from gatepost import patience

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 7, 8, 11
INITIAL_WINDOW_SIZE = 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    return b"".join(struct.pack(">HI", key, value) for key, value in values.items())


def trusting(folder, protocols=("h2",)):
    """A client's context that trusts folder/ca.pem."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.set_alpn_protocols(list(protocols))
    return context


def request_headers(method, path, headers=(), authority="test", scheme="https"):
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path),
            *((name.lower(), value) for name, value in headers)]


class Frames:
    """One connection. Without greet nothing is sent at first."""

    def __init__(self, address, tls, greet=True, initial_window=None, timeout=20):
        self.connection = Connection(address, tls=tls, timeout=timeout)
        assert self.connection.sock.selected_alpn_protocol() == "h2"
        self.sock = self.connection.sock
        self.encoder, self.decoder = Encoder(), Decoder()
        self.buffer = b""
        self.next_stream = 1
        self.ended = False              # by the server
        self.goaways = []               # (last stream, error, text)
        self.resets = {}                # stream -> error
        self.answers = {}               # stream -> Answer, perhaps without all of its body
        self.done = set()               # streams that the server has ended
        self.pongs = 0
        if greet:
            wish = b"" if initial_window is None else struct.pack(">HI", INITIAL_WINDOW_SIZE, initial_window)
            self.send(PREFACE + frame(SETTINGS, payload=wish))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    # ---- out -------------------------------------------------------------------------------------

    def send(self, data):
        """False when the server has closed the connection."""
        try:
            self.sock.sendall(data)
            return True
        except (OSError, ssl.SSLError):
            return False

    def stream(self):
        self.next_stream += 2
        return self.next_stream - 2

    def head(self, fields, stream=None, end=True, flags=END_HEADERS):
        """A HEADERS frame as bytes."""
        block = fields if isinstance(fields, bytes) else self.encoder.encode(fields)
        return frame(HEADERS, flags | (END_STREAM if end else 0), stream or self.stream(), block)

    def ask(self, method, path, body=None, headers=(), **options):
        """Sends a request; returns its stream."""
        stream = self.stream()
        fields = request_headers(method, path, headers, **options)
        if body is None:
            self.send(self.head(fields, stream))
            return stream
        data = self.head(fields, stream, end=False)
        pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)] or [b""]
        for piece in pieces[:-1]:
            data += frame(DATA, 0, stream, piece)
        self.send(data + frame(DATA, END_STREAM, stream, pieces[-1]))
        return stream

    # ---- in --------------------------------------------------------------------------------------

    def read(self, seconds):
        """What comes within that time, at most one read's worth; False at the end."""
        if not self.sock.pending() and not select.select([self.sock], [], [], max(0, seconds))[0]:
            return True
        try:
            piece = self.sock.recv(1 << 16)
        except (OSError, ssl.SSLError):
            piece = b""
        if not piece:
            self.ended = True
            return False
        self.buffer += piece
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                break
            kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
            payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
            self.take(kind, flags, stream, payload)
        return True

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK))
        elif kind == PING:
            self.pongs += 1
        elif kind == GOAWAY:
            last, error = struct.unpack(">II", payload[:8])
            self.goaways.append((last, error, payload[8:].decode()))
        elif kind == RST_STREAM:
            self.resets[stream] = struct.unpack(">I", payload)[0]
            self.done.add(stream)
        elif kind == HEADERS:
            assert flags & END_HEADERS, "an answer's head in more than one frame"
            fields = [(_text(name), _text(value)) for name, value in self.decoder.decode(payload)]
            assert fields[0][0] == ":status"
            self.answers[stream] = Answer(int(fields[0][1]), "", fields[1:], b"")
        elif kind == DATA:
            self.answers[stream].body += payload
            if payload:
                refill = struct.pack(">I", len(payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, refill))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.done.add(stream)

    def until(self, condition, seconds=10, what="it"):
        """Reads until the condition holds; the end of the connection is one way to fail."""
        deadline = time.monotonic() + patience(seconds)
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not within {patience(seconds)} s: {what}; {self!r}"
            if not self.read(left) and not condition():
                raise Closed(f"the connection ended before {what}: {self!r}")

    def answer(self, stream, seconds=20):
        self.until(lambda: stream in self.done, seconds, f"stream {stream} ended")
        if stream in self.resets and stream not in self.answers:
            raise Closed(f"stream {stream} was reset: {self.resets[stream]}")
        return self.answers[stream]

    def end(self, seconds=10):
        """The error code that the server closed the connection with; None: it said nothing."""
        deadline = time.monotonic() + patience(seconds)
        while not self.ended:
            left = deadline - time.monotonic()
            assert left > 0, f"still open after {patience(seconds)} s: {self!r}"
            self.read(left)
        return self.goaways[-1][1] if self.goaways else None

    def __repr__(self):
        return f"<ended {self.ended} goaways {self.goaways} resets {self.resets} answers {self.answers}>"


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


class Api2(Api):
    """client.py's calls over HTTP/2."""

    def __init__(self, address, tls):
        super().__init__(address)
        self.tls = tls

    def call(self, method, path, body=None, content_type=JSON, headers=()):
        if body is not None and not isinstance(body, bytes):
            if not isinstance(body, str):
                body = urlencode(body) if content_type == FORM else json.dumps(body)
            body = body.encode()
        if body is None and method in ("POST", "PUT", "PATCH"):
            body = b""
        headers = list(headers)
        if body is not None:
            headers += [("Content-Length", str(len(body)))]
            headers += [("Content-Type", content_type)] if content_type else []
        if self.connection is None or self.connection.goaways or self.connection.ended:
            self.close()
            self.connection = Frames(self.address, self.tls)
        return self.connection.answer(self.connection.ask(method, path, body, headers))
