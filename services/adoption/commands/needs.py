"""Needs: stated by an agency, copied from its earlier year or from another agency that shares its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import needs as domain
from services.adoption.domain.needs import Constraint, Need, Needs
from services.adoption.policy import Reach
from services.adoption.queries.fit import activities_of
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Everything an agency says of its needs."""

    needs: tuple[Need, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    size: Mapping[str, int]
    shared: bool = False


async def state_needs(
    tx: Transaction, *, organization_id: str, focus_area: str, fiscal_year: int, statement: Statement, by: Principal
) -> Needs:
    """Raises Forbidden; NotFound for an organization not known; Conflict when there are needs for the year; Invalid."""
    begun = await _begun(tx, organization_id, focus_area, fiscal_year, by=by)
    return await _stated(tx, begun, statement)


async def copy_needs(
    tx: Transaction, source_id: str, *, organization_id: str, focus_area: str, fiscal_year: int, by: Principal
) -> Needs:
    """Not shared on, whoever shared them. Raises as `state_needs`; Invalid for needs that the agency may not copy."""
    begun = await _begun(tx, organization_id, focus_area, fiscal_year, by=by)
    source = await store.needs.find(tx, source_id)
    reach = await policy.reach(tx, by)
    if source is None or not (source.shared or sees(reach, source)):
        raise Invalid.at("/copy_from", f"There are no needs {source_id!r} that you may copy.", code="unknown-reference")
    if source.focus_area != focus_area:
        raise Invalid.at("/copy_from", f"Those are needs in {source.focus_area}, not in {focus_area}.")
    statement = Statement(needs=source.needs, constraints=source.constraints, size=source.size or {})
    return await _stated(tx, replace(begun, copied_from=source.id), statement)


async def change_needs(tx: Transaction, id: str, statement: Statement, *, expected_version: int, by: Principal) -> Needs:
    """Raises NotFound, Forbidden, StaleVersion, Invalid."""
    current = await visible_needs(tx, id, by=by)
    await _require_own(tx, by, current.organization_id)
    if current.version != expected_version:
        raise StaleVersion(f"The needs are at version {current.version}.", current_version=current.version)
    return await _stated(tx, current, statement)


async def visible_needs(tx: Transaction, id: str, *, by: Principal) -> Needs:
    """Raises NotFound also for what the caller may not see."""
    found = await store.needs.find(tx, id)
    if found is None or not sees(await policy.reach(tx, by), found):
        raise NotFound(f"There are no needs {id!r}.")
    return found


def sees(reach: Reach, needs: Needs) -> bool:
    return reach.everything or reach.acts_for(needs.organization_id) or needs.focus_area in reach.areas


async def _begun(tx: Transaction, organization_id: str, focus_area: str, fiscal_year: int, *, by: Principal) -> Needs:
    await known_organization(tx, organization_id)
    await _require_own(tx, by, organization_id)
    table = tables.needs
    query = select(table.c.id).where(
        table.c.organization_id == organization_id, table.c.focus_area == focus_area, table.c.fiscal_year == fiscal_year
    )
    if (row := await tx.row(query)) is not None:
        raise Conflict(f"The needs for {focus_area} in {fiscal_year} are stated: change {row['id']}.", code="exists")
    return Needs(id=new_id(), version=0, organization_id=organization_id, focus_area=focus_area, fiscal_year=fiscal_year)


async def _require_own(tx: Transaction, by: Principal, organization_id: str) -> None:
    if not (await policy.reach(tx, by)).acts_for(organization_id):
        raise Forbidden("To state needs needs an agency role that covers the agency.")


async def _stated(tx: Transaction, before: Needs, statement: Statement) -> Needs:
    stated = domain.state(
        before,
        needs=statement.needs,
        constraints=statement.constraints,
        size=statement.size,
        shared=statement.shared,
        activities=await activities_of(tx, before.focus_area),
    )
    if stated == before and before.version:
        return before
    organization = await known_organization(tx, stated.organization_id)
    fact = contracts.NeedsStated(
        agency_id=stated.organization_id,
        agency_name=organization.name,
        focus_area=stated.focus_area,
        needs_id=stated.id,
        fiscal_year=stated.fiscal_year,
        answered=len(stated.needs),
        mission_critical=sum(need.mission_critical for need in stated.needs),
        constraints=len(stated.constraints),
        copied_from=stated.copied_from,
    )
    return await (store.needs.save if stated.version else store.needs.add)(tx, stated, fact)
