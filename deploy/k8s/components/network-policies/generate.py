"""Writes policies.yaml from edges.yaml: nothing is allowed but what is listed there, on both ends.

An edge is two rules, one for who begins and one for who is reached; a place that is not ours has no rules of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
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


class _Plain(yaml.SafeDumper):
    """No aliases: each policy is read by itself. Lists are indented, as yamllint has it."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, indentless=False)


def written() -> str:
    said = yaml.safe_load((FOLDER / "edges.yaml").read_text())
    return HEAD + "---\n".join(yaml.dump(each, Dumper=_Plain, sort_keys=False, width=130) for each in policies(said))


if __name__ == "__main__":
    (FOLDER / "policies.yaml").write_text(written())
