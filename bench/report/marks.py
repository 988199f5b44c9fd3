"""What is wanted of a run: each mark is a ratio, or a figure, of what was measured in that run."""
import statistics

from report.table import PEERS


class Mark:
    """figure: a function of a Run that gives the rounds' values, [] when it was not measured.
    at_least or at_most: what the median is held against."""

    def __init__(self, text, figure, at_least=None, at_most=None):
        self.text, self.figure, self.at_least, self.at_most = text, figure, at_least, at_most

    def is_met(self, value):
        return value >= self.at_least if self.at_least is not None else value <= self.at_most


def ratio(work, what, who, to, to_what=None):
    return lambda run: run.ratios((work, who, what), (work, to, to_what or what))


def to_best_peer(work, what, who):
    """The least of the ratios to each peer that was measured, round by round."""
    def figure(run):
        rounds = [run.ratios((work, who, what), (work, peer, what)) for peer in PEERS]
        return [min(ratios) for ratios in zip(*filter(None, rounds))]
    return figure


MARKS = [
    Mark("me, HS256, 1,000 tokens in rotation, to bare libh2o",
         ratio("me", "requests_per_second", "gatepost", "bare libh2o"), at_least=0.75),
    Mark("me, tokens never seen before, to bare libh2o",
         ratio("me", "requests_per_second", "gatepost, new tokens", "bare libh2o"), at_least=0.3),
    Mark("sign-up p99, stalled relay to fast relay",
         ratio("relay", "p99_ms", "gatepost, stalled relay", "gatepost, fast relay"), at_most=1.05),
    Mark("memory idle, PSS of all processes, to Django with two workers",
         ratio("memory", "pss_mib", "gatepost", "django"), at_most=1 / 3),
    Mark("cold start to the first 200, ms",
         lambda run: run.values("start", "gatepost", "first_answer_ms"), at_most=40),
    Mark("letters, to bare libcurl multi with as many kept connections",
         ratio("letters", "letters_per_second", "gatepost", "bare libcurl"), at_least=0.8),
    Mark("letters, to the best peer", to_best_peer("letters", "letters_per_second", "gatepost"), at_least=5),
]


def judge(run):
    """[{mark, wanted, value, low, high, met}], of those that were measured."""
    judged = []
    for mark in MARKS:
        values = mark.figure(run)
        if values:
            value = statistics.median(values)
            judged.append({"mark": mark.text, "at_least": mark.at_least, "at_most": mark.at_most,
                           "value": value, "low": min(values), "high": max(values),
                           "met": mark.is_met(value)})
    return judged


def unmeasured(run):
    return [mark.text for mark in MARKS if not mark.figure(run)]
