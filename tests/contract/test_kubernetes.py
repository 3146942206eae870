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

from deploy.k8s.made import policies, workers
from services.adoption.config import Settings as AdoptionSettings
from services.catalog.config import Settings as CatalogSettings
from services.commandline.recovery.standing import FOLLOWERS
from services.gateway.config import Settings as GatewaySettings
from services.registry.config import Settings as RegistrySettings
from shared.service import TOPICS
from shared.settings import SECRETS_DIR, ServiceSettings

OVERLAYS = ("dev", "staging", "production", "production-split")
KUBECTL = Path(sys.executable).parent / "kubectl"
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "registry": RegistrySettings,
    "catalog": CatalogSettings,
    "adoption": AdoptionSettings,
    "gateway": GatewaySettings,
}
READS = {follower.service: follower.topics for follower in FOLLOWERS}
GROUPS = {follower.service: follower.consumer for follower in FOLLOWERS}
FINISH_S = 20  # UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN of the image
DRAIN_S = ServiceSettings.model_fields["drain_s"].default


@cache
def rendered(overlay: str) -> tuple[dict[str, Any], ...]:
    command = [str(KUBECTL), "kustomize", str(DEPLOY / "overlays" / overlay)]
    return tuple(yaml.safe_load_all(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def of_kind(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in rendered(overlay) if found["kind"] == kind}


def deployments_of(overlay: str, service: str) -> list[dict[str, Any]]:
    """What answers, and what works where that is apart."""
    found = of_kind(overlay, "Deployment")
    return [found[name] for name in (service, f"{service}-worker") if name in found]


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
    given: set[str] = set()
    for deployment in deployments_of(overlay, service):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        (source,) = container["envFrom"]
        given |= {entry["name"] for entry in container["env"]} - {SECRETS_DIR}
        given |= set(of_kind(overlay, "ConfigMap")[source["configMapRef"]["name"]]["data"])

    prefix = f"QSMO_{service.upper()}_"
    fields = SETTINGS[service].model_fields
    known = {prefix + name.upper() for name in fields}
    secret = {prefix + name.upper() for name, field in fields.items() if "Secret" in str(field.annotation)}
    assert secret
    assert given <= known - secret


def mounted(overlay: str, spec: dict[str, Any]) -> dict[str, str]:
    """What stands in the folder of secrets: file → the secret that it is of."""
    (container,) = spec["containers"]
    folder = next(entry["value"] for entry in container["env"] if entry["name"] == SECRETS_DIR)
    mount = next(mount for mount in container["volumeMounts"] if mount["mountPath"] == folder)
    volume = next(volume for volume in spec["volumes"] if volume["name"] == mount["name"])
    files: dict[str, str] = {}
    for source in (source["secret"] for source in volume["projected"]["sources"]):
        kept = of_kind(overlay, "Secret").get(source["name"], {"data": {}})["data"]
        names = [item["path"] for item in source["items"]] if "items" in source else list(kept)
        files |= dict.fromkeys(names, source["name"])
    return files


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SETTINGS)
def test_secrets_are_mounted_as_the_files_that_the_settings_read(overlay: str, service: str) -> None:
    found, *of_workers = (mounted(overlay, each["spec"]["template"]["spec"]) for each in deployments_of(overlay, service))
    assert [each for each in of_workers if each != found] == []
    of_migration = mounted(overlay, of_kind(overlay, "Job")[f"{service}-migrate"]["spec"]["template"]["spec"])

    read = {
        f"qsmo_{service}_{name}" for name, field in SETTINGS[service].model_fields.items() if "Secret" in str(field.annotation)
    }
    assert found[f"qsmo_{service}_database_url"] == of_migration[f"qsmo_{service}_database_url"]
    assert {name for name in found if name.startswith("qsmo_")} <= read
    if overlay != "dev":
        assert found[f"qsmo_{service}_database_url"] == f"{service}-database-app"
        assert f"{service}-database" in of_kind(overlay, "Cluster")
        assert found[f"qsmo_{service}_bus_password"] in of_kind(overlay, "KafkaUser")
        assert configured(overlay, service)["BUS_CA_FILE"].rpartition("/")[2] in found


def configured(overlay: str, service: str) -> dict[str, str]:
    """What its ConfigMap says, without the prefix of its variables."""
    (container,) = of_kind(overlay, "Deployment")[service]["spec"]["template"]["spec"]["containers"]
    (source,) = container["envFrom"]
    data: dict[str, str] = of_kind(overlay, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    return {name.removeprefix(f"QSMO_{service.upper()}_"): value for name, value in data.items()}


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
    for deployment in (each for service in SETTINGS for each in deployments_of(overlay, service)):
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        pause_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > pause_s + DRAIN_S + FINISH_S
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        budget = of_kind(overlay, "PodDisruptionBudget")[deployment["metadata"]["name"]]["spec"]
        assert budget == {"maxUnavailable": 1, "selector": deployment["spec"]["selector"]}


def test_the_image_drains_for_as_long_as_the_pods_allow() -> None:
    assert f"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN={FINISH_S}" in (DEPLOY.parents[1] / "Dockerfile").read_text()


@pytest.mark.parametrize("overlay", ["production", "production-split"])
def test_no_more_consumers_than_partitions_and_only_of_topics_that_are_there(overlay: str) -> None:
    topics = of_kind(overlay, "KafkaTopic")
    scaled = of_kind(overlay, "ScaledObject")
    assert scaled
    for name, found in scaled.items():
        followed = [trigger["metadata"] for trigger in found["spec"]["triggers"] if trigger["type"] == "kafka"]
        assert {metadata["topic"] for metadata in followed} == set(READS[name])
        assert {metadata["consumerGroup"] for metadata in followed} == {GROUPS[name]}
        for metadata in followed:
            assert found["spec"]["maxReplicaCount"] <= topics[metadata["topic"]]["spec"]["partitions"]
            assert metadata["bootstrapServers"] == configured(overlay, name)["BUS_URL"].removeprefix("kafka://")
    for service in SETTINGS:
        assert {topic["spec"]["partitions"] for topic in topics.values()} == {int(configured(overlay, service)["PARTITIONS"])}


@pytest.mark.parametrize(("overlay", "workers"), [("production", set()), ("production-split", {"adoption-worker"})])
def test_what_scales_itself_has_no_number_of_replicas(overlay: str, workers: set[str]) -> None:
    targets = {found["spec"]["scaleTargetRef"]["name"] for found in of_kind(overlay, "HorizontalPodAutoscaler").values()}
    targets |= {found["spec"]["scaleTargetRef"]["name"] for found in of_kind(overlay, "ScaledObject").values()}

    assert targets == set(SETTINGS) | workers
    found = of_kind(overlay, "Deployment")
    assert {name for name in found if "replicas" not in found[name]["spec"]} == targets


def test_lag_makes_more_of_what_consumes() -> None:
    for overlay, consuming in (("production", "adoption"), ("production-split", "adoption-worker")):
        assert of_kind(overlay, "ScaledObject")["adoption"]["spec"]["scaleTargetRef"]["name"] == consuming


@pytest.mark.parametrize("service", SETTINGS)
def test_apart_one_answers_and_the_other_works_and_only_what_answers_is_asked(service: str) -> None:
    answering, working = deployments_of("production-split", service)
    variable = f"QSMO_{service.upper()}_ROLE"
    asked = of_kind("production-split", "Service")[service]["spec"]["selector"].items()
    labels = [each["spec"]["template"]["metadata"]["labels"].items() for each in (answering, working)]

    assert (environment(answering)[variable], environment(working)[variable]) == ("api", "worker")
    assert [asked <= of_pod for of_pod in labels] == [True, False]
    assert answering["spec"]["selector"]["matchLabels"].items() <= labels[0]
    assert working["spec"]["selector"]["matchLabels"].items() <= labels[1]
    assert variable not in environment(of_kind("production", "Deployment")[service])


def environment(deployment: dict[str, Any]) -> dict[str, str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def test_workers_are_as_the_base_has_them() -> None:
    assert workers.WRITTEN.read_text() == workers.written(), "make workers"


@pytest.mark.parametrize("overlay", OVERLAYS[1:])
def test_each_service_may_do_on_the_bus_what_it_does_and_no_more(overlay: str) -> None:
    assert set(of_kind(overlay, "KafkaTopic")) == {name for topic in TOPICS for name in (topic, f"{topic}.dlq")}
    for service in SETTINGS:
        allowed = {
            (acl["resource"]["type"], acl["resource"]["name"], operation)
            for acl in of_kind(overlay, "KafkaUser")[service]["spec"]["authorization"]["acls"]
            for operation in acl["operations"]
        }
        read = {name for _, name, operation in allowed if operation == "Read"}
        written = {name for _, name, operation in allowed if operation == "Write"}
        assert read == {*READS[service], GROUPS[service]}
        assert written == {topic for topic in TOPICS if topic == f"qsmo.{service}"} | {
            f"{topic}.dlq" for topic in READS[service]
        }
        # It looks whether they are there.
        assert {name for kind, name, operation in allowed if (kind, operation) == ("topic", "Describe")} == set(
            of_kind(overlay, "KafkaTopic")
        )


def test_the_policies_are_those_of_the_list_of_edges() -> None:
    assert policies.WRITTEN.read_text() == policies.written(), "make policies"


Peer = frozenset[tuple[str, str]] | str
Port = tuple[int, str]


@pytest.mark.parametrize("overlay", OVERLAYS[1:])
def test_nothing_talks_but_along_an_edge(overlay: str) -> None:
    """Read from the rendered policies alone, as a cluster would: both ends must allow what one of them begins."""
    said = yaml.safe_load((DEPLOY / "components/network-policies/edges.yaml").read_text())
    listed = {
        (peer_of(said["places"][one]), peer_of(said["places"][other]), port_of(port))
        for edge in said["edges"]
        for one in edge["from"]
        for other in edge["to"]
        for port in edge["ports"]
    }

    found = of_kind(overlay, "NetworkPolicy")
    assert found["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ours = {
        peer_of({"pods": policy["spec"]["podSelector"]["matchLabels"]})
        for name, policy in found.items()
        if name != "default-deny"
    }
    begun, reached = allowed(overlay, "egress"), allowed(overlay, "ingress")

    assert {edge for edge in begun if edge[1] in ours} == {edge for edge in reached if edge[0] in ours}
    assert begun | reached == listed


def allowed(overlay: str, direction: str) -> set[tuple[Peer, Peer, Port]]:
    edges: set[tuple[Peer, Peer, Port]] = set()
    for policy in of_kind(overlay, "NetworkPolicy").values():
        for rule in policy["spec"].get(direction, ()):
            own = peer_of({"pods": policy["spec"]["podSelector"]["matchLabels"]})
            for selected in rule["to" if direction == "egress" else "from"]:
                other = peer_of_selector(selected)
                ends = (own, other) if direction == "egress" else (other, own)
                edges |= {(*ends, (port["port"], port["protocol"])) for port in rule["ports"]}
    return edges


def peer_of(place: dict[str, Any]) -> Peer:
    return frozenset(place["pods"].items()) if "pods" in place else str(place.get("namespace") or place["addresses"])


def peer_of_selector(selected: dict[str, Any]) -> Peer:
    if "ipBlock" in selected:
        return str(selected["ipBlock"]["cidr"])
    if "namespaceSelector" in selected:
        return str(selected["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
    return frozenset(selected["podSelector"]["matchLabels"].items())


def port_of(written: str) -> Port:
    number, _, protocol = written.partition("/")
    return int(number), protocol


@pytest.mark.parametrize("overlay", OVERLAYS[1:])
def test_each_of_our_pods_has_a_policy_that_knows_its_labels(overlay: str) -> None:
    selectors = [found["spec"]["podSelector"].get("matchLabels", {}) for found in of_kind(overlay, "NetworkPolicy").values()]
    for kind in ("Deployment", "Job"):
        for name, found in of_kind(overlay, kind).items():
            labels = found["spec"]["template"]["metadata"]["labels"].items()
            assert sum(bool(wanted) and wanted.items() <= labels for wanted in selectors) == 1, name


def test_in_production_nothing_is_a_secret_in_the_manifests_and_nothing_goes_without_tls() -> None:
    assert of_kind("production", "Secret") == {}
    assert "postgres" not in of_kind("production", "Deployment")
    routes = of_kind("production", "HTTPRoute")
    plain = [
        name for name, route in routes.items() if {parent["sectionName"] for parent in route["spec"]["parentRefs"]} == {"http"}
    ]
    assert [[rule.get("backendRefs") for rule in routes[name]["spec"]["rules"]] for name in plain] == [[None]]
