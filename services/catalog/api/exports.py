"""The whole catalog as the caller may see it: NDJSON, CSV, or a DCAT-US 3 catalog."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from services.catalog import queries
from services.catalog.api import views
from services.catalog.queries import OfferingFilter
from services.catalog.schemas import OfferingShown
from shared.web.edge import AtEdge, Edge
from shared.web.paging import LIMIT_MAX, PageRequest
from shared.web.wire import Slug

router = APIRouter(tags=["exports"])
_MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8", "dcat-us": "application/ld+json"}
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
_CONTEXT = "https://resources.data.gov/resources/dcat-us/"
# What begins a formula in a spreadsheet.
_FORMULA = frozenset("=+-@\t\r")


class Format(StrEnum):
    """`dcat-us`: a catalog of data services, as federal catalogs are harvested."""

    NDJSON = "ndjson"
    CSV = "csv"
    DCAT_US = "dcat-us"


_BODIES: dict[int | str, dict[str, Any]] = {200: {"content": {media_type: {} for media_type in _MEDIA_TYPES.values()}}}


@router.get("/v1/catalog/export", response_class=StreamingResponse, responses=_BODIES)
async def export_catalog(at: AtEdge, format: Format = Format.NDJSON, area: Slug | None = None) -> Response:  # noqa: A002 - the name of the parameter in the API
    """Every offering that the caller may see, by name, streamed; `area`: only that marketplace's."""
    written = {Format.NDJSON: _ndjson, Format.CSV: _csv, Format.DCAT_US: _dcat}[format]
    name = f"catalog.{'jsonld' if format is Format.DCAT_US else format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(written(_shown(at, area)), 200, headers, _MEDIA_TYPES[format])


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
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_cell(value) for value in values])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] in _FORMULA else text


async def _dcat(found: Shown) -> AsyncIterator[bytes]:
    head = {
        "@context": _CONTEXT,
        "@type": "Catalog",
        "title": "QSMO marketplaces",
        "description": "Services, products, tools and best practices of the Quality Service Management Offices.",
        "conformsTo": "https://resources.data.gov/resources/dcat-us3/",
    }
    yield orjson.dumps(head)[:-1] + b',"service":['
    first = True
    async for offering in found:
        yield (b"" if first else b",") + orjson.dumps(_service(offering))
        first = False
    yield b"]}"


def _service(offering: OfferingShown) -> dict[str, Any]:
    said = {
        "@type": "DataService",
        "identifier": offering.code,
        "title": offering.name,
        "description": offering.summary or offering.description or offering.name,
        "keyword": [*offering.focus_areas, *offering.business_functions],
        "theme": list(offering.focus_areas),
        "publisher": {"@type": "Organization", "name": offering.provider.name} if offering.provider else None,
        "landingPage": offering.website,
        "version": str(offering.revision),
        "status": offering.status,
        "conformsTo": [covered.fibf_id for covered in offering.fibf_coverage if covered.coverage != "no"],
    }
    return {name: value for name, value in said.items() if value not in (None, [])}
