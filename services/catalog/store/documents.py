"""Content ↔ the JSON document that rows and revisions keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from services.catalog.domain.content import (
    Authorization,
    Content,
    Coverage,
    CoverageLevel,
    Dimension,
    Guide,
    Hosting,
    Kind,
    Promise,
    Shelf,
    Suits,
)
from services.catalog.domain.origin import Origin, Origins
from services.catalog.domain.price import Per, Price, Tier, Unit


def content_document(content: Content) -> orjson.Fragment:
    """The dataclass as it is, field by field; serialised here once, since an import writes thousands."""
    return orjson.Fragment(orjson.dumps(content, default=str))


def content_of(document: Mapping[str, Any]) -> Content:
    found = document["authorization"]
    return Content(
        **{
            **document,
            "kind": Kind(document["kind"]),
            "focus_areas": tuple(document["focus_areas"]),
            "services": tuple(document["services"]),
            "shelf": Shelf(document["shelf"]) if document["shelf"] else None,
            "fibf_coverage": tuple(_coverage_of(each) for each in document["fibf_coverage"]),
            "authorization": _authorization_of(found) if found else None,
            "vehicles": tuple(document["vehicles"]),
            "business_functions": tuple(document["business_functions"]),
            **_later(document),
        }
    )


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


def _later(document: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that documents written before them do not have."""
    price, guide, hosting = document.get("price"), document.get("guide"), document.get("hosting")
    lists = ("standards", "interfaces", "lessons", "depends_on", "bundle")
    return {
        "price": _price_of(price) if price else None,
        "guide": Guide(**{**{k: tuple(v) for k, v in guide.items() if k != "body"}, "body": guide["body"]}) if guide else None,
        "hosting": Hosting(hosting) if hosting else None,
        "suits": tuple(Suits(**{**s, "dimension": Dimension(s["dimension"])}) for s in document.get("suits") or ()),
        "promises": tuple(Promise(**promise) for promise in document.get("promises") or ()),
        **{name: tuple(document.get(name) or ()) for name in lists},
    }


def _price_of(found: Mapping[str, Any]) -> Price:
    tiers = tuple(Tier(up_to=t["up_to"], amount=Decimal(t["amount"]), per=Per(t["per"])) for t in found["tiers"])
    return Price(
        model=found["model"],
        unit=Unit(found["unit"]),
        tiers=tiers,
        setup=Decimal(found["setup"]),
        included=tuple(found["included"]),
    )


def _coverage_of(found: Mapping[str, Any]) -> Coverage:
    return Coverage(**{**found, "coverage": CoverageLevel(found["coverage"])})


def _authorization_of(found: Mapping[str, Any]) -> Authorization:
    return Authorization(
        **{
            **found,
            "service_models": tuple(found["service_models"]),
            "ready_on": _day(found["ready_on"]),
            "in_process_on": _day(found["in_process_on"]),
            "authorized_on": _day(found["authorized_on"]),
            "expires_on": _day(found["expires_on"]),
        }
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
