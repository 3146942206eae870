"""Content ↔ the JSON document that rows and revisions keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter

from services.catalog.domain.content import Content
from services.catalog.domain.origin import Origin, Origins


def content_document(content: Content) -> orjson.Fragment:
    """The dataclass as it is, field by field; serialised here once, since an import writes thousands."""
    return orjson.Fragment(orjson.dumps(content, default=str))


def content_of(document: Mapping[str, Any]) -> Content:
    """Fields that documents written before them do not have are as in a new content."""
    return _contents().validate_python(document)


@cache
def _contents() -> TypeAdapter[Content]:
    # Three times as fast as making each part in Python, and lists read hundreds; built when first needed.
    return TypeAdapter(Content)


def origins_document(origins: Origins) -> list[dict[str, Any]]:
    """One entry per origin with its fields: an import gives all fields of an offering the same."""
    fields: dict[Origin, list[str]] = {}
    for name, origin in origins.items():
        fields.setdefault(origin, []).append(name)
    return [
        {"source": o.source, "by": o.by, "at": o.at.isoformat() if o.at else None, "fields": names}
        for o, names in fields.items()
    ]


def origins_of(found: Sequence[Mapping[str, Any]]) -> Origins:
    return {name: _origin_of(each) for each in found for name in each["fields"]}


def _origin_of(found: Mapping[str, Any]) -> Origin:
    at = found["at"]
    return Origin(source=found["source"], by=found["by"], at=datetime.fromisoformat(at) if at else None)
