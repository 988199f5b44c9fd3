"""A small results.json, as bench/run writes it."""
import statistics

FIGURES = {
    ("me", "gatepost", "requests_per_second"): [100000, 110000, 120000],
    ("me", "gatepost", "p99_ms"): [2, 3, 4],
    ("me", "gatepost, new tokens", "requests_per_second"): [50000, 50000, 50000],
    ("me", "django", "requests_per_second"): [1000, 1100, 1200],
    ("me", "bare libh2o", "requests_per_second"): [125000, 137500, 150000],
    ("letters", "gatepost", "letters_per_second"): [9000, 10000, 11000],
    ("letters", "bare libcurl", "letters_per_second"): [15000, 15000, 15000],
    ("letters", "django", "letters_per_second"): [900, 1000, 1100],
    ("letters", "node", "letters_per_second"): [3000, 2500, 2200],
}


def figure(name, runs):
    return dict(zip(("work", "who", "what"), name), median=statistics.median(runs), runs=[float(x) for x in runs])


def results(**other):
    return {
        "machine": {"processor": "A Processor", "cores": 2, "mhz": 2000.0, "features": ["avx2"], "memory_mib": 8000,
                    "kernel": "6.1", "filesystem": "ext4", "versions": {"libc6": "2.36"}, "commit": "abc1234"},
        "command": "bench/run", "began": "2026-11-28T13:00:00Z", "took_s": 900, "seed": 7, "seconds": 3, "rounds": 3,
        "quick": False, "works": {"me": "who am I", "letters": "letters to a sink", "growth": "cost against size"},
        "background": [{"work": "me", "cores": 0.02, "during_cores": 0.01, "took_s": 9.5, "busy": False}],
        "figures": [figure(name, runs) for name, runs in FIGURES.items()],
        "curves": [{"work": "growth", "who": "gatepost", "x": "users", "y": "login lookup, us",
                    "points": [[1000.0, 5.0], [10000.0, 6.0], [100000.0, 7.5]]}],
        "skipped": [{"work": "me", "who": "node", "why": "it is not installed"}], **other}
