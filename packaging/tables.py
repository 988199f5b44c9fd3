"""What manual pages and completions are made of: the tables as packaging/tables.c prints them, and
what the binary says of its own words at --help."""
import re
import subprocess
import tempfile
from collections import namedtuple

Key = namedtuple("Key", "section name kind default least most unit reload text")
Exit = namedtuple("Exit", "name code sentence")
Command = namedtuple("Command", "name operands text options")     # of a group
Option = namedtuple("Option", "word value")                       # value: "" without one

COMMAND = re.compile(r"  ([a-z][a-z-]*) +(?:(\S.*?)  +)?(\S.*)$")
OPTION = re.compile(r"\[(--[a-z-]+)(?: ([^\]]+))?\]|(?<![\w-])(--[a-z][a-z-]*)")
# What a command that is no group takes stands in front of its sentence: "DIR [--logs]: ...".
OPERANDS = re.compile(r"((?:\[[^\]]+\]|[A-Z]+|[| ])+): (.+)$")


def read(program):
    """(keys, exits) of the program built from tables.c."""
    keys, exits = [], []
    text = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        table, *columns = line.split("\t")
        (keys if table == "key" else exits).append((Key if table == "key" else Exit)(*columns))
    return keys, exits


def by_section(keys):
    """[(names of the sections, their keys)]: sections that have the same keys stand together."""
    found = []
    for section in dict.fromkeys(key.section for key in keys):
        rows = [key for key in keys if key.section == section]
        bare = [key._replace(section="") for key in rows]
        if found and [key._replace(section="") for key in found[-1][1]] == bare:
            found[-1][0].append(section)
        else:
            found.append(([section], rows))
    return found


class Words:
    """The words of a binary: the commands of `gatepost --help`, and those of each group."""

    def __init__(self, binary):
        self.binary = binary
        self.version = self._ask("version").split()[1]
        usage = self._ask("--help")
        self.commands, self.notes = self._parse(usage)
        self.groups = {}            # name: (commands, paragraphs)
        self.single = {}            # name: options of a command that is no group
        self.usages = {}            # name: what such a one says of itself, if it does
        for command in self.commands:
            own = self._ask(command.name, "--help")
            if own == usage:
                self.single[command.name] = command.options
            elif own.startswith(f"usage: gatepost {command.name} COMMAND "):
                self.groups[command.name] = self._parse(own)
            else:
                self.single[command.name] = options_of(own)
                self.usages[command.name] = own

    def _ask(self, *words):
        # Nothing but the binary may have a say: no configuration file, no variables.
        with tempfile.TemporaryDirectory() as nowhere:
            return subprocess.run([self.binary, *words], check=True, capture_output=True, text=True,
                                  cwd=nowhere, env={}, timeout=30).stdout

    @staticmethod
    def _parse(usage):
        """The commands, each on a line of its own with options below, and what comes after them."""
        _, table, *notes = usage.strip("\n").split("\n\n")
        commands = []
        for line in table.splitlines():
            match = COMMAND.match(line)
            if match:
                ahead = OPERANDS.match(match[3])
                commands.append(Command(match[1], match[2] or (ahead[1] if ahead else ""),
                                        ahead[2] if ahead else match[3], options_of(match[3])))
            else:
                commands[-1].options.extend(options_of(line))
        return commands, notes


def options_of(text):
    """Those in brackets, and those that a sentence names; once each."""
    found = [Option(word or named, value) for word, value, named in OPTION.findall(text)]
    return list({option.word: option for option in reversed(found)}.values())[::-1]
