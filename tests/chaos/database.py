"""The checker's own reading of the database: db5.3_dump and the formats of src/store/records.def,
none of the server's code. Works on a copy, so that nothing is changed by looking.

    database = Database.of(store_dir, recovers=True)    # for the store did not close it
    database.problems()                                 # what does not fit together, as sentences
    database.by_email["x@example.com"], database.users, .outbox ..."""
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from types import SimpleNamespace

TABLES = ("users", "users_by_name", "users_by_email", "users_by_subject", "answers", "sessions",
          "sessions_by_user", "proofs", "outbox", "outbox_by_due", "audit", "audit_by_user",
          "outbox_by_address", "suppressions", "meta")
SIGNED_UP, ACCOUNT_DELETED = 1, 16  # enum audit_event
PROOF_OPEN = 0                      # enum proof_state
PENDING, DEAD, SENT = 0, 1, 2       # enum letter_state
PROOF_FIELDS = {1: "verify_proof", 2: "reset_proof", 3: "change_proof"}     # enum mail_purpose

# Fields of a record behind its version byte: u8 u32 u64 wall, uuid, s (a slice).
VERSIONS = {"user": 2, "session": 2, "proof": 2, "audit": 2, "letter": 2, "tally": 2}   # the others: 1
FORMS = {
    "user": "subject:s username:s username_key:s email:s email_key:s password:s language:s active:u8 "
            "email_verified:u8 date_joined:wall last_login:wall password_changed:wall verify_proof:uuid "
            "reset_proof:uuid change_proof:uuid letters_since:wall letters_asked:u32 extra:s",
    "session": "user_id:uuid jti_digest:s spent:s created:wall used:wall expires:wall adopted_until:wall "
               "ended:u8 peer:s user_agent:s",
    "proof": "user_id:uuid purpose:u8 state:u8 expires:wall job_id:uuid email:s email_key:s",
    "letter": "state:u8 due:wall created:wall ended:wall tries:u32 history:s reply:s job:s",
    "suppression": "address:s reason:u8 detail:s since:wall probed:wall job_id:uuid",
    "audit": "event:u8 user_id:uuid peer:s result:u8 detail:s chain:s",
    "tally": "users:u64 pending:u64 dead:u64 sent:u64 suppressed:u64 mail_paused:wall",
    "format": "format:u32",
}
# A message on a lane, and an outbox row's content, has no version byte.
JOB = ("job_id:uuid purpose:u8 proof_id:uuid to:s username:s language:s created:wall expires:wall")
SIZES = {"u8": 1, "u32": 4, "u64": 8, "wall": 8}


def fields(data, form):
    """Takes the bytes apart; all of them must be used."""
    found, at = SimpleNamespace(), 0
    for field in form.split():
        name, kind = field.split(":")
        if kind == "s":
            size, at = int.from_bytes(data[at:at + 2], "big"), at + 2
        else:
            size = 16 if kind == "uuid" else SIZES[kind]
        piece = data[at:at + size]
        assert len(piece) == size, f"{name} is cut off in {data.hex()}"
        at += size
        if kind in SIZES:
            piece = int.from_bytes(piece, "big", signed=kind == "wall")
        setattr(found, name, piece)
    assert at == len(data), f"{len(data) - at} bytes too many in {data.hex()}"
    return found


def record(data, name):
    assert data[0] == VERSIONS.get(name, 1), f"a {name} of version {data[0]}"
    return fields(data[1:], FORMS[name])


class Unreadable(Exception):
    """Berkeley DB's own tools refuse it."""


