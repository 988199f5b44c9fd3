"""The tokens of letters that a Sink keeps: what is in a link that somebody would follow."""
import glob
import os
import quopri
import re
import time

LINK = re.compile(rb"verify-email\?token=([A-Za-z0-9_.:~-]+)")
QUOTED = re.compile(rb"(?im)^content-transfer-encoding: *quoted-printable")
WITHIN_S = 120
QUIET_S = 0.3


def token_of(path):
    """The same in all parts of a letter. Each is read as a person would see it."""
    with open(path, "rb") as file:
        text = file.read().replace(b"\r\n", b"\n")
    for part in re.split(rb"(?m)^--", text):
        found = LINK.search(quopri.decodestring(part) if QUOTED.search(part) else part)
        if found:
            return found[1].decode()
    raise SystemExit("no token in a letter: %s" % text[:500])


def letters(sink):
    return sorted(glob.glob(os.path.join(sink.folder, "letter.*")))


def tokens(sink, count):
    """Of all letters, once so many have arrived and no more come."""
    until, before, now = time.monotonic() + WITHIN_S, -1, len(letters(sink))
    while now < count or now != before:
        if time.monotonic() > until:
            raise SystemExit("%d letters of %d arrived" % (now, count))
        time.sleep(QUIET_S)
        before, now = now, len(letters(sink))
    return [token_of(path) for path in letters(sink)]
