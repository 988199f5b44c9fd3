"""Bytes on the disk for each user: so many sign-ups, their letters sent, then a clean stop, which makes a
checkpoint. What the empty database takes does not count; the log is told apart: it is for recovery, and
old files of it go. Of Gatepost's bytes a part are letters that it remembers for a week and the audit
trail, which the peers have not; how many without the letters is told too."""
import os
import sqlite3

from peers.table import peers_of, spared
from rig import open_loop
from rig.sink import Sink
from rig.sites import gatepost

USERS, QUICK_USERS = 20000, 4000
PEER_USERS, QUICK_PEER_USERS = 2000, 400
RATE, PEER_RATE = 2000, 200
SUFFIXES = (".db", ".sqlite3")
SQLITE = b"SQLite format 3\0"


def sizes(folder):
    """(bytes of data, bytes of log) of a database's folder, as they are allocated."""
    data = log = 0
    for root, _, names in os.walk(folder):
        for name in names:
            used = os.stat(os.path.join(root, name)).st_blocks * 512
            if name.startswith("log.") or name.endswith("-wal"):
                log += used
            elif name.endswith(SUFFIXES) or os.path.basename(root) == "db":
                data += used
    return data, log


def checkpoint_sqlite(folder):
    """Gatepost's own files stay as its stop left them."""
    for root, _, names in os.walk(folder):
        for path in (os.path.join(root, name) for name in names if name.endswith(SUFFIXES)):
            with open(path, "rb") as file:
                is_sqlite = file.read(len(SQLITE)) == SQLITE
            if is_sqlite:
                database = sqlite3.connect(path)
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                database.close()


def sign_up(site, users, rate):
    """Some more where a few were refused; gives how many there are."""
    if not site.can_sign_up:
        for number in range(users):
            site.sign_up("disk%d" % number)
        return users
    load = open_loop.load_site(site, [open_loop.signup("disk")], rate, users / rate, poisson=False,
                               drain=30)
    if hasattr(site, "metric"):
        site.wait_until_mailed()
    return load["good"]


def measure_site(run, who, site, users, rate):
    site.stop()
    before, _ = sizes(site.folder)
    site.start()
    count = sign_up(site, users, rate)
    site.stop()
    checkpoint_sqlite(site.folder)
    data, log = sizes(site.folder)
    run.add_all("disk", who, {"per_user_bytes": (data - before) / count, "log_bytes": log,
                              "users_count": count})


def measure(run):
    users, peer_users = (QUICK_USERS, QUICK_PEER_USERS) if run.is_quick else (USERS, PEER_USERS)
    for who, more in (("gatepost", []), ("gatepost, letters not kept", ["mail.keep_s=0"])):
        with Sink() as sink, gatepost(1, sink.port, *more) as site:
            measure_site(run, who, site, users, RATE)
    for who, peer in peers_of(run, "disk"):
        with spared(run, "disk", who), peer(1) as site:
            measure_site(run, who, site, peer_users, PEER_RATE)
