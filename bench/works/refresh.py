"""Refreshes: durable rotations, each of the token that an earlier answer gave. A plain simplejwt and
glewlwyd spend no token: theirs are told as they are; `django, rotating` does as we do."""
import itertools

from rig.side_by_side import CONNECTIONS, side_by_side, started
from rig.tokens import write_lines
from rig.wrk import refresh

SESSIONS = 2 * CONNECTIONS


def load(site, numbers, seconds):
    """Of somebody new: the tokens of an earlier load are spent."""
    name = site.sign_up("bench%d" % next(numbers))
    tokens = [site.log_in(name)["refresh"] for _ in range(SESSIONS)]
    return refresh(site, write_lines(site, name, tokens), CONNECTIONS, seconds)


def measure(run):
    numbers = itertools.count()
    # Without a grace time every refresh is a rotation, however often one session has its turn.
    with started(run, "refresh", "token.refresh_grace_s=0", "token.sessions_max=%d" % SESSIONS) as sites:
        side_by_side(run, "refresh", [
            (who, lambda seconds, site=site: load(site, numbers, seconds)) for who, site in sites])
