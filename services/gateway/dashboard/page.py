"""The start page, facts as people say them, and static files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Query, Request, Response

from services.gateway import queries
from services.gateway.compose import Composer
from services.gateway.context import Gateway
from services.gateway.dashboard import render
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.sentences import sentence
from services.gateway.feed.entry import Entry
from services.gateway.feed.view import View
from shared import telemetry
from shared.auth import ANONYMOUS
from shared.kernel.errors import NotFound
from shared.web.routes import Router

_SHOWN_FACTS = 20
_MARKETPLACE_ORDER = ("open", "suspended", "planned")
_PUBLIC = View(ANONYMOUS)
_log = telemetry.logger("dashboard")
router = Router(include_in_schema=False, route_class=PageRoute)
_files = Router(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class FactShown:
    """A fact as a line of the page."""

    seq: int
    text: str
    type: str
    time: str
    ago: str


@router.get("/")
async def start_page(request: Request) -> Response:
    gateway: Gateway = request.app.state.context
    head = gateway.live.last
    regime = await _regime(gateway)
    facts = await told(gateway, _PUBLIC)
    return render.page("start.html", areas=_grouped(regime), facts=facts, head=head)


@_files.get("/static/{name}")
async def static_file(name: str, v: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    found = render.static_response(name, version=v)
    if found is None:
        raise NotFound("There is no such file.")
    return found


router.include_router(_files)


async def _regime(gateway: Gateway) -> list[dict[str, Any]]:
    composer = Composer(gateway.upstreams, deadline_s=gateway.settings.compose_deadline_s)
    items: list[dict[str, Any]] = (await composer.regime(as_of=None))["items"]
    return items


async def told(
    gateway: Gateway, view: View, *, after: int = 0, count: int = _SHOWN_FACTS, entries: Sequence[Entry] | None = None
) -> list[FactShown]:
    """The newest facts of the view, newest first, or the `entries` given, as sentences."""
    found = entries if entries is not None else await gateway.reader.latest(view, count=count, after=after)
    read = [(entry, orjson.loads(entry.event)) for entry in found]
    organizations = _named(read, "organization_id", "agency_id")
    async with gateway.db.reading() as tx:
        names = await queries.names(tx, organization_ids=organizations, offering_ids=_named(read, "offering_id"))
    now = gateway.db.clock()
    return [
        FactShown(entry.seq, _said(entry, event["data"], names), entry.type, event["time"], render.ago(event["time"], now=now))
        for entry, event in read
    ]


def _named(read: Sequence[tuple[Entry, dict[str, Any]]], *members: str) -> set[str]:
    return {event["data"][member] for _, event in read for member in members if event["data"].get(member)}


def _said(entry: Entry, data: dict[str, Any], names: queries.Names) -> str:
    """A fact that is not as expected must not take the page down."""
    try:
        return sentence(entry.type, data, names)
    except (KeyError, ValueError, TypeError) as error:
        _log.warning("fact_not_told", type=entry.type, seq=entry.seq, reason=repr(error))
        return entry.type


def _grouped(areas: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each area with its services by lead; those with an open marketplace first, then those where one is planned."""
    grouped = [{**area, "leads": _leads(area["services"])} for area in areas]
    return sorted(grouped, key=lambda area: (_rank(area["marketplace"]), area["title"]))


def _rank(marketplace: dict[str, Any] | None) -> int:
    status = marketplace.get("status") if marketplace else None
    return _MARKETPLACE_ORDER.index(status) if status in _MARKETPLACE_ORDER else len(_MARKETPLACE_ORDER)


def _leads(services: Any) -> list[dict[str, Any]] | None:
    """None when the registry is away."""
    if not isinstance(services, list):
        return None
    leads: dict[str, list[dict[str, Any]]] = {}
    for service in services:
        name = service["lead"]["name"] if service["lead"] else ""
        leads.setdefault(name or "", []).append(service)
    return [{"name": name, "services": led} for name, led in sorted(leads.items(), key=lambda pair: not pair[0])]
