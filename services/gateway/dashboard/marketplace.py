"""Pages to find, understand and compare what is offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from starlette.datastructures import QueryParams

from services.gateway.dashboard import render
from services.gateway.dashboard.asking import Ask, Away, answers
from services.gateway.dashboard.route import PageRoute
from shared.kernel.errors import Invalid
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(include_in_schema=False, route_class=PageRoute)
_FACETS = {
    "area": "Focus area",
    "kind": "Kind",
    "shelf": "Shelf",
    "authorization": "Authorization",
    "impact": "Impact level",
    "service_model": "Service model",
    "provider_kind": "Provider",
    "standard": "Business standard",
    "status": "Standing",
}
_PAGE = 20
# As the catalog's: by relevance it names what was shown.
_CURSOR_MAX_CHARS = 7_000
_BUCKETS = 12
_COMPARED_MAX = 5
_ITEMS_SHOWN = 200
Text = Annotated[str, Query(max_length=300)]
Values = Annotated[Sequence[str], Query(max_length=20)]


async def _chosen(
    *,
    area: Values = (),
    kind: Values = (),
    shelf: Values = (),
    authorization: Values = (),
    impact: Values = (),
    service_model: Values = (),
    provider_kind: Values = (),
    standard: Values = (),
    status: Values = (),
) -> dict[str, Sequence[str]]:
    given = locals()
    return {name: given[name] for name in _FACETS if given[name]}


@router.get("/marketplace")
async def marketplace_page(
    request: Request,
    chosen: Annotated[dict[str, Sequence[str]], Depends(_chosen)],
    q: Text = "",
    cursor: Annotated[str | None, Query(max_length=_CURSOR_MAX_CHARS)] = None,
) -> Response:
    """A search with its facets; every choice is a link, so it works without script."""
    params = {
        "q": q.strip() or None,
        "filter": _filter(chosen),
        "facets": ",".join(_FACETS),
        "limit": _PAGE,
        "cursor": cursor,
        "sort": "relevance" if q.strip() else "name",
    }
    found, areas = await answers(
        request,
        Ask(service="catalog", path="/v1/search/offerings", params=params, required=True),
        Ask(service="registry", path="/v1/focus-areas", params={"limit": 200}),
    )
    titles = {area["id"]: area["title"] for area in areas["items"]} if isinstance(areas, dict) else {}
    return render.page(
        "marketplace.html",
        q=q,
        found=found,
        away=isinstance(found, Away),
        facets=[] if isinstance(found, Away) else _facets(found["facets"], chosen, request.query_params, titles),
        hits=[] if isinstance(found, Away) else [_hit(hit) for hit in found["items"]],
        chosen=[(name, value) for name, values in chosen.items() for value in values],
        following=_link(request.query_params, cursor=found["next_cursor"])
        if isinstance(found, dict) and found["next_cursor"]
        else None,
        titles=titles,
    )


def _filter(chosen: Mapping[str, Sequence[str]]) -> str | None:
    """Values of one facet are alternatives. Raises Invalid for what no facet has."""
    parts = []
    for name, values in chosen.items():
        for value in values:
            if not value or '"' in value or not value.isprintable():
                raise Invalid.at(f"query:{name}", "This is no value of the facet.")
        quoted = ", ".join(f'"{value}"' for value in values)
        parts.append(f"{name} in ({quoted})")
    return " and ".join(parts) or None


def _facets(
    facets: Mapping[str, Any], chosen: Mapping[str, Sequence[str]], params: QueryParams, titles: Mapping[str, str]
) -> list[dict[str, Any]]:
    shown = []
    for name, label in _FACETS.items():
        buckets = [
            {
                "label": titles.get(bucket["value"], bucket["value"]) if name == "area" else bucket["value"],
                "count": bucket["count"],
                "on": bucket["value"] in chosen.get(name, ()),
                "href": _toggled(params, name, bucket["value"]),
            }
            for bucket in facets.get(name, [])[:_BUCKETS]
        ]
        if buckets:
            shown.append({"name": name, "label": label, "buckets": buckets})
    return shown


def _toggled(params: QueryParams, name: str, value: str) -> str:
    pairs = [(n, v) for n, v in params.multi_items() if n != "cursor"]
    pair = (name, value)
    return "/marketplace?" + urlencode([p for p in pairs if p != pair] if pair in pairs else [*pairs, pair])


def _link(params: QueryParams, *, cursor: str) -> str:
    return "/marketplace?" + urlencode([*((n, v) for n, v in params.multi_items() if n != "cursor"), ("cursor", cursor)])


def _hit(hit: Mapping[str, Any]) -> dict[str, Any]:
    offering, marks = hit["offering"], hit["highlights"]
    return {
        **offering,
        "name_parts": _marked(offering["name"], marks.get("name", ())),
        "summary_parts": _marked(offering["summary"], marks.get("summary", ())),
    }


def _marked(text: str, spans: Sequence[Mapping[str, int]]) -> list[tuple[str, bool]]:
    """The text in pieces: (piece, whether it was asked for)."""
    pieces, at = [], 0
    for span in spans:
        pieces += [(text[at : span["start"]], False), (text[span["start"] : span["end"]], True)]
        at = span["end"]
    return [(piece, marked) for piece, marked in (*pieces, (text[at:], False)) if piece]


@router.get("/offerings/{id}")
async def offering_page(request: Request, id: Identifier) -> Response:
    path = f"/v1/offerings/{id}"
    offering, ways, revisions, used = await answers(
        request,
        Ask(service="catalog", path=path, required=True),
        Ask(service="catalog", path=f"{path}/how-to-buy"),
        Ask(service="catalog", path=f"{path}/revisions", params={"limit": 50}),
        Ask(service="catalog", path=f"{path}/uses", params={"limit": 200}),
    )
    coverage = [] if isinstance(offering, Away) else await _coverage(request, offering["fibf_coverage"])
    return render.page(
        "offering.html",
        offering=offering,
        away=isinstance(offering, Away),
        ways=ways,
        revisions=revisions,
        used=used,
        coverage=coverage,
    )


async def _coverage(request: Request, covered: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """With the titles that the standards give the ids."""
    shown = covered[:_ITEMS_SHOWN]
    found = await answers(
        request, *(Ask(service="catalog", path="/v1/standards/items", params={"id": c["fibf_id"]}) for c in shown)
    )
    items = [answer["items"][0] if isinstance(answer, dict) and answer["items"] else None for answer in found]
    return [
        {
            **one,
            "title": (item["title"] or item["statement"]) if item else None,
            "standard_id": item["standard_id"] if item else None,
        }
        for one, item in zip(shown, items, strict=True)
    ]


@router.get("/compare")
async def compare_page(request: Request, id: Annotated[list[Identifier] | None, Query()] = None) -> Response:
    """Up to five side by side."""
    ids = list(dict.fromkeys(id or ()))
    if not ids:
        return render.page("compare.html", found=None, away=False, csv=None)
    if len(ids) > _COMPARED_MAX:
        raise Invalid.at("query:id", f"At most {_COMPARED_MAX} offerings are compared here; {len(ids)} were chosen.")
    query = urlencode([("id", each) for each in ids])
    (found,) = await answers(request, Ask(service="catalog", path=f"/v1/search/comparison?{query}", required=True))
    return render.page(
        "compare.html", found=found, away=isinstance(found, Away), csv=f"/v1/search/comparison?{query}&format=csv"
    )


@router.get("/standards")
async def standards_page(request: Request) -> Response:
    (found,) = await answers(request, Ask(service="catalog", path="/v1/standards", params={"limit": 200}, required=True))
    return render.page("standards.html", found=found, away=isinstance(found, Away))


@router.get("/standards/{id}")
async def standard_page(request: Request, id: Identifier, under: Text = "", q: Text = "") -> Response:
    """The standard's items, narrowed by words or to what is below one."""
    path = f"/v1/standards/{id}"
    params = {"limit": _ITEMS_SHOWN, "under": under.strip() or None, "q": q.strip() or None}
    standard, items, editions = await answers(
        request,
        Ask(service="catalog", path=path, required=True),
        Ask(service="catalog", path=f"{path}/items", params=params),
        Ask(service="catalog", path=f"{path}/editions"),
    )
    return render.page(
        "standard.html",
        standard=standard,
        away=isinstance(standard, Away),
        items=items,
        editions=editions,
        under=under,
        q=q,
    )


