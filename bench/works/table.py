"""What a run measures, in this order. A work is a function of a Run (rig/run.py): it adds its figures,
one value a round, and skips by name what this machine or its peers cannot do."""
from works import me, signup


class Work:
    """in_quick: it is part of `make bench-quick`."""

    def __init__(self, name, measure, text, in_quick=True):
        self.name, self.measure, self.text, self.in_quick = name, measure, text, in_quick


WORKS = [
    Work("me", me.measure, "GET /api/auth/me, held against libh2o alone and the peers"),
    Work("signup", signup.measure, "durable sign-ups of a password that costs nothing, letters to smtp-sink"),
]
