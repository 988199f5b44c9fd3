"""Judges what became of the letters of mailing.py's people, and of the operator's word, against the database
and what the relays took."""
from collections import Counter
from types import SimpleNamespace

from database import DEAD
from desk import KNOWN_S
from keeper import MAILBOXES
from mailing import OPEN, Person

REASONS = {1: "bounce", 2: "complaint", 3: "operator"}


def written_at(job_id):
    """A letter's id is a UUIDv7."""
    return int(job_id[:12], 16) / 1000


def paused_problems(begun, windows):
    """Something was begun while nothing was to be sent."""
    for start, end, is_sure in windows:
        early = [when for when in begun if start + KNOWN_S < when < end]
        if early and is_sure:
            yield f"{len(early)} letters were begun while paused, the first {early[0] - start:.1f} s after the answer"


def stop_problems(person, copies):
    """copies: of all letters to the person."""
    for stop in person.stops:
        for copy in copies:
            if not stop.since < copy.begun < stop.until:
                continue
            after = f"{copy.begun - stop.since:.1f} s after {person.address} was suppressed ({stop.reason})"
            if written_at(copy.id) > stop.since:
                yield f"{copy.id} was written and sent, {after}"
            elif copy.begun > stop.since + KNOWN_S:
                yield f"{copy.id} was sent {after}"


def cancel_problems(person, copies, rows):
    for job_id, when, under_way in person.cancels:
        if job_id in rows:
            yield f"{job_id} was cancelled and is there"
        late = [copy for copy in copies if copy.id == job_id and copy.begun > when]
        if late and (not under_way or late[-1].begun > when + KNOWN_S):
            yield f"{job_id} was cancelled (under way: {under_way}) and sent {late[-1].begun - when:.1f} s later"


def count_problems(person, there):
    """there: Counter of purposes: letters that came, wait or are dead with a reason."""
    for purpose in sorted(set(person.expected) | set(there)):
        least, most = person.expected.get(purpose, (0, 0))
        if not least <= there[purpose] <= most:
            yield f"{there[purpose]} letters {purpose} to {person.address}, and not {least} to {most}"


def state_problems(person, suppression):
    """suppression: the reason that stands in the table, or None."""
    last = person.stops[-1] if person.stops else None
    if suppression is None:
        if last is not None and last.until == OPEN:
            yield f"{person.address} was suppressed ({last.reason}) and is not"
    elif last is None:
        yield f"{person.address} is suppressed ({suppression}), for nothing"
    elif last.until != OPEN and person.is_sure:
        yield f"{person.address} was lifted and is suppressed ({suppression})"
    elif suppression != last.reason:
        yield f"{person.address} is suppressed for {suppression}, not {last.reason}"


def judge(world, database, letters):
    """letters: {id: letter} of all that came, wait or are dead with a reason."""
    there, rows = {}, {job_id.hex() for job_id in database.letters}
    for letter in letters.values():
        if letter.to.endswith(MAILBOXES):
            there.setdefault(letter.to, Counter())[letter.purpose] += 1
    people = [person for one in world.correspondents for person in one.people]
    suppressions = database.suppressed()
    for person in people:
        copies = [copy for job_id in world.keeper.by_address[person.address] for copy in world.keeper.copies[job_id]]
        if person.born and person.address not in database.by_email:
            yield f"{person.address} is lost"
        yield from count_problems(person, there.pop(person.address, Counter()))
        yield from stop_problems(person, copies)
        yield from cancel_problems(person, copies, rows)
        yield from state_problems(person, REASONS.get(suppressions.get(person.address)))
    if there:
        yield f"letters to people who are nobody: {list(there)[:3]}"
    yield from paused_problems(world.keeper.begun, world.desk.windows)
    yield from stopped_for_nothing(database, {person.address for person in people if person.stops})


def stopped_for_nothing(database, addresses):
    wrong = [job_id.hex() for job_id, letter in database.letters.items() if letter.state == DEAD and
             letter.reply.startswith(b"suppressed") and letter.content.to.decode() not in addresses]
    if wrong:
        yield f"{len(wrong)} letters are dead for a suppression that nobody ordered: {wrong[:3]}"


def refused_links(world):
    """Links that were refused: each had a successor in a later copy of its letter."""
    for token in world.acknowledged("R"):
        if not world.keeper.newer_than(token):
            letter = next((copies[-1] for copies in world.keeper.copies.values()
                           if token in [copy.token for copy in copies]), None)
            yield f"the newest link of letter {letter and letter.id} was refused"


def doubts():
    """What the judge does not find in what was made up to be found."""
    def copy(job_ms, begun):
        return SimpleNamespace(id=f"{job_ms:012x}" + "7" * 20, begun=begun)
    person = Person("x", "x" + MAILBOXES)
    person.stops = [SimpleNamespace(reason="bounce", since=1000.0, until=2000.0)]
    late = copy(1500 * 1000, 1501.0)
    person.cancels = [(late.id, 1400.0, False)]
    person.expected = {"verify": [1, 1]}
    found = {
        "a letter to a suppressed address": list(stop_problems(person, [late])),
        "a letter that was sent long after its address was suppressed": list(stop_problems(person, [copy(1, 1900.0)])),
        "a cancelled letter that was sent": list(cancel_problems(person, [late], set())),
        "a cancelled letter that is there": list(cancel_problems(person, [], {late.id})),
        "a letter that is missing": list(count_problems(person, Counter())),
        "a letter too many": list(count_problems(person, Counter(verify=2))),
        "a lifted address that is suppressed": list(state_problems(person, "bounce")),
        "a letter that was begun while paused": list(paused_problems([100.0 + KNOWN_S + 1], [(100.0, 110.0, True)])),
    }
    person.stops[0].until = OPEN
    found["an address that should be suppressed"] = list(state_problems(person, None))
    return [what for what, problems in found.items() if not problems]


def tally(world):
    """Counter of what this world put to the test."""
    people = [person for one in world.correspondents for person in one.people]
    cancels = [under_way for person in people for _, _, under_way in person.cancels]
    return Counter({"reports": sum(one.reports for one in world.correspondents), "people": len(people),
                    "stops": sum(len(person.stops) for person in people),
                    "lifts": sum(stop.until != OPEN for person in people for stop in person.stops),
                    "cancels": len(cancels), "early cancels": cancels.count(False),
                    "pauses": len(world.desk.windows), "sure pauses": sum(sure for _, _, sure in world.desk.windows),
                    "copies with another link": sum(len({copy.token for copy in copies}) > 1
                                                     for copies in world.keeper.copies.values()),
                    "refused links": len(world.acknowledged("R")),
                    "links made anew": world.server.log_text().count(" mail.renewed "),
                    "letters withdrawn": world.server.log_text().count(" mail.withdrawn ")})
