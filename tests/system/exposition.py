"""The Prometheus text exposition format 0.0.4, read as strictly as `promtool check metrics` does, and
its conventions for names."""
import re

SAMPLE = re.compile(r'([a-z][a-z0-9_]*)(?:\{((?:[a-z_]+="[^"\\\n]*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')
# Not base units; and what belongs to a name's end only where the type has it.
NO_UNITS = re.compile(r"_(ms|milliseconds|us|microseconds|ns|nanoseconds|kib|mib|kb|mb|minutes|hours|percent)(_|$)")
PARTS = ("_bucket", "_sum", "_count")


class Family:
    def __init__(self, name, text):
        self.name, self.help, self.type, self.samples = name, text, None, []

    def series(self):
        """{labels without le: [(name, le, value)]}."""
        found = {}
        for name, labels, value in self.samples:
            rest = tuple(sorted((key, text) for key, text in labels.items() if key != "le"))
            found.setdefault(rest, []).append((name, labels.get("le"), value))
        return found


def read(text):
    """{family name: Family}; asserts that the text is one."""
    families, family = {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line[len("# HELP "):].split(" ", 1)
            assert name not in families, f"{name} comes twice"
            assert words.strip() and family is None or family.samples, line
            family = families[name] = Family(name, words)
        elif line.startswith("# TYPE "):
            name, kind = line[len("# TYPE "):].split(" ")
            assert name == family.name and family.type is None and kind in ("counter", "gauge", "histogram"), line
            family.type = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert family and family.type, f"{line}: without its head"
            labels = dict(LABEL.findall(match[2] or ""))
            stem = match[1]
            if family.type == "histogram":
                stem = next((stem[:-len(part)] for part in PARTS if stem.endswith(part)), stem)
            assert stem == family.name, f"{line}: among {family.name}"
            family.samples.append((match[1], labels, float(match[3])))
    for family in families.values():
        judge(family)
    return families


def judge(family):
    assert family.samples, f"{family.name}: nothing"
    assert family.name.endswith("_total") == (family.type == "counter"), family.name
    assert not NO_UNITS.search(family.name), f"{family.name}: no base unit"
    keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in family.samples]
    assert len(keys) == len(set(keys)), f"{family.name}: a sample twice"
    if family.type == "counter":
        assert all(value >= 0 for _, _, value in family.samples), family.name
    if family.type == "histogram":
        for labels, parts in family.series().items():
            judge_series(f"{family.name}{dict(labels)}", family.name, parts)


def judge_series(shown, name, parts):
    buckets = [(le, value) for part, le, value in parts if part == name + "_bucket"]
    bounds = [float(le.replace("+Inf", "inf")) for le, _ in buckets]
    counts = [value for _, value in buckets]
    assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), shown
    assert counts == sorted(counts), f"{shown}: not cumulative"
    ends = {part: value for part, _, value in parts if part != name + "_bucket"}
    assert set(ends) == {name + "_sum", name + "_count"}, shown
    assert ends[name + "_count"] == counts[-1], f"{shown}: +Inf is not the count"
