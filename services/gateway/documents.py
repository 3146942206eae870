"""One OpenAPI 3.1 document of all services: merged from theirs, without clashes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from services.gateway.clients import Upstream, UpstreamAway
from services.gateway.examples import add_examples
from services.gateway.links import add_links
from services.gateway.proxy import owner_of
from services.gateway.tags import ABOUT
from shared.web.app import REFUSALS

_FRESH_S = 300.0
_RETRY_S = 5.0
_REF = "#/components/schemas/"
_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """The document, and the services that are missing from it."""

    document: JsonObject
    text: bytes
    missing: tuple[str, ...]


class Documents:
    """The merged document, kept for a while; shorter while a service is missing from it."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._merged: Merged | None = None
        self._made_at = 0.0
        self._lock = asyncio.Lock()

    async def merged(self, own: JsonObject) -> Merged:
        async with self._lock:
            age_s = time.monotonic() - self._made_at
            if self._merged is None or age_s > (_RETRY_S if self._merged.missing else _FRESH_S):
                self._merged = await self._merge(own)
                self._made_at = time.monotonic()
            return self._merged

    async def _merge(self, own: JsonObject) -> Merged:
        names = list(self._upstreams)
        found = await asyncio.gather(*(self._document_of(name) for name in names))
        there = {name: document for name, document in zip(names, found, strict=True) if document is not None}
        missing = tuple(name for name in names if name not in there)
        document = merged_document(own, there)
        add_examples(document)
        add_links(document)
        if missing:
            document["info"]["description"] += f" (Missing for now, as they do not answer: {', '.join(missing)}.)"
        return Merged(document, orjson.dumps(document), missing)

    async def _document_of(self, service: str) -> JsonObject | None:
        try:
            answer = await self._upstreams[service].get("/openapi.json")
        except UpstreamAway:
            return None
        return dict(answer.json()) if answer.is_success else None


def merged_document(own: JsonObject, of_services: Mapping[str, JsonObject]) -> JsonObject:
    """Without examples and links."""
    merging = _Merging(own)
    for name, document in of_services.items():
        merging.add(name, document)
    return merging.result()


class _Merging:
    """Takes documents in one after the other; the first to use a name keeps it, others get their service's in front."""

    def __init__(self, own: JsonObject) -> None:
        self._document: JsonObject = orjson.loads(orjson.dumps(own))
        self._paths: JsonObject = self._document.setdefault("paths", {})
        self._schemas: JsonObject = self._document.setdefault("components", {}).setdefault("schemas", {})
        self._operation_ids = {op["operationId"] for op in _operations(self._paths) if "operationId" in op}
        self._tags: dict[str, None] = {}

    def add(self, service: str, document: JsonObject) -> None:
        schemas = document.get("components", {}).get("schemas", {})
        renamed = self._renamed(service, schemas)
        document = _with_references(document, renamed)
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            self._schemas.setdefault(renamed.get(name, name), schema)
        for path, item in document.get("paths", {}).items():
            if owner_of(path) == service and path not in self._paths:
                self._paths[path] = item
                self._claim_operation_ids(service, item)

    def _renamed(self, service: str, schemas: JsonObject) -> dict[str, str]:
        """Old name → new, for those that mean something else elsewhere (and so on for what refers to them)."""
        renamed: dict[str, str] = {}
        while True:
            clashing = {
                name: f"{service.capitalize()}{name}"
                for name, schema in schemas.items()
                if name in self._schemas and self._schemas[name] != _with_references(schema, renamed)
            }
            if clashing.keys() <= renamed.keys():
                return renamed
            renamed.update(clashing)

    def _claim_operation_ids(self, service: str, item: JsonObject) -> None:
        for operation in _operations({"": item}):
            if (given := operation.get("operationId")) in self._operation_ids:
                operation["operationId"] = f"{service}_{given}"
            self._operation_ids.add(operation.get("operationId", ""))

    def result(self) -> JsonObject:
        self._document["paths"] = dict(sorted(self._paths.items()))
        used = _referred(self._document["paths"], self._schemas)
        self._document["components"]["schemas"] = {name: self._schemas[name] for name in sorted(used)}
        _describe(self._document)
        _share_refusals(self._document)
        return self._document


def _referred(value: Any, schemas: JsonObject) -> set[str]:
    """Names of the schemas that this refers to, and those refer to, and so on."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            name = at.get("$ref")
            if isinstance(name, str) and (name := name.removeprefix(_REF)) in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
            waiting += at.values()
        elif isinstance(at, list):
            waiting += at
    return found


def _describe(document: JsonObject) -> None:
    """What readers and tools of OpenAPI look for besides operations."""
    document["servers"] = [{"url": "/", "description": "Where this document came from"}]
    document["info"]["contact"] = {"name": "Whoever operates this installation"}
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    operations = _operations(document["paths"])
    for operation in operations:
        operation.setdefault("description", f"{operation.get('summary', operation.get('operationId', ''))}.")
    tags = sorted({tag for operation in operations for tag in operation.get("tags", ())})
    document["tags"] = [{"name": tag, "description": ABOUT.get(tag, "")} for tag in tags]


def _share_refusals(document: JsonObject) -> None:
    """Every operation may be refused in the same ways: written once, the document has a third less."""
    shared = document["components"]["responses"] = {f"Refused{status}": answer for status, answer in REFUSALS.items()}
    for operation in _operations(document["paths"]):
        for status, answer in operation["responses"].items():
            if shared.get(f"Refused{status}") == answer:
                operation["responses"][status] = {"$ref": f"#/components/responses/Refused{status}"}


def _operations(paths: JsonObject) -> list[JsonObject]:
    return [operation for item in paths.values() for method, operation in item.items() if method in _METHODS]


def _with_references(value: Any, renamed: Mapping[str, str]) -> Any:
    """A copy in which references to renamed schemas lead to their new names."""
    if isinstance(value, dict):
        return {
            key: _reference(item, renamed) if key == "$ref" else _with_references(item, renamed) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_references(item, renamed) for item in value]
    return value


def _reference(value: Any, renamed: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or not value.startswith(_REF):
        return value
    name = value.removeprefix(_REF)
    return _REF + renamed.get(name, name)
