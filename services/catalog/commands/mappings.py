"""Mappings of business functions: noticed, proposed, confirmed, rejected; a confirmation maps the offerings again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import select

from services.catalog import facts, store, tables
from services.catalog.domain import mapping as domain
from services.catalog.domain import offering as offerings
from services.catalog.domain.mapping import FunctionMapping, Target
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.origin import Origin
from services.catalog.policy import require_for_mapping
from services.catalog.store import mappings as mapping_store
from shared.auth import Principal
from shared.contracts import catalog as contracts
from shared.db import Transaction
from shared.kernel.errors import Invalid, StaleVersion

ORIGIN = "function mapping"
_TERM_MAX_CHARS = 300
_REGISTER = "fedramp"
_MAPPED = (Status.LISTED, Status.PUBLISHED, Status.SUSPENDED)


async def notice_functions(tx: Transaction, terms: Iterable[str]) -> None:
    """Keep those that nobody has heard of, so that somebody looks at them; they map to nothing until then."""
    known = {mapping.id for mapping in await mapping_store.mappings(tx)}
    new = {mapping_store.mapping_id(term): term for term in sorted(terms) if len(term) <= _TERM_MAX_CHARS}
    for id_, term in new.items():
        if id_ not in known:
            noticed = domain.noticed(id=id_, term=term)
            await mapping_store.save_mapping(tx, noticed, facts.mapping(contracts.MappingNoticed, noticed))


async def propose_mapping(
    tx: Transaction, id: str, target: Target, *, reason: str, expected_version: int, by: Principal
) -> FunctionMapping:
    """Raises Forbidden, NotFound, StaleVersion; Invalid for an unknown focus area."""
    current = _at_version(await mapping_store.mapping(tx, id), expected_version)
    require_for_mapping(by, "propose", ())
    if target.focus_area is not None and target.focus_area not in await store.areas(tx):
        raise Invalid.at("/focus_area", f"There is no focus area {target.focus_area!r}.", code="unknown-reference")
    proposed = domain.propose(current, target, reason=reason, by=by.actor)
    return await mapping_store.save_mapping(tx, proposed, facts.mapping(contracts.MappingProposed, proposed))


async def confirm_mapping(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> FunctionMapping:
    """Maps every offering with the function again, in the same transaction.

    Raises Forbidden, NotFound, StaleVersion, RuleViolation.
    """
    current = _at_version(await mapping_store.mapping(tx, id), expected_version)
    require_for_mapping(by, "confirm", current.areas)
    confirmed = domain.confirm(current, by=by.actor)
    effects = await mapping_store.effects(tx)
    if confirmed.effect is not None:
        effects[confirmed.term] = confirmed.effect
    remapped, left = await _map_again(tx, confirmed.term, effects)
    confirmed = replace(confirmed, remapped=remapped, left=left)
    return await mapping_store.save_mapping(tx, confirmed, facts.mapping(contracts.MappingConfirmed, confirmed))


async def reject_mapping(tx: Transaction, id: str, *, reason: str, expected_version: int, by: Principal) -> FunctionMapping:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    current = _at_version(await mapping_store.mapping(tx, id), expected_version)
    require_for_mapping(by, "reject", current.areas)
    rejected = domain.reject(current, reason=reason, by=by.actor)
    return await mapping_store.save_mapping(tx, rejected, facts.mapping(contracts.MappingRejected, rejected))


async def _map_again(tx: Transaction, term: str, effects: dict[str, Target]) -> tuple[int, int]:
    """How many offerings of the register changed, and how many were left in a field that is not the register's any more."""
    table = tables.offerings
    query = select(table).where(table.c.source == _REGISTER, table.c.status.in_(_MAPPED))
    rows = await tx.rows(query.where(table.c.search.contains(term.casefold(), autoescape=True)).order_by(table.c.id))
    found = [offering for offering in map(store.offerings.from_row, rows) if term in offering.content.business_functions]
    origin = Origin(source=ORIGIN, by=tx.cause.actor, at=tx.at)
    said = {offering.id: domain.said_of(offering.content.business_functions, effects) for offering in found}
    mapped = [offerings.renew(offering, said[offering.id], origin=origin) for offering in found]
    changed = [after for before, after in zip(found, mapped, strict=True) if after is not before]
    names = await _provider_names(tx, changed)
    await store.offerings.save_all(
        tx,
        [
            (o, facts.offering(contracts.OfferingRevised, o, provider_name=names.get(o.content.provider_id or "")))
            for o in changed
        ],
    )
    return len(changed), sum(1 for offering in found if offerings.left(offering, said[offering.id]))


async def _provider_names(tx: Transaction, found: list[Offering]) -> dict[str, str]:
    ids = sorted({o.content.provider_id for o in found if o.content.provider_id})
    return {provider.id: provider.name for provider in await store.providers.find_by(tx, "id", ids)}


def _at_version(found: FunctionMapping, expected_version: int) -> FunctionMapping:
    if found.version != expected_version:
        raise StaleVersion(f"The mapping is at version {found.version}.", current_version=found.version)
    return found
