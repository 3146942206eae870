"""Content ↔ the JSON document that rows and revisions keep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson

from services.catalog.domain.content import Authorization, Content, Coverage, CoverageLevel, Kind, Shelf


def content_document(content: Content) -> orjson.Fragment:
    """The dataclass as it is, field by field; serialised here once, since an import writes thousands."""
    return orjson.Fragment(orjson.dumps(content))


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
        }
    )


def _coverage_of(found: Mapping[str, Any]) -> Coverage:
    return Coverage(fibf_id=found["fibf_id"], coverage=CoverageLevel(found["coverage"]), comment=found["comment"])


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
