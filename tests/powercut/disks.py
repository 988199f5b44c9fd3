"""A disk that can be cut off: an ext4 file system in a file, cloned while it is written to.

An XFS file system in a sparse file (it can share blocks between files) holds disk.img; disk.img holds
ext4, which is the server's disk. A clone of disk.img is what a drive holds at that moment: whatever
was in ext4's page cache only is not in it."""
import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

FICLONE = 0x40049409
BASE_MIB, DISK_MIB = 6144, 768


def run(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def why_not():
    """Why there can be no such disk on this machine; None when there can."""
    if os.geteuid() != 0:
        return "mounting loop images needs root"
    for tool in ("mkfs.xfs", "mkfs.ext4", "mount", "umount", "db5.3_recover"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    try:
        run("losetup", "-f")
        with Disks(BASE_MIB, 64):
            pass
    except OSError as error:
        return str(error)
    return None


def unmount(path):
    """Something may still hold a file of it for a moment."""
    for _ in range(50):
        if subprocess.run(["umount", str(path)], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    run("umount", "-l", path)


class Disks:
    """with Disks() as disks: disks.path is the server's disk; with disks.cut() as path: a clone of it,
    as the next start finds it."""

    def __init__(self, base_mib=BASE_MIB, disk_mib=DISK_MIB):
        self.base_mib, self.disk_mib = base_mib, disk_mib

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="gatepost-power-", dir="/var/tmp"))
        self.stack = contextlib.ExitStack()
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _mount(self, image, name, stack):
        path = self.folder / name
        path.mkdir(exist_ok=True)
        run("mount", "-o", "loop", image, path)
        stack.callback(unmount, path)
        return path

    def _make(self):
        image = self.folder / "base.img"
        with open(image, "wb") as file:
            file.truncate(self.base_mib << 20)
        run("mkfs.xfs", "-q", "-m", "reflink=1", image)
        self.base = self._mount(image, "base", self.stack)
        self.image = self.base / "disk.img"
        run("fallocate", "-l", f"{self.disk_mib}M", self.image)
        # A letter is a file: many inodes.
        run("mkfs.ext4", "-q", "-F", "-i", "4096", self.image)
        self.path = self._mount(self.image, "disk", self.stack)

    @contextlib.contextmanager
    def cut(self):
        """The power goes now. Mounting the clone replays ext4's journal."""
        clone = self.base / "clone.img"
        with contextlib.ExitStack() as stack:
            stack.callback(clone.unlink, missing_ok=True)
            with open(self.image, "rb") as source, open(clone, "wb") as target:
                fcntl.ioctl(target, FICLONE, source.fileno())
            yield self._mount(clone, "clone", stack)
