"""Findings: raised and withdrawn here, corrected in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Table, select

from services.adoption import policy, store, tables
from services.adoption.domain import finding as domain
from services.adoption.domain.finding import MACHINE, Correction, Finding, Source, SourceKind
from services.adoption.queries.annual_plans import areas_to_state
from shared.auth import Principal
from shared.contracts import oversight as contracts
from shared.db import Transaction
from shared.kernel.errors import Invalid, NotFound, StaleVersion
from shared.kernel.ids import new_id

_TABLES: dict[SourceKind, Table] = {SourceKind.SLA: tables.slas, SourceKind.FEEDBACK: tables.feedbacks}


async def raise_finding(
    tx: Transaction, focus_area: str, *, title: str, text: str, due_on: date, sources: Sequence[Source], by: Principal
) -> Finding:
    """Raises Forbidden, RuleViolation; Invalid for an area without a QSMO, and for what is not on record in the area."""
    policy.require(by, *MACHINE.roles_for("raise"), to="raise a finding")
    if focus_area not in await areas_to_state(tx):
        raise Invalid.at("/focus_area", f"No area {focus_area!r} has a QSMO.", code="unknown-reference")
    for n, source in enumerate(sources):
        table = _TABLES[source.kind]
        known = select(table.c.id).where(table.c.id == source.id, table.c.focus_area == focus_area)
        if await tx.row(known) is None:
            detail = f"There is no {source.kind} {source.id!r} in {focus_area}."
            raise Invalid.at(f"/sources/{n}/id", detail, code="unknown-reference")
    made = Finding(
        id=new_id(),
        version=0,
        focus_area=focus_area,
        title=title,
        text=text,
        due_on=due_on,
        sources=tuple(dict.fromkeys(sources)),
        by=by.actor,
        on=tx.at.date(),
    )
    return await store.findings.add(tx, domain.raised(made), contracts.FindingRaised(**_told(made)))


async def withdraw_finding(tx: Transaction, id: str, reason: str, *, expected_version: int, by: Principal) -> Finding:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await visible_finding(tx, id, by=by)
    policy.require(by, *MACHINE.roles_for("withdraw"), to="withdraw a finding")
    if current.version != expected_version:
        raise StaleVersion(f"The finding is at version {current.version}.", current_version=current.version)
    changed = domain.withdrawn(current, reason, correction=(await corrections(tx, [id])).get(id))
    return await store.findings.save(tx, changed, contracts.FindingWithdrawn(**_told(changed), reason=reason))


async def visible_finding(tx: Transaction, id: str, *, by: Principal) -> Finding:
    """Raises NotFound also for what the caller may not see."""
    found = await store.findings.find(tx, id)
    reach = await policy.reach(tx, by)
    if found is None or not (reach.everything or found.focus_area in reach.areas):
        raise NotFound(f"There is no finding {id!r}.")
    return found


async def corrections(tx: Transaction, finding_ids: Sequence[str]) -> dict[str, Correction]:
    """By finding, of those that a corrective action was opened for."""
    table = tables.known_corrections
    rows = await tx.rows(select(table).where(table.c.finding_id.in_(finding_ids)))
    return {row["finding_id"]: store.correction(row) for row in rows}


def _told(finding: Finding) -> dict[str, object]:
    return {
        "finding_id": finding.id,
        "focus_area": finding.focus_area,
        "title": finding.title,
        "due_on": finding.due_on,
        "sources": tuple(map(str, finding.sources)),
    }
