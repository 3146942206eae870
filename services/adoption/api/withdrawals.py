"""What a withdrawal would leave behind, over HTTP."""

from __future__ import annotations

from datetime import date

from fastapi import Response

from services.adoption import policy, queries
from services.adoption.domain.adoption import FEDRAMP
from services.adoption.domain.agreement import Status as AgreementStatus
from services.adoption.domain.m3 import Phase
from shared.db import Transaction
from shared.kernel.errors import NotFound
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier, MoneyShown, Shown

router = Router(tags=["adoptions"])


class AgreementLeft(Shown):
    id: str
    number: str
    status: AgreementStatus
    ends_on: date


class SystemLeft(Shown):
    id: str
    number: str
    name: str
    planned_on: date | None


class WithdrawalShown(Shown):
    """`to_settle`: the same as sentences, each with where it is done; `remaining_funds`: of this fiscal year and later ones."""

    adoption_id: str
    phase: Phase
    spent_days: int
    agreements: list[AgreementLeft]
    systems: list[SystemLeft]
    remaining_funds: MoneyShown
    to_settle: list[str]


@router.get("/v1/adoptions/{id}/withdrawal", response_model=WithdrawalShown)
async def show_withdrawal(id: Identifier, at: AtEdge) -> Response:
    """Before it is decided: agreements that stand, and legacy systems whose end was planned because of the adoption."""

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        if found.source == FEDRAMP:
            raise NotFound("A public register tells of this adoption: nothing of it is settled here.")
        impact = await queries.withdrawal_impact(tx, found)
        shown = WithdrawalShown(
            adoption_id=found.id,
            phase=found.phase,
            spent_days=impact.spent_days,
            agreements=[
                AgreementLeft(id=each.id, number=each.terms.number, status=each.status, ends_on=each.terms.ends_on)
                for each in impact.agreements
            ],
            systems=[
                SystemLeft(id=each.id, number=each.number, name=each.facts.name, planned_on=each.planned_on)
                for each in impact.systems
            ],
            remaining_funds=MoneyShown(amount=impact.remaining_funds),
            to_settle=list(impact.sentences),
        )
        return at.show(shown, version=found.version)

    return await at.read(query)
