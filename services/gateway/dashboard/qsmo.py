"""The QSMO workspace: its plan with the criteria, offerings to review, who is coming on board, what is asked for and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.gateway.dashboard import render
from services.gateway.dashboard.agency import PHASES
from services.gateway.dashboard.asking import Ask, Away, answers
from services.gateway.dashboard.given import as_file
from services.gateway.dashboard.naming import names_in
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.visitor import VISITOR
from shared.kernel.errors import Unavailable
from shared.web.routes import Router
from shared.web.wire import Slug

router = Router(include_in_schema=False, route_class=PageRoute, dependencies=[Depends(as_file)])
_SEE_OTHER = 303
_MANY = 200
_PAGE = 50
_SHOWN = 20
_OPEN_PLANS = frozenset({"draft", "submitted", "in_review", "returned", "recommended", "approved", "active"})
_QUEUE = ("in_review", "changes_requested", "draft")
_MILESTONE_TURNS = {"meet": "Met", "meet-partially": "Partly met", "reschedule": "Reschedule", "miss": "Not met"}
_OBLIGATION_TURNS = {"propose-done": "Propose done", "verify": "Verify", "reopen": "Reopen"}
_SEATS = Ask(service="registry", path="/v1/board-seats", params={"limit": _MANY})
Cursor = Annotated[str | None, Query(max_length=1_000)]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Area:
    """A focus area, as its QSMO's workspace."""

    slug: str
    name: str
    services: Sequence[Mapping[str, Any]] = ()

    people = "the QSMO"

    @property
    def whose(self) -> tuple[str, str]:
        return ("qsmo", self.slug)

    @property
    def home(self) -> str:
        return f"/qsmo/{self.slug}"

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        parts = ("", "plan", "offerings", "pipeline", "demand", "feedback", "scorecard")
        labels = ("Overview", "Plan and criteria", "Offerings", "Pipeline", "Demand", "Feedback", "Scorecard")
        return tuple((f"{self.home}/{part}".rstrip("/"), label) for part, label in zip(parts, labels, strict=True))


def _area(slug: str, found: Any) -> Area:
    """Raises Unavailable."""
    if isinstance(found, Away):
        raise Unavailable(f"The registry does not answer: {found.detail}.")
    return Area(slug, found["title"], found["services"])


def _about(slug: str) -> Ask:
    return Ask(service="registry", path=f"/v1/focus-areas/{slug}", required=True)


def _plans(slug: str) -> Ask:
    return Ask(service="registry", path="/v1/plans", params={"area": slug, "limit": _MANY})


def _adoptions(slug: str, **narrowed: Any) -> Ask:
    return Ask(service="adoption", path="/v1/adoptions", params={"area": slug, "limit": _MANY, **narrowed})


def _offerings(slug: str, status: str) -> Ask:
    return Ask(service="catalog", path="/v1/offerings", params={"area": slug, "status": status, "limit": _PAGE})


def _items(found: Any) -> list[Json]:
    items: list[Json] = found["items"] if isinstance(found, dict) else []
    return items


@router.get("/qsmo")
async def own_area() -> Response:
    scopes = VISITOR.get().scopes("qsmo")
    return RedirectResponse(f"/qsmo/{scopes[0]}" if scopes else "/sign-in?to=/qsmo", _SEE_OTHER)


@router.get("/qsmo/{slug}")
async def overview_page(request: Request, slug: Slug) -> Response:
    found, market, plans, review, stalled, demands, feedback = await answers(
        request,
        _about(slug),
        Ask(service="catalog", path=f"/v1/marketplaces/{slug}"),
        _plans(slug),
        _offerings(slug, "in_review"),
        _adoptions(slug, stalled="true"),
        Ask(service="adoption", path="/v1/demands", params={"area": slug, "limit": _PAGE}),
        Ask(service="adoption", path="/v1/feedback", params={"area": slug, "limit": _MANY}),
    )
    return render.page(
        "qsmo.html",
        area=_area(slug, found),
        market=market,
        plans=plans,
        current=_current(plans),
        review=review,
        stalled=stalled,
        demands=demands,
        unanswered=[each for each in _items(feedback) if each["reply"] is None and not each["hidden"]],
    )


