"""Rules of our own over what the overlays render to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.adoption.config import Settings as AdoptionSettings
from services.catalog.config import Settings as CatalogSettings
from services.gateway.config import Settings as GatewaySettings
from services.registry.config import Settings as RegistrySettings
from shared.settings import SECRETS_DIR, ServiceSettings

OVERLAYS = ("dev", "staging", "production")
KUBECTL = Path(sys.executable).parent / "kubectl"
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "registry": RegistrySettings,
    "catalog": CatalogSettings,
    "adoption": AdoptionSettings,
    "gateway": GatewaySettings,
}
FINISH_S = 20  # UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN of the image
DRAIN_S = ServiceSettings.model_fields["drain_s"].default


@cache
def rendered(overlay: str) -> tuple[dict[str, Any], ...]:
    command = [str(KUBECTL), "kustomize", str(DEPLOY / "overlays" / overlay)]
    return tuple(yaml.safe_load_all(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def of_kind(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in rendered(overlay) if found["kind"] == kind}


def pods(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("Deployment", "Job"):
        for name, found in of_kind(overlay, kind).items():
            yield name, found["spec"]["template"]["spec"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_service_is_there_with_what_belongs_to_it(overlay: str) -> None:
    for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"):
        assert set(SETTINGS) <= set(of_kind(overlay, kind)), kind
    assert {f"{service}-migrate" for service in SETTINGS} == set(of_kind(overlay, "Job"))


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SETTINGS)
def test_every_variable_is_a_setting_of_the_service_and_none_is_secret(overlay: str, service: str) -> None:
    (container,) = of_kind(overlay, "Deployment")[service]["spec"]["template"]["spec"]["containers"]
    (source,) = container["envFrom"]
    given = {entry["name"] for entry in container["env"]} - {SECRETS_DIR}
    given |= set(of_kind(overlay, "ConfigMap")[source["configMapRef"]["name"]]["data"])

    prefix = f"QSMO_{service.upper()}_"
    fields = SETTINGS[service].model_fields
    known = {prefix + name.upper() for name in fields}
    secret = {prefix + name.upper() for name, field in fields.items() if "Secret" in str(field.annotation)}
    assert secret
    assert given <= known - secret


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SETTINGS)
def test_the_secret_is_mounted_as_the_file_that_the_settings_read(overlay: str, service: str) -> None:
    spec = of_kind(overlay, "Deployment")[service]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    folder = next(entry["value"] for entry in container["env"] if entry["name"] == SECRETS_DIR)

    mount = next(mount for mount in container["volumeMounts"] if mount["mountPath"] == folder)
    volume = next(volume for volume in spec["volumes"] if volume["name"] == mount["name"])
    assert volume["secret"]["secretName"].startswith(f"{service}-database")
    if overlay == "dev":
        assert f"qsmo_{service}_database_url" in of_kind(overlay, "Secret")[volume["secret"]["secretName"]]["data"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_as_the_restricted_standard_wants_them(overlay: str) -> None:
    for name, spec in pods(overlay):
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_has_time_to_say_goodbye_and_a_budget_never_blocks_everything(overlay: str) -> None:
    for service in SETTINGS:
        deployment = of_kind(overlay, "Deployment")[service]["spec"]
        spec = deployment["template"]["spec"]
        (container,) = spec["containers"]
        pause_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > pause_s + DRAIN_S + FINISH_S
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        assert of_kind(overlay, "PodDisruptionBudget")[service]["spec"]["maxUnavailable"] == 1


def test_the_image_drains_for_as_long_as_the_pods_allow() -> None:
    assert f"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN={FINISH_S}" in (DEPLOY.parents[1] / "Dockerfile").read_text()


def test_no_more_consumers_than_partitions() -> None:
    configured = of_kind("production", "ConfigMap")
    for name, scaled in of_kind("production", "ScaledObject").items():
        config = next(found["data"] for key, found in configured.items() if key.startswith(name))
        assert scaled["spec"]["maxReplicaCount"] <= int(config[f"QSMO_{name.upper()}_PARTITIONS"])


def test_in_production_nothing_talks_but_by_a_policy_and_nothing_is_a_secret_in_the_manifests() -> None:
    policies = of_kind("production", "NetworkPolicy")
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert of_kind("production", "Secret") == {}
    assert "postgres" not in of_kind("production", "Deployment")
