"""Writes rules.yaml: the alerts of the Kubernetes component `monitoring`, as a Prometheus without an operator reads them."""

from __future__ import annotations

from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
HEAD = "# Made by `make rules` from deploy/k8s/components/monitoring/rules.yaml.\n---\n"


def written() -> str:
    rule = yaml.safe_load((FOLDER.parent / "k8s/components/monitoring/rules.yaml").read_text())
    return HEAD + yaml.safe_dump(rule["spec"], sort_keys=False, width=120)


if __name__ == "__main__":
    (FOLDER / "rules.yaml").write_text(written())
