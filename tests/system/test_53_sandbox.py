"""What a process may still do once it serves: the filter, the paths, the rights, the memory that
nobody else sees (docs/security.md section 6, docs/confine.md)."""
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from client import Api
from gatepost import BINARY, SLOW, clean_environment, patience, wait_for
from letters import letter_to

EXIT_SANDBOX = 15
ROLES = ("worker", "store", "mailer", "admin")
NOBODY = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: value.strip() for name, value in
            (line.split(":", 1) for line in text.splitlines() if ":" in line)}


def role_of(title):
    return title.split()[0]


def roles(server):
    """{role: pid}; of the workers, the first."""
    found = {role_of(title): pids[0] for title, pids in sorted(server.children().items(), reverse=True)}
    assert set(ROLES) <= set(found), found
    return {role: found[role] for role in ROLES}


def trials(server, *arguments):
    """(exit code, {role: {call: how it ended}}) of `gatepost check --sandbox`."""
    done = subprocess.run([*server.arguments("check"), "--sandbox", *arguments], cwd=server.directory,
                          env=clean_environment(server.env), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=patience(60))
    table = {role: {} for role in ROLES}
    for line in done.stdout.splitlines():
        row = re.fullmatch(r"(\w+) +(.+?)  +(.+)", line)
        if row and row[1] in table:
            table[row[1]][row[2]] = row[3]
    return done, table


def test_no_child_can_make_shorter_what_the_master_has_mapped(prepare):
    """Which would end the master by SIGBUS, and all others with it: the store may call ftruncate."""
    server = prepare({"master.user": "nobody"}, owner=NOBODY.pw_uid) if os.geteuid() == 0 else prepare()
    server.start()
    for title, pid in {"master": server.pid, **roles(server)}.items():
        modes = [int(re.search(r"flags:\s+(\d+)", Path(f"/proc/{pid}/fdinfo/{name}").read_text())[1], 8) & os.O_ACCMODE
                 for name in os.listdir(f"/proc/{pid}/fd")
                 if "/dev/shm/gatepost-" in os.readlink(f"/proc/{pid}/fd/{name}")]
        assert modes == [os.O_RDWR if title == "master" else os.O_RDONLY], title
    server.stop()


# ---- S4: rights -----------------------------------------------------------------------------------

@pytest.mark.parametrize("user", [pytest.param("nobody", marks=needs_root), ""], ids=["user", "as started"])
def test_every_process_is_confined_and_has_no_rights(prepare, user):
    settings = {"master.user": user} if user else {}
    server = prepare(settings, owner=NOBODY.pw_uid if user else None)
    server.start()
    assert Api(server.address).signup("confined").status == 201
    letter_to(server, "confined@example.com")
    for role, pid in roles(server).items():
        status = status_of(pid)
        assert status["Seccomp"] == "2", role
        assert status["NoNewPrivs"] == "1", role
        for rights in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[rights], 16) == 0, (role, rights)
        if os.geteuid() == 0:
            assert int(status["CapBnd"], 16) == 0, f"{role}: no program that it starts could have any"
        if user:
            assert set(status["Uid"].split()) == {str(NOBODY.pw_uid)}, role
        for task in os.listdir(f"/proc/{pid}/task"):
            assert status_of(f"{pid}/task/{task}")["Seccomp"] == "2", f"{role}: a thread without"
    assert len(server.events("sandbox.entered")) == 1
    server.stop()


@needs_root
def test_root_without_a_user_is_nobody_to_the_files_of_others(prepare):
    """uid 0 without capabilities: what is not root's is closed to it."""
    server = prepare()
    (server.directory / "var" / "db").mkdir(parents=True)
    os.chown(server.directory / "var" / "db", NOBODY.pw_uid, -1)
    (server.directory / "var" / "db").chmod(0o700)
    server.spawn()
    assert server.wait(10) != 0
    assert "store.dir" in server.log_text() and "Permission denied" in server.log_text()
    server.allow_deaths = True


# ---- S5, S6: calls and files ----------------------------------------------------------------------

FATAL = {"execve", "fork", "unshare", "kill another process", "bind", "listen", "mount", "setresuid", "keyctl",
         "bpf", "userfaultfd", "io_uring_setup", "perf_event_open", "process_vm_readv", "personality",
         "init_module", "memfd_create", "chmod"}
if SLOW:
    FATAL.remove("fork")        # so a sanitizer looks for leaks
NO_SOCKETS = {"socket AF_INET", "socket AF_UNIX", "connect"}


