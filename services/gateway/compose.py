"""Reads put together from several services; what one of them cannot say now is named, the rest is served."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from services.gateway.clients import RawHeaders, Upstream, UpstreamAway

_PAGE = 200
_PAGES_MAX = 20
_LIVE = frozenset({"pre_designated", "designated", "suspended"})
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a section whose service is away."""

    section: JsonObject


@dataclass(frozen=True, slots=True)
class Sections:
    """What the services answered: items by list, or what is missing."""

    areas: list[JsonObject] | Missing
    designations: list[JsonObject] | Missing
    marketplaces: list[JsonObject] | Missing
    offerings: list[JsonObject] | Missing
    adoptions: list[JsonObject] | Missing


class Composer:
    """Asks concurrently, each with the same deadline; what is asked for is public."""

    def __init__(self, upstreams: Mapping[str, Upstream], *, deadline_s: float, headers: RawHeaders | None = None) -> None:
        self._upstreams = upstreams
        self._headers = headers or []
        self._deadline_s = deadline_s

    async def regime(self, *, as_of: date | None) -> JsonObject:
        """Per focus area: who leads which service, the state of its marketplace, how much is offered and adopted."""
        day = as_of.isoformat() if as_of else None
        sections = Sections(
            *await asyncio.gather(
                self._items("registry", "/v1/focus-areas", limit=_PAGE),
                self._items("registry", "/v1/designations", limit=_PAGE, as_of=day),
                self._items("catalog", "/v1/marketplaces", limit=_PAGE),
                self._items("catalog", "/v1/stats/offerings", key="counts"),
                self._items("adoption", "/v1/stats/adoptions", by="area", as_of=day),
            )
        )
        items = [_area(id, sections) for id in _area_ids(sections)]
        return {"as_of": day, "items": items, "missing": _missing(sections)}

    async def leads(self, *, as_of: date | None) -> list[JsonObject] | Missing:
        """Per focus area: who leads which service. Less than `regime`: the registry alone is asked."""
        areas, designations = await asyncio.gather(
            self._items("registry", "/v1/focus-areas", limit=_PAGE),
            self._items("registry", "/v1/designations", limit=_PAGE, as_of=as_of.isoformat() if as_of else None),
        )
        if isinstance(areas, Missing) or isinstance(designations, Missing):
            return areas if isinstance(areas, Missing) else designations
        return [
            {"id": area["id"], "title": area["title"], "services": _services(area["id"], area, designations)} for area in areas
        ]

    async def _items(self, service: str, path: str, *, key: str = "items", **params: Any) -> list[JsonObject] | Missing:
        upstream = self._upstreams[service]
        try:
            async with asyncio.timeout(self._deadline_s):
                return await _all_items(upstream, path, params, key=key, headers=self._headers)
        except UpstreamAway as away:
            return Missing(away.as_section())
        except TimeoutError:
            return Missing(upstream.away(f"no answer within {self._deadline_s:g} s").as_section())


async def _all_items(upstream: Upstream, path: str, params: JsonObject, *, key: str, headers: RawHeaders) -> list[JsonObject]:
    """Raises UpstreamAway, also for an answer that is no list."""
    items: list[JsonObject] = []
    for _ in range(_PAGES_MAX):
        answer = await upstream.get(path, params=params, headers=headers)
        if not answer.is_success:
            raise upstream.away(f"it answers HTTP {answer.status}")
        try:
            page = answer.json()
            items += page[key]
            cursor = page.get("next_cursor")
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise upstream.away("it answers something else than a list") from err
        if cursor is None:
            break
        params = {**params, "cursor": cursor}
    return items


def _missing(sections: Sections) -> list[str]:
    """The services that could not be asked."""
    asked = (getattr(sections, part.name) for part in fields(sections))
    return list(dict.fromkeys(part.section["unavailable"]["service"] for part in asked if isinstance(part, Missing)))


def _area_ids(sections: Sections) -> list[str]:
    """In the registry's order; without the registry, the areas that have a marketplace."""
    if not isinstance(sections.areas, Missing):
        return [area["id"] for area in sections.areas]
    if not isinstance(sections.marketplaces, Missing):
        return [marketplace["id"] for marketplace in sections.marketplaces]
    return []


def _area(id: str, sections: Sections) -> JsonObject:
    area = _one(sections.areas, "id", id)
    marketplace = _one(sections.marketplaces, "id", id)
    known = area if isinstance(area, dict) else marketplace if isinstance(marketplace, dict) else None
    return {
        "id": id,
        "title": known["title"] if known else id,
        "services": _services(id, area, sections.designations),
        "marketplace": _marketplace(marketplace),
        "offerings": _offered(sections.offerings, id),
        "adoptions": _adopted(sections.adoptions, id),
    }


def _one(found: list[JsonObject] | Missing, key: str, value: str) -> JsonObject | Missing | None:
    if isinstance(found, Missing):
        return found
    return next((item for item in found if item[key] == value), None)


def _marketplace(found: JsonObject | Missing | None) -> JsonObject | None:
    if found is None or isinstance(found, Missing):
        return found.section if found else None
    return {name: found.get(name) for name in ("id", "status", "opened_on", "title")}


def _services(id: str, area: JsonObject | Missing | None, designations: list[JsonObject] | Missing) -> Any:
    if isinstance(area, Missing):
        return area.section
    if isinstance(designations, Missing):
        return designations.section
    led = [item for item in designations if item["focus_area"] == id]
    return [_service(service, led) for service in (area or {}).get("services", [])]


def _service(service: JsonObject, led: list[JsonObject]) -> JsonObject:
    """The live designation of a service; else the latest one that ended."""
    own = sorted(
        (item for item in led if item["service"] == service["slug"]),
        key=lambda item: (item["status"] in _LIVE, item["effective_on"], item["recorded_at"]),
    )
    found = own[-1] if own else {}
    lead = found.get("organization_id")
    return {
        "slug": service["slug"],
        "title": service["title"],
        "status": found.get("status"),
        "effective_on": found.get("effective_on"),
        "designation_id": found.get("id"),
        "lead": {"organization_id": lead, "name": found.get("organization_name")} if lead else None,
    }


def _offered(counts: list[JsonObject] | Missing, id: str) -> JsonObject:
    """By status; what is retired is not offered any more."""
    if isinstance(counts, Missing):
        return counts.section
    statuses: dict[str, int] = {}
    for item in counts:
        if item["area"] == id:
            statuses[item["status"]] = statuses.get(item["status"], 0) + item["count"]
    return {"count": sum(count for status, count in statuses.items() if status != "retired"), "statuses": statuses}


def _adopted(counts: list[JsonObject] | Missing, id: str) -> JsonObject:
    if isinstance(counts, Missing):
        return counts.section
    found = next((item for item in counts if item["key"] == id), {"count": 0, "statuses": {}})
    return {"count": found["count"], "statuses": found["statuses"]}
