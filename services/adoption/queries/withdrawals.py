"""What a withdrawal leaves behind: agreements that stand, and legacy systems that were to end."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from services.adoption import store, tables
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.agreement import Agreement
from services.adoption.domain.agreement import Status as AgreementStatus
from services.adoption.domain.system import Status as SystemStatus
from services.adoption.domain.system import System
from shared.db import Transaction
from shared.kernel.time import FiscalYear

_ENDED = (AgreementStatus.EXPIRED.value, AgreementStatus.TERMINATED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """`agreements` that have not ended; `systems` whose end is planned for the adoption; `spent_days` since its start."""

    agreements: tuple[Agreement, ...]
    systems: tuple[System, ...]
    spent_days: int
    remaining_funds: Decimal

    @property
    def sentences(self) -> tuple[str, ...]:
        """What has to be settled, each with where."""
        return (
            *(
                f"agreement {each.terms.number} is {each.status}: end it (POST /v1/agreements/{each.id}/terminate)"
                for each in self.agreements
            ),
            *(
                f"legacy system {each.number} was to end on {each.planned_on}: keep it (POST /v1/systems/{each.id}/keep)"
                for each in self.systems
            ),
        )


async def withdrawal_impact(tx: Transaction, adoption: Adoption) -> Impact:
    agreements, systems = tables.agreements, tables.systems
    standing = select(agreements).where(agreements.c.adoption_id == adoption.id, agreements.c.status.not_in(_ENDED))
    planned = select(systems).where(systems.c.adoption_id == adoption.id, systems.c.status == SystemStatus.ENDING.value)
    found = tuple(store.agreements.from_row(row) for row in await tx.rows(standing.order_by(agreements.c.id)))
    today = tx.at.date()
    year = FiscalYear.of(today).year
    return Impact(
        agreements=found,
        systems=tuple(store.systems.from_row(row) for row in await tx.rows(planned.order_by(systems.c.id))),
        spent_days=(today - adoption.started_on).days,
        remaining_funds=sum(
            (amount for each in found for funded, amount in each.terms.funding.items() if funded >= year), Decimal("0.00")
        ),
    )