@router.get("/areas/{slug}")
async def area_page(request: Request, slug: Slug, as_of: Annotated[str | None, Query(max_length=10)] = None) -> Response:
    """Who leads the area's services on a day, how that came about, and what its marketplace has."""
    area, designations, timeline, market, offered, standards, scorecard = await answers(
        request,
        Ask(service="registry", path=f"/v1/focus-areas/{slug}", required=True),
        Ask(
            service="registry",
            path="/v1/designations",
            params={"area": slug, "limit": 200, "as_of": as_of or None},
            required=True,
        ),
        Ask(service="registry", path=f"/v1/focus-areas/{slug}/timeline"),
        Ask(service="catalog", path=f"/v1/marketplaces/{slug}"),
        Ask(service="catalog", path="/v1/search/offerings", params={"filter": f'area = "{slug}"', "limit": 10, "sort": "name"}),
        Ask(service="catalog", path="/v1/standards", params={"area": slug, "limit": 100}),
        Ask(service="registry", path="/v1/scorecard"),
    )
    return render.page(
        "area.html",
        area=area,
        away=isinstance(area, Away),
        titles={} if isinstance(area, Away) else {service["slug"]: service["title"] for service in area["services"]},
        designations=designations,
        timeline=timeline,
        market=market,
        offered=offered,
        standards=standards,
        score=_of_area(scorecard, slug),
        as_of=as_of or "",
    )


def _of_area(scorecard: Any, slug: str) -> dict[str, Any] | None:
    areas: list[dict[str, Any]] = scorecard["areas"] if isinstance(scorecard, dict) else []
    return next((area for area in areas if area["focus_area"] == slug), None)
