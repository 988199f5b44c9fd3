"""Every kind of answer at every stage of SMTP, with PIPELINING and without: what it means for the
letter is what the table in src/mailer/verdict.c says, and the letter is delivered or dead with its
reason. F23 to F26 of docs/faults.md.

From RCPT on, many letters go at once through one server, each with its own trouble. What happens
before RCPT meets whichever letter comes first, so those are made one after another, on several
servers at the same time."""
import threading

import pytest

from client import Api, unique
from gatepost import wait_for
from smtp_script import ACTS, ScriptedRelay
from smtp_story import Story, ended, settings, sign_up

REPLIES = ["354", "450", "421", "550", "530", "535", "multi-450", "multi-550", "long-550", "garbage",
           "binary", "999"]
LOSSES = ["drop", "half-line", "reset"]
STALLS = ["stall", "half-stall"]
STALL_S = 2

# What becomes of the letter, by the kind of answer, from RCPT on.
KINDS = {
    "later": ["450", "multi-450", "421"], "never": ["550", "multi-550", "long-550"],
    "relay": ["530", "535"],                            # our login is wrong: not the letter's fault
    "lost": ["354", "garbage", "binary", "999", *LOSSES, *STALLS],
}
KIND = {act: kind for kind, acts in KINDS.items() for act in acts}


# ---- from RCPT on ---------------------------------------------------------------------------------

def recipient_cells():
    """(step, act). 2xx is right at RCPT and at the dot; while the letter is on its way it cannot be
    told from the reply to the dot, nor can the replies that refuse it."""
    for step in ("RCPT", "DATA", "BODY", "DOT"):
        for act in [*REPLIES, *LOSSES, *STALLS]:
            if not (step == "DATA" and act == "354"):
                yield step, act
    yield "DATA", "2xx"


WELL_EACH = 5


def well(number, i):
    return f"well{i}@well{number}.example"


def address_of(step, act):
    name = f"{step}-{act}".lower()
    return f"{name}@{name}.example"


WAYS = {    # what EHLO offers, letters a connection, connections
    "plain": ((), 1, 64),
    "pipelining": (("PIPELINING", "SIZE 100000"), 1, 64),
    "kept": (("PIPELINING",), 100, 8),
    "kept-plain": ((), 100, 8),
}


@pytest.fixture(scope="module", params=WAYS)
def one_burst(request, module_servers):
    """All cells at once: {(step, act): story}, the relay, and whether its connections are kept."""
    offers, letters, connections = WAYS[request.param]
    with ScriptedRelay(offers=offers) as relay:
        server = module_servers(settings(relay, **{
            "smtp.connections": str(connections), "smtp.letters_per_connection": str(letters),
            "smtp.timeout_s": str(STALL_S)}))
        api, cells = Api(server.address), list(recipient_cells())
        for number, (step, act) in enumerate(sorted(cells, key=lambda cell: cell[1] in STALLS)):
            relay.by_recipient[address_of(step, act)] = (step, act)
            assert api.signup(unique("cell"), email=address_of(step, act)).status == 201
            # What goes well keeps the relay's circuit from pausing at every loss.
            for i in range(WELL_EACH):
                assert api.signup(unique("well"), email=well(number, i)).status == 201
        wait_for(lambda: api.fresh().metrics()["gatepost_outbox_pending"] == 0, 60,
                 f"an empty outbox: {server.log_tail(30)}")
        yield Story(server).of, relay, letters > 1


@pytest.mark.parametrize("step, act", recipient_cells(), ids=lambda word: word)
def test_f25_the_verdict_from_rcpt_on(one_burst, step, act):
    stories, relay, is_kept = one_burst
    address = address_of(step, act)
    story = stories[address]
    assert (step, act) in relay.acted, "the relay never came to do it"
    events = [event for event, _ in story]
    kind = KIND.get(act, "lost")
    if kind == "never":
        assert events == ["refused"] and relay.letters[address] == 0, story
        assert story[0][1].startswith(ACTS[act].says[:3].decode()), "the reason is the relay's"
        return
    assert events[-1] == "delivered" and relay.letters[address] == 1, story
    assert "refused" not in events
    assert len(relay.seen[address]) == 2
    # A kept connection that is lost before the letter was whole: over a fresh one, at once, uncounted.
    # In the letter's body it depends on whether the last byte had been written when the loss was seen.
    untold = kind == "relay" or (is_kept and act in LOSSES and step in ("RCPT", "DATA", "BODY") and len(events) == 1)
    assert events == (["delivered"] if untold else ["deferred", "delivered"]), story
    if act in ("450", "421", "multi-450"):
        assert story[0][1].startswith(act.split("-")[-1])