def tool(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise Unreadable(f"{' '.join(map(str, command))}: {done.stderr.strip()[-300:]}")
    return done.stdout


def recover(home):
    tool("db5.3_recover", "-h", home)


def dump(path):
    """{key: value} of one file, as bytes."""
    lines = iter(tool("db5.3_dump", path).splitlines())
    for line in lines:
        if line == "HEADER=END":
            break
    rows = {}
    for line in lines:
        if line == "DATA=END":
            return rows
        rows[bytes.fromhex(line.strip())] = bytes.fromhex(next(lines).strip())
    raise AssertionError(f"{path} ends without DATA=END")


class Database:
    def __init__(self, directory):
        """directory: of files that were closed or recovered."""
        for table in TABLES:
            tool("db5.3_verify", "-q", os.path.join(directory, table + ".db"))
            setattr(self, table, dump(os.path.join(directory, table + ".db")))
        self.by_email = {}
        for user_id, data in self.users.items():
            user = record(data, "user")
            self.by_email[user.email_key.decode()] = (user_id, user)
        self.letters = {}
        for job_id, data in self.outbox.items():
            letter = record(data, "letter")
            letter.content = fields(letter.job, JOB)
            self.letters[job_id] = letter
        self.trail = {key: record(self.audit[key], "audit") for key in sorted(self.audit)}

    @classmethod
    def of(cls, store_dir, recovers):
        copy = tempfile.mkdtemp(prefix="gatepost-census-", dir="/tmp")
        try:
            for name in os.listdir(store_dir):
                if not name.startswith("__db."):
                    shutil.copy(os.path.join(store_dir, name), copy)
            if recovers:
                recover(copy)
            return cls(copy)
        finally:
            shutil.rmtree(copy)

    def suppressed(self):
        """{address: enum suppression_reason}"""
        return {key.decode(): record(data, "suppression").reason for key, data in self.suppressions.items()}

    # ---- does it fit together? ---------------------------------------------------------------------

    def problems(self):
        return [*self._users(), *self._proofs(), *self._letters(), *self._sessions(), *self._counts()]

    def _users(self):
        for email, (user_id, user) in self.by_email.items():
            for index, key in ((self.users_by_name, user.username_key),
                               (self.users_by_email, user.email_key),
                               (self.users_by_subject, user.subject)):
                if index.get(key) != user_id:
                    yield f"{email}: its index entry {key!r} is {index.get(key)}"
        for name in ("users_by_name", "users_by_email", "users_by_subject"):
            index = getattr(self, name)
            if len(index) != len(self.users):
                yield f"{name} has {len(index)} entries for {len(self.users)} users"
            strays = [key for key, user_id in index.items() if user_id not in self.users]
            if strays:
                yield f"{name} names users that do not exist: {strays[:3]}"

    def _proofs(self):
        named = {user_id: user for user_id, user in self.by_email.values()}
        for proof_id, data in self.proofs.items():
            proof = record(data, "proof")
            if proof.user_id not in self.users:
                yield f"proof {proof_id.hex()} of purpose {proof.purpose} belongs to nobody"
            elif proof.state == PROOF_OPEN and getattr(named[proof.user_id], PROOF_FIELDS[proof.purpose]) != proof_id:
                yield f"proof {proof_id.hex()} is open, but not the one that its user row names"
        for email, (_, user) in self.by_email.items():
            if user.verify_proof not in self.proofs:
                yield f"{email} has no proof"

    def _letters(self):
        pending, listed = set(), set()
        for job_id, letter in self.letters.items():
            if letter.content.job_id != job_id:
                yield f"letter {job_id.hex()} holds another job"
            if letter.state == DEAD and not letter.reply:
                yield f"letter {job_id.hex()} is dead without a reason"
            if letter.state == SENT and (letter.content.username or any(letter.content.proof_id)):
                yield f"letter {job_id.hex()} was sent and says more than it has to"
            listed.add(letter.content.to.lower() + b"\0" + job_id)
            if letter.state == PENDING:
                pending.add(letter.due.to_bytes(8, "big") + job_id)
        if pending != set(self.outbox_by_due):
            yield f"outbox_by_due and outbox differ: {sorted(pending ^ set(self.outbox_by_due))[:3]}"
        if listed != set(self.outbox_by_address):
            yield f"outbox_by_address and outbox differ: {sorted(listed ^ set(self.outbox_by_address))[:3]}"

    def _sessions(self):
        listed = set()
        for session_id, data in self.sessions.items():
            session = record(data, "session")
            if session.ended:       # what keeps an adopted token spent
                continue
            listed.add(session.user_id + session_id)
            if session.user_id not in self.users:
                yield f"session {session_id.hex()} belongs to nobody"
        if listed != set(self.sessions_by_user):
            yield "sessions_by_user and sessions differ"

    def _counts(self):
        tally = record(self.meta[b"tally"], "tally")
        states = Counter(letter.state for letter in self.letters.values())
        counted = (len(self.users), states[PENDING], states[DEAD], states[SENT], len(self.suppressions))
        if (tally.users, tally.pending, tally.dead, tally.sent, tally.suppressed) != counted:
            yield f"the tally says {tally}, there are {counted}"
        chain = bytes(32)
        for key, row in self.trail.items():
            chain = hashlib.sha256(chain + key + self.audit[key][:-32]).digest()
            if chain != row.chain:
                yield f"the audit trail's chain breaks at {key.hex()}"
                break
        if {row.user_id + key for key, row in self.trail.items() if any(row.user_id)} != set(self.audit_by_user):
            yield "audit_by_user and audit differ"
        signed_up = Counter(row.user_id for row in self.trail.values() if row.event == SIGNED_UP)
        deleted = Counter(row.user_id for row in self.trail.values() if row.event == ACCOUNT_DELETED)
        if signed_up != Counter(list(self.users)) + deleted:
            wrong = [user_id.hex() for user_id in {*signed_up, *self.users, *deleted}
                     if signed_up[user_id] != (user_id in self.users) + deleted[user_id]]
            yield f"the audit trail has not one sign-up for each account, or more ends than one: {wrong[:3]}"
