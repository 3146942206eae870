"""Writes policies.yaml from edges.yaml: nothing is allowed but what is listed there, on both ends.

An edge is two rules, one for who begins and one for who is reached; a place that is not ours has no rules of its own.
"""

from __future__ import annotations

from typing import Any

import yaml

from deploy.k8s.made.manifests import KUBERNETES, text

FOLDER = KUBERNETES / "components/network-policies"
WRITTEN = FOLDER / "policies.yaml"
HEAD = "# Made by `make policies` from edges.yaml. Nothing is allowed but what is listed here.\n"


def policies(said: dict[str, Any]) -> list[dict[str, Any]]:
    places, edges = said["places"], said["edges"]
    denied = _policy("default-deny", {"podSelector": {}})
    return [denied, *(_of(name, place["pods"], places, edges) for name, place in places.items() if "pods" in place)]


def _of(name: str, pods: dict[str, str], places: dict[str, Any], edges: list[dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = {"podSelector": {"matchLabels": pods}}
    for key, own, other in (("ingress", "to", "from"), ("egress", "from", "to")):
        rules = [
            {other: [_peer(places[peer]) for peer in edge[other]], "ports": [_port(port) for port in edge["ports"]]}
            for edge in edges
            if name in edge[own]
        ]
        if rules:
            spec[key] = rules
    return _policy(name, spec)


def _policy(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}}
    return {**head, "spec": {**spec, "policyTypes": ["Ingress", "Egress"]}}


def _peer(place: dict[str, Any]) -> dict[str, Any]:
    match place:
        case {"pods": labels}:
            return {"podSelector": {"matchLabels": labels}}
        case {"namespace": name}:
            return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
        case {"addresses": block}:
            return {"ipBlock": {"cidr": block}}
    raise ValueError(f"no place: {place}")


def _port(port: str) -> dict[str, Any]:
    number, _, protocol = port.partition("/")
    return {"port": int(number), "protocol": protocol}


def written() -> str:
    said = yaml.safe_load((FOLDER / "edges.yaml").read_text())
    return text(HEAD, policies(said))


if __name__ == "__main__":
    WRITTEN.write_text(written())
