"""The agency workspace: what it adopts and what comes next, readiness, needs and fit, agreements, plans, systems, savings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.gateway.context import Gateway
from services.gateway.dashboard import render
from services.gateway.dashboard.asking import Ask, Away, answers
from services.gateway.dashboard.given import as_file
from services.gateway.dashboard.radar import radar
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.visitor import VISITOR
from shared.kernel.errors import NotFound, Unavailable
from shared.kernel.time import FiscalYear
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(include_in_schema=False, route_class=PageRoute, dependencies=[Depends(as_file)])
_SEE_OTHER = 303
_MANY = 200
# What a step says to those who come by the API.
_FOR_CALLERS = re.compile(r" \((?:GET|POST|PUT) [^)]*\)")
_PAGE = 50
_MARKETPLACES = Ask(service="registry", path="/v1/focus-areas", params={"limit": _MANY})
Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,20}$")]
Cursor = Annotated[str | None, Query(max_length=1_000)]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Agency:
    """`code`: as in people's roles, and in the addresses of these pages."""

    code: str
    id: str
    name: str

    people = "the agency, its QSMOs"

    @property
    def whose(self) -> tuple[str, str]:
        return ("agency", self.code)

    @property
    def home(self) -> str:
        return f"/agency/{self.code}"

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        parts = ("", "readiness", "needs", "agreements", "iaps", "systems", "savings")
        labels = ("Portfolio", "Readiness", "Needs and fit", "Agreements", "Investment action plans", "Systems", "Savings")
        return tuple((f"{self.home}/{part}".rstrip("/"), label) for part, label in zip(parts, labels, strict=True))


async def _agency(request: Request, code: str) -> Agency:
    """Raises NotFound, Unavailable."""
    params = {"code": code, "limit": 10}
    (found,) = await answers(request, Ask(service="registry", path="/v1/organizations", params=params, required=True))
    if isinstance(found, Away):
        raise Unavailable(f"The registry does not answer: {found.detail}.")
    if not found["items"]:
        raise NotFound(f"No organization has the code {code}.")
    items: list[Json] = found["items"]
    one = next((each for each in items if {"scheme": "cgac", "value": code} in each["codes"]), items[0])
    return Agency(code, one["id"], one["name"])


def _titles(areas: Any) -> dict[str, str]:
    return {area["id"]: area["title"] for area in areas["items"]} if isinstance(areas, dict) else {}


@router.get("/agency")
async def own_agency() -> Response:
    scopes = VISITOR.get().scopes("agency")
    return RedirectResponse(f"/agency/{scopes[0]}" if scopes else "/sign-in?to=/agency", _SEE_OTHER)


@router.get("/agency/{code}")
async def portfolio_page(request: Request, code: Code, cursor: Cursor = None) -> Response:
    agency = await _agency(request, code)
    base = f"/v1/agencies/{agency.id}"
    steps, states, adoptions, stalled, late, areas = await answers(
        request,
        Ask(service="adoption", path=f"{base}/next-steps"),
        Ask(service="adoption", path=f"{base}/adoption-states"),
        Ask(service="adoption", path=f"{base}/adoptions", params={"limit": _PAGE, "cursor": cursor}),
        Ask(service="adoption", path=f"{base}/adoptions", params={"limit": _MANY, "stalled": "true"}),
        Ask(service="adoption", path=f"{base}/adoptions", params={"limit": _MANY, "late": "true"}),
        _MARKETPLACES,
    )
    return render.page(
        "agency.html",
        agency=agency,
        steps=_placed(agency, steps, request.app.state.context) if isinstance(steps, dict) else steps,
        states=states,
        adoptions=adoptions,
        stalled=stalled,
        late=late,
        titles=_titles(areas),
        cursor=cursor,
    )


def _placed(agency: Agency, steps: Json, gateway: Gateway) -> list[Json]:
    """Each step with the page where it is done."""
    year = FiscalYear.of(gateway.db.clock().date()).year
    return [{**step, "what": _FOR_CALLERS.sub("", step["what"]), "to": _place(agency, step, year)} for step in steps["items"]]


def _place(agency: Agency, step: Mapping[str, str], year: int) -> str:
    href, area = step["href"].partition("?")[0], step["focus_area"]
    chosen: Json = {}
    match href.split("/")[2:]:
        case ["adoptions", id, "gates"]:
            return f"/adoptions/{id}"
        case ["demands"]:
            return f"/qsmo/{area}#demand"
        case ["needs", id, *_]:
            return f"{agency.home}/needs/{id}"
        case ["adoptions"]:
            to, chosen = "/adoptions/{id}", {"agency_id": agency.id}
        case ["needs"]:
            to = agency.home + "/needs/{id}"
            chosen = {"agency_id": agency.id, "focus_area": area, "fiscal_year": year}
        case ["agencies", *_]:
            to = f"{agency.home}/readiness"
        case _:
            to = agency.home
    return render.act(href, to=to, **chosen)


