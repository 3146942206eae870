"""The columns of a list, from what its service's API document says of an item: the same for every export, an empty one too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from shared.web.sheets import Cell, Kind

JsonObject = dict[str, Any]
_REF = "#/components/schemas/"
_KINDS = {"integer": Kind.INTEGER, "number": Kind.NUMBER, "boolean": Kind.FLAG}


@dataclass(frozen=True, slots=True)
class Column:
    """`path`: the members that lead to it."""

    path: tuple[str, ...]
    kind: Kind

    @property
    def name(self) -> str:
        return ".".join(self.path)

    def cell(self, item: JsonObject) -> Cell:
        """Lists, and objects whose members are not known before, are JSON text."""
        value: Any = item
        for name in self.path:
            value = value.get(name) if isinstance(value, dict) else None
        if self.kind is Kind.TEXT and not isinstance(value, str | None):
            return orjson.dumps(value).decode()
        return cast("Cell", value)


def columns(document: JsonObject, path: str) -> Sequence[Column]:
    """Of the items of the list at `path`, nested objects flat; without `_actions` and the like: they are the caller's.

    Raises KeyError where the document does not know the list.
    """
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    schemas = document["components"]["schemas"]
    items = _resolved(answer, schemas)["properties"]["items"]["items"]
    return list(_flat(items, schemas, path=(), within=frozenset()))


def _flat(schema: JsonObject, schemas: JsonObject, *, path: tuple[str, ...], within: frozenset[str]) -> Iterator[Column]:
    found = _resolved(schema, schemas)
    name = found.get("title", "")
    members = found.get("properties")
    if not members or name in within:  # a thing within one of its kind has no end
        yield Column(path, _KINDS.get(found.get("type", ""), Kind.TEXT))
        return
    for member, of_member in members.items():
        if not member.startswith("_"):
            yield from _flat(of_member, schemas, path=(*path, member), within=within | {name})


def _resolved(schema: JsonObject, schemas: JsonObject) -> JsonObject:
    """Without references and `or null`; of several kinds none."""
    if "$ref" in schema:
        return _resolved(schemas[schema["$ref"].removeprefix(_REF)], schemas)
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return _resolved(options[0], schemas) if len(options) == 1 else schema
