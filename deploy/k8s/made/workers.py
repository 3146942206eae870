"""Writes deployments.yaml from the base: of each service the same pods once more, told to work and not to answer."""

from __future__ import annotations

from typing import Any

import yaml

from deploy.k8s.made.manifests import KUBERNETES, text

BASE = KUBERNETES / "base"
WRITTEN = KUBERNETES / "components/workers/deployments.yaml"
SERVICES = ("registry", "catalog", "adoption", "gateway")
HEAD = "# Made by `make workers` from the deployments of the base.\n"


def worker(service: str) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((BASE / service / "deployment.yaml").read_text())
    name = f"{service}-worker"
    own = {"app.kubernetes.io/name": name}
    pod = made["spec"]["template"]
    made["metadata"]["name"] = name
    made["spec"]["selector"]["matchLabels"] = own
    pod["metadata"]["labels"] |= {**own, "app.kubernetes.io/component": "worker"}
    for spread in pod["spec"]["topologySpreadConstraints"]:
        spread["labelSelector"]["matchLabels"] = own
    (container,) = pod["spec"]["containers"]
    container["env"].append({"name": f"QSMO_{service.upper()}_ROLE", "value": "worker"})
    return made


def budget(service: str) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((BASE / service / "pdb.yaml").read_text())
    made["metadata"]["name"] = f"{service}-worker"
    made["spec"]["selector"]["matchLabels"] = {"app.kubernetes.io/name": f"{service}-worker"}
    return made


def written() -> str:
    made = [manifest(service) for service in SERVICES for manifest in (worker, budget)]
    return text(HEAD, made)


if __name__ == "__main__":
    WRITTEN.write_text(written())
