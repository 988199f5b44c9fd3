"""What lies in another process's memory: every page of it that is there, read through /proc, and
searched for a secret in whatever form it may have been left in."""
import json
import os
import re
from urllib.parse import quote

PAGE = os.sysconf("SC_PAGE_SIZE")
PRESENT, SWAPPED = 1 << 63, 1 << 62
SHADOW_BYTES = 1 << 32      # a mapping this large is AddressSanitizer's shadow: no data of ours
WINDOW = 12                 # so many bytes in a row are no coincidence
LANES = (4, 8, 16)          # words of one key are this far apart where chains run side by side


def mappings(pid):
    """(begin, end, name) of each that can be read."""
    with open(f"/proc/{pid}/maps") as file:
        for line in file:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
            begin, end = int(match[1], 16), int(match[2], 16)
            if match[3][0] == "r" and end - begin < SHADOW_BYTES and match[4] not in ("[vvar]", "[vsyscall]"):
                yield begin, end, match[4] or "anonymous"


def pages(pid):
    """(address, bytes, name) of every run of pages that are there."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/pagemap", "rb", 0) as map_file:
        for begin, end, name in mappings(pid):
            map_file.seek(begin // PAGE * 8)
            entries = map_file.read((end - begin) // PAGE * 8)
            at = None
            for page in range(begin, end + PAGE, PAGE):
                entry = entries[(page - begin) // PAGE * 8:][:8] if page < end else b""
                there = bool(int.from_bytes(entry, "little") & (PRESENT | SWAPPED))
                if there and at is None:
                    at = page
                elif not there and at is not None:
                    memory.seek(at)
                    yield at, memory.read(page - at), name
                    at = None


def swapped(data):
    """As big-endian words, the way SHA-256 reads its block."""
    return b"".join(data[i:i + 4][::-1] for i in range(0, len(data) - 3, 4))


def forms_of(secret):
    """{form: bytes}: what a password may look like in memory. secret: text, at most 64 bytes."""
    raw = secret.encode()
    forms = {
        "as it is": raw,
        "in JSON": json.dumps(secret)[1:-1].encode(),
        "in a form": quote(secret, safe="").encode(),
        "backwards": raw[::-1],     # zxcvbn looks for words both ways
        "inner pad": bytes(byte ^ 0x36 for byte in raw),
        "outer pad": bytes(byte ^ 0x5c for byte in raw),
    }
    for name in ("as it is", "inner pad", "outer pad"):
        forms[name + ", words swapped"] = swapped(forms[name])
    return forms


def spread(data, lanes):
    """The words of data as one of so many lanes that lie side by side."""
    return b"".join(data[i:i + 4] + bytes(4 * (lanes - 1)) for i in range(0, len(data) - 3, 4))


class Secret:
    """A text to look for: whole or in part, in any of its forms."""

    def __init__(self, text):
        self.forms = forms_of(text)
        self.windows = {}
        for name, data in self.forms.items():
            for at in range(0, len(data) - WINDOW + 1, 4):
                self.windows.setdefault(data[at:at + WINDOW], name)

    def everywhere(self):
        """Every form in a row, for a control to put somewhere."""
        parts = list(self.forms.values())
        parts += [spread(data, lanes) for data in self.padded().values() for lanes in LANES]
        return b"\0\0\0\0".join(parts)

    def padded(self):
        return {name: data for name, data in self.forms.items() if "pad" in name}

    def in_bytes(self, data):
        """(form, offset) of what is found: of each form once."""
        found = {}
        for window, name in self.windows.items():
            at = data.find(window)
            if at >= 0:
                found.setdefault(name, at)
        for name, form in self.padded().items():
            words = [form[i:i + 4] for i in range(0, len(form) - 3, 4)]
            for word, after in zip(words, words[1:]):
                at = data.find(word)
                while at >= 0:
                    for lanes in LANES:
                        if data[at + 4 * lanes:at + 4 * lanes + 4] == after:
                            found.setdefault(f"{name}, one of {lanes} lanes", at)
                    at = data.find(word, at + 1)
        return list(found.items())

    def in_process(self, pid):
        """One line for each place it was found in."""
        return [f"{form} at {address + at:#x} ({mapping}): {data[max(0, at - 40):at + 60]!r}"
                for address, data, mapping in pages(pid)
                for form, at in self.in_bytes(data)]
