"""Duplication by area, sums of the savings ledger, and whether the two agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ColumnElement, func, or_, select, true

from services.adoption import store, tables
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.agreement import Agreement
from services.adoption.domain.agreement import Status as AgreementStatus
from services.adoption.domain.duplication import Cluster, clusters
from services.adoption.domain.savings import Kind
from services.adoption.domain.system import Status, System
from services.adoption.policy import Reach
from services.adoption.queries.past import systems_on
from shared.db import Row, Transaction
from shared.kernel.time import FiscalYear

# Systems of one area that are compared with one another.
SYSTEMS_MAX = 20_000
_STOOD = (AgreementStatus.ACTIVE, AgreementStatus.ON_HOLD, AgreementStatus.EXPIRED, AgreementStatus.TERMINATED)


class Slice(StrEnum):
    """What sums are taken by, beside the kind."""

    AGENCY = "agency"
    AREA = "area"
    FISCAL_YEAR = "fiscal_year"
    ADOPTION = "adoption"


_COLUMNS = {
    Slice.AGENCY: tables.savings.c.organization_id,
    Slice.AREA: tables.savings.c.focus_area,
    Slice.FISCAL_YEAR: tables.savings.c.fiscal_year,
    Slice.ADOPTION: tables.savings.c.adoption_id,
}


def seen_systems(reach: Reach) -> ColumnElement[bool]:
    table = tables.systems
    if reach.everything:
        return true()
    return or_(table.c.organization_id.in_(reach.organizations), table.c.focus_area.in_(reach.areas))


def seen_savings(reach: Reach) -> ColumnElement[bool]:
    table = tables.savings
    if reach.everything:
        return true()
    return or_(table.c.organization_id.in_(reach.organizations), table.c.focus_area.in_(reach.areas))


async def duplications(tx: Transaction, area: str, *, reach: Reach, as_of: date | None = None) -> list[Cluster]:
    """Among the systems of the area that the caller may see, the dearest first; as they are, or as facts said on a day."""
    table = tables.systems
    seen = select(table).where(table.c.focus_area == area, seen_systems(reach)).limit(SYSTEMS_MAX)
    rows = await tx.rows(seen)
    if as_of is None:
        return clusters([store.systems.from_row(row) for row in rows], year=FiscalYear.of(tx.at.date()))
    return clusters(await systems_on(tx, [row["id"] for row in rows], as_of), year=FiscalYear.of(as_of))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Of one slice: kind → (cents, hours, entries)."""

    key: str
    kinds: dict[Kind, tuple[int, int, int]]


async def sums(
    tx: Transaction, by: Slice, *, reach: Reach, agency: str | None, area: str | None, fiscal_year: int | None
) -> list[Sum]:
    """By the slice's key; reversals count as what they are."""
    table, column = tables.savings, _COLUMNS[by]
    query = select(
        column.label("key"),
        table.c.kind,
        func.sum(table.c.cents).label("cents"),
        func.sum(table.c.hours).label("hours"),
        func.count().label("entries"),
    ).where(seen_savings(reach))
    for narrowed, value in ((table.c.organization_id, agency), (table.c.focus_area, area), (table.c.fiscal_year, fiscal_year)):
        query = query if value is None else query.where(narrowed == value)
    return _by_key(await tx.rows(query.group_by(column, table.c.kind).order_by(column)))


def _by_key(rows: Sequence[Row]) -> list[Sum]:
    found: dict[str, dict[Kind, tuple[int, int, int]]] = defaultdict(dict)
    for row in rows:
        found[str(row["key"])][Kind(row["kind"])] = (int(row["cents"]), int(row["hours"]), int(row["entries"]))
    return [Sum(key=key, kinds=kinds) for key, kinds in found.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One fiscal year of an adoption: what was realized, what the systems it replaced would have cost, what it costs itself."""

    fiscal_year: int
    realized: Decimal
    retired_cost: Decimal
    agreed: Decimal
    systems: tuple[System, ...]
    agreements: tuple[Agreement, ...]

    @property
    def net(self) -> Decimal:
        """What inventory and agreements bear out."""
        return self.retired_cost - self.agreed


async def reconciliation(tx: Transaction, adoption: Adoption) -> list[Reconciled]:
    """By fiscal year: a system counts from the year after its end on, an agreement by its funds once it has stood."""
    table, ledger = tables.systems, tables.savings
    rows = await tx.rows(select(table).where(table.c.adoption_id == adoption.id, table.c.status == Status.DECOMMISSIONED.value))
    retired = [store.systems.from_row(row) for row in rows]
    posted = await tx.rows(
        select(ledger.c.fiscal_year, func.sum(ledger.c.cents).label("cents"))
        .where(ledger.c.adoption_id == adoption.id, ledger.c.kind == Kind.REALIZED.value)
        .group_by(ledger.c.fiscal_year)
    )
    realized = {row["fiscal_year"]: Decimal(int(row["cents"])) / 100 for row in posted}
    agreements = await _agreements(tx, adoption)
    funded = {year for agreement in agreements for year in agreement.terms.funding}
    years = sorted({*realized, *funded, *(_first_year(system) for system in retired)})
    return [_reconciled(year, realized.get(year, Decimal(0)), retired, agreements) for year in years]


async def _agreements(tx: Transaction, adoption: Adoption) -> list[Agreement]:
    """Not one that was terminated before both sides had signed."""
    table = tables.agreements
    stood = table.c.status.in_(_STOOD) & table.c.countersigned_by.is_not(None)
    rows = await tx.rows(select(table).where(table.c.adoption_id == adoption.id, stood).order_by(table.c.id))
    return [store.agreements.from_row(row) for row in rows]


def _first_year(system: System) -> int:
    assert system.decommissioned_on is not None
    return FiscalYear.of(system.decommissioned_on).year + 1


def _reconciled(year: int, realized: Decimal, retired: Sequence[System], agreements: Sequence[Agreement]) -> Reconciled:
    counted = tuple(system for system in retired if _first_year(system) <= year)
    cost = sum((system.cost_in(FiscalYear(year)) for system in counted), Decimal(0))
    funded = tuple(agreement for agreement in agreements if agreement.terms.funding.get(year))
    return Reconciled(
        fiscal_year=year,
        realized=realized,
        retired_cost=cost,
        agreed=sum((agreement.terms.funding[year] for agreement in funded), Decimal(0)),
        systems=counted,
        agreements=funded,
    )
