"""The tokens of letters that a Sink keeps: what is in a link that somebody would follow."""
import glob
import os
import quopri
import re
import time

LINK = re.compile(rb"verify-email\?token=([A-Za-z0-9_.:~-]+)")
WITHIN_S = 120


def parts(text):
    """The text of each letter's parts, as it is read: what is quoted-printable is decoded."""
    for letter in re.split(rb"(?m)^X-Helo-Args:", text):
        for part in re.split(rb"(?m)^--", letter):
            is_quoted = re.search(rb"(?im)^content-transfer-encoding: *quoted-printable", part)
            yield quopri.decodestring(part) if is_quoted else part


def found(folder):
    """Every token once, in the order of the letters."""
    tokens = {}
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        with open(path, "rb") as file:
            for part in parts(file.read().replace(b"\r\n", b"\n")):
                tokens.update((token.decode(), None) for token in LINK.findall(part))
    return list(tokens)


def tokens(sink, count):
    """Of so many letters, once they have arrived."""
    until = time.monotonic() + WITHIN_S
    while True:
        arrived = found(sink.folder)
        if len(arrived) >= count:
            return arrived
        if time.monotonic() > until:
            raise SystemExit("%d letters of %d arrived" % (len(arrived), count))
        time.sleep(0.05)
