"""The units under systemd itself, booted for the purpose (systemd_boot.py): what no test of single parts
shows. As everywhere where that cannot be done, it is skipped with the reason."""
import re
import shutil
import subprocess

import pytest

import systemd_boot
from gatepost import BINARY, ROOT, SLOW, patience

SCRIPT = r"""
say() { printf '\n== %s\n' "$1"; shift; "$@" 2>&1; printf '== exit %d\n' $?; }
ip link set lo up
name() { printf '{"username":"%s","email":"%s@example.com","password":"securepassword123"}' "$1" "$1"; }
signup() { curl -s -m 10 -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d "$(name "$1")" \
    http://127.0.0.1:8000/api/auth/signup; }
say start systemctl start gatepost.service
say status systemctl status gatepost.service --no-pager -l -n 0
say signup signup first
say files stat -c '%n %U %a' /var/lib/gatepost /var/lib/gatepost/* /run/gatepost/*
pid=$(systemctl show gatepost -p MainPID --value)
say processes grep -H -E '^(Name|Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' \
    $(for one in $pid $(cat /proc/$pid/task/$pid/children); do echo /proc/$one/status; done)
say administration /usr/sbin/gatepost user list -c /etc/gatepost/gatepost.conf
say upgrade /usr/sbin/gatepost upgrade -c /etc/gatepost/gatepost.conf
say upgraded systemctl show gatepost -p ActiveState -p MainPID -p NRestarts
sed -i 's/^listen = .*/listen = 127.0.0.1:8000, 127.0.0.1:8001/' /etc/gatepost/gatepost.conf
say reload systemctl reload gatepost.service
say second curl -s -m 5 http://127.0.0.1:8001/healthz
echo '[nonsense]' >> /etc/gatepost/gatepost.conf
say broken systemctl reload gatepost.service
say after-broken systemctl show gatepost -p ActiveState -p SubState -p MainPID -p StatusText
sed -i '/nonsense/d; s/^listen = .*/listen = 127.0.0.1:8000/' /etc/gatepost/gatepost.conf
say stop systemctl stop gatepost.service
say stopped systemctl show gatepost -p Result -p ActiveState
say socket systemctl start gatepost.socket
say activated curl -s -m 20 http://127.0.0.1:8000/healthz
mkdir -p /etc/systemd/system/gatepost.service.d /etc/gatepost/secret
printf 'a token key of 32 bytes and more, by hand\n' > /etc/gatepost/secret/token.key
chmod 600 /etc/gatepost/secret/token.key
cp /etc/gatepost/drop-in.conf /etc/systemd/system/gatepost.service.d/
systemctl daemon-reload
say credential systemctl restart gatepost.service
say told journalctl -u gatepost --no-pager -n 20
say key-used stat -c "%n %U %a" /run/credentials/gatepost.service/token.key
say signup-again signup second
pid=$(systemctl show gatepost -p MainPID --value)
[ "$pid" -gt 1 ] && kill -STOP "$pid"
for i in $(seq 40); do sleep 0.2; [ "$(systemctl show gatepost -p NRestarts --value)" != 0 ] && break; done
for i in $(seq 40); do sleep 0.2; [ "$(systemctl is-active gatepost)" = active ] && break; done
say watchdog systemctl show gatepost -p NRestarts -p ActiveState
say serves-again curl -s -m 10 http://127.0.0.1:8000/healthz
say journal journalctl -u gatepost --no-pager -o cat
"""

DROP_IN = """[Service]
LoadCredential=token.key:/etc/gatepost/secret/token.key
Environment=GATEPOST_TOKEN_SECRET_FILE=%d/token.key
WatchdogSec=2
TimeoutAbortSec=1
"""


def parts(text):
    """{name: (exit code, text)} of what the script said."""
    return {match[1]: (int(match[3]), match[2].strip())
            for match in re.finditer(r"^== (\S+)\n(.*?)== exit (\d+)$", text, re.M | re.S)}


@pytest.mark.skipif(SLOW, reason="a sanitizer's process is larger than the unit allows")
def test_the_units_under_systemd(tmp_path):
    """20 s: a boot, and a watchdog that has to run out."""
    reason = systemd_boot.reason_against()
    if reason:
        pytest.skip(reason)
    files = tmp_path / "files"
    for folder in ("usr/sbin", "etc/systemd/system", "etc/gatepost"):
        (files / folder).mkdir(parents=True)
    shutil.copy(BINARY, files / "usr/sbin/gatepost")
    for unit in (ROOT / "conf" / "systemd").iterdir():
        shutil.copy(unit, files / "etc/systemd/system")
    shutil.copy(ROOT / "conf" / "packaged.conf", files / "etc/gatepost/gatepost.conf")
    (files / "etc/gatepost/drop-in.conf").write_text(DROP_IN)
    script = "getent passwd gatepost > /dev/null || useradd -r -M -s /usr/sbin/nologin gatepost\n" + SCRIPT
    text = systemd_boot.boot(tmp_path, script, patience(150))
    if not text:
        trouble = (tmp_path / "trouble").read_text(errors="replace")
        pytest.skip(f"systemd does not boot in these namespaces: {trouble[-300:]}")
    said = parts(text)

    def exited(name, code, pattern=""):
        assert name in said, text
        assert said[name][0] == code and re.search(pattern, said[name][1], re.M), (name, said[name], text[-3000:])
    exited("start", 0)
    exited("status", 0, r'Status: "Serving; 127\.0\.0\.1:8000, \d+ workers, 0 letters waiting"')
    exited("signup", 0, "201")
    owners = dict(re.findall(r"^(\S+) (\S+ \d+)$", said["files"][1], re.M))
    assert owners["/var/lib/gatepost"] == owners["/var/lib/gatepost/db"] == "gatepost 700"
    assert owners["/var/lib/gatepost/token.key"] == "gatepost 600"
    assert owners["/run/gatepost/admin.sock"] == "root 600"
    assert_confined(said["processes"][1])
    exited("administration", 0, "first")
    exited("upgrade", 0)
    pid = re.search(r"^/proc/(\d+)/", said["processes"][1], re.M)[1]
    exited("upgraded", 0, f"^MainPID={pid}$")
    assert "NRestarts=0" in said["upgraded"][1] and "ActiveState=active" in said["upgraded"][1]
    exited("reload", 0)
    exited("second", 0, "ok")
    exited("broken", 1)
    exited("after-broken", 0, "^SubState=running$")
    exited("stop", 0)
    exited("stopped", 0, "^Result=success$")
    exited("activated", 0, "ok")
    exited("credential", 0)
    exited("key-used", 0)
    exited("signup-again", 0, "201")
    exited("watchdog", 0, "^ActiveState=active$")
    assert re.search(r"^NRestarts=[1-9]", said["watchdog"][1], re.M), said["watchdog"]
    exited("serves-again", 0, "ok")
    exited("journal", 0, "server.ready")


def assert_confined(text):
    """The master has the unit's capabilities, its children have none and are not root's."""
    processes = {}
    for pid, name, value in re.findall(r"^/proc/(\d+)/status:(\w+):\s*(.*)$", text, re.M):
        processes.setdefault(pid, {})[name] = value
    assert len(processes) >= 5, text
    master, *children = processes.values()
    unit = (ROOT / "conf" / "systemd" / "gatepost.service").read_text()
    named = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split()
    assert bin(int(master["CapBnd"], 16)).count("1") == len(named)
    for process in processes.values():
        assert process["NoNewPrivs"] == "1" and process["Seccomp"] == "2", process
    for child in children:
        assert int(child["CapEff"], 16) == 0 and not child["Uid"].startswith("0"), child
