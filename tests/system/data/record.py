#!/usr/bin/python3
"""Records a database of the format that a binary writes: record.py BINARY OUT.tar.xz

The accounts are old0 to old7, with the password of client.py. old0 to old3 have a letter that was delivered, the
others one that waits, since the relay of the second start is not there. old0 is logged in. What was recorded, each
from a build of that commit (make BUILD=debug build):

  store_format_1.tar.xz   97d91ce  the first commit with a whole server
  store_format_2.tar.xz   the last commit before c89f140
  store_format_3.tar.xz   the commit that this file came with
"""
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

binary, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
os.environ["GATEPOST_BINARY"] = str(binary)

import gatepost  # noqa: E402
from client import PASSWORD, Api  # noqa: E402

EARLY = {"http.listen": "127.0.0.1:0", "http.workers": "1", "password.iterations": "1000", "store.cache_mib": "16"}


def settings(more):
    """Those that this binary knows."""
    known = subprocess.run([binary, "config"], capture_output=True, text=True, cwd="/tmp").stdout
    wanted = {**EARLY, "password.allow_weak": "yes", "limits.enabled": "no", **more}
    return {key: value for key, value in wanted.items() if f"\n{key.split('.')[1]} =" in known}


def run(directory, more, names):
    server = gatepost.Gatepost(directory=directory)
    server.settings = settings(more)
    server.start()
    api = Api(server.address)
    for name in names:
        answer = api.signup(name)
        assert answer.status == 201, answer
    if more.get("mail.transport") == "file":
        gatepost.wait_for(lambda: len(list(server.mail_dir.glob("*.eml"))) == len(names), 20, "letters")
        assert api.login(names[0], PASSWORD).status == 200
        assert api.login(names[0], "wrong").status == 401
    server.keep = True
    server.stop()
    server.destroy()


with tempfile.TemporaryDirectory(prefix="gatepost-record-", dir="/tmp") as directory:
    run(directory, {"mail.transport": "file"}, [f"old{i}" for i in range(4)])
    run(directory, {"mail.transport": "smtp", "smtp.host": "127.0.0.1", "smtp.port": "9", "smtp.tls": "none"},
        [f"old{i}" for i in range(4, 8)])
    with tarfile.open(out, "w:xz", preset=9) as archive:
        for name in ("db", "token.key", "mail.key"):
            archive.add(Path(directory) / "var" / name, arcname=f"var/{name}")
print(out, out.stat().st_size)
