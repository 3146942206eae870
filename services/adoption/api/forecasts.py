"""When an adoption will go live, over HTTP."""

from __future__ import annotations

from datetime import date

from fastapi import Response

from services.adoption import policy, queries
from services.adoption.api.analytics_models import AsOf, shown_range
from services.adoption.domain import adoption as domain
from services.adoption.domain import forecast as rule
from services.adoption.domain.adoption import Adoption, Status
from services.adoption.domain.figures import Source
from services.adoption.domain.forecast import Forecast, Stretch
from services.adoption.domain.m3 import Phase
from services.adoption.queries.analytics import ranges
from services.adoption.queries.past import Planned, planned_on
from services.adoption.schemas import RangeShown
from shared.db import Transaction
from shared.kernel.errors import Invalid, NotFound
from shared.web.edge import AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier, Shown

router = Router(tags=["adoptions"])
_METHOD = (
    "Kaplan-Meier of the days that adoptions spent in each phase, those still in it or withdrawn counted as long as they were "
    "watched; the present phase given the days already spent in it; phases summed as independent. Holds count as time."
)


class ForecastStretch(Shown):
    """`segment`: `area` or `all`; `n` spells of which `ended` by going on; further days by which chances are 10, 50, 90 %."""

    phase: Phase
    segment: str
    n: int
    ended: int
    elapsed_days: int
    low_days: int | None
    middle_days: int | None
    high_days: int | None


class ForecastShown(Shown):
    """Between `low_on` and `high_on` with a chance of 80 %; null where that lies beyond what was ever seen.

    `range`: facts of adoptions, some of which made it. `missing`: why there is none.
    `decided_on`: the day for which going live is decided; `target_on`: by the schedule.
    """

    adoption_id: str
    as_of: date
    phase: Phase
    live_on: date | None
    low_on: date | None
    middle_on: date | None
    high_on: date | None
    decided_on: date | None
    target_on: date | None
    missing: list[str]
    stretches: list[ForecastStretch]
    explanation: str
    method: str
    range: RangeShown


@router.get("/v1/adoptions/{id}/forecast", response_model=ForecastShown)
async def show_forecast(id: Identifier, at: AtEdge, as_of: AsOf = None) -> Response:
    """From how long others took, phase by phase: those of the same focus area where they are enough, else all.

    With `as_of` as it was made on that day: by the steps in effect then, of the offerings that are in the area today.
    """

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        if as_of is None:
            return await _answer(tx, at, found, _planned(found), on=tx.at.date())
        _require_past(found, as_of, today=tx.at.date())
        return await _answer(tx, at, domain.on_day(found, as_of), await planned_on(tx, id, as_of), on=as_of)

    return await at.read(query)


def _require_past(found: Adoption, as_of: date, *, today: date) -> None:
    if as_of > today:
        raise Invalid.at("query:as_of", f"A forecast is made on a day that has come; today is {today}.", code="range")
    if as_of < found.started_on:
        raise NotFound(f"The adoption {found.id!r} begins on {found.started_on}.")


async def _answer(tx: Transaction, at: Edge, found: Adoption, planned: Planned, *, on: date) -> Response:
    made = await _forecast(tx, found, on)
    told = shown_range((await ranges(tx))[Source.ADOPTION])
    return at.show(_shown(found, made, planned, told, on), version=found.version)


def _planned(found: Adoption) -> Planned:
    decision, target = found.gates.go_live, found.work.target(Phase.MIGRATION)
    return Planned(
        go_live_on=decision.go_live_on if decision and found.gates.may_go_live else None,
        target_on=target.target_on if target else None,
    )


async def _forecast(tx: Transaction, found: Adoption, on: date) -> Forecast:
    if (reason := _needless(found)) is not None:
        return Forecast(low_on=None, middle_on=None, high_on=None, stretches=(), missing=(reason,))
    offering = (await queries.offerings_by_id(tx, [found.offering_id])).get(found.offering_id)
    area, everywhere = await queries.spells(tx, offering.focus_areas if offering else (), on=on)
    since = domain.entered(found)[found.phase]
    return rule.forecast(found.phase, since=since, on=on, area=area, everywhere=everywhere)


def _needless(found: Adoption) -> str | None:
    if found.status is Status.ON_HOLD:
        return "an adoption that is not on hold"
    if found.live_on is not None or not found.is_live:
        return f"an adoption on its way to operations (it is {found.status}, in {found.phase})"
    return None


def _shown(found: Adoption, made: Forecast, planned: Planned, told: RangeShown, on: date) -> ForecastShown:
    return ForecastShown(
        adoption_id=found.id,
        as_of=on,
        phase=found.phase,
        live_on=found.live_on,
        low_on=made.low_on,
        middle_on=made.middle_on,
        high_on=made.high_on,
        decided_on=planned.go_live_on,
        target_on=planned.target_on,
        missing=list(made.missing),
        stretches=[_stretch(each) for each in made.stretches],
        explanation=_explained(made),
        method=_METHOD,
        range=told,
    )


def _stretch(found: Stretch) -> ForecastStretch:
    return ForecastStretch(
        phase=found.phase,
        segment=found.segment,
        n=found.n,
        ended=found.ended,
        elapsed_days=found.elapsed,
        low_days=found.low,
        middle_days=found.middle,
        high_days=found.high,
    )


def _explained(made: Forecast) -> str:
    if made.missing:
        return f"A forecast needs {'; '.join(made.missing)}."
    parts = [
        f"{each.phase}: {_days(each.middle)} more ({_days(each.low)} to {_days(each.high)}), from {each.ended} that left it"
        f" and {each.n - each.ended} that did not, {'in the focus area' if each.segment == 'area' else 'in all areas'}"
        for each in made.stretches
    ]
    return f"Further days, the middle and the 80 % range: {'; '.join(parts)}."


def _days(days: int | None) -> str:
    return "longer than anybody took" if days is None else str(days)