@router.get("/agency/{code}/readiness")
async def readiness_page(request: Request, code: Code) -> Response:
    agency = await _agency(request, code)
    areas, rubric = await answers(request, _MARKETPLACES, Ask(service="adoption", path="/v1/meta/readiness"))
    titles = _titles(areas)
    asks = (Ask(service="adoption", path=f"/v1/agencies/{agency.id}/readiness/{area}") for area in titles)
    profiles = dict(zip(titles, await answers(request, *asks), strict=True))
    return render.page(
        "readiness.html",
        agency=agency,
        titles=titles,
        profiles={area: found for area, found in profiles.items() if found is not None},
        charts={area: _radar(agency, titles[area], found) for area, found in profiles.items() if isinstance(found, dict)},
        rubric=rubric,
    )


def _radar(agency: Agency, title: str, profile: Json) -> str:
    levels = {standing["dimension"]: standing["level"] for standing in profile["standings"]}
    said = ", ".join(f"{name} {level}" for name, level in levels.items()) or "nothing assessed"
    return radar(f"Readiness of {agency.name} for {title}, levels 1 to 5: {said}", levels)


@router.get("/agency/{code}/needs")
async def needs_page(request: Request, code: Code) -> Response:
    agency = await _agency(request, code)
    params = {"agency_id": agency.id, "limit": _MANY}
    needs, shortlists, areas = await answers(
        request,
        Ask(service="adoption", path="/v1/needs", params=params),
        Ask(service="adoption", path="/v1/shortlists", params=params),
        _MARKETPLACES,
    )
    gateway: Gateway = request.app.state.context
    return render.page(
        "needs.html",
        agency=agency,
        needs=needs,
        shortlists=shortlists,
        titles=_titles(areas),
        year=FiscalYear.of(gateway.db.clock().date()).year,
    )


@router.get("/agency/{code}/needs/{id}")
async def statement_page(request: Request, code: Code, id: Identifier) -> Response:
    """What was stated, and how the offerings fit it."""
    agency = await _agency(request, code)
    needs, fit, areas = await answers(
        request,
        Ask(service="adoption", path=f"/v1/needs/{id}", required=True),
        Ask(service="adoption", path=f"/v1/needs/{id}/fit", params={"limit": _PAGE}),
        _MARKETPLACES,
    )
    return render.page(
        "statement.html", agency=agency, needs=needs, away=isinstance(needs, Away), fit=fit, titles=_titles(areas)
    )


@router.get("/agency/{code}/needs/{id}/fit/{offering_id}")
async def fit_page(request: Request, code: Code, id: Identifier, offering_id: Identifier) -> Response:
    """One offering's fit, need by need, and what would change it."""
    agency = await _agency(request, code)
    needs, fit = await answers(
        request,
        Ask(service="adoption", path=f"/v1/needs/{id}", required=True),
        Ask(service="adoption", path=f"/v1/needs/{id}/fit/{offering_id}", required=True),
    )
    if isinstance(fit, Away) or isinstance(needs, Away):
        raise Unavailable("The adoption service does not answer.")
    stated = {need["fibf_id"]: need for need in needs["needs"]}
    return render.page("fit.html", agency=agency, needs=needs, fit=fit, stated=stated)


@router.get("/agency/{code}/agreements")
async def agreements_page(request: Request, code: Code, cursor: Cursor = None) -> Response:
    agency = await _agency(request, code)
    found, funding = await answers(
        request,
        Ask(service="adoption", path="/v1/agreements", params={"agency_id": agency.id, "limit": _PAGE, "cursor": cursor}),
        Ask(service="adoption", path="/v1/agreements/funding", params={"agency_id": agency.id}),
    )
    numbers = {each["id"]: each["number"] for each in found["items"]} if isinstance(found, dict) else {}
    return render.page("agreements.html", agency=agency, found=found, funding=funding, numbers=numbers, cursor=cursor)


@router.get("/agency/{code}/iaps")
async def iaps_page(request: Request, code: Code, cursor: Cursor = None) -> Response:
    agency = await _agency(request, code)
    found, areas = await answers(
        request,
        Ask(service="adoption", path="/v1/iaps", params={"agency_id": agency.id, "limit": _PAGE, "cursor": cursor}),
        _MARKETPLACES,
    )
    return render.page("iaps.html", agency=agency, found=found, titles=_titles(areas), cursor=cursor)


