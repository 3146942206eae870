"""Rules of our own over docker-compose.yml; `make verify-compose` brings it up."""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from services.adoption.config import Settings as AdoptionSettings
from services.catalog.config import Settings as CatalogSettings
from services.gateway.config import Settings as GatewaySettings
from services.registry.config import Settings as RegistrySettings
from shared.settings import SECRETS_DIR, ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
OBSERVABILITY = ROOT / "deploy/observability"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "registry": RegistrySettings,
    "catalog": CatalogSettings,
    "adoption": AdoptionSettings,
    "gateway": GatewaySettings,
}


def compose() -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return said


@pytest.mark.parametrize("service", SETTINGS)
def test_every_variable_is_a_setting_and_none_is_a_secret(service: str) -> None:
    given = compose()["services"][service]["environment"]
    prefix = f"QSMO_{service.upper()}_"
    known = {prefix + name.upper(): field for name, field in SETTINGS[service].model_fields.items()}

    assert given.keys() - {SECRETS_DIR} <= known.keys()
    secret = {name for name in given if name in known and "Secret" in str(known[name].annotation)}
    assert secret == {f"{prefix}DATABASE_URL"}
    assert make_url(given[f"{prefix}DATABASE_URL"]).password is None


def test_secrets_are_mounted_as_the_files_that_the_settings_read() -> None:
    mounted = compose()["services"]["gateway"]["secrets"]

    assert compose()["services"]["gateway"]["environment"][SECRETS_DIR] == "/run/secrets"
    assert set(mounted) == set(compose()["secrets"])
    assert {name.removeprefix("qsmo_gateway_") for name in mounted} <= set(GatewaySettings.model_fields)


def test_every_container_of_ours_has_a_read_only_root_and_no_capabilities() -> None:
    ours = {name: found for name, found in compose()["services"].items() if str(found["image"]).startswith("qsmo-")}

    assert set(SETTINGS) <= set(ours)
    for name in (*SETTINGS, "keys", "prometheus"):
        assert compose()["services"][name]["read_only"] is True, name
        assert compose()["services"][name]["cap_drop"] == ["ALL"], name


def test_prometheus_asks_every_service_and_knows_the_alerts_of_the_cluster() -> None:
    (job,) = yaml.safe_load((OBSERVABILITY / "prometheus.yaml").read_text())["scrape_configs"]
    made = runpy.run_path(str(OBSERVABILITY / "generate.py"))["written"]()

    assert job["static_configs"] == [{"targets": [f"{service}:8080" for service in SETTINGS]}]
    assert (OBSERVABILITY / "rules.yaml").read_text() == made, "make rules"


def test_every_file_that_is_mounted_is_there() -> None:
    files = [found["file"] for found in compose()["configs"].values() if "file" in found]

    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []


@pytest.mark.promtool
def test_prometheus_takes_its_configuration() -> None:
    command = ["promtool", "check", "config", str(OBSERVABILITY / "prometheus.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
