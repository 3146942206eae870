"""What operators see and are woken by: every metric named is one that services expose, every alert is tested and explained."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from shared import telemetry

REPOSITORY = Path(__file__).resolve().parents[2]
MONITORING = REPOSITORY / "deploy/k8s/components/monitoring"
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


def rules() -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]
    return spec


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in rules()["groups"] for rule in group["rules"] if "alert" in rule}


def expressions() -> Iterator[str]:
    for group in rules()["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for dashboard in (MONITORING / "dashboards").glob("*.json"):
        for panel in json.loads(dashboard.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def exposed() -> set[str]:
    """As the client library names what `/metrics` of a service shows."""
    assert telemetry.HTTP_SECONDS
    return {family.name + suffix for family in REGISTRY.collect() for suffix in SUFFIXES.get(family.type, ("",))}


def test_every_metric_of_a_rule_or_panel_is_exposed() -> None:
    named = {name for expression in expressions() for name in re.findall(r"\bqsmo_[a-z0-9_]+", expression)}

    assert len(named) > 10
    assert named <= exposed()


def test_every_metric_is_in_the_operators_table() -> None:
    told = set(re.findall(r"`(qsmo_[a-z0-9_]+)`", (REPOSITORY / "docs/operations.md").read_text()))

    assert {family.name for family in REGISTRY.collect() if family.name.startswith("qsmo_")} == told


def test_every_alert_has_a_runbook_and_a_case() -> None:
    sections = set(re.findall(r"^## (\w+)$", (REPOSITORY / "docs/runbooks.md").read_text(), re.MULTILINE))
    cases = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())["tests"]
    firing = {case["alertname"] for test in cases for case in test["alert_rule_test"] if case["exp_alerts"]}

    assert set(alerts()) == sections == firing
    for name, alert in alerts().items():
        assert alert["annotations"]["runbook"] == f"docs/runbooks.md#{name.lower()}"
        assert alert["labels"]["severity"] in {"critical", "warning"}


@pytest.mark.promtool
def test_the_alerts_fire_on_what_they_are_for_and_on_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))
    shutil.copy(MONITORING / "alerts_test.yaml", tmp_path)

    for command in (["check", "rules", "rules.yaml"], ["test", "rules", "alerts_test.yaml"]):
        done = subprocess.run(["promtool", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
