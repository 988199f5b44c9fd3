"""The package where systemd runs: installing starts the service, an upgrade goes on serving, removing
stops it, purging leaves no unit behind. On the machine's own systemd, over an overlay of its files."""
import re
import subprocess

import pytest

import systemd_boot
from gatepost import BINARY, SLOW, patience
from test_81_package import build

# An image's policy and the boot's own preset would both keep everything from being started.
SCRIPT = r"""
exec 2>&1
rm -f /usr/sbin/policy-rc.d /etc/systemd/system-preset/00-none.preset
state() {
    enabled=$(systemctl is-enabled gatepost.service 2>/dev/null)
    echo "$1: $(systemctl is-active gatepost.service)" \
        "${enabled:-absent}" \
        "socket=$(systemctl is-active gatepost.socket)" \
        "answer=$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/readyz)"
}
main() { systemctl show -p MainPID --value gatepost.service; }
put() { dpkg --no-triggers -i /run/ours/"$1".deb || echo "failed: $1"; }
put one; state installed
stat -c '%a %U:%G %n' /var/lib/gatepost /var/lib/gatepost/db /var/log/gatepost /run/gatepost
before=$(main); put two; state upgraded
readlink "/proc/$(main)/exe"
echo "main: $([ "$before" = "$(main)" ] && echo the same || echo another)"
systemctl --quiet disable gatepost.service; put one; state disabled
systemctl --quiet enable gatepost.service
dpkg --no-triggers -r gatepost; state removed
put one; state again
systemctl stop gatepost.service; put two; state rests
dpkg --no-triggers -r gatepost
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
put one; state forbidden
rm /usr/sbin/policy-rc.d; systemctl start gatepost.service; state started
dpkg --no-triggers -P gatepost; state purged
find /etc /var/lib /var/log /lib/systemd /usr/share -name '*gatepost*' | sed 's/^/left: /'
getent passwd gatepost
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    reason = systemd_boot.reason_against() or (SLOW and "the package is of the release build")
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("boot")
    (folder / "files").mkdir()
    for revision, name in ((1, "one"), (2, "two")):
        build(revision, folder).rename(folder / f"{name}.deb")
    if subprocess.run(["dpkg", "--dry-run", "-i", folder / "one.deb"], capture_output=True).returncode != 0:
        pytest.skip("what the package needs is not installed")
    return systemd_boot.boot(folder, SCRIPT, patience(120))


def test_the_service_goes_as_the_package_goes(story):
    """name: the service, whether it is enabled, the socket, the answer of /readyz."""
    states = dict(re.findall(r"^(\w+): (\w+ \w+ socket=\w+ answer=\d+)$", story, re.MULTILINE))
    serves, rests = "active enabled socket=inactive answer=200", "inactive {} socket=inactive answer=000"
    assert states == {
        "installed": serves,
        "upgraded": serves,
        "disabled": "active disabled socket=inactive answer=200",    # who disabled it keeps that
        "removed": rests.format("absent"),
        "again": serves,
        "rests": rests.format("enabled"),                            # who stopped it has a reason
        "forbidden": rests.format("enabled"),
        "started": serves,
        "purged": rests.format("absent"),
    }, story
    assert "failed: " not in story, story


def test_an_upgrade_runs_the_new_program(story):
    assert "\n/usr/sbin/gatepost\n" in story, story
    if has_upgrade():
        assert "main: the same\n" in story, story


def has_upgrade():
    usage = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    return re.search(r"^  upgrade ", usage, re.MULTILINE) is not None


def test_directories_belong_to_whom_the_unit_gives_them(story):
    for line in ("700 gatepost:gatepost /var/lib/gatepost", "700 gatepost:gatepost /var/lib/gatepost/db",
                 "2750 root:root /var/log/gatepost", "755 root:root /run/gatepost"):
        assert f"\n{line}\n" in story, story


def test_purging_leaves_no_unit_no_directory_and_no_user(story):
    assert "left: " not in story and "gatepost:x:" not in story, story
