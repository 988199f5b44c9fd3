"""What must hold when the chaos is over (faults.md, section 3): looked up in the relay's letters, the
clients' own files and the database itself, never through the server.

`lost` is what must be empty whatever happened: acknowledged and not there."""
import os
from collections import Counter
from types import SimpleNamespace

import lives
import mail_judge
import post
from changing import DOMAIN
from client import PASSWORD
from database import SENT, Database
from keeper import MAILBOXES

ROUNDING_KIB = 32 << 10


def lost_accounts(database, names):
    return [name for name in names if f"{name}@example.com" not in database.by_email]


def lost_letters(letters, names):
    """Neither sent nor waiting nor dead with a reason."""
    there = {letter.to for letter in letters.values()}
    return [name for name in names if f"{name}@example.com" not in there]


def lost_proofs(database, names):
    return [name for name in names if not database.by_email[f"{name}@example.com"][1].email_verified]


def lost_sessions(database, names):
    holders = {key[:16] for key in database.sessions_by_user}
    return [name for name in names if database.by_email[f"{name}@example.com"][0] not in holders]


def take(world, recover):
    """The server must have ended. recover: it was not asked to."""
    database = Database.of(world.server.directory / "var" / "db", recovers=recover)
    signed_up, proven, logged_in, out = (world.acknowledged(kind) for kind in "SVLO")
    logged_in = [name for name in logged_in if name not in set(out)]
    sent = {**world.keeper.letters, **post.in_files(world.server.mail_dir)}
    letters = {**post.in_outbox(database), **sent}
    accounts = lost_accounts(database, signed_up)
    there = [name for name in signed_up if name not in set(accounts)]
    census = SimpleNamespace(
        database=database, letters=letters, acknowledged=signed_up, lives=lives.read(world.folder, PASSWORD),
        lost=accounts, letterless=lost_letters(letters, there),
        unproven=lost_proofs(database, [name for name in proven if name not in set(accounts)]),
        sessionless=lost_sessions(database, [name for name in logged_in if name not in set(accounts)]),
        problems=list(database.problems()))
    census.problems += lives.judge(census.lives, database, letters, DOMAIN)
    census.changes = lives.changes(census.lives)
    if len(set(signed_up)) != len(signed_up):
        census.problems.append("a name was acknowledged twice")
    census.problems += wrong_letters(database, letters)
    census.problems += never_sent(database, sent)
    census.problems += mail_judge.judge(world, database, letters)
    census.problems += mail_judge.refused_links(world)
    census.duplicates = world.keeper.received - len(world.keeper.letters)
    census.bound = world.duplicate_bound() if world.relays else 0
    if census.duplicates > census.bound:
        census.problems.append(f"{census.duplicates} letters twice, the bound is {census.bound}")
    for word in ("lost", "letterless", "unproven", "sessionless"):
        names = getattr(census, word)
        if names:
            census.problems.append(f"{len(names)} {word}: {names[:3]}")
    return census


def wrong_letters(database, letters):
    """Of accounts that do not change: one letter each, and none for an account that does not exist."""
    stable = [letter for letter in letters.values() if not letter.to.endswith(("@" + DOMAIN, MAILBOXES))]
    strangers = [letter.to for letter in stable if letter.to not in database.by_email]
    if strangers:
        yield f"letters to accounts that do not exist: {strangers[:3]}"
    several = [key for key, count in Counter((letter.to, letter.purpose) for letter in stable).items()
               if count > 1 or key[1] != "verify"]
    if several:
        yield f"letters that nobody asked for, or with another Message-ID: {several[:3]}"


def never_sent(database, sent):
    """Letters that the store takes for handed over, and nobody has."""
    missing = [job_id.hex() for job_id, letter in database.letters.items()
               if letter.state == SENT and job_id.hex() not in sent]
    if missing:
        yield f"{len(missing)} letters count as sent and never came: {missing[:3]}"


def doubts(census):
    """The checker checked: what it must find in a database that something was taken out of. Returns
    what it did not find."""
    database, name = census.database, census.acknowledged[-1]
    address = f"{name}@example.com"
    user_id, user = database.by_email[address]
    kept = dict(database.users_by_name), dict(database.outbox_by_due)
    missed = [*lives.doubts(census.lives, database, census.letters, DOMAIN), *mail_judge.doubts()]
    if lost_accounts(database, ["ghost"]) != ["ghost"]:
        missed.append("an account that never was")
    fewer = {key: letter for key, letter in census.letters.items() if letter.to != address}
    if lost_letters(fewer, [name]) != [name]:
        missed.append("a letter that was not sent")
    if database.letters and not any(True for _ in never_sent(database, {})) and \
            any(letter.state == SENT for letter in database.letters.values()):
        missed.append("a letter that counts as sent and is nowhere")
    del database.users_by_name[user.username_key]
    if not any("index entry" in text for text in database.problems()):
        missed.append("an index entry taken out")
    database.users_by_name = kept[0]
    database.outbox_by_due[b"\0" * 24] = b""
    if not any("outbox_by_due" in text for text in database.problems()):
        missed.append("a due time of no letter")
    database.outbox_by_due = kept[1]
    return missed


def leaks(world, before):
    """What is still there after rest that was not there before. before: footprint() at the start."""
    after, problems = footprint(world), []
    for name, (fds, rss) in after.items():
        # A mailer keeps its idle connections to the relay for a minute.
        kept = 4 * world.settings.get("connections", 0) if name == "mailer" else 0
        if fds > before[name][0] + 4 + kept:
            problems.append(f"{name} has {fds} descriptors, had {before[name][0]}: {open_files(world, name)}")
        if name == "master" and rss > before[name][1] + ROUNDING_KIB:
            problems.append(f"the master has {rss} KiB, had {before[name][1]}")
    live = world.segment.seats_in("live")
    if len(live) != world.settings["workers"] + 2 or world.segment.seats_in("dead"):
        problems.append(f"seats: live {live}, dead {world.segment.seats_in('dead')}")
    return problems


def footprint(world):
    """{who: (descriptors, resident KiB)} of master and children."""
    found = {}
    for title, pid in [("master", world.server.pid), *world.processes()]:
        rss = int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
        found[title] = (len(os.listdir(f"/proc/{pid}/fd")), rss)
    return found


def open_files(world, title):
    pid = dict([("master", world.server.pid), *world.processes()])[title]
    return sorted(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
