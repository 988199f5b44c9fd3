"""A Postfix of one's own: configuration and queue in a folder, one port on loopback, no service of the
system touched. It runs from where conf/smtp-sink unpacked the package, or from an installed one."""
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from certificates import make_context
from gatepost import ROOT, wait_for

UNPACKED = ROOT / "build" / "tools" / "postfix"
# The queue's owner, and a group for its programs: Postfix wants three that have nothing in common.
OWNER, GROUP, NOBODY = "mail", "games", "nobody"

MAIN = """compatibility_level = 3.6
config_directory = {etc}
queue_directory = {queue}
data_directory = {data}
daemon_directory = {lib}/sbin
command_directory = {sbin}
shlib_directory = {lib}
mail_owner = {owner}
setgid_group = {group}
default_privs = {nobody}
import_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ LANG=C
maillog_file = {log}/mail.log
maillog_file_prefixes = {log}
myhostname = relay.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = inline:{{ {{ example.com = yes }} }}
virtual_mailbox_maps = static:all
virtual_transport = discard:
smtpd_tls_security_level = may
smtpd_tls_cert_file = {etc}/server.pem
smtpd_tls_key_file = {etc}/server.pem
smtpd_recipient_restrictions = check_recipient_access texthash:{etc}/recipients, permit_mynetworks, reject
smtpd_delay_reject = no
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
{more}
"""

MASTER = """127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
"""

QUEUES = ("active bounce corrupt defer deferred flush hold incoming private saved trace maildrop public "
          "pid").split()


def quiet_port():
    """A free one that no outgoing connection gets while Postfix is away: below the ephemeral ones."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def where():
    """(library folder, command folder), or None."""
    for root in (UNPACKED, Path("/")):
        if (root / "usr/lib/postfix/sbin/master").exists():
            return root / "usr/lib/postfix", root / "usr/sbin"
    return None


def why_not():
    """Why it cannot run here, or None."""
    if os.getuid() != 0:
        return "Postfix needs root to change to its own users"
    return None if where() else "no Postfix: conf/smtp-sink build/tools unpacks it"


class Postfix:
    """recipients: {address: "450 4.2.1 later"}, what RCPT is answered; all others are taken."""

    def __init__(self, recipients=None, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.port, self.process = quiet_port(), None
        lib, sbin = where()
        places = {name: self.folder / name for name in ("etc", "queue", "data", "log")}
        for place in places.values():
            place.mkdir()
        shutil.chown(places["data"], OWNER)
        for name in QUEUES:
            (places["queue"] / name).mkdir()
            if name != "pid":
                shutil.chown(places["queue"] / name, OWNER)
        make_context(str(places["etc"]), "good")
        (places["etc"] / "server.pem").chmod(0o600)
        self.ca_file = places["etc"] / "ca.pem"
        more = "\n".join(f"{key} = {value}" for key, value in settings.items())
        (places["etc"] / "main.cf").write_text(MAIN.format(
            **places, lib=lib, sbin=sbin, owner=OWNER, group=GROUP, nobody=NOBODY, more=more))
        (places["etc"] / "master.cf").write_text(MASTER.format(port=self.port))
        self.answer(recipients or {})
        self.environment = {"LD_LIBRARY_PATH": str(lib), "PATH": os.environ["PATH"]}
        self.master = lib / "sbin" / "master"

    def answer(self, recipients):
        path = self.folder / "etc" / "recipients"
        lines = [f"{address} {reply}\n" for address, reply in recipients.items()]
        path.with_suffix(".new").write_text("".join(lines))
        path.with_suffix(".new").replace(path)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        started = self.log().count("daemon started")
        self.process = subprocess.Popen(
            [str(self.master), "-c", str(self.folder / "etc"), "-d"], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True)
        wait_for(lambda: self.log().count("daemon started") > started or self.process.poll() is not None,
                 10, "Postfix")
        assert self.process.poll() is None, self.process.stderr.read().decode() + self.log()[-2000:]
        return self

    def stop(self):
        """As `postfix abort`. Its processes hold the listening socket: the next start needs them gone."""
        if self.process is None:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
        wait_for(self._is_gone, 10, "the end of Postfix's processes")
        self.process.stderr.close()
        self.process = None

    def _is_gone(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
            return False
        except ProcessLookupError:
            return True

    def log(self):
        path = self.folder / "log" / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def deliveries(self):
        """Recipients of what was taken and passed on, one for each letter."""
        return [line.split("to=<")[1].split(">")[0] for line in self.log().splitlines()
                if "/discard[" in line and "status=sent" in line]
