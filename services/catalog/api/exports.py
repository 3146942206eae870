"""The whole catalog as the caller may see it: NDJSON, CSV, or a DCAT-US 3 catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse

from services.catalog import queries
from services.catalog.api import dcat, views
from services.catalog.config import Settings
from services.catalog.queries import OfferingFilter
from services.catalog.schemas import OfferingShown
from shared.web.edge import AtEdge, Edge
from shared.web.paging import LIMIT_MAX, PageRequest
from shared.web.routes import Router
from shared.web.sheets import CSV, csv_of
from shared.web.wire import Slug

router = Router(tags=["exports"])
_MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": CSV, "dcat-us": "application/ld+json"}
_COLUMNS = (
    "id",
    "code",
    "name",
    "kind",
    "status",
    "revision",
    "focus_areas",
    "services",
    "shelf",
    "summary",
    "provider",
    "provider_kind",
    "authorization",
    "impact_level",
    "service_models",
    "covers",
    "vehicles",
    "is_free",
    "website",
    "source",
)


class Format(StrEnum):
    """`dcat-us`: a catalog of services after DCAT-US 3, as federal catalogs are harvested."""

    NDJSON = "ndjson"
    CSV = "csv"
    DCAT_US = "dcat-us"


_BODIES: dict[int | str, dict[str, Any]] = {200: {"content": {media_type: {} for media_type in _MEDIA_TYPES.values()}}}


@router.get("/v1/catalog/export", response_class=StreamingResponse, responses=_BODIES)
async def export_catalog(at: AtEdge, format: Format = Format.NDJSON, area: Slug | None = None) -> Response:  # noqa: A002 - the name of the parameter in the API
    """Every offering that the caller may see, by name, streamed; `area`: only that marketplace's."""
    writers: dict[Format, Callable[[Shown], AsyncIterator[bytes]]] = {
        Format.NDJSON: _ndjson,
        Format.CSV: _csv,
        Format.DCAT_US: partial(_dcat, publisher=_publisher(at), area=area),
    }
    name = f"catalog.{'jsonld' if format is Format.DCAT_US else format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(writers[format](_shown(at, area)), 200, headers, _MEDIA_TYPES[format])


Shown = AsyncIterator[OfferingShown]


async def _shown(at: Edge, area: str | None) -> Shown:
    """Page by page, each a reading of its own: an export of a large catalog holds no connection."""
    wanted, cursor = OfferingFilter(area=area), None
    while True:
        request = PageRequest(LIMIT_MAX, cursor)
        page = await at.read(partial(queries.offerings, wanted=wanted, request=request, by=at.principal))
        for view in page.items:
            yield views.offering(view, by=at.principal)
        cursor = page.next_cursor
        if cursor is None:
            return


async def _ndjson(found: Shown) -> AsyncIterator[bytes]:
    async for offering in found:
        yield offering.model_dump_json(by_alias=True, exclude={"actions"}).encode() + b"\n"


async def _csv(found: Shown) -> AsyncIterator[bytes]:
    yield _line(_COLUMNS)
    async for offering in found:
        row = _row(offering)
        yield _line([row[name] for name in _COLUMNS])


def _row(offering: OfferingShown) -> Mapping[str, Any]:
    authorization = offering.authorization
    return {
        **offering.model_dump(include=set(_COLUMNS) - {"provider", "authorization"}, mode="json"),
        "provider": offering.provider.name if offering.provider else None,
        "provider_kind": offering.provider.kind if offering.provider else None,
        "authorization": authorization.status if authorization else None,
        "impact_level": authorization.impact_level if authorization else None,
        "service_models": authorization.service_models if authorization else None,
        "covers": [covered.fibf_id for covered in offering.fibf_coverage if covered.coverage != "no"],
    }


def _line(values: Sequence[object]) -> bytes:
    return csv_of([[_cell(value) for value in values]]).encode()


def _cell(value: object) -> str:
    return "" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)


async def _dcat(found: Shown, *, publisher: dcat.Publisher, area: str | None) -> AsyncIterator[bytes]:
    yield orjson.dumps(dcat.head(publisher, area=area))[:-1] + b',"service":['
    first = True
    async for offering in found:
        yield (b"" if first else b",") + orjson.dumps(dcat.service(offering, publisher))
        first = False
    yield b"]}"


def _publisher(at: Edge) -> dcat.Publisher:
    settings: Settings = at.request.app.state.context.settings
    return dcat.Publisher(url=settings.public_url.rstrip("/"), name=settings.contact_name, email=settings.contact_email)
