"""When an adoption will go live, over HTTP."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Response

from services.adoption import policy, queries
from services.adoption.domain import adoption as domain
from services.adoption.domain import forecast as rule
from services.adoption.domain.adoption import Adoption, Status
from services.adoption.domain.forecast import Forecast, Stretch
from services.adoption.domain.m3 import Phase
from shared.db import Transaction
from shared.web.edge import AtEdge
from shared.web.wire import Identifier, Shown

router = APIRouter(tags=["adoptions"])
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

    `missing`: why there is no forecast. `decided_on`: the day for which going live is decided; `target_on`: by the schedule.
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


@router.get("/v1/adoptions/{id}/forecast", response_model=ForecastShown)
async def show_forecast(id: Identifier, at: AtEdge) -> Response:
    """From how long others took, phase by phase: those of the same focus area where they are enough, else all."""

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        made = await _forecast(tx, found)
        return at.show(_shown(found, made, tx.at.date()), version=found.version)

    return await at.read(query)


async def _forecast(tx: Transaction, found: Adoption) -> Forecast:
    if (reason := _needless(found)) is not None:
        return Forecast(low_on=None, middle_on=None, high_on=None, stretches=(), missing=(reason,))
    offering = (await queries.offerings_by_id(tx, [found.offering_id])).get(found.offering_id)
    area, everywhere = await queries.spells(tx, offering.focus_areas if offering else ())
    since = domain.entered(found)[found.phase]
    return rule.forecast(found.phase, since=since, on=tx.at.date(), area=area, everywhere=everywhere)


def _needless(found: Adoption) -> str | None:
    if found.status is Status.ON_HOLD:
        return "an adoption that is not on hold"
    if found.live_on is not None or not found.is_live:
        return f"an adoption on its way to operations (it is {found.status}, in {found.phase})"
    return None


def _shown(found: Adoption, made: Forecast, on: date) -> ForecastShown:
    decision = found.gates.go_live if found.gates.may_go_live else None
    target = found.work.target(Phase.MIGRATION)
    return ForecastShown(
        adoption_id=found.id,
        as_of=on,
        phase=found.phase,
        live_on=found.live_on,
        low_on=made.low_on,
        middle_on=made.middle_on,
        high_on=made.high_on,
        decided_on=decision.go_live_on if decision else None,
        target_on=target.target_on if target else None,
        missing=list(made.missing),
        stretches=[_stretch(each) for each in made.stretches],
        explanation=_explained(made),
        method=_METHOD,
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
