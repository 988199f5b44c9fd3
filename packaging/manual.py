#!/usr/bin/python3
"""Writes the manual pages: manual.py BINARY TABLES FOLDER.

Keys and exit codes come from the tables of include/gatepost, commands and options from what the
binary says of them, signals and the example of a relay from README.md. Only what stands nowhere
else is written here: what the program is, and what a file or a variable is for."""
import os
import re
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
import roff  # noqa: E402
import tables  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent

RELOADS = {
    "WORKERS": "A reload replaces the workers.",
    "MAILER": "A reload replaces the mailer.",
    "STORE": "A reload replaces the store.",
    "EVERYONE": "A reload replaces workers and mailer.",
    "MASTER": "A reload changes it in the running master.",
    "RESTART": "Needs a restart: a reload that would change it is refused, and names it.",
}


class Manual:
    def __init__(self, binary, program, folder):
        self.words = tables.Words(binary)
        self.keys, self.exits = tables.read(program)
        self.folder = folder
        self.readme = (ROOT / "README.md").read_text(encoding="utf-8")
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
        self.date = time.strftime("%Y-%m-%d", time.gmtime(epoch))
        own = [*self.words.groups, *self.words.usages]
        self.pages = [("gatepost", 8), ("gatepost.conf", 5),
                      *((f"gatepost-{name}", 8) for name in own)]

    def page(self, name, section, what):
        return roff.Page(name, section, what, self.date, self.words.version)

    def finish(self, page):
        page.see_also(self.pages)
        page.write(self.folder)

    def readme_table(self, head):
        """The rows below a head line of README.md."""
        lines = self.readme.split("\n")
        rows = []
        for line in lines[lines.index(head) + 2:]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        return rows

    # ---- gatepost(8) ------------------------------------------------------------------------------

    def program(self):
        page = self.page("gatepost", 8, "sign-up and sign-in server")
        page.heading("SYNOPSIS")
        page.text(f"{roff.bold('gatepost')} {roff.italic('COMMAND')} [{roff.bold('-c')} "
                  f"{roff.italic('FILE')}] [{roff.bold('-o')} {roff.italic('section.key=value')}]...")
        page.heading("DESCRIPTION")
        page.text(roff.prose(
            "Gatepost signs people up and in over HTTP. An account and the letter that proves its "
            "address are made durable in one step; the letter is mailed in the background; who logs "
            "in gets a JWT."))
        page.paragraph(
            "`gatepost serve` is the master process. It starts the workers, which speak HTTP, the "
            "store, which alone has the database open, the mailer and the admin process, and starts "
            "each again that ends. All other commands end at once; those that ask the server find "
            "it by its configuration, so they take the same `-c` and `-o` as it did.")
        page.heading("COMMANDS")
        for command in self.words.commands:
            tag = roff.bold(command.name)
            if command.operands:
                tag += " " + roff.italic(command.operands)
            if (f"gatepost-{command.name}", 8) in self.pages:
                page.item(tag, _sentence(self.one_line(command.name)),
                          f"See `gatepost-{command.name}`(8).")
            else:
                page.item(tag, _sentence(command.text))
        page.heading("OPTIONS")
        page.item(f"{roff.bold('-c')} {roff.italic('FILE')}",
                  "The configuration file. Without it ./gatepost.conf, else "
                  "/etc/gatepost/gatepost.conf, else the defaults alone.")
        page.item(f"{roff.bold('-o')} {roff.italic('section.key=value')}",
                  "Sets a key; wins over the file and the environment. May be given again.")
        page.item(f"{roff.bold('-h')}, {roff.bold('--help')}",
                  "Prints the commands, or those of the group that stands before it.")
        page.heading("SIGNALS")
        page.text("To the master, whose pid is in the file of \\fBmaster.pid_file\\fP:")
        for signals, meaning in self.readme_table("| signal to the master | means |"):
            page.item(roff.bold(signals), _sentence(meaning))
        page.heading("EXIT STATUS")
        page.text(roff.prose("A process of the server ends with one of these, the master too; the log "
                             "names it. Commands that ask a running server end with 0, 1, 2, 3 (no "
                             "server, or nothing of that name) or 10."))
        for reason in self.exits:
            page.item(roff.bold(reason.code), _sentence(reason.sentence))
        self.environment(page)
        page.heading("FILES")
        page.item(roff.italic("/etc/gatepost/gatepost.conf"), "The configuration, gatepost.conf(5).")
        page.paragraph("By default these stand in the working directory; a package's configuration "
                       "has them in /var/lib/gatepost and /run/gatepost:")
        for key in self.keys:
            if key.kind == "PATH" and key.default.startswith("var/"):
                page.item(roff.italic(key.default), f"`{key.section}.{key.name}`: {key.text}")
        self.finish(page)

    @staticmethod
    def environment(page):
        page.heading("ENVIRONMENT")
        page.item(f"{roff.bold('GATEPOST_')}{roff.italic('SECTION')}{roff.bold('_')}"
                  f"{roff.italic('KEY')}",
                  "Sets the key of that section, as GATEPOST_HTTP_LISTEN does.")
        page.item(", ".join(roff.bold(f"EMAIL_{name}") for name in
                            ("HOST", "PORT", "USE_TLS", "HOST_USER", "HOST_PASSWORD")),
                  "The relay of [smtp], as Django projects name it. The password has no key: it "
                  "comes from here or from a file (password_file).")
        page.item(", ".join(map(roff.bold, ("NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"))),
                  "Readiness, watchdog and sockets of systemd, when it sets them.")
        page.paragraph("A file .env beside the configuration file, or in the working directory, is "
                       "read for the same names; the environment wins over it.")

    # ---- gatepost.conf(5) -------------------------------------------------------------------------

    def configuration(self):
        page = self.page("gatepost.conf", 5, "configuration of the sign-up and sign-in server")
        page.heading("DESCRIPTION")
        page.text(roff.prose(
            "Lines of `key = value` below lines of `[section]`; a line that begins with # or ; is a "
            "comment. A key that is not there has its default; one that is unknown, or has a value "
            "that does not fit, is an error with file and line: `gatepost check` prints all of them."))
        page.paragraph(
            "What wins: -o section.key=value, then the environment (GATEPOST_SECTION_KEY), then "
            ".env, then this file, then the default. Relative paths are relative to the working "
            "directory. `gatepost config` prints every key with the value that is in force, as a "
            "file that can be used instead.")
        page.paragraph("`gatepost reload` makes a running server read it again. What is said of a "
                       "reload below is what a change of that key does then.")
        for sections, rows in tables.by_section(self.keys):
            page.heading(", ".join(f"[{section}]" for section in sections))
            if len(sections) > 1:
                page.text(roff.prose("Each of these sections has the same keys."))
            for key in rows:
                page.item(roff.bold(key.name), key.text, range_of(key),
                          RELOADS.get(key.reload, "A reload applies it."))
        page.heading("EXAMPLES")
        page.text("A server behind a proxy, with a relay for its letters:")
        match = re.search(r"For a relay:\n\n```\n(.*?)```", self.readme, re.DOTALL)
        page.example(match[1])
        page.heading("FILES")
        page.item(roff.italic("./gatepost.conf"), "Read without -c, if it is there.")
        page.item(roff.italic("/etc/gatepost/gatepost.conf"), "Read else.")
        self.finish(page)

    # ---- the groups -------------------------------------------------------------------------------

    def group(self, name, commands, notes):
        page = self.page(f"gatepost-{name}", 8, self.one_line(name))
        page.heading("SYNOPSIS")
        for command in commands:
            page.text(_synopsis(name, command))
            page.line_break()
        page.heading("DESCRIPTION")
        page.text(roff.prose("The server is found by its configuration, `gatepost.conf`(5), so `-c` and "
                             "`-o`, which `gatepost`(8) explains, must be as it was started with."))
        page.heading("COMMANDS")
        for command in commands:
            tag = roff.bold(command.name)
            page.item(f"{tag} {roff.italic(command.operands)}" if command.operands else tag,
                      _sentence(command.text))
        page.heading("NOTES")
        page.notes(notes)
        self.finish(page)

    def single(self, name, usage):
        page = self.page(f"gatepost-{name}", 8, self.one_line(name))
        head, _, rest = usage.strip("\n").partition("\n\n")
        page.heading("SYNOPSIS")
        page.example(head.removeprefix("usage: "))
        page.heading("DESCRIPTION")
        page.text(roff.prose(_sentence(self.one_line(name))))
        page.notes(rest.split("\n\n") if rest else [])
        self.finish(page)

    def one_line(self, name):
        text = next(one.text for one in self.words.commands if one.name == name)
        return text.rpartition(": ")[2]

    def write(self):
        self.program()
        self.configuration()
        for name, (commands, notes) in self.words.groups.items():
            self.group(name, commands, notes)
        for name, usage in self.words.usages.items():
            self.single(name, usage)


def _sentence(text):
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _synopsis(group, command):
    words = [roff.bold(f"gatepost {group} {command.name}")]
    if command.operands:
        words.append(roff.italic(command.operands))
    for option in command.options:
        value = f" {roff.italic(option.value)}" if option.value else ""
        words.append(f"[{roff.bold(option.word)}{value}]")
    return " ".join(words)


def range_of(key):
    unit = f" ({key.unit})" if key.unit else ""
    default = f"Default: `{key.default}`." if key.default else "Default: none."
    return {
        "TEXT": f"Text{unit}.", "PATH": f"A path{unit}.", "LIST": f"Comma separated{unit}.",
        "NUMBER": f"A number from {key.least} to {key.most}{unit}.", "FLAG": "`yes` or `no`.",
        "RATE": f"`count/seconds`, or `no`{unit}.",
        "CHOICE": "One of " + ", ".join(f"`{word}`" for word in key.unit.split("|")) + ".",
    }[key.kind] + " " + default


if __name__ == "__main__":
    folder = Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("gatepost*.[58]"):
        old.unlink()
    Manual(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), folder).write()
