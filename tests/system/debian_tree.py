"""A bare Debian in a folder, to install a package into (as root).

The tree is debootstrap's minbase, unpacked into a tmpfs that lives in a mount namespace of its own,
with process ids and a network of its own as well: port 8000 of the tree is nobody else's, and when
the namespace's first process ends, all that was started and mounted there is gone.

The base is made once and kept in build/tools with the packages that Gatepost depends on, so that
only the first run downloads."""
import hashlib
import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

from gatepost import ROOT

TOOLS = ROOT / "build" / "tools"
INDEXES = ["apt-get", "indextargets", "Created-By: Packages", "--format",
           "$(REPO_URI) $(RELEASE) $(COMPONENT)"]
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "LC_ALL": "C", "HOME": "/", "DEBIAN_FRONTEND": "noninteractive"}
# What a test of the package uses beside it.
TOOLS_OF_THE_TREE = ("logrotate", "curl", "openssl", "ca-certificates", "nginx")
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


def why_not():
    """Why there can be no tree here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("debootstrap", "unshare", "nsenter", "zstd", "dpkg-deb"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    if subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"],
                      capture_output=True).returncode != 0:
        return "may not make namespaces"
    return None


def release():
    """The Debian of this machine: its sources are the tree's."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return "bookworm"


def sources():
    """(base URI, lines of a sources.list) of what this machine's apt has of its own Debian."""
    lines = subprocess.run(INDEXES, check=True, capture_output=True, text=True).stdout.split("\n")
    rows = [line.split() for line in lines if line.strip()]
    rows = [row for row in rows if row[1].split("-")[0] == release()]
    base = next(uri for uri, name, component in rows if (name, component) == (release(), "main"))
    return base, "".join(f"deb {uri} {name} {component}\n" for uri, name, component in rows)


class NoTree(Exception):
    """The base could not be made: no network, most likely."""


class Tree:
    def __init__(self, folder):
        self.path = Path(folder) / "tree"
        self.path.mkdir()
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c",
             'mount -t tmpfs -o size=3g,mode=755 none "$1" && echo ready && exec sleep infinity',
             "sh", str(self.path)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if self.holder.stdout.readline() != b"ready\n":
            self.close()
            raise NoTree("a tmpfs cannot be mounted")
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        self.first = children.read_text().split()[0]        # pid 1 of the namespace
        self.enter(["python3", "-c", UP], net=True)

    def close(self):
        self.holder.kill()          # --kill-child: its child gets KILL, and with it the namespace
        self.holder.wait()
        self.holder.stdout.close()

    # ---- processes in it ------------------------------------------------------------------------

    def inside(self, net):
        line = ["nsenter", "--target", self.first, "--mount", "--pid"]
        return [*line, "--net", "--"] if net else [*line, "--"]

    def enter(self, command, net=False, **options):
        """A command of this machine, which sees the tree's mounts (and its network, with net)."""
        options = {"check": True, "capture_output": True, "text": True, "timeout": 600,
                   "stdin": subprocess.DEVNULL, **options}
        return subprocess.run([*self.inside(net), *map(str, command)], **options)

    def run(self, *command, net=False, check=True, timeout=300):
        """A command of the tree, as root, with both outputs in one. net: in the tree's network; apt
        needs the machine's."""
        env = {**ENVIRONMENT, **{name: os.environ[name] for name in PROXIES if name in os.environ}}
        done = self.enter(["chroot", self.path, *command], net=net, check=False, env=env,
                          capture_output=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timeout)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done

    def start(self, *command):
        return subprocess.Popen(
            [*self.inside(True), "chroot", str(self.path), *command], env=ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    # ---- its files ------------------------------------------------------------------------------

    @property
    def root(self):
        """The tree as this process sees it."""
        return Path(f"/proc/{self.first}/root{self.path}")

    def install(self, *packages):
        return self.run("apt-get", "install", "-y", "-qq", "--no-install-recommends",
                        "-o", "Dpkg::Options::=--force-unsafe-io", *packages).stdout

    def install_tools(self):
        """Without starting what they serve: apt has the machine's network."""
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        self.install(*TOOLS_OF_THE_TREE)
        policy.unlink()

    def put(self, file):
        """A file into the tree's /tmp; gives the path there."""
        shutil.copy(file, self.root / "tmp")
        return f"/tmp/{Path(file).name}"

    def snapshot(self):
        """{path: what it is}: kind, mode, owner, and the digest of a file's content."""
        found = {}
        root = self.root
        for folder, folders, files in os.walk(root):
            if Path(folder) == root:
                folders[:] = [name for name in folders if name not in ("proc", "sys", "dev", "tmp")]
            for name in folders + files:
                path = Path(folder) / name
                status = path.lstat()
                what = [oct(status.st_mode), status.st_uid, status.st_gid]
                if stat.S_ISREG(status.st_mode):
                    what.append(hashlib.sha256(path.read_bytes()).hexdigest())
                elif stat.S_ISLNK(status.st_mode):
                    what.append(os.readlink(path))
                found[str(path.relative_to(root))] = tuple(what)
        return found


# `ip link set lo up`, without the tool.
UP = """
import fcntl, socket, struct
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 1))
"""


def make_base(tree, package, archive):
    """debootstrap into the tree, with what the package will ask for in apt's cache; kept."""
    base, lines = sources()
    try:
        tree.enter(["debootstrap", "--variant=minbase", release(), tree.path, base])
        (tree.root / "etc/apt/sources.list").write_text(lines)
        shutil.copy("/etc/resolv.conf", tree.root / "etc/resolv.conf")
        prepare(tree)
        tree.run("apt-get", "update", "-qq")
        tree.run("apt-get", "clean")
        tree.run("apt-get", "install", "-y", "-qq", "--download-only", "--no-install-recommends",
                 *TOOLS_OF_THE_TREE, tree.put(package))
    except (subprocess.SubprocessError, AssertionError) as problem:
        raise NoTree(f"debootstrap or apt: {str(problem)[-600:]}") from problem
    (tree.root / "tmp" / Path(package).name).unlink()
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_suffix(f".part{os.getpid()}")
    with open(part, "wb") as file:
        tree.enter(["tar", "--zstd", "-C", tree.path, "--one-file-system", "-c", "."],
                   capture_output=False, stdout=file, text=False)
    part.rename(archive)


def prepare(tree):
    tree.enter(["sh", "-c", 'mountpoint -q "$1/proc" || mount -t proc proc "$1/proc"; '
                'mountpoint -q "$1/dev" || { mount --rbind /dev "$1/dev"; }', "sh", tree.path])


def unpack(folder, package):
    """A tree with a bare Debian in it. Raises NoTree."""
    archive = TOOLS / f"debian-{release()}.tar.zst"
    tree = Tree(folder)
    try:
        if archive.exists() and time.time() - archive.stat().st_mtime < 30 * 86400:
            tree.enter(["tar", "--zstd", "-C", tree.path, "-x", "-f", archive])
            prepare(tree)
        else:
            make_base(tree, package, archive)
    except BaseException:
        tree.close()
        raise
    return tree
