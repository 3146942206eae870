"""Offerings: draft, edit or revise, submit, request changes, publish, suspend, reinstate, retire."""

from __future__ import annotations

from sqlalchemy import select

from services.catalog import facts, store, tables
from services.catalog.domain import offering as domain
from services.catalog.domain.content import Content, changed_fields
from services.catalog.domain.notice import AHEAD_DAYS
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.origin import HAND, Origin
from services.catalog.policy import require, require_sight
from shared.auth import Principal
from shared.contracts import catalog as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Invalid, StaleVersion
from shared.kernel.ids import new_id
from shared.kernel.time import days_after

_TOLD_OF = (Status.PUBLISHED, Status.LISTED, Status.SUSPENDED)


async def draft_offering(tx: Transaction, *, code: str, content: Content, by: Principal, source: str | None = None) -> Offering:
    """Raises Forbidden; Invalid for unknown references; Conflict when the code is taken."""
    require(by, "draft", content)
    await _check_references(tx, content)
    origin = Origin(source=source or HAND, by=tx.cause.actor, at=tx.at)
    begun = domain.draft(id=new_id(), code=code, content=content, source=source, origin=origin)
    fact = facts.offering(contracts.OfferingDrafted, begun, provider_name=await _provider_name(tx, begun))
    try:
        return await store.offerings.add(tx, begun, fact)
    except Conflict as err:  # of what is new nothing but its code can be there; to look for it first is a round trip
        raise Conflict(f"There is an offering with the code {code!r}.", code="exists") from err


async def change_offering(
    tx: Transaction,
    id: str,
    content: Content,
    *,
    expected_version: int,
    by: Principal,
) -> Offering:
    """Edits a draft; makes a new revision of what is published or listed; writes nothing when nothing differs.

    Raises Forbidden, NotFound, StaleVersion, Invalid, RuleViolation.
    """
    current = require_sight(by, await store.offerings.get(tx, id))
    if current.status in {Status.PUBLISHED, Status.LISTED}:
        return await _revise(tx, current, content, expected_version=expected_version, by=by)
    require(by, "edit", current.content)
    require(by, "edit", content)
    _at_version(current, expected_version)
    await _check_references(tx, content)
    edited = domain.edit(current, content, origin=_by_hand(tx))
    if edited == current:
        return current
    return await _saved(tx, edited, contracts.OfferingDrafted)


async def _revise(tx: Transaction, current: Offering, content: Content, *, expected_version: int, by: Principal) -> Offering:
    # What a register put into an area is no QSMO's decision yet; taking it out of there needs nobody's consent.
    before = current.content.focus_areas if current.status is Status.PUBLISHED else ()
    require(by, "revise", content, areas=tuple(dict.fromkeys((*before, *content.focus_areas))))
    _at_version(current, expected_version)
    await _check_references(tx, content)
    revised = domain.revise(current, content, around=await store.surroundings(tx, [content]), origin=_by_hand(tx))
    if revised is current:
        return current
    return await _saved(tx, revised, revision_fact(current.content, content))


def _by_hand(tx: Transaction) -> Origin:
    return Origin(source=HAND, by=tx.cause.actor, at=tx.at)


def revision_fact(old: Content, new: Content) -> type[contracts.OfferingFact]:
    """Which fact tells of this change of content."""
    only_authorization = changed_fields(old, new) == ("authorization",)
    return contracts.OfferingAuthorizationChanged if only_authorization else contracts.OfferingRevised


