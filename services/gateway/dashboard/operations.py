"""What each write of the API takes, from the services' own documents: kept small, one operation at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from services.gateway.clients import Upstream
from services.gateway.proxy import owner_of
from shared.kernel.errors import NotFound

_FRESH_S = 300.0
_WRITES = ("post", "put")
# Said to those who come by the API; the form does it for the others.
_FOR_CALLERS = re.compile(r"[^.]*(?:If-Match|(?:GET|POST|PUT) /v1)[^.]*\.|`")
_REF = "#/components/schemas/"
_PATH = re.compile(r"/v1(/[A-Za-z0-9][A-Za-z0-9._:-]*)+")
_ACRONYM = re.compile(r"\b(iap|sla|qsmo|fibf|omb)\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9]+")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """`read`: where what is changed can be read, None where something is made. `schema`: of the body, None without."""

    service: str
    method: str
    path: str
    title: str
    description: str
    read: str | None
    needs_version: bool
    schema: Json | None
    schemas: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class _Written:
    """As kept: text, since most are never asked for."""

    template: str
    method: str
    text: bytes


@dataclass(frozen=True, slots=True)
class _Document:
    writes: tuple[_Written, ...]
    reads: tuple[str, ...]
    made_at: float


class Operations:
    """Asks a service for its document when first needed, and again after a while."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._documents: dict[str, _Document] = {}

    async def find(self, path: str) -> Operation:
        """What can be done at this address; POST before PUT. Raises NotFound, UpstreamAway."""
        service = owner_of(path)
        if service is None or not _PATH.fullmatch(path):
            raise NotFound("Nothing can be done at this address.")
        document = await self._document(service)
        fitting = [write for write in document.writes if _fits(write.template, path)]
        if not fitting:
            raise NotFound("Nothing can be done at this address.")
        # Fixed words before parameters, as services route.
        found = min(fitting, key=lambda write: (write.template.count("{"), write.method != "post"))
        return _operation(service, path, found, document.reads)

    async def below(self, path: str) -> list[tuple[str, str]]:
        """Address and name of what can be done with the thing at this address."""
        service = owner_of(path)
        document = await self._document(service) if service else None
        found = []
        for write in document.writes if document else ():
            above, _, action = write.template.rpartition("/")
            if not action.startswith("{") and "{" in above and _fits(above, path):
                found.append((f"{path}/{action}", action.replace("-", " ").capitalize()))
        return found

    async def _document(self, service: str) -> _Document:
        kept = self._documents.get(service)
        if kept is None or time.monotonic() - kept.made_at > _FRESH_S:
            answer = await self._upstreams[service].get("/openapi.json")
            if not answer.is_success:
                raise self._upstreams[service].away(f"it answers HTTP {answer.status}")
            kept = self._documents[service] = _parted(answer.json())
        return kept


def _parted(document: Json) -> _Document:
    schemas: dict[str, Json] = document.get("components", {}).get("schemas", {})
    writes = []
    for template, item in document["paths"].items():
        for method in _WRITES:
            if method in item:
                used = dict(_used(item[method].get("requestBody", {}), schemas))
                writes.append(_Written(template, method, orjson.dumps({"operation": item[method], "schemas": used})))
    reads = tuple(template for template, item in document["paths"].items() if "get" in item)
    return _Document(tuple(writes), reads, time.monotonic())


def _used(value: Any, schemas: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """The schemas that this refers to, and those refer to, and so on."""
    seen: set[str] = set()
    waiting = [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            name = str(at.get("$ref", "")).removeprefix(_REF)
            if name in schemas and name not in seen:
                seen.add(name)
                yield name, schemas[name]
                waiting.append(schemas[name])
            waiting += at.values()
        elif isinstance(at, list):
            waiting += at


def _fits(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(w == g or w.startswith("{") for w, g in zip(wanted, given, strict=True))


def _operation(service: str, path: str, found: _Written, reads: tuple[str, ...]) -> Operation:
    read = orjson.loads(found.text)
    operation: Json = read["operation"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    required = {each["name"] for each in operation.get("parameters", ()) if each.get("required")}
    return Operation(
        service=service,
        method=found.method.upper(),
        path=path,
        title=_titled(operation.get("summary", "Do this")),
        description=_FOR_CALLERS.sub("", operation.get("description", "")).strip(),
        read=_readable(path, reads) if "{" in found.template else None,
        needs_version="If-Match" in required,
        schema=body.get("schema"),
        schemas=read["schemas"],
    )


def _titled(summary: str) -> str:
    plain = _WORD.sub(lambda word: word[0].lower(), summary).capitalize()
    return _ACRONYM.sub(lambda word: word[0].upper(), plain)


def _readable(path: str, reads: tuple[str, ...]) -> str | None:
    """The thing itself, or the nearest that it is part of."""
    parts = path.split("/")
    for count in range(len(parts), 3, -1):
        at = "/".join(parts[:count])
        if any(template.endswith("}") and _fits(template, at) for template in reads):
            return at
    return None
