"""The savings ledger over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Query, Response
from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption import queries as adoption_queries
from services.adoption.api import accounting_models as models
from services.adoption.api.systems import named
from services.adoption.commands import savings as commands
from services.adoption.commands.savings import Figure
from services.adoption.domain.agreement import Agreement
from services.adoption.domain.savings import Entry, Kind
from services.adoption.queries import accounting as queries
from services.adoption.queries.accounting import Reconciled, Slice, Sum
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Identifier, MoneyShown, Slug

router = Router(tags=["savings"])
_LISTING = listing(
    tables.savings,
    *("adoption_id", "focus_area", "fiscal_year", "kind", "hours", "confidence"),
    sorts=("fiscal_year",),
    renamed={"agency_id": tables.savings.c.organization_id},
)
FiscalYearGiven = Annotated[int | None, Query(ge=2000, le=2100)]


@router.post("/v1/adoptions/{adoption_id}/savings", status_code=201, response_model=models.EntryShown)
async def post_savings(adoption_id: Identifier, body: models.EntryGiven, at: AtEdge) -> Response:
    """A baseline first; realized savings only from operations on. An entry is never changed, only reversed."""
    figure = Figure(
        fiscal_year=body.fiscal_year,
        kind=body.kind,
        cents=int(Decimal(body.amount) * 100),
        hours=body.hours,
        method=body.method,
        source=body.source,
        confidence=body.confidence,
    )

    async def command(tx: Transaction) -> Answered:
        return _answered(await commands.post_savings(tx, adoption_id, figure, by=at.principal))

    return await at.write(command, status=201)


@router.post("/v1/savings/{entry_id}/reverse", status_code=201, response_model=models.EntryShown)
async def reverse_savings(entry_id: Identifier, body: models.Reasoned, at: AtEdge) -> Response:
    """Posts an entry that undoes this one."""

    async def command(tx: Transaction) -> Answered:
        return _answered(await commands.reverse_savings(tx, entry_id, reason=body.reason, by=at.principal))

    return await at.write(command, status=201)


@router.get("/v1/savings", response_model=models.EntryPage)
async def list_savings(
    at: AtEdge,
    paged: Listed,
    adoption_id: Identifier | None = None,
    agency_id: Identifier | None = None,
    area: Slug | None = None,
    fiscal_year: FiscalYearGiven = None,
    kind: Kind | None = None,
) -> Response:
    """In the order of posting."""
    table = tables.savings

    async def query(tx: Transaction) -> Response:
        wanted = select(table).where(queries.seen_savings(await policy.reach(tx, at.principal)))
        for column, value in (
            (table.c.adoption_id, adoption_id),
            (table.c.organization_id, agency_id),
            (table.c.focus_area, area),
            (table.c.kind, kind),
        ):
            wanted = wanted if value is None else wanted.where(column == value)
        wanted = wanted if fiscal_year is None else wanted.where(table.c.fiscal_year == fiscal_year)
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.savings.from_row, listing=_LISTING)
        return at.show_page(page, [_shown(found) for found in page.items])

    return await at.read(query)


@router.get("/v1/savings/sums", response_model=models.Sums)
async def sum_savings(
    at: AtEdge,
    by: Slice,
    agency_id: Identifier | None = None,
    area: Slug | None = None,
    fiscal_year: FiscalYearGiven = None,
) -> Response:
    """Each kind by itself; reversals counted in."""

    async def query(tx: Transaction) -> models.Sums:
        reach = await policy.reach(tx, at.principal)
        found = await queries.sums(tx, by, reach=reach, agency=agency_id, area=area, fiscal_year=fiscal_year)
        return models.Sums(by=by, items=[_sum(each) for each in found])

    return at.show(await at.read(query))


@router.get("/v1/adoptions/{id}/reconciliation", response_model=models.Reconciliation)
async def reconcile_savings(id: Identifier, at: AtEdge) -> Response:
    """Realized savings beside what replaced systems would have cost and what agreements cost, year by year."""

    async def query(tx: Transaction) -> models.Reconciliation:
        reach = await policy.reach(tx, at.principal)
        adoption = await adoption_queries.adoption(tx, id, reach=reach)
        found = await queries.reconciliation(tx, adoption)
        return models.Reconciliation(adoption_id=id, items=[_reconciled(each) for each in found])

    return at.show(await at.read(query))


def _reconciled(found: Reconciled) -> models.ReconciledShown:
    return models.ReconciledShown(
        fiscal_year=found.fiscal_year,
        realized=MoneyShown(amount=found.realized),
        retired_cost=MoneyShown(amount=found.retired_cost),
        difference=MoneyShown(amount=found.realized - found.retired_cost),
        agreed_funds=MoneyShown(amount=found.agreed),
        net=MoneyShown(amount=found.net),
        unexplained=MoneyShown(amount=found.realized - found.net),
        systems=[named(system) for system in found.systems],
        agreements=[_agreed(each, found.fiscal_year) for each in found.agreements],
    )


def _agreed(found: Agreement, year: int) -> models.AgreementFunds:
    return models.AgreementFunds(
        id=found.id, number=found.terms.number, status=found.status, funds=MoneyShown(amount=found.terms.funding[year])
    )


def _sum(found: Sum) -> models.SumShown:
    kinds = {
        kind: models.KindSum(amount=_dollars(cents), hours=hours, entries=entries)
        for kind, (cents, hours, entries) in found.kinds.items()
    }
    return models.SumShown(key=found.key, kinds=kinds)


def _dollars(cents: int) -> MoneyShown:
    return MoneyShown(amount=Decimal(cents).scaleb(-2))


def _shown(found: Entry) -> models.EntryShown:
    return models.EntryShown(
        id=found.id,
        adoption_id=found.adoption_id,
        agency_id=found.organization_id,
        focus_area=found.focus_area,
        fiscal_year=found.fiscal_year,
        kind=found.kind,
        amount=_dollars(found.cents),
        hours=found.hours,
        method=found.method,
        source=found.source,
        confidence=found.confidence,
        reverses=found.reverses,
        reason=found.reason,
    )


def _answered(saved: Entry) -> Answered:
    return Answered(_shown(saved), saved.version)
