"""The designation history file → designations: what it shows beyond the record is recorded, the rest confirms it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.designation import Basis, Designation, Status
from services.registry.domain.organization import Code, Organization
from services.registry.importers import designation_history as history
from services.registry.importers.designation_history import Change, HistoryRow, OutcomeKind, Recorded
from services.registry.importers.steps import Ledger
from shared.auth import Principal, Role
from shared.db import Transaction
from shared.imports.rows import ImportRow, Outcome, Result
from shared.kernel.errors import QsmoError

_POLICY = "m-19-16"
_CLAUSE = "as shown on the public designation tiles"


def read(path: Path) -> Iterator[ImportRow]:
    """Raises Invalid for a file that is not this CSV or is cut off."""
    for row in history.read(path):
        yield ImportRow(section="designations", number=row.number, data=asdict(row))


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row; `created` and `updated` rows changed a designation, dated by the snapshot."""
    plan = history.plan([HistoryRow(**row.data) for row in rows], recorded=await _recorded(tx))
    by_number = {outcome.number: outcome for outcome in plan.outcomes}
    outcomes = []
    for row in rows:
        found = by_number[row.number]
        if found.change is not None:
            outcomes.append(await _changed(tx, found.change))
        else:
            outcomes.append(Outcome(_RESULTS[found.kind], found.reason if found.kind is not OutcomeKind.OBSERVES else ""))
    return outcomes


_RESULTS = {
    OutcomeKind.OBSERVES: Result.UNCHANGED,
    OutcomeKind.DUPLICATE: Result.DUPLICATE,
    OutcomeKind.REFUSED: Result.REFUSED,
}


async def _recorded(tx: Transaction) -> list[Recorded]:
    """Every step on record, with the codes of its lead and of all above it."""
    designations = [store.designations.from_row(row) for row in await tx.rows(select(tables.designations))]
    organizations = {o.id: o for o in map(store.organizations.from_row, await tx.rows(select(tables.organizations)))}
    return [
        Recorded(
            area=designation.focus_area,
            service=designation.service,
            status=step.status,
            leads=tuple(_codes(designation.organization_id, organizations)),
            effective_on=step.effective_on,
        )
        for designation in designations
        for step in designation.steps
        if step.action != "transfer"
    ]


def _codes(id: str | None, organizations: dict[str, Organization]) -> Iterator[str]:
    while id is not None and id in organizations:
        yield from (f"{code.scheme}:{code.value}" for code in organizations[id].codes)
        id = organizations[id].parent_id


async def _changed(tx: Transaction, change: Change) -> Outcome:
    """All services of the change, or none of them."""
    ledger = Ledger(tx, by=Principal(tx.cause.actor, (Role("omb"), Role("coordinator"))))
    lead = await _lead(tx, change)
    if lead is None and change.lead is not None:
        return Outcome(Result.REFUSED, f"The lead {change.lead!r} is no organization known here; import organizations first.")
    begun = False
    try:
        async with tx.connection.begin_nested():
            for service in change.services:
                begun = await _step(ledger, change, service, lead) or begun
    except QsmoError as error:
        return Outcome(Result.REFUSED, f"{change.area}: {error.detail}")
    return Outcome(Result.CREATED if begun else Result.UPDATED)


async def _lead(tx: Transaction, change: Change) -> str | None:
    if change.lead_code is None:
        return None
    scheme, _, value = change.lead_code.partition(":")
    code = Code(scheme=scheme, value=value)
    found = (await store.organizations.by_code(tx, [code])).get(code)
    return found.id if found else None


async def _step(ledger: Ledger, change: Change, service: str, lead: str | None) -> bool:
    """Leads the service to what was seen; returns whether that began a designation."""
    current = await ledger.current(change.area, service)
    for action in _actions(current, change.status, lead):
        await ledger.take(
            action,
            area=change.area,
            service=service,
            organization_id=lead,
            on=change.observed_on,
            basis=Basis(policy=_POLICY, clause=_CLAUSE, reason="Seen on the public tile.", source=change.source),
        )
    return current is None


def _actions(current: Designation | None, seen: Status, lead: str | None) -> tuple[str, ...]:
    """The steps from what is on record to what was seen."""
    if seen is Status.RESEARCH:
        return ("research",)
    after = ("designate",) if seen is Status.DESIGNATED else ()
    if current is None or current.status is Status.RESEARCH:
        return ("pre-designate", *after)
    if current.organization_id != lead:
        return ("transfer", *after)
    return after or ("pre-designate",)
