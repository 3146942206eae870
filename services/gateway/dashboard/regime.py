"""Who leads what on any day, how that came about, how far the plans have come, and who is missing; in brief for each area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fastapi import Request, Response

from services.gateway.compose import Composer, Missing
from services.gateway.context import Gateway
from services.gateway.dashboard import figures, render
from services.gateway.dashboard.asking import Ask, Away, Withheld, answers
from services.gateway.dashboard.charts import Chart, Entry, spans, timeline
from services.gateway.dashboard.given import Day, File, day_of, here
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.tabular import Link, Row, State, Table, download
from shared.web.routes import Router
from shared.web.wire import Slug

router = Router(include_in_schema=False, route_class=PageRoute)
# The day of M-19-16.
BEGAN = date(2019, 4, 26)
Gap = Away | Withheld | None
# Area → its decisions, and (area, service) → its title.
_Told = Mapping[str, Sequence[Mapping[str, Any]]]
_Titles = Mapping[tuple[str, str], str]


@router.get("/regime")
async def regime_page(request: Request, as_of: Day = None, file: File = None) -> Response:
    gateway: Gateway = request.app.state.context
    head, today = gateway.live.last, gateway.db.clock().date()
    day = day_of(as_of)
    composer = Composer(gateway.upstreams, deadline_s=gateway.settings.compose_deadline_s)
    found = await composer.leads(as_of=day)
    areas = [] if isinstance(found, Missing) else found
    titles = {area["id"]: area["title"] for area in areas}
    scores, vacancies, *timelines = await answers(
        request,
        Ask(service="registry", path="/v1/scorecard"),
        Ask(service="registry", path="/v1/vacancies", params={"limit": 200}),
        *(Ask(service="registry", path=f"/v1/focus-areas/{area}/timeline") for area in titles),
    )
    told = {area: found["entries"] for area, found in zip(titles, timelines, strict=True) if isinstance(found, dict)}
    chart = _timeline(told, _services(areas), today=today, marked=day)
    tables = (_standing(areas), _decisions(told, _services(areas), titles), _plans(scores), _vacancies(vacancies, titles))
    if file is not None:
        return download(file, [chart, *tables])
    return render.page(
        "regime.html",
        areas=areas,
        away=found.section if isinstance(found, Missing) else None,
        chart=chart if told else None,
        tables=dict(zip(("standing", "decisions", "plans", "vacancies"), tables, strict=True)),
        gaps={"plans": _gap(scores), "vacancies": _gap(vacancies), "decisions": _gap(*timelines)},
        as_of=day.isoformat() if day else "",
        today=today.isoformat(),
        began=BEGAN.isoformat(),
        here=here(request),
        head=head,
    )


def _gap(*found: Any) -> Gap:
    return next((one for one in found if isinstance(one, (Away, Withheld))), None)


def _services(areas: Sequence[Mapping[str, Any]]) -> _Titles:
    """(area, service) → its title, area by area."""
    return {(area["id"], service["slug"]): service["title"] for area in areas for service in area["services"]}


def _timeline(
    told: Mapping[str, Sequence[Mapping[str, Any]]],
    services: Mapping[tuple[str, str], str],
    *,
    today: date,
    marked: date | None,
) -> Chart:
    """A row per service that was ever decided about."""
    rows = []
    for area, entries in told.items():
        by_service = spans(
            [Entry(e["service"], date.fromisoformat(e["effective_on"]), e["status"]) for e in entries if e["service"]],
            today=today,
        )
        rows += [(services.get((area, slug), slug), found) for slug, found in by_service.items()]
    title = "How each service stood, from 26 April 2019 to today"
    return timeline("timeline", title, rows=rows, first=BEGAN, last=today, marked=marked)


def _standing(areas: Sequence[Mapping[str, Any]]) -> Table:
    rows: list[Row] = [
        (
            service["title"],
            Link(area["title"], f"/areas/{area['id']}"),
            service["lead"]["name"] if service["lead"] else None,
            State(service["status"]) if service["status"] else None,
            service["effective_on"],
        )
        for area in areas
        for service in area["services"]
    ]
    return Table(
        id="standing",
        caption="Who leads which service",
        columns=("Service", "Focus area", "Lead office", "Standing", "Since"),
        rows=rows,
        empty="No service is on record.",
    )


def _decisions(told: _Told, services: _Titles, titles: Mapping[str, str]) -> Table:
    found = sorted(((e["effective_on"], area, e) for area, entries in told.items() for e in entries), key=lambda each: each[0])
    rows: list[Row] = [
        (
            on,
            services.get((area, entry["service"]), entry["service"] or "Implementation plan"),
            titles[area],
            State(entry["status"]),
            entry["organization_name"],
            entry["reason"] or entry["clause"],
        )
        for on, area, entry in reversed(found)
    ]
    return Table(
        id="decisions",
        caption="Every decision, the newest first",
        columns=("Effective", "Service", "Focus area", "Standing", "Office", "Reason or clause"),
        rows=rows,
        empty="Nothing has been decided yet.",
    )


def _plans(scores: Any, *, only: str | None = None) -> Table:
    areas = scores["areas"] if isinstance(scores, dict) else ()
    found = [(area, plan) for area in areas if only in {None, area["focus_area"]} for plan in area["plans"]]
    rows: list[Row] = [
        (
            Link(f"{area['title']}, plan {plan['number']}", f"/areas/{area['focus_area']}"),
            State(plan["state"]),
            plan["days_in_state"],
            "{} of {}".format(*_met(plan)),
            f"{plan['milestones_met']} of {plan['milestones_due']} due",
            plan["overdue"],
        )
        for area, plan in found
    ]
    return Table(
        id="plans",
        caption="Implementation plans",
        columns=("Plan", "State", "Days in it", "Criteria met", "Milestones met", "Overdue actions"),
        rows=rows,
        empty="No implementation plan is on record.",
    )


def _met(plan: Mapping[str, Any]) -> tuple[int, int]:
    groups = plan["criteria"].values()
    return sum(group["met"] for group in groups), sum(group["total"] for group in groups)


def _vacancies(found: Any, titles: Mapping[str, str]) -> Table:
    rows: list[Row] = [
        (
            figures.words(each["kind"].replace("-", "_")) + " " + each["id"].rpartition(":")[2],
            each["organization_name"] or titles.get(each["focus_area"] or "", None),
            each["vacant_since"],
            each["days_vacant"],
            f"until {each['acting_until']}" if each["acting_until"] else None,
        )
        for each in (found["items"] if isinstance(found, dict) else ())
    ]
    return Table(
        id="vacancies",
        caption="Posts and seats that nobody holds today",
        columns=("Post", "Of", "Vacant since", "Days", "Somebody acts"),
        rows=rows,
        empty="Every post on record is held.",
    )


@router.get("/areas/{slug}/brief")
async def brief_page(request: Request, slug: Slug) -> Response:
    """The area on one printed page."""
    gateway: Gateway = request.app.state.context
    today = gateway.db.clock().date()
    path, params = f"/v1/focus-areas/{slug}", {"area": slug}
    search = {"filter": f'area = "{slug}"', "limit": 1, "facets": "kind"}
    area, designations, history, market, offered, funnel, saved, scores, scorecard = await answers(
        request,
        Ask(service="registry", path=path, required=True),
        Ask(service="registry", path="/v1/designations", params={**params, "limit": 200}),
        Ask(service="registry", path=f"{path}/timeline"),
        Ask(service="catalog", path=f"/v1/marketplaces/{slug}"),
        Ask(
            service="catalog",
            path="/v1/search/offerings",
            params=search,
        ),
        Ask(service="adoption", path="/v1/analytics/figures/funnel", params=params),
        Ask(service="adoption", path="/v1/analytics/figures/savings", params=params),
        Ask(service="registry", path="/v1/scorecard"),
        Ask(service="adoption", path="/v1/analytics/scorecard", params=params),
    )
    titles = {} if isinstance(area, Away) else {(slug, each["slug"]): each["title"] for each in area["services"]}
    told = {slug: history["entries"]} if isinstance(history, dict) else {}
    return render.page(
        "brief.html",
        area=area,
        away=isinstance(area, Away),
        gaps=[gap for gap in (_gap(one) for one in (designations, market, funnel, scores)) if gap],
        leads=_leads(designations, titles, slug),
        chart=_timeline(told, titles, today=today, marked=None) if told.get(slug) else None,
        market=market if isinstance(market, dict) else None,
        offered=offered if isinstance(offered, dict) else None,
        funnel=figures.funnel(figures.values(funnel)) if isinstance(funnel, dict) else None,
        saved=figures.savings(figures.values(saved))[1] if isinstance(saved, dict) else None,
        plans=_plans(
            {"areas": [each for each in scores["areas"] if each["focus_area"] == slug]} if isinstance(scores, dict) else None
        ),
        measures=scorecard["measures"] if isinstance(scorecard, dict) else [],
        head=await gateway.reader.head(),
        today=today,
    )


def _leads(found: Any, titles: _Titles, slug: str) -> dict[str, list[dict[str, Any]]]:
    """Lead office → what it leads, and how."""
    leads: dict[str, list[dict[str, Any]]] = {}
    for each in found["items"] if isinstance(found, dict) else ():
        title = titles.get((slug, each["service"]), each["service"])
        leads.setdefault(each["organization_name"] or "No lead yet", []).append({**each, "title": title})
    return leads
