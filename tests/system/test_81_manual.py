"""Manual pages and completions, as `make papers` makes them of the binary under test and the tables."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest

from gatepost import BINARY, ROOT, SLOW, make, patience

GROUPS = ("key", "user", "audit", "mail")


def needs(tool):
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}")


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papers")
    subprocess.run(["cc", "-std=gnu11", "-I", ROOT / "include", "-o", folder / "tables",
                    ROOT / "packaging" / "tables.c"], check=True)
    for script, part in (("manual.py", "man"), ("completions.py", "completions")):
        subprocess.run([sys.executable, ROOT / "packaging" / script, BINARY, folder / "tables",
                        folder / part], check=True, timeout=patience(60),
                       env={**os.environ, "SOURCE_DATE_EPOCH": "86400"})
    return folder


def shown(page):
    """A page as a person reads it, wide enough for no line to be broken."""
    done = subprocess.run(["man", "-l", page], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "MANWIDTH": "5000", "MAN_KEEP_FORMATTING": "",
                               "LC_ALL": "C.UTF-8", "MANOPT": ""})
    return re.sub(r" +", " ", re.sub(r".\x08", "", done.stdout))


def page_names(papers):
    return sorted(path.name for path in (papers / "man").iterdir())


def test_there_is_a_page_of_the_program_of_its_file_and_of_each_group(papers):
    assert {"gatepost.8", "gatepost.conf.5", *(f"gatepost-{group}.8" for group in GROUPS)} <= \
        set(page_names(papers))


def test_groff_has_no_warning_and_the_name_line_is_one(papers):
    needs("man")
    for name in page_names(papers):
        page = papers / "man" / name
        done = subprocess.run(["man", "--warnings=w", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                              capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        assert (done.returncode, done.stderr) == (0, ""), name
        line = subprocess.run(["lexgrog", page], check=True, capture_output=True, text=True).stdout
        title = name.rpartition(".")[0]
        assert re.fullmatch(rf'.*: "{re.escape(title)} - \S.*"', line.strip()), line


def test_the_page_of_the_configuration_has_every_key_of_the_program(papers, tmp_path):
    needs("man")
    printed = subprocess.run([BINARY, "config"], check=True, capture_output=True, text=True,
                             cwd=tmp_path, env={}).stdout
    text = shown(papers / "man" / "gatepost.conf.5")
    # Its comments are the program's: what is said of a key, its default and its range.
    comments = re.sub(r"\n# ", " ", printed)
    for key, meaning in (("workers", "HTTP processes; by default one for each core."),
                         ("password_file", "EMAIL_HOST_PASSWORD")):
        assert meaning in comments and re.search(rf"\n {key}\b.*\n?.*{re.escape(meaning)}", text), key
    for line in printed.splitlines():
        section, key = re.match(r"\[(\w+)\]$", line), re.match(r"(\w+) =", line)
        assert not section or f"[{section[1]}]" in text, line
        assert not key or re.search(rf"\n {key[1]}\b", text), line
    assert re.search(r"A number from 1 to 32 \(processes\)\. Default: auto\. A reload replaces the "
                     r"workers\.", text)
    assert text.count("\n letters_per_connection") == 1     # the relays' keys stand once


def test_the_page_of_the_program_has_commands_signals_and_exit_codes(papers, tmp_path):
    needs("man")
    text = shown(papers / "man" / "gatepost.8")
    usage = subprocess.run([BINARY, "--help"], check=True, capture_output=True, text=True,
                           cwd=tmp_path, env={}).stdout
    for command in re.findall(r"^  ([a-z]+) ", usage, re.MULTILINE):
        assert re.search(rf"\n {command}\b", text), command
    for signal in ("TERM, INT", "QUIT", "HUP", "USR1", "USR2"):
        assert f"\n {signal}" in text
    table = (ROOT / "include/gatepost/exit_reasons.def").read_text()
    for code, sentence in re.findall(r'EXIT_REASON\(\w+, (\d+), "([^"]+)"\)', table):
        assert re.search(rf"\n {code} {sentence[0].upper()}{re.escape(sentence[1:])}\.", text), code
    codes = [int(code) for code, _ in re.findall(r'EXIT_REASON\(\w+, (\d+), "([^"]+)"\)', table)]
    assert codes == sorted(codes), "a person looks them up by their number"


def test_a_command_that_takes_words_has_help_and_a_page_of_its_own(papers, tmp_path):
    usage = subprocess.run([BINARY, "--help"], check=True, capture_output=True, text=True, cwd=tmp_path, env={}).stdout
    for command in re.findall(r"^  ([a-z]+) ", usage, re.MULTILINE):
        said = subprocess.run([BINARY, command, "--help"], check=True, capture_output=True, text=True, cwd=tmp_path,
                              env={}).stdout
        takes_words = subprocess.run([BINARY, command, "--no-such-word"], capture_output=True, text=True, cwd=tmp_path,
                                     env={}).stderr.find("unknown command or option") < 0
        assert takes_words == said.startswith(f"usage: gatepost {command} "), command
        assert takes_words == (f"gatepost-{command}.8" in page_names(papers)), command


def test_the_page_of_a_group_has_each_command_with_its_options(papers):
    needs("man")
    text = shown(papers / "man" / "gatepost-user.8")
    assert "gatepost user list [--json] [--search TEXT] [--limit N]\n" in text
    assert "gatepost user delete USER [--yes]\n" in text
    assert "\n delete USER\n The account and all that was its own.\n" in text


def test_pages_are_the_same_again(papers, tmp_path):
    subprocess.run([sys.executable, ROOT / "packaging" / "manual.py", BINARY, papers / "tables",
                    tmp_path / "man"], check=True, env={"SOURCE_DATE_EPOCH": "86400"})
    for name in page_names(papers):
        assert (tmp_path / "man" / name).read_bytes() == (papers / "man" / name).read_bytes()
        assert "1970-01-02" in (tmp_path / "man" / name).read_text()


# ---- make install -------------------------------------------------------------------------------------

def test_uninstall_takes_away_what_install_put_but_for_the_configuration(tmp_path):
    if SLOW or BINARY.parent.parent.name not in ("build", ROOT.name):
        pytest.skip("what is installed is a build of this tree without sanitizers")
    name = "release" if BINARY.parent.name == "build" else BINARY.parent.name

    def files_after(target):
        make(target, f"BUILD={name}", f"DESTDIR={tmp_path}", "PREFIX=/opt/g")
        return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}

    config = "etc/gatepost/gatepost.conf"
    installed = files_after("install")
    assert {"opt/g/sbin/gatepost", config, "opt/g/share/man/man8/gatepost-user.8",
            "opt/g/share/man/man5/gatepost.conf.5", "opt/g/share/gatepost/mail/en/verify.txt",
            "opt/g/share/bash-completion/completions/gatepost", "etc/logrotate.d/gatepost",
            "opt/g/lib/systemd/system/gatepost.service", "opt/g/share/doc/gatepost/install.md",
            "opt/g/share/doc/gatepost/examples/proxies/nginx.conf"} <= installed
    unit = (tmp_path / "opt/g/lib/systemd/system/gatepost.service").read_text()
    assert "ExecStart=/opt/g/sbin/gatepost serve" in unit and "/usr/sbin/gatepost" not in unit
    (tmp_path / config).write_text("# mine\n")
    assert files_after("install") == installed and (tmp_path / config).read_text() == "# mine\n"
    assert files_after("uninstall") == {config}
    assert not (tmp_path / "opt/g/share/gatepost").exists()


# ---- completions ------------------------------------------------------------------------------------

class Shell:
    """An interactive shell on a terminal of its own; what is typed is what a person types."""

    def __init__(self, command, prepare):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {"PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "> ",
                                             "HOME": "/nonexistent", "LC_ALL": "C"})
        self.seen = b""
        self.type(prepare + "\necho re''ady\n")
        self.wait_for(b"ready")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, wanted):
        deadline = time.monotonic() + patience(20)
        while wanted not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], (wanted, self.seen)
            self.seen += os.read(self.fd, 4096)

    def completed(self, typed, wanted):
        """The line becomes `wanted` when the tabulator key is pressed; then it is given up."""
        self.seen = b""
        self.type(typed + "\t")
        self.wait_for(wanted.encode())
        self.type("\x15")

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


COMPLETED = [
    ("gatepost us", "gatepost user "),
    ("gatepost -o http.l", "gatepost -o http.listen="),
    ("gatepost -o log.level=war", "gatepost -o log.level=warning "),
    ("gatepost user sess", "gatepost user sessions "),
    ("gatepost -o log.level=info mail supp", "gatepost -o log.level=info mail suppress "),
    ("gatepost user add --gen", "gatepost user add --generate "),
    ("gatepost mail list --state d", "gatepost mail list --state dead "),
]


def test_bash_completes_commands_options_and_keys(papers):
    needs("bash")
    # As bash-completion loads it: inside of a function.
    source = papers / "completions" / "gatepost"
    shell = Shell(["bash", "--norc", "--noprofile", "-i"],
                  f"bind 'set enable-bracketed-paste off'; load() {{ . {source}; }}; load")
    try:
        for typed, line in COMPLETED:
            shell.completed(typed, line)
    finally:
        shell.close()


def test_zsh_completes_commands_options_and_keys(papers):
    needs("zsh")
    folder = papers / "completions"
    shell = Shell(["zsh", "-f", "-i"],
                  f"unsetopt zle_bracketed_paste; fpath=({folder} $fpath); autoload -U compinit; "
                  f"compinit -D -u; unsetopt prompt_sp")
    try:
        for typed, line in COMPLETED:
            shell.completed(typed, line.rstrip())
    finally:
        shell.close()


def test_fish_completes_commands_options_and_keys(papers, tmp_path):
    needs("fish")
    for typed, line in COMPLETED:
        done = subprocess.run(
            ["fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]',
             papers / "completions" / "gatepost.fish", typed],
            capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path)})
        found = [one.split("\t")[0] for one in done.stdout.splitlines()]
        if "log.level=war" not in typed:            # fish completes keys, not their values
            assert line.split()[-1] in found, (typed, done)
