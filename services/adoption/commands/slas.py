"""Service levels: agreed by the customer, their months told by the provider, breaches as facts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from services.adoption import policy, queries, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import sla as domain
from services.adoption.domain.sla import Result, Sla
from shared.auth import Principal
from shared.contracts import oversight as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Forbidden, NotFound, StaleVersion
from shared.kernel.ids import new_id


async def agree_sla(tx: Transaction, adoption_id: str, measure_id: str, target: str, *, by: Principal) -> Sla:
    """By the adopting agency. Raises NotFound, Forbidden; Conflict when the adoption has the measure."""
    reach = await policy.reach(tx, by)
    adoption = await queries.adoption(tx, adoption_id, reach=reach)
    if not reach.acts_for(adoption.organization_id):
        raise Forbidden("To agree a service level needs an agency role that covers the adopting agency.")
    table = tables.slas
    known = select(table.c.id).where(table.c.adoption_id == adoption_id, table.c.measure_id == measure_id)
    if (row := await tx.row(known)) is not None:
        raise Conflict(f"The adoption has the measure {measure_id!r}: {row['id']}.", code="exists")
    offering = (await queries.offerings_by_id(tx, [adoption.offering_id])).get(adoption.offering_id)
    made = Sla(
        id=new_id(),
        version=0,
        adoption_id=adoption.id,
        organization_id=adoption.organization_id,
        offering_id=adoption.offering_id,
        focus_area=offering.focus_areas[0] if offering and offering.focus_areas else "",
        measure_id=measure_id,
        target=target,
    )
    return await store.slas.add(tx, made, contracts.SlaAgreed(**await _told(tx, made)))


async def retarget_sla(tx: Transaction, id: str, target: str, *, expected_version: int, by: Principal) -> Sla:
    """From now on. Raises NotFound, Forbidden, StaleVersion."""
    current = await _current(tx, id, expected_version, by)
    if not (await policy.reach(tx, by)).acts_for(current.organization_id):
        raise Forbidden("To agree a service level needs an agency role that covers the adopting agency.")
    changed = domain.agreed(current, target)
    return await store.slas.save(tx, changed, contracts.SlaAgreed(**await _told(tx, changed)))


async def record_result(
    tx: Transaction, id: str, *, month: str, value: Decimal, comment: str, expected_version: int, by: Principal
) -> Sla:
    """By the provider of the offering. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, expected_version, by)
    if not await provides(tx, current.offering_id, by):
        raise Forbidden("Results are told by the provider of the offering.")
    on: date = tx.at.date()
    changed = domain.recorded(current, month=month, value=value, comment=comment, by=by.actor, on=on)
    result = next(each for each in changed.results if each.month == month)
    return await store.slas.save(tx, changed, await _result_fact(tx, changed, result))


async def provides(tx: Transaction, offering_id: str, by: Principal) -> bool:
    """Whether the caller speaks for the offering's provider."""
    table = tables.known_offerings
    row = await tx.row(select(table.c.provider_id).where(table.c.id == offering_id))
    return row is not None and row["provider_id"] is not None and by.has("provider", scope=row["provider_id"])


async def visible_sla(tx: Transaction, id: str, *, by: Principal) -> Sla:
    """Raises NotFound also for what the caller may not see."""
    found = await store.slas.find(tx, id)
    reach = await policy.reach(tx, by)
    if found is not None and (
        reach.everything
        or reach.acts_for(found.organization_id)
        or found.focus_area in reach.areas
        or await provides(tx, found.offering_id, by)
    ):
        return found
    raise NotFound(f"There is no service level {id!r}.")


async def _current(tx: Transaction, id: str, expected_version: int, by: Principal) -> Sla:
    current = await visible_sla(tx, id, by=by)
    if current.version != expected_version:
        raise StaleVersion(f"The service level is at version {current.version}.", current_version=current.version)
    return current


async def _result_fact(tx: Transaction, sla: Sla, result: Result) -> contracts.SlaResultFact:
    kinds = {True: contracts.SlaMet, False: contracts.SlaMissed, None: contracts.SlaRecorded}
    return kinds[result.met](
        **await _told(tx, sla), month=result.month, value=str(result.value), missed_in_a_row=sla.missed_in_a_row
    )


async def _told(tx: Transaction, sla: Sla) -> dict[str, object]:
    organization = await known_organization(tx, sla.organization_id)
    return {
        "sla_id": sla.id,
        "adoption_id": sla.adoption_id,
        "agency_id": sla.organization_id,
        "agency_name": organization.name,
        "focus_area": sla.focus_area,
        "offering_id": sla.offering_id,
        "measure_id": sla.measure_id,
        "target": sla.target,
    }