def _current(plans: Any) -> Json | None:
    """The plan that is being worked on or with: the newest that is open, else the newest."""
    items = sorted(_items(plans), key=lambda plan: plan["number"], reverse=True)
    return next((plan for plan in items if plan["state"] in _OPEN_PLANS), items[0] if items else None)


@router.get("/qsmo/{slug}/plan")
async def plan_page(request: Request, slug: Slug, id: Annotated[str | None, Query(max_length=128)] = None) -> Response:
    """One plan, by default the current one; criteria by group, what is late first."""
    found, plans, seats = await answers(request, _about(slug), _plans(slug), _SEATS)
    area, current = _area(slug, found), id or (_current(plans) or {}).get("id")
    plan: Any = None
    if current is not None:
        (plan,) = await answers(request, Ask(service="registry", path=f"/v1/plans/{current}", required=True))
    return render.page(
        "plan.html",
        area=area,
        plans=plans,
        plan=plan,
        groups=_groups(plan),
        seats={each["id"]: each["title"] for each in _items(seats)},
        milestone_turns=list(_MILESTONE_TURNS.items()),
        obligation_turns=list(_OBLIGATION_TURNS.items()),
    )


def _groups(plan: Any) -> list[tuple[str, list[Json]]]:
    if not isinstance(plan, dict):
        return []
    return [(group, list(criteria)) for group, criteria in groupby(plan["criteria"], key=lambda each: str(each["group"]))]


@router.get("/qsmo/{slug}/offerings")
async def offerings_page(request: Request, slug: Slug, cursor: Cursor = None) -> Response:
    """What waits for the QSMO, then everything."""
    params = {"area": slug, "limit": _PAGE, "cursor": cursor}
    found, everything, *waiting = await answers(
        request,
        _about(slug),
        Ask(service="catalog", path="/v1/offerings", params=params),
        *(_offerings(slug, status) for status in _QUEUE),
    )
    return render.page(
        "qsmo_offerings.html",
        area=_area(slug, found),
        queue=[(status, answer) for status, answer in zip(_QUEUE, waiting, strict=True)],
        everything=everything,
        cursor=cursor,
    )


@router.get("/qsmo/{slug}/pipeline")
async def pipeline_page(request: Request, slug: Slug) -> Response:
    """Who is coming on board, phase by phase, and who is stuck."""
    found, stalled, *by_phase = await answers(
        request,
        _about(slug),
        _adoptions(slug, stalled="true"),
        *(_adoptions(slug, phase=phase, limit=_SHOWN) for phase in PHASES),
    )
    phases = [(phase, answer) for phase, answer in zip(PHASES, by_phase, strict=True)]
    return render.page("pipeline.html", area=_area(slug, found), phases=phases, stalled=stalled)


@router.get("/qsmo/{slug}/demand")
async def demand_page(request: Request, slug: Slug) -> Response:
    params = {"area": slug, "limit": _MANY}
    found, demands = await answers(request, _about(slug), Ask(service="adoption", path="/v1/demands", params=params))
    return render.page("demand.html", area=_area(slug, found), demands=demands)


@router.get("/qsmo/{slug}/feedback")
async def feedback_page(request: Request, slug: Slug, cursor: Cursor = None) -> Response:
    params = {"area": slug, "limit": _PAGE, "cursor": cursor}
    found, feedback = await answers(request, _about(slug), Ask(service="adoption", path="/v1/feedback", params=params))
    unanswered_first = sorted(_items(feedback), key=lambda each: each["reply"] is not None)
    names = await names_in(request.app.state.context, unanswered_first)
    return render.page(
        "feedback.html", area=_area(slug, found), feedback=feedback, items=unanswered_first, names=names, cursor=cursor
    )


@router.get("/qsmo/{slug}/scorecard")
async def scorecard_page(request: Request, slug: Slug) -> Response:
    found, scorecard = await answers(
        request, _about(slug), Ask(service="adoption", path="/v1/analytics/scorecard", params={"area": slug})
    )
    measures = scorecard["measures"] if isinstance(scorecard, dict) else []
    dimensions = [(name, list(each)) for name, each in groupby(measures, key=lambda measure: str(measure["dimension"]))]
    return render.page("scorecard.html", area=_area(slug, found), scorecard=scorecard, dimensions=dimensions)
