"""The rules by promtool's own tests, and the form of rules and dashboards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from tests.kit.cluster.prometheus import FILES, metric_names, panels, promtool, rules
from tests.kit.go_programs import grafana
from tests.kit.repository import ROOT

from dpojob_api.conditions import Reason
from dpojob_operator.process import metrics

CASES = Path(__file__).parent / "rules_test.yaml"
RUNBOOKS = ROOT / "docs/platform/runbooks.md"
DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))


def test_the_cases_of_promtool_hold() -> None:
    promtool("check", "rules", str(FILES / "rules.yaml"))
    promtool("test", "rules", str(CASES))


def test_every_rule_has_a_case() -> None:
    tests = yaml.safe_load(CASES.read_text())["tests"]
    alerts = {
        case["alertname"]
        for test in tests
        for case in test.get("alert_rule_test", ())
        if case["exp_alerts"]
    }
    recorded = " ".join(case["expr"] for test in tests for case in test.get("promql_expr_test", ()))
    for rule in rules():
        assert rule.get("alert") in alerts or rule.get("record", "-") in recorded, rule
        if "alert" in rule:
            assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
            assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_every_alert_has_a_runbook_and_every_runbook_its_alert() -> None:
    alerts = {
        rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules() if "alert" in rule
    }
    sections = re.split(r"^## ", RUNBOOKS.read_text(), flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections] == list(alerts)
    for section in sections:
        parts = re.findall(r"^\*\*(\w+)\.\*\*", section, re.MULTILINE)
        assert parts == ["Meaning", "Look", "Act"], section
    for alert, address in alerts.items():
        page, _, anchor = address.partition("#")
        assert page.endswith(f"/{RUNBOOKS.relative_to(ROOT)}") and anchor == alert.lower()


def test_reasons_in_rules_are_reasons_of_the_api() -> None:
    for rule in rules():
        for reasons in re.findall(r'reason=~?"([^"]+)"', rule["expr"]):
            assert set(reasons.split("|")) <= set(Reason), rule["alert"]


def test_every_metric_that_is_read_is_one_of_the_operators() -> None:
    assert metrics.RUNNING is not None
    exported = {family.name for family in REGISTRY.collect()}
    exported |= {
        f"{family.name}_total" for family in REGISTRY.collect() if family.type == "counter"
    }
    exported |= {f"{family.name}_info" for family in REGISTRY.collect() if family.type == "info"}
    queries = [rule["expr"] for rule in rules()] + [query for _, query in panels()]
    assert set().union(*map(metric_names, queries)) - exported == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_grafanas_own_types_take_a_dashboard_and_no_misspelt_field_of_it(path: Path) -> None:
    text = path.read_text()
    assert grafana.objections(text) == ""
    assert "titel" in grafana.objections(text.replace('"title"', '"titel"', 1))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_what_grafana_needs(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in dashboard["panels"]:
        assert panel["datasource"] == source and panel["targets"], panel["title"]
        for target in panel["targets"]:
            used = set(re.findall(r"\$(?!__)(\w+)", target["expr"]))
            assert used <= variables, panel["title"]
    cells = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in dashboard["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24