def test_f25_nobody_elses_letter_is_touched(one_burst):
    stories, relay, _ = one_burst
    for number in range(len(list(recipient_cells()))):
        for i in range(WELL_EACH):
            assert [event for event, _ in stories[well(number, i)]] == ["delivered"]
            assert relay.letters[well(number, i)] == 1


# ---- before RCPT ----------------------------------------------------------------------------------

# What is as good as right there: libcurl takes any 2xx for a greeting, and asks with HELO where EHLO
# is refused.
HARMLESS = {("BANNER", "2xx"), ("EHLO", "2xx"),
            *(("EHLO", act) for act in REPLIES if act not in ("421", "garbage", "binary", "999"))}


def session_cells(steps, acts):
    return [(step, act) for step in steps for act in acts]


GROUPS = {
    "session": (dict(), session_cells(("BANNER", "EHLO"), ["2xx", *REPLIES, *LOSSES])),
    "mail": (dict(), session_cells(("MAIL",), [*REPLIES, *LOSSES])),
    "mail-pipelined": (dict(offers=("PIPELINING",)), session_cells(("MAIL",), [*REPLIES, *LOSSES])),
    "stalls": (dict(tls="starttls", user=True),
               session_cells(("BANNER", "EHLO", "STARTTLS", "AUTH", "MAIL"), STALLS)),
    "starttls": (dict(tls="starttls", user=True),
                 session_cells(("STARTTLS", "AUTH"), ["2xx", *REPLIES, *LOSSES])),
}


def run_group(server, relay, cells, results):
    for number, (step, act) in enumerate(cells):
        address = f"{step}-{act}@n{number}.example".lower()
        relay.kick()
        relay.once = (step, act)
        troubles = len(server.events("relay.troubled"))
        sign_up(server, address)
        story = ended(server, address)
        results[step, act] = (story, relay.letters[address], server.events("relay.troubled")[troubles:])
        relay.once = None


@pytest.fixture(scope="module")
def sessions(module_servers):
    """{group: {(step, act): (story, letters, what was told about the relay)}}, groups side by side."""
    results, relays, threads = {name: {} for name in GROUPS}, [], []
    try:
        for name, (options, cells) in GROUPS.items():
            relay = ScriptedRelay(**options).__enter__()
            relays.append(relay)
            more = {"smtp.timeout_s": str(STALL_S)} if name == "stalls" else {}
            if relay.user:
                more.update({"smtp.ca_file": relay.ca_file, "smtp.user": "gate"})
            server = module_servers(settings(relay, **more), env={"EMAIL_HOST_PASSWORD": "secret"})
            threads.append(threading.Thread(target=run_group, args=(server, relay, cells, results[name])))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield results
    finally:
        for relay in relays:
            relay.__exit__()


@pytest.mark.parametrize("group, step, act", [(group, *cell) for group, (_, cells) in GROUPS.items()
                                              for cell in cells], ids=lambda word: word)
def test_f24_nothing_before_rcpt_is_held_against_the_letter(sessions, group, step, act):
    assert (step, act) in sessions[group], "it was not come to: see the group's thread"
    story, letters, troubles = sessions[group][step, act]
    assert [event for event, _ in story] == ["delivered"] and letters == 1, story
    if (step, act) in HARMLESS:
        assert not troubles
        return
    assert troubles, "trouble with the relay is told"
    code = ACTS[act].says[:3].decode("latin-1")
    if code.isdigit() and code >= "400":
        assert f'reply="{code}' in troubles[0], troubles
    if step == "STARTTLS":
        assert "kind=tls" in troubles[0] or act in LOSSES + STALLS + ["garbage", "binary", "999"], troubles
    if step == "AUTH" and act in ("550", "530", "535", "multi-550", "long-550", "2xx"):
        assert "kind=login" in troubles[0], troubles