@pytest.fixture(scope="module")
def keeper(module_servers):
    """A server whose files are all there."""
    server = module_servers({"smtp.password_file": "password"})
    (server.directory / "password").write_text("of the relay\n")
    (server.directory / "password").chmod(0o600)
    return server


@pytest.fixture(scope="module")
def tried(keeper):
    return trials(keeper)


def test_each_role_refuses_the_calls_that_it_has_no_need_of(tried):
    done, table = tried
    assert done.returncode == 0, done.stdout + done.stderr
    for role in ROLES:
        outcomes = table[role]
        assert len(outcomes) > 24 and "ALLOWED" not in outcomes.values(), (role, outcomes)
        assert {call for call in FATAL if outcomes[call] == "SIGSYS"} == FATAL, (role, outcomes)
        assert {outcomes[call] for call in ("mmap to write and run", "mprotect to run")} == {"EACCES"}, role
        assert outcomes["sigaction of SIGSYS"] == "EPERM", role
        assert outcomes["open /etc/passwd"] == "EACCES", role
        assert outcomes["setpriority of others"] in ("SIGSYS", "ENOSYS"), (role, "or the kernel was asked")
    for role in ("worker", "admin", "store"):
        assert {call for call in NO_SOCKETS if table[role][call] == "SIGSYS"} == NO_SOCKETS, role
    for role in ("worker", "admin"):
        assert table[role]["open a file to write"] == table[role]["unlink"] == "SIGSYS"
    for role in ("store", "mailer"):
        assert table[role]["open a file to write"] == table[role]["unlink"] == "EACCES"


def test_the_files_of_one_role_are_closed_to_the_others(tried):
    """Worker and mailer: the database. Store and mailer: the token key. Worker: the relay's password.
    Of what a role has read at its start it needs nothing more either."""
    _, table = tried
    for role in ("worker", "mailer", "admin"):
        assert table[role]["open users.db"] == "EACCES", role
    for role in ROLES:
        for key in ("token.secret_file", "mail.key_file", "smtp.password_file"):
            assert table[role][f"open {key}"] == "EACCES", (role, key)


def test_a_mailer_that_speaks_to_relays_goes_out_and_nowhere_else(keeper):
    done, table = trials(keeper, "-o", "smtp.host=127.0.0.1")
    assert done.returncode == 0, done.stdout
    outcomes = table["mailer"]
    assert outcomes["socket AF_UNIX"] == "EAFNOSUPPORT", "the socket of administration is one"
    assert outcomes["bind"] == outcomes["listen"] == outcomes["execve"] == "SIGSYS"
    assert outcomes["open /etc/passwd"] == outcomes["open users.db"] == "EACCES"


def test_a_token_file_beside_a_key_is_told(keeper):
    """What a mailer reads while it serves is the directory of its token: keys belong elsewhere."""
    done, table = trials(keeper, "-o", "smtp.host=127.0.0.1", "-o", "smtp.user=u", "-o", "smtp.tls=none",
                         "-o", "smtp.token_file=var/token", "-o", "smtp.password_file=")
    assert done.returncode == EXIT_SANDBOX
    assert table["mailer"]["open token.secret_file"] == "ALLOWED"
    assert table["mailer"]["open /etc/passwd"] == "EACCES"


@needs_root
def test_without_the_sandbox_the_calls_are_made(keeper):
    """Or the trials would prove nothing."""
    done, table = trials(keeper, "-o", "master.sandbox=no")
    assert done.returncode == EXIT_SANDBOX and "master.sandbox = no" in done.stdout
    for role in ROLES:
        outcomes = table[role]
        allowed = {call for call, how in outcomes.items() if how == "ALLOWED"}
        assert len(allowed) > 18 and "SIGSYS" not in outcomes.values(), (role, outcomes)
        assert {"execve", "bind", "listen", "unlink", "open a file to write", "open /etc/passwd",
                "mmap to write and run", "kill another process", "open token.secret_file"} <= allowed, role


@needs_root
def test_with_a_user_the_owners_of_files_stand_behind_the_sandbox(prepare):
    """Key files that root alone reads are root's: read before the rights are dropped."""
    server = prepare({"master.user": "nobody"}, owner=NOBODY.pw_uid)
    server.start()
    done, _ = trials(server)
    assert done.returncode == 0, done.stdout
    server.stop()


# ---- kernels that cannot --------------------------------------------------------------------------

