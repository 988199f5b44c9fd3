"""What is wanted of a run: each mark is a ratio, or a figure, of what was measured in that run."""
import math
import statistics


class Mark:
    """figure: a function of a Run that gives the rounds' values, [] when it was not measured.
    at_least or at_most: what the median is held against; or a function of the run's processor
    features, which gives None where nothing is wanted of such a machine."""

    def __init__(self, text, figure, at_least=None, at_most=None):
        self.text, self.figure, self.at_least, self.at_most = text, figure, at_least, at_most

    def thresholds(self, run):
        """(at_least, at_most)"""
        return tuple(bound(run.features) if callable(bound) else bound
                     for bound in (self.at_least, self.at_most))


def is_met(value, at_least, at_most):
    return value >= at_least if at_least is not None else value <= at_most


def ratio(work, what, who, to, to_what=None):
    return lambda run: run.ratios((work, who, what), (work, to, to_what or what))


def to_best_peer(work, what, who, peers):
    """The least of the ratios to each of them, round by round; [] where one was not measured, which may be
    the best."""
    def figure(run):
        rounds = [run.ratios((work, who, what), (work, peer, what)) for peer in peers]
        return [min(ratios) for ratios in zip(*rounds)]
    return figure


def times_django(features):
    """What lanes gain over Django's one hash at a time, by how wide they are."""
    if "avx512f" in features:
        return 15
    return 5 if "avx2" in features else None


def best(run, size, *names):
    """The best of several ways to wait, round by round."""
    values = [run.values("lane", "%s, %d bytes" % (name, size), "records_per_second") for name in names]
    return [max(round_) for round_ in zip(*values)]


def lane_to_datagram(size):
    return Mark("lane, records of {:,} bytes, to a UNIX datagram socket".format(size),
                ratio("lane", "records_per_second", "lane, %d bytes" % size,
                      "unix datagram, %d bytes" % size), at_least=10)


def lane_to_libck(size):
    """Each with the way to wait that suits it best."""
    def figure(run):
        ours = best(run, size, "lane", "lane that spins", "lane that yields")
        theirs = best(run, size, "libck ring that spins", "libck ring that yields")
        return [a / b for a, b in zip(ours, theirs)]
    return Mark("lane, records of {:,} bytes, to a libck ring of them, same checks".format(size),
                figure, at_least=1)


def stalled_to_fast_relay(run):
    """A refusal is quick, and a load that breaks has no latency: a round with one of them is not met,
    whatever its p99."""
    fast, stalled = (("relay", "gatepost, %s relay" % relay) for relay in ("fast", "stalled"))
    ratios = run.ratios((*stalled, "p99_ms"), (*fast, "p99_ms"))
    failed = max(run.values(*stalled, "failed_count"), default=0)
    return [math.inf] * len(ratios) if failed else ratios


def to_raw_store(who):
    """Whole sign-ups through HTTP to those of the database alone."""
    return lambda run: run.ratios(("signup", who, "requests_per_second"),
                                  ("store", "raw store", "signups_per_second"))


def refresh_to_wanted(run):
    """To 10,000 a second, or to 0.4 of the raw store's where that is less."""
    raw = run.median("store", "raw store", "refreshes_per_second")
    wanted = min(10000, 0.4 * raw) if raw else 10000
    return [value / wanted for value in run.values("refresh", "gatepost", "requests_per_second")]


MARKS = [
    Mark("sign-ups at 600,000 iterations, saturated, to Django",
         ratio("hash", "signups_per_second", "gatepost", "django"), at_least=times_django),
    Mark("logins at 600,000 iterations, saturated, to Django",
         ratio("hash", "logins_per_second", "gatepost", "django"), at_least=times_django),
    Mark("sign-ups at 600,000 iterations, saturated, to the raw kernel on all cores",
         ratio("hash", "signups_per_second", "gatepost", "raw kernel", "hashes_per_second"), at_least=0.9),
    Mark("logins at 600,000 iterations, saturated, to the raw kernel on all cores",
         ratio("hash", "logins_per_second", "gatepost", "raw kernel", "hashes_per_second"), at_least=0.9),
    Mark("sign-up at 1 iteration, durable, with its letter to smtp-sink, to Django",
         ratio("signup", "with_letter_per_second", "gatepost", "django"), at_least=15),
    Mark("sign-up at 1 iteration, durable, with its letter to smtp-sink, to the node peer",
         ratio("signup", "with_letter_per_second", "gatepost", "node"), at_least=5),
    Mark("me, a worker a core, access log off on both, to Django",
         ratio("me", "requests_per_second", "gatepost, a worker a core", "django"), at_least=75),
    Mark("me, a worker a core, access log off on both, to the node peer",
         ratio("me", "requests_per_second", "gatepost, a worker a core", "node"), at_least=5),
    Mark("me, HS256, 1,000 tokens in rotation, to bare libh2o",
         ratio("me", "requests_per_second", "gatepost", "bare libh2o"), at_least=0.75),
    Mark("me, tokens never seen before, to bare libh2o",
         ratio("me", "requests_per_second", "gatepost, new tokens", "bare libh2o"), at_least=0.3),
    Mark("sign-up p99, stalled relay to fast relay",
         stalled_to_fast_relay, at_most=1.05),
    Mark("memory idle, PSS of all processes, to Django with two workers",
         ratio("memory", "pss_mib", "gatepost", "django"), at_most=1 / 3),
    Mark("login lookup of a random user, mean time until its answer, 10^7 users to 10^4, 1 GiB cache",
         lambda run: run.ratios(("growth", "gatepost, 10^7 users", "lookup_mean_us"),
                                ("growth", "gatepost, 10^4 users", "lookup_mean_us")), at_most=1.6),
    Mark("cold start to the first 200, ms",
         lambda run: run.values("start", "gatepost", "first_answer_ms"), at_most=40),
    Mark("letters, to bare libcurl multi with as many kept connections",
         ratio("letters", "letters_per_second", "gatepost", "bare libcurl"), at_least=0.8),
    Mark("letters, to the best peer",
         to_best_peer("letters", "letters_per_second", "gatepost", ("django", "node")), at_least=5),
    *[lane_to_datagram(size) for size in (64, 256, 1024)],
    *[lane_to_libck(size) for size in (64, 256, 1024)],
    Mark("sign-up at 1 iteration, durable, letters to files, to the raw store",
         to_raw_store("gatepost, letters to files"), at_least=0.3),
    Mark("sign-up at 1 iteration, durable, letters held back, to the raw store",
         to_raw_store("gatepost, letters held back"), at_least=0.3),
    Mark("refresh, durable, to 10,000 a second or 0.4 of the raw store, whichever is less",
         refresh_to_wanted, at_least=1),
]


def judge(run):
    """[{mark, wanted, value, low, high, met}], of those that were measured."""
    judged = []
    for mark in MARKS:
        values, (at_least, at_most) = mark.figure(run), mark.thresholds(run)
        if values and (at_least, at_most) != (None, None):
            value = statistics.median(values)
            judged.append({"mark": mark.text, "at_least": at_least, "at_most": at_most,
                           "value": value, "low": min(values), "high": max(values),
                           "met": is_met(value, at_least, at_most)})
    return judged


def unmeasured(run):
    return [mark.text for mark in MARKS if not mark.figure(run)]
