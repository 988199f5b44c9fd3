"""Text as a manual page has it: man(7) macros, and characters that groff would turn into others."""
import re

# In a page, - is a hyphen, ' a quotation mark, and so on; what is typed at a prompt is none.
CHARACTERS = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti",
              '"': "\\(dq"}
CODE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
# "  --logs  adds what ...": a word, and behind two blanks or more what it means.
WORD = re.compile(r"  (\S+(?: \S+)?)  +(\S.*)$")
MEANT = re.compile(r"(?<![\w.])(--?[a-z][a-z-]*|GATEPOST_[A-Z_]+|EMAIL_[A-Z_]+|[a-z0-9]+\.[a-z0-9]+(?:_[a-z0-9]+)+)")


def plain(text):
    return "".join(CHARACTERS.get(one, one) for one in text)


def bold(text):
    return f"\\fB{plain(text)}\\fP"


def italic(text):
    return f"\\fI{plain(text)}\\fP"


def prose(text):
    """A sentence; `this`, options, variables and names of keys are bold."""
    done, at = [], 0
    for match in CODE.finditer(text):
        done += [_names(text[at:match.start()]), bold(match[1] or match[2])]
        at = match.end()
    return "".join(done + [_names(text[at:])])


def _names(text):
    done, at = [], 0
    for match in MEANT.finditer(text):
        done += [_hyphens(text[at:match.start()]), bold(match[1])]
        at = match.end()
    return "".join(done + [_hyphens(text[at:])])


def _hyphens(text):
    """Running text: its hyphens stay what they are."""
    return "".join(one if one == "-" else CHARACTERS.get(one, one) for one in text)


class Page:
    def __init__(self, name, section, what, date, version):
        self.name, self.section, self.lines = name, section, []
        self._line(f'.TH {name.upper()} {section} {date} "Gatepost {version}" Gatepost')
        self.heading("NAME")
        self._line(f"{name} \\- {_hyphens(what)}")

    def _line(self, text):
        # A period or an apostrophe in front would be a request.
        self.lines.append(text)

    def text(self, text):
        """A line that is given as roff."""
        self._line("\\&" + text if text.startswith((".", "'")) else text)

    def heading(self, text):
        self._line(f".SH {text}")

    def subheading(self, text):
        self._line(f".SS {text}")

    def line_break(self):
        self._line(".br")

    def paragraph(self, text=None):
        self._line(".PP")
        if text is not None:
            self.text(prose(text))

    def item(self, tag, *sentences):
        """tag is roff; the sentences are prose, each a line."""
        self._line(".TP")
        self.text(tag)
        for sentence in sentences:
            self.text(prose(sentence))

    def example(self, text):
        self._line(".PP")
        self._line(".EX")
        for line in text.rstrip("\n").split("\n"):
            self.text(plain(line) or "\\&")
        self._line(".EE")

    def notes(self, paragraphs):
        """What a usage text says below its first lines: sentences, or words with what they mean."""
        for paragraph in paragraphs:
            lines = paragraph.split("\n")
            if not WORD.match(lines[0]):
                self.paragraph(" ".join(line.strip() for line in lines))
                continue
            for line in lines:
                match = WORD.match(line)
                if match:
                    self.item(bold(match[1]), match[2])
                else:
                    self.text(prose(line.strip()))

    def see_also(self, pages):
        self.heading("SEE ALSO")
        names = [f"\\fB{name}\\fP({section})" for name, section in pages
                 if (name, section) != (self.name, self.section)]
        self.lines += [f"{name}," for name in names[:-1]] + names[-1:]

    def write(self, folder):
        path = folder / f"{self.name}.{self.section}"
        path.write_text("\n".join(self.lines) + "\n", encoding="utf-8")