async def submit_offering(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> Offering:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    current = await _permitted(tx, id, "submit", expected_version, by=by)
    return await _saved(tx, domain.submit(current, by=by.actor), contracts.OfferingSubmitted)


async def request_changes(
    tx: Transaction,
    id: str,
    *,
    reason: str,
    expected_version: int,
    by: Principal,
) -> Offering:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    current = await _permitted(tx, id, "request-changes", expected_version, by=by)
    return await _saved(tx, domain.request_changes(current, reason=reason), contracts.OfferingChangesRequested)


async def publish_offering(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> Offering:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation with what is missing."""
    current = await _permitted(tx, id, "publish", expected_version, by=by)
    published = domain.publish(current, by=by.actor, around=await store.surroundings(tx, [current.content]))
    return await _saved(tx, published, contracts.OfferingPublished)


async def suspend_offering(
    tx: Transaction,
    id: str,
    *,
    reason: str,
    expected_version: int,
    by: Principal,
) -> Offering:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    current = await _permitted(tx, id, "suspend", expected_version, by=by)
    return await _saved(tx, domain.suspend(current, reason=reason), contracts.OfferingSuspended)


async def reinstate_offering(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> Offering:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation with what is missing."""
    current = await _permitted(tx, id, "reinstate", expected_version, by=by)
    reinstated = domain.reinstate(current, around=await store.surroundings(tx, [current.content]))
    return await _saved(tx, reinstated, contracts.OfferingPublished)


async def retire_offering(
    tx: Transaction,
    id: str,
    *,
    reason: str | None,
    successor_id: str | None,
    expected_version: int,
    by: Principal,
) -> Offering:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation; Invalid for an unknown successor."""
    current = await _permitted(tx, id, "retire", expected_version, by=by)
    successor = await store.offerings.find(tx, successor_id) if successor_id else None
    if successor_id is not None and (successor is None or not successor.is_public):
        raise Invalid.at("/successor_id", f"There is no offering {successor_id!r}.", code="unknown-reference")
    retired = domain.retire(current, reason=reason, successor=successor)
    provider_name = await _provider_name(tx, retired)
    fact = facts.offering(contracts.OfferingRetired, retired, provider_name=provider_name, successor_id=retired.successor_id)
    return await store.offerings.save(tx, retired, fact)


async def tell_of_ends(tx: Transaction) -> None:
    """Give the notices of authorizations' ends that are due, each once."""
    table = tables.offerings
    soon = table.c.authorization_ends_on.between(tx.at.date(), days_after(tx.at.date(), max(AHEAD_DAYS)))
    rows = await tx.rows(select(table).where(table.c.status.in_(_TOLD_OF), soon).order_by(table.c.id))
    for offering in map(store.offerings.from_row, rows):
        if (due := domain.tell(offering, on=tx.at.date())) is not None:
            told, days = due
            name, ends_on = await _provider_name(tx, told), told.content.authorization and told.content.authorization.expires_on
            kind = contracts.OfferingAuthorizationExpiring
            await store.offerings.save(tx, told, facts.offering(kind, told, provider_name=name, days=days, expires_on=ends_on))


async def _saved(tx: Transaction, offering: Offering, kind: type[contracts.OfferingFact]) -> Offering:
    fact = facts.offering(kind, offering, provider_name=await _provider_name(tx, offering))
    return await store.offerings.save(tx, offering, fact)


async def _provider_name(tx: Transaction, offering: Offering) -> str | None:
    provider_id = offering.content.provider_id
    provider = await store.providers.find(tx, provider_id) if provider_id else None
    return provider.name if provider else None


async def _permitted(tx: Transaction, id: str, action: str, expected_version: int, *, by: Principal) -> Offering:
    """First whether the caller may know of it, then whether they may act, then whether they saw its newest version."""
    found = require_sight(by, await store.offerings.get(tx, id))
    require(by, action, found.content)
    return _at_version(found, expected_version)


def _at_version(found: Offering, expected_version: int) -> Offering:
    if found.version != expected_version:
        raise StaleVersion(f"The offering is at version {found.version}.", current_version=found.version)
    return found


async def _check_references(tx: Transaction, content: Content) -> None:
    """Raises Invalid with the pointer of what is not known."""
    known = await store.areas(tx)
    for index, area in enumerate(content.focus_areas):
        if area not in known:
            raise Invalid.at(f"/focus_areas/{index}", f"There is no focus area {area!r}.", code="unknown-reference")
    services = {slug for area in content.focus_areas for slug in known[area].services}
    for index, service in enumerate(content.services):
        if service not in services:
            there_are = ", ".join(sorted(services)) or "none"
            detail = f"No area of this offering has the service {service!r}; there are: {there_are}."
            raise Invalid.at(f"/services/{index}", detail, code="unknown-reference")
    provider_id = content.provider_id
    if provider_id is not None and await store.providers.find(tx, provider_id) is None:
        raise Invalid.at("/provider_id", f"There is no provider {provider_id!r}.", code="unknown-reference")
    await _check_codes(tx, content)
    if len({covered.fibf_id for covered in content.fibf_coverage}) != len(content.fibf_coverage):
        raise Invalid.at("/fibf_coverage", "An activity is named twice.", code="duplicate")


async def _check_codes(tx: Transaction, content: Content) -> None:
    """Raises Invalid for a code that no offering has."""
    named = [(f"/depends_on/{n}", code) for n, code in enumerate(content.depends_on)]
    named += [(f"/bundle/{n}", code) for n, code in enumerate(content.bundle)]
    named += [("/migrates_to", content.migrates_to)] if content.migrates_to else []
    known = {each.code for each in await store.offerings.find_by(tx, "code", sorted({code for _, code in named}))}
    for pointer, code in named:
        if code not in known:
            raise Invalid.at(pointer, f"There is no offering with the code {code!r}.", code="unknown-reference")