LESS = """
import ctypes, os, sys
lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
lib.seccomp_init.restype = ctypes.c_void_p
filter = ctypes.c_void_p(lib.seccomp_init(0x7fff0000))
for call in sys.argv[1].split(","):
    number = lib.seccomp_syscall_resolve_name(call.encode())
    assert lib.seccomp_rule_add(filter, 0x00050000 | int(sys.argv[2]), number, 0) == 0
assert lib.seccomp_load(filter) == 0
os.execv(sys.argv[3], sys.argv[3:])
"""


def kernel_without(*calls, errno=38):
    return (sys.executable, "-c", LESS, ",".join(calls), str(errno))


def test_a_kernel_that_filters_nothing_is_refused_unless_it_is_taken_as_it_is(prepare):
    server = prepare(wrap=kernel_without("seccomp", errno=22))
    server.allow_deaths = True
    server.spawn()
    assert server.wait(10) == EXIT_SANDBOX
    assert "seccomp" in server.log_text() and "master.sandbox = no" in server.log_text()
    taken = prepare({"master.sandbox": "no"}, wrap=kernel_without("seccomp", errno=22))
    taken.start()
    assert len(taken.events("sandbox.off")) == 1
    assert Api(taken.address).signup("anyway").status == 201
    taken.stop()


def test_a_kernel_without_landlock_is_told_once_and_does(prepare):
    server = prepare(wrap=kernel_without("landlock_create_ruleset"))
    server.start()
    line, = server.events("sandbox.partial")
    assert "Landlock" in line and "landlock=0" in server.events("sandbox.entered")[0]
    assert all(status_of(pid)["Seccomp"] == "2" for pid in roles(server).values())
    assert Api(server.address).signup("halfway").status == 201
    letter_to(server, "halfway@example.com")
    server.stop()


# ---- what is replaced -----------------------------------------------------------------------------

def test_a_mailer_whose_directory_is_another_makes_way_for_its_successor(serve):
    server = serve({"http.workers": "1", "mail.retry_s": "1", "mail.retry_max_s": "1"})
    api = Api(server.address)
    assert api.signup("before").status == 201
    letter_to(server, "before@example.com")
    mailer = server.child("mailer")
    server.mail_dir.rename(server.directory / "var" / "mail.old")
    server.mail_dir.mkdir(mode=0o700)
    line = server.wait_event("sandbox.outdated")[0]
    assert "var/mail" in line
    assert api.signup("after").status == 201
    letter_to(server, "after@example.com")
    assert server.child("mailer") != mailer
    assert not server.events("child.died") and not server.events("child.delayed")
    api.close()


# ---- S2: memory -----------------------------------------------------------------------------------

def test_no_process_leaves_a_core_or_shows_its_memory(prepare):
    """The files of a process that is not dumpable are root's, whoever it runs as."""
    wrap = ("setpriv", "--reuid=nobody", "--clear-groups") if os.geteuid() == 0 else ()
    server = prepare(wrap=wrap, owner=NOBODY.pw_uid if wrap else None)
    if wrap:
        server.log_path.touch()
    server.start()
    pids = {**roles(server), "master": server.pid}
    for role, pid in pids.items():
        assert os.stat(f"/proc/{pid}").st_uid == (NOBODY.pw_uid if wrap else os.geteuid()), role
        assert os.stat(f"/proc/{pid}/maps").st_uid == 0, f"{role} is dumpable"
        limit = re.search(r"Max core file size +(\d+)", Path(f"/proc/{pid}/limits").read_text())
        assert limit[1] == "0", role
        if os.geteuid() == 0:
            assert int(Path(f"/proc/{pid}/coredump_filter").read_text(), 16) == 0, role
    scores = {role: int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for role, pid in pids.items()}
    assert scores["worker"] > scores["mailer"] > scores["store"] > scores["master"], "still offered"
    server.stop()


@needs_root
@pytest.mark.skipif(SLOW, reason="AddressSanitizer takes mlock for itself and locks nothing")
def test_keys_lie_in_locked_pages_that_no_core_holds(serve):
    server = serve({"http.workers": "1"})
    for role, files in {"worker": ("token.key", "mail.key"), "mailer": ("mail.key",)}.items():
        pid = roles(server)[role]
        text = Path(f"/proc/{pid}/smaps").read_text()
        guarded = [block for block in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", text)
                   if re.search(r"^VmFlags:.*\blo\b", block, re.M) and re.search(r"^VmFlags:.*\bdd\b", block, re.M)]
        held = b""
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for block in guarded:
                begin, end = (int(part, 16) for part in block.split(None, 1)[0].split("-"))
                if "rw" in block.split()[1]:
                    memory.seek(begin)
                    held += memory.read(end - begin)
        for name in files:
            key = (server.directory / "var" / name).read_bytes().strip()
            assert key in held, f"{role}: {name} is not in a locked page that dumps leave out"


