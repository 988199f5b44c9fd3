"""Chromium without a window, driven over its debugging pipe: one process shows all pages."""
import base64
import fcntl
import json
import os
import shutil
import struct
import subprocess
import tempfile
import zlib

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """Speaks the DevTools protocol: messages of JSON, each ended by a zero byte, on descriptors 3 and 4."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="chromium.")
        pipes = [os.pipe(), os.pipe()]
        (asks, self.ask_fd), (self.answer_fd, answers) = (
            [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in pipe] for pipe in pipes)
        for fd in pipes[0] + pipes[1]:
            os.close(fd)
        self.process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile}", "--host-resolver-rules=MAP * ~NOTFOUND", "about:blank"],
            pass_fds=(3, 4), preexec_fn=lambda: (os.dup2(asks, 3), os.dup2(answers, 4)), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(asks)
        os.close(answers)
        self.buffer, self.number, self.session = b"", 0, None
        target = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]

    def call(self, method, **parameters):
        self.number += 1
        ask = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            ask["sessionId"] = self.session
        os.write(self.ask_fd, json.dumps(ask).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                data = os.read(self.answer_fd, 1 << 20)
                assert data, "Chromium is gone"
                self.buffer += data
            line, _, self.buffer = self.buffer.partition(b"\0")
            answer = json.loads(line)
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer)
                return answer["result"]

    def show(self, html, width, scheme):
        """Shows a page in a window of that width; scheme: light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=320, deviceScaleFactor=1,
                  mobile=True)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.setDocumentContent", frameId=self.frame, html=html)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def picture(self):
        """The whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True,
                                          clip=clip)["data"])

    def close(self):
        os.close(self.ask_fd)
        self.process.kill()
        self.process.wait()
        os.close(self.answer_fd)
        shutil.rmtree(self.profile, ignore_errors=True)


class Picture:
    """What a PNG of 8 bits a channel tells without decoding it whole."""

    def __init__(self, png):
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        at, data = 8, b""
        while at < len(png):
            length, kind = struct.unpack(">I4s", png[at:at + 8])
            body = png[at + 8:at + 8 + length]
            if kind == b"IHDR":
                self.width, self.height = struct.unpack(">II", body[:8])
            elif kind == b"IDAT":
                data += body
            at += 12 + length
        self.filtered = zlib.decompress(data)

    @property
    def corner(self):
        """The colour at the top left: every filter of the first pixel is none."""
        return tuple(self.filtered[1:4])

    @property
    def drawn(self):
        """How many bytes differ from their neighbours': what is one colour has next to none."""
        return len(self.filtered) - self.filtered.count(0)
