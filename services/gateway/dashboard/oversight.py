"""What came of it all: adoption, savings, duplication; where each figure comes from; the audit trail with its proof."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import Path, Query, Request, Response

from services.gateway import queries
from services.gateway.api.audit import require_reader
from services.gateway.api.parameters import SEQ_MAX, After
from services.gateway.audit.proof import Proof, fault_of
from services.gateway.context import Gateway
from services.gateway.dashboard import figures, render
from services.gateway.dashboard.asking import Ask, Away, Withheld, answers
from services.gateway.dashboard.charts import Chart
from services.gateway.dashboard.given import Area, Day, File, day_of, here
from services.gateway.dashboard.page import told
from services.gateway.dashboard.route import PageRoute
from services.gateway.dashboard.tabular import Instant, Link, Table, download
from services.gateway.feed.view import Filters, View
from services.gateway.keyring import key_id
from shared.auth import Principal
from shared.kernel.errors import Conflict, NotFound
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Slug

router = Router(include_in_schema=False, route_class=PageRoute)
_EVENTS_SHOWN = 25
_TRAIL_ROWS = 50
# A form sends what was left empty too.
Subject = Annotated[str, Query(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:-]*)?$", max_length=128)]
Actor = Annotated[str, Query(max_length=200)]
_FURTHER = ("hours", "systems", "service_levels", "plans", "demand", "stalled", "feedback")


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A figure of the page: its chart if it has one, its table, or what stands in its place."""

    figure: str
    table: Table | None = None
    chart: Chart | None = None
    instead: Away | Withheld | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """How many facts a figure comes from, and the first and the last on the feed; None where the feed does not have it yet.

    Adoptions are not public, sums of them are: `linked` when the caller may look at the facts themselves.
    """

    facts: int
    first: int | None
    last: int | None
    linked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the services said, by name."""

    areas: Mapping[str, str]
    away: Away | None
    found: Mapping[str, Any] = field(default_factory=dict)

    def each(self, prefix: str) -> dict[str, Any]:
        """By area; what is away or withheld is not among them."""
        start = f"{prefix}:"
        return {
            name.removeprefix(start): one
            for name, one in self.found.items()
            if name.startswith(start) and isinstance(one, dict)
        }

    def instead(self, *names: str) -> Away | Withheld | None:
        """What stands in the place of the first that was not said."""
        return next((one for name in names if isinstance(one := self.found.get(name), (Away, Withheld))), None)


@router.get("/oversight")
async def oversight_page(request: Request, at: AtEdge, area: Area = "", as_of: Day = None, file: File = None) -> Response:
    gateway: Gateway = request.app.state.context
    head = gateway.live.last
    day = day_of(as_of)
    asked = await _asked(request, area, day)
    if area and asked.areas and area not in asked.areas:
        raise NotFound(f"There is no focus area {area!r}.")
    shown = _exhibits(asked, area)
    if file is not None:
        return download(file, (one for exhibit in shown.values() for one in (exhibit.chart, exhibit.table) if one))
    return render.page(
        "oversight.html",
        shown=shown,
        sources=await _sources(gateway, asked.found, by=at.principal),
        areas=asked.areas,
        away=asked.away,
        area=area,
        as_of=day.isoformat() if day else "",
        here=here(request),
        facts=await told(gateway, View(at.principal, Filters(focus_area=area or None))),
        head=head,
        chain=await gateway.reader.head(),
    )


async def _asked(request: Request, area: str, day: date | None) -> _Asked:
    found, markets = await answers(
        request,
        Ask(service="registry", path="/v1/focus-areas", params={"limit": 200}),
        Ask(service="catalog", path="/v1/marketplaces", params={"limit": 200}),
    )
    titles = {each["id"]: each["title"] for each in found["items"]} if isinstance(found, dict) else {}
    # Nothing is adopted where there is no marketplace.
    traded = [each["id"] for each in markets["items"] if each["id"] in titles] if isinstance(markets, dict) else list(titles)
    asks = {
        name: Ask(service="adoption", path=f"/v1/analytics/figures/{name}", params=_params(area=area, as_of=day))
        for name in ("funnel", "savings", *_FURTHER)
    }
    if "authorization" in request.headers:  # the public sees no systems: nothing would be told as zero
        asks |= {
            f"duplication:{each}": Ask(service="adoption", path="/v1/duplications", params=_params(area=each, as_of=day))
            for each in ([area] if area else traded)
        }
    if not area:
        path = "/v1/analytics/figures/funnel"
        asks |= {f"funnel:{each}": Ask(service="adoption", path=path, params=_params(area=each, as_of=day)) for each in traded}
        asks["states"] = Ask(service="adoption", path="/v1/stats/adoption-states/by-area", params=_params(as_of=day))
    else:
        asked = _params(area=area, as_of=day)
        asks["states"] = Ask(service="adoption", path="/v1/stats/adoption-states", params=asked)
        asks["time_in_phase"] = Ask(service="adoption", path="/v1/analytics/time-in-phase", params=asked)
    said = await answers(request, *asks.values())
    return _Asked(areas=titles, away=found if isinstance(found, Away) else None, found=dict(zip(asks, said, strict=True)))


def _params(*, area: str = "", as_of: date | None) -> dict[str, str]:
    given = {"area": area, "as_of": as_of.isoformat() if as_of else None}
    return {name: value for name, value in given.items() if value}


def _exhibits(asked: _Asked, area: str) -> dict[str, Exhibit]:
    shown = {name: _figure(asked, name) for name in ("funnel", "savings", *_FURTHER)}
    if not area:
        by_area = {each: figures.values(answer) for each, answer in asked.each("funnel").items()}
        shown["heat_map"] = _exhibit("funnel", asked.instead("funnel"), lambda: figures.heat_map(by_area, asked.areas))
    else:
        times = asked.found["time_in_phase"]
        shown["time_in_phase"] = _exhibit("time_in_phase", asked.instead("time_in_phase"), lambda: (None, figures.times(times)))
    shown["states"] = _states(asked, area)
    found = [figures.duplication(each, answer) for each, answer in asked.each("duplication").items()]
    names = [name for name in asked.found if name.startswith("duplication:")]
    instead = asked.instead(*names) if names else Withheld("Which systems do the same is for those who may see them: sign in.")
    shown["duplication"] = _exhibit("systems", instead, lambda: figures.duplications(found, asked.areas))
    return shown


def _figure(asked: _Asked, name: str) -> Exhibit:
    answer = asked.found[name]
    if not isinstance(answer, dict):
        return Exhibit(name, instead=asked.instead(name))
    found = figures.values(answer)
    drawn = {"funnel": figures.funnel, "savings": figures.savings}.get(name)
    if drawn:
        chart, table = drawn(found)
        return Exhibit(name, table, chart)
    return Exhibit(name, figures.ratings(found) if name == "feedback" else figures.plain(name, found))


def _exhibit(figure: str, instead: Away | Withheld | None, made: Any) -> Exhibit:
    if instead is not None:
        return Exhibit(figure, instead=instead)
    chart, table = made()
    return Exhibit(figure, table, chart)


def _states(asked: _Asked, area: str) -> Exhibit:
    answer = asked.found["states"]
    if not isinstance(answer, dict):
        return Exhibit("funnel", instead=asked.instead("states"))
    if area:
        return Exhibit("funnel", figures.agencies(answer))
    chart, table = figures.states(answer, asked.areas)
    return Exhibit("funnel", table, chart)


async def _sources(gateway: Gateway, found: Mapping[str, Any], *, by: Principal) -> dict[str, Source]:
    """Figure → where it comes from."""
    ranges = {name: found[name]["range"] for name in figures.ORIGINS if isinstance(found.get(name), dict)}
    ids = {range_[end] for range_ in ranges.values() for end in ("first_event", "last_event") if range_[end]}
    async with gateway.db.reading() as tx:
        seqs = await queries.seqs(tx, ids)
    return {
        name: Source(
            range_["facts"], seqs.get(range_["first_event"]), seqs.get(range_["last_event"]), linked=not by.is_anonymous
        )
        for name, range_ in ranges.items()
    }


@router.get("/oversight/figures/{figure}")
async def figure_page(
    request: Request, at: AtEdge, figure: Slug, area: Area = "", as_of: Day = None, file: File = None
) -> Response:
    """Where a number comes from: what it means, from which facts, and the newest of them."""
    name = figure.replace("-", "_")
    if name not in figures.ORIGINS:
        raise NotFound(f"There is no figure {figure!r}.")
    gateway: Gateway = request.app.state.context
    day = day_of(as_of)
    ask = Ask(service="adoption", path=f"/v1/analytics/figures/{name}", params=_params(area=area, as_of=day), required=True)
    (answer,) = await answers(request, ask)
    table = figures.plain(name, figures.values(answer)) if isinstance(answer, dict) else None
    if file is not None:
        return download(file, [table] if table else [])
    origin = figures.ORIGINS[name]
    view = View(at.principal, Filters(types=origin.types, focus_area=area or None))
    return render.page(
        "figure.html",
        origin=origin,
        answer=answer,
        table=table,
        source=(await _sources(gateway, {name: answer}, by=at.principal)).get(name),
        facts=await told(gateway, view, count=_EVENTS_SHOWN),
        area=area,
        as_of=as_of or "",
        here=here(request),
    )


@router.get("/oversight/facts/{seq}")
async def fact_page(request: Request, at: AtEdge, seq: Annotated[int, Path(ge=1, le=SEQ_MAX)]) -> Response:
    """One fact, and the proof that it was not changed, checked here and to be checked elsewhere."""
    gateway: Gateway = request.app.state.context
    entry = await gateway.reader.one(View(at.principal), seq)
    if entry is None:
        raise NotFound(f"There is no fact {seq}, or you may not see it.")
    event = orjson.loads(entry.event)
    proof = await _proof(gateway, seq)
    return render.page(
        "fact.html",
        seq=seq,
        fact=(await told(gateway, View(at.principal), entries=[entry]))[0],
        event=event,
        data=orjson.dumps(event["data"], option=orjson.OPT_INDENT_2).decode(),
        proof=proof,
        fault=await asyncio.to_thread(_fault, gateway, proof) if proof else None,
    )


async def _proof(gateway: Gateway, seq: int) -> Proof | None:
    """None while no checkpoint covers it."""
    async with gateway.db.reading() as tx:
        try:
            return await gateway.proofs.of(tx, seq)
        except Conflict:
            return None


def _fault(gateway: Gateway, proof: Proof) -> str | None:
    trusted = frozenset({key_id(gateway.keyring.audit.public_key())}) if gateway.keyring else frozenset[str]()
    return fault_of(proof, trusted=trusted)


@router.get("/oversight/trail")
async def trail_page(
    request: Request,
    at: AtEdge,
    subject: Subject = "",
    actor: Actor = "",
    after: After = 0,
    file: File = None,
) -> Response:
    """Who did what, each fact with its place in the chain; for auditor, OMB and coordinator."""
    gateway: Gateway = request.app.state.context
    require_reader(at.principal)
    async with gateway.db.reading() as tx:
        trail = await queries.audit_trail(
            tx, Filters(subject=subject or None, actor=actor or None), after=after, limit=_TRAIL_ROWS
        )
    table = _trail(trail.links)
    if file is not None:
        return download(file, [table])
    more = len(trail.links) == _TRAIL_ROWS
    return render.page(
        "trail.html",
        table=table,
        subject=subject,
        actor=actor,
        head=trail.head,
        after=trail.next_after if more else None,
        here=here(request),
    )


def _trail(links: Sequence[queries.Link]) -> Table:
    rows = [
        (
            Link(str(link.entry.seq), f"/oversight/facts/{link.entry.seq}"),
            Instant(orjson.loads(link.entry.event)["time"]),
            link.entry.actor,
            link.entry.type.removeprefix("qsmo.").removesuffix(".v1"),
            link.entry.subject,
            link.hash,
        )
        for link in links
    ]
    return Table(
        id="trail",
        caption="The audit trail, in the order of the feed",
        columns=("Fact", "When", "Who", "What", "About", "Hash"),
        rows=rows,
        empty="No fact matches.",
    )