@needs_root
@pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")
@pytest.mark.skipif(SLOW, reason="a sanitizer's build maps terabytes; its pages are looked at elsewhere")
def test_a_core_that_root_takes_holds_no_password_and_no_key(serve, tmp_path):
    server = serve({"http.workers": "1"})
    worker = roles(server)["worker"]
    password = "canary of the core 7391"
    with_password = Api(server.address)
    assert with_password.signup("dumped", password=password).status == 201
    assert with_password.login("dumped", password).status == 200
    Path(f"/proc/{worker}/coredump_filter").write_text("0x7f")      # all there is, as if none had been forbidden
    core = tmp_path / "core"
    subprocess.run(["gdb", "-nx", "-batch", "-p", str(worker), "-ex", f"generate-core-file {core}"],
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=patience(60), check=False)
    held = core.read_bytes()
    assert b"gatepost: worker 0" in held and b"dumped" in held, "the core is one of that worker"
    assert password.encode() not in held
    assert (server.directory / "var" / "token.key").read_bytes().strip() not in held
    assert with_password.get("/healthz").status == 200
    with_password.close()


# ---- S3, S9 ---------------------------------------------------------------------------------------

def test_every_file_of_the_server_is_its_users_alone(keeper):
    """Logs and regions of Berkeley DB hold hashes that were replaced long ago."""
    Api(keeper.address).signup("walked")
    walked = 0
    for folder, _, files in os.walk(keeper.directory / "var"):
        for path in [Path(folder), *(Path(folder) / name for name in files)]:
            status = path.stat()
            shared = path.name in ("gatepost.pid",)     # anybody may learn the pid
            assert status.st_mode & (0o022 if shared else 0o077) == 0, (path, oct(status.st_mode))
            assert status.st_uid == os.geteuid(), path
            walked += 1
    assert walked > 15


def test_no_secret_is_in_an_environment_or_on_a_command_line(prepare):
    """The master forgets what it was started with; a mail password is in no process's block."""
    secret = "canary-of-the-environment-8642"
    server = prepare({"smtp.host": "127.0.0.1", "smtp.port": "9", "mail.from": "a@example.org"},
                     env={"EMAIL_HOST_USER": "u", "EMAIL_HOST_PASSWORD": secret})
    server.start()
    for title, pid in {**roles(server), "master": server.pid}.items():
        for name in ("environ", "cmdline"):
            held = Path(f"/proc/{pid}/{name}").read_bytes()
            assert secret.encode() not in held and b"EMAIL_HOST" not in held, (title, name)
    server.stop()


# ---- S10: how it was built ------------------------------------------------------------------------

def readelf(*options):
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    return subprocess.run(["readelf", "-W", *options, str(BINARY)], capture_output=True, text=True,
                          check=True).stdout


def test_the_binary_is_position_independent_and_its_tables_are_read_only():
    assert re.search(r"Type:\s+DYN", readelf("-h"))
    headers, dynamic = readelf("-l"), readelf("-d")
    assert "GNU_RELRO" in headers
    assert re.search(r"GNU_STACK.*\bRW\b", headers) and not re.search(r"GNU_STACK.*RWE", headers)
    assert not re.search(r"LOAD.*RWE", headers), "a segment to write and to run"
    assert not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic)
    if is_hardened():
        assert "BIND_NOW" in dynamic or re.search(r"FLAGS_1.*NOW", dynamic)


def is_hardened():
    """Debug builds and those with sanitizers are for tests."""
    return not {"asan", "tsan", "debug"} & set(BINARY.resolve().parts)


@pytest.mark.skipif(not is_hardened(), reason="builds for tests are not hardened")
def test_stack_and_buffers_are_guarded():
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert len(set(re.findall(r"__\w+_chk\b", symbols)) - {"__stack_chk_fail"}) > 5, "FORTIFY"
    if "X86-64" in readelf("-h"):
        # ENDBR64, where an indirect jump may land. The property that turns it on is the whole program's,
        # and Debian's crt1.o has none; the code of ours is ready for one that has.
        assert BINARY.read_bytes().count(bytes.fromhex("f30f1efa")) > 300, "-fcf-protection"
