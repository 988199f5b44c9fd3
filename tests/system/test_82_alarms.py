"""The dashboard and the alarms speak of metrics that exist, and the manual of every alarm."""
import json
import re
from pathlib import Path

import pytest
import yaml

import exposition
from client import Api, unique
from gatepost import ROOT, wait_for

DASHBOARD = ROOT / "conf" / "grafana" / "gatepost.json"
RULES = ROOT / "conf" / "prometheus" / "gatepost.rules.yml"
MANUAL = ROOT / "docs" / "watch.md"
NAME = re.compile(r"\bgatepost_[a-z0-9_]+")
LABELS = re.compile(r"\b(gatepost_[a-z0-9_]+)\{([^}]*)\}")


@pytest.fixture(scope="module")
def families(module_servers):
    server = module_servers()
    api = Api(server.address)
    assert api.signup(unique()).status == 201
    wait_for(lambda: api.metrics()["gatepost_outbox_pending"] == 0, 10, "an empty outbox")
    return exposition.read(api.get("/metrics").text())


def panels():
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions():
    found = [(f"panel {panel['title']}", target["expr"]) for panel in panels() for target in panel["targets"]]
    found += [(f"alarm {rule['alert']}", rule["expr"]) for rule in rules()]
    found += [("annotation", one["expr"]) for one in
              json.loads(DASHBOARD.read_text())["annotations"]["list"]]
    return found


def family_of(families, name):
    for end in ("", *exposition.PARTS):
        if name.endswith(end) and name[:len(name) - len(end)] in families:
            return families[name[:len(name) - len(end)]]
    return None


def test_every_metric_that_is_asked_for_exists(families):
    asked = set()
    for where, expression in expressions():
        names = NAME.findall(expression)
        assert names or where == "alarm GatepostDown", f"{where} asks for nothing"
        for name in names:
            assert family_of(families, name), f"{where}: no {name}"
            asked.add(name)
    assert len(asked) > 40


def test_every_label_that_is_asked_for_exists(families):
    for where, expression in expressions():
        for name, matchers in LABELS.findall(expression):
            labels = {label for _, found, _ in family_of(families, name).samples for label in found}
            for label, how, value in re.findall(r'([a-z_]+)(=~|!=|=)"([^"]*)"', matchers):
                if label in ("job", "instance"):
                    continue
                assert label in labels, f"{where}: {name} has no label {label}"
                if how == "=":
                    values = {found.get(label) for _, found, _ in family_of(families, name).samples}
                    assert value in values, f"{where}: {name} has no {label}={value}"


def test_counters_are_asked_for_by_their_rate(families):
    """And quantiles from the buckets of a histogram."""
    for where, expression in expressions():
        for name in NAME.findall(expression):
            family = family_of(families, name)
            if family.type == "counter" or (family.type == "histogram" and name.endswith("_bucket")):
                assert re.search(r"(rate|increase)\(" + name, expression), f"{where}: {name} without its rate"
            if family.type == "gauge":
                assert not re.search(r"(rate|increase)\(" + name, expression), f"{where}: the rate of a gauge"
        if "histogram_quantile" in expression:
            assert "_bucket" in expression and re.search(r"by \([a-z, ]*\ble\b", expression), where


def test_the_dashboard_is_one():
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["title"] == "Gatepost" and dashboard["uid"] and dashboard["schemaVersion"] >= 36
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] and place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, f"{panel['title']} lies on another"
        taken |= cells
    variables = {one["name"] for one in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?([a-z]+)\}?", DASHBOARD.read_text())) <= variables
    for panel in panels():
        assert panel["fieldConfig"]["defaults"]["unit"] and panel["targets"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def anchors():
    return {re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
            for line in MANUAL.read_text().splitlines() if line.startswith("#")}


def test_every_alarm_says_what_and_where_to_read_on():
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in ("page", "ticket"), rule
        assert len(rule["annotations"]["summary"]) > 20
        path, anchor = rule["annotations"]["runbook"].split("#")
        assert ROOT / path == MANUAL and anchor in anchors(), rule["annotations"]["runbook"]
        assert anchor == rule["alert"].lower()
    assert len({rule["alert"] for rule in rules()}) == len(rules()) > 15


def test_the_manual_speaks_of_what_exists(families):
    text = MANUAL.read_text()
    for name in set(NAME.findall(text)):
        assert family_of(families, name) or any(one.startswith(name) for one in families), name
    alarms = set(re.findall(r"^### (Gatepost\w+)$", text, re.M))
    assert alarms == {rule["alert"] for rule in rules()}
    for anchor in re.findall(r"\]\(#([a-z0-9-]+)\)", text):
        assert anchor in anchors(), anchor


def test_every_family_is_explained(families):
    """By its whole name, or as the end of one beside it: `gatepost_a_x`, `_y`."""
    text = MANUAL.read_text()
    words = set(re.findall(r"`([a-z0-9_]+)(?:\{[a-z,]*\})?`", text)) | set(re.findall(r"`(gatepost_[a-z0-9_]+)\*`", text))
    stems = [word for word in words if word.startswith("gatepost_") and word.endswith("_")]
    ends = [word for word in words if word.startswith("_") and len(word) > 1]
    missing = [name for name in families if name not in words and
               not any(name.startswith(stem) for stem in stems) and not any(name.endswith(end) for end in ends)]
    assert not missing, f"docs/watch.md does not explain {missing}"