@router.get("/agency/{code}/systems")
async def systems_page(request: Request, code: Code, cursor: Cursor = None) -> Response:
    """The inventory, what of it overlaps, and what adoptions would let go."""
    agency = await _agency(request, code)
    found, retirements, areas = await answers(
        request,
        Ask(service="adoption", path="/v1/systems", params={"agency_id": agency.id, "limit": _PAGE, "cursor": cursor}),
        Ask(service="adoption", path=f"/v1/agencies/{agency.id}/retirements"),
        _MARKETPLACES,
    )
    titles = _titles(areas)
    concerned = sorted({each["focus_area"] for each in found["items"]}) if isinstance(found, dict) else []
    asks = (Ask(service="adoption", path="/v1/duplications", params={"area": area}) for area in concerned)
    clusters = _own(agency, await answers(request, *asks))
    return render.page(
        "systems.html",
        agency=agency,
        found=found,
        retirements=retirements,
        clusters=clusters,
        titles=titles,
        cursor=cursor,
    )


def _own(agency: Agency, found: Sequence[Any]) -> list[Json]:
    """Clusters with a system of the agency in them."""
    clusters = [cluster for each in found if isinstance(each, dict) for cluster in each["items"]]
    return [c for c in clusters if any(system["agency_id"] == agency.id for system in c["systems"])]


@router.get("/agency/{code}/savings")
async def savings_page(request: Request, code: Code, cursor: Cursor = None) -> Response:
    agency = await _agency(request, code)
    params = {"agency_id": agency.id}
    sums, entries, adoptions = await answers(
        request,
        Ask(service="adoption", path="/v1/savings/sums", params={**params, "by": "fiscal_year"}),
        Ask(service="adoption", path="/v1/savings", params={**params, "limit": _PAGE, "cursor": cursor}),
        Ask(service="adoption", path=f"/v1/agencies/{agency.id}/adoptions", params={"limit": _MANY}),
    )
    items = adoptions["items"] if isinstance(adoptions, dict) else []
    names = {each["id"]: each["offering_name"] or each["offering_code"] for each in items}
    return render.page(
        "savings.html", agency=agency, sums=sums, entries=entries, adoptions=adoptions, names=names, cursor=cursor
    )


@router.get("/adoptions/{id}")
async def adoption_page(request: Request, id: Identifier) -> Response:
    """The phases with their gates, and what is missing for the next."""
    path = f"/v1/adoptions/{id}"
    adoption, gates, forecast, schedule, tasks, playbook, agreements = await answers(
        request,
        Ask(service="adoption", path=path, required=True),
        Ask(service="adoption", path=f"{path}/gates"),
        Ask(service="adoption", path=f"{path}/forecast"),
        Ask(service="adoption", path=f"{path}/schedule"),
        Ask(service="adoption", path=f"{path}/tasks"),
        Ask(service="adoption", path="/v1/meta/m3"),
        Ask(service="adoption", path="/v1/agreements", params={"adoption_id": id, "limit": _PAGE}),
    )
    if isinstance(adoption, Away):
        raise Unavailable(f"The adoption service does not answer: {adoption.detail}.")
    return render.page(
        "adoption.html",
        adoption=adoption,
        phases=_phases(adoption, gates, playbook, schedule),
        gates=gates,
        forecast=forecast,
        tasks=tasks,
        agreements=agreements,
    )


PHASES = ("assessment", "readiness", "selection", "engagement", "migration", "operations")


def _phases(adoption: Json, gates: Any, playbook: Any, schedule: Any) -> list[Json]:
    """A column of the board each: criteria as they stand, and whether the phase is past, at hand, or to come."""
    at = PHASES.index(adoption["phase"])
    stretches = {each["phase"]: each for each in schedule["items"]} if isinstance(schedule, dict) else {}
    told = {each["phase"]: each for each in playbook["phases"]} if isinstance(playbook, dict) else {}
    return [
        {
            "phase": phase,
            "when": "past" if n < at else "now" if n == at else "to come",
            "criteria": [each for each in gates["criteria"] if each["phase"] == phase] if isinstance(gates, dict) else [],
            "signatures": [each for each in gates["signatures"] if each["phase"] == phase] if isinstance(gates, dict) else [],
            "tollgate": bool(told.get(phase, {}).get("tollgate")),
            "objective": told.get(phase, {}).get("objective"),
            "stretch": stretches.get(phase),
        }
        for n, phase in enumerate(PHASES)
    ]
