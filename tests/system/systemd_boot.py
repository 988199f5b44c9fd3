"""Boots the machine's own systemd as the first process of a set of namespaces: over an overlay of /, with
a network, a /tmp, a /run and a control group of its own. What a script does in there comes back as text;
nothing of it is seen outside, and all of it ends with the first process."""
import os
import shutil
import subprocess
from pathlib import Path

CGROUP2 = Path("/sys/fs/cgroup/unified") if Path("/sys/fs/cgroup/unified").is_dir() else Path("/sys/fs/cgroup")

# $1: a directory of ours, with files/ to lay over / and script to run; what it prints goes to out.
SETUP = r"""set -e
mount --make-rprivate /
root=$1/root
mkdir -p "$1/over" "$root"
mount -t tmpfs tmpfs "$1/over"
mkdir "$1/over/up" "$1/over/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/over/up,workdir=$1/over/work" "$root"
mkdir -p "$root/run/ours"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/ours"
mount --bind "$1" "$root/run/ours"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
mknod -m 666 dev/null c 1 3; mknod -m 666 dev/zero c 1 5; mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8; mknod -m 666 dev/urandom c 1 9; mknod -m 666 dev/tty c 5 0
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx; ln -s null dev/kmsg; : > dev/console
: > etc/fstab; echo uninitialized > etc/machine-id
rm -rf etc/systemd/system etc/resolv.conf; mkdir -p etc/systemd/system etc/systemd/system-preset
echo "disable *" > etc/systemd/system-preset/00-none.preset
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-logind.service systemd-update-utmp.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-modules-load.service systemd-sysctl.service \
    systemd-random-seed.service systemd-timesyncd.service systemd-networkd.service systemd-resolved.service; do
    ln -sf /dev/null etc/systemd/system/$unit
done
cp -a run/ours/files/. .
cat > etc/systemd/system/ours.service <<UNIT
[Unit]
DefaultDependencies=no
After=sysinit.target dbus.socket
Wants=dbus.socket
[Service]
Type=oneshot
StandardOutput=append:/run/ours/out
StandardError=inherit
ExecStart=/bin/bash /run/ours/script
ExecStopPost=/bin/systemctl --force --force poweroff
UNIT
cat > etc/systemd/system/ours.target <<UNIT
[Unit]
Requires=basic.target
Wants=ours.service
After=basic.target
UNIT
mkdir -p old
pivot_root . old
umount -l /old
mount --make-rshared /      # as a real first process has it: credentials are mounted elsewhere first
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system \
    --unit=ours.target --log-target=journal --show-status=0 < /dev/null
"""


def reason_against():
    """Why it cannot be done here; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/lib/systemd/systemd") or shutil.which("unshare") is None:
        return "systemd is not installed"
    if not (CGROUP2 / "cgroup.procs").exists():
        return "no control groups of version 2 are mounted"
    probe = subprocess.run(["unshare", "-m", "-p", "-f", "-i", "-u", "-n", "-C", "true"], capture_output=True)
    return None if probe.returncode == 0 else "namespaces cannot be made here"


def boot(directory, script, seconds):
    """Runs the script under systemd; `directory`/files is laid over / first. Returns what it printed."""
    (directory / "script").write_text(script)
    group = CGROUP2 / f"gatepost-test-{os.getpid()}"
    group.mkdir()
    try:
        subprocess.run(["unshare", "-m", "-p", "-f", "-i", "-u", "-n", "-C", "--kill-child", "bash", "-c", SETUP,
                        "-", str(directory)], timeout=seconds, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=open(directory / "trouble", "wb"), start_new_session=True,
                       preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())))
    finally:
        for path in sorted(group.glob("**/"), reverse=True):
            try:
                path.rmdir()
            except OSError:
                pass
    out = directory / "out"
    return out.read_text(errors="replace") if out.exists() else ""
