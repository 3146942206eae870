"""The savings ledger: entries posted and reversed, never changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from services.adoption import policy, queries, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import savings as domain
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.savings import Confidence, Entry, Kind
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, Invalid, NotFound
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of one fiscal year, with how it was come by."""

    fiscal_year: int
    kind: Kind
    cents: int
    hours: int
    method: str
    source: str
    confidence: Confidence


async def post_savings(tx: Transaction, adoption_id: str, figure: Figure, *, by: Principal) -> Entry:
    """Raises NotFound, Forbidden, RuleViolation with what is missing; Invalid for an entry of nothing."""
    if figure.cents == 0 and figure.hours == 0:
        raise Invalid.at("/amount", "An entry has an amount, or hours.")
    adoption = await _own(tx, adoption_id, by=by)
    offering = (await queries.offerings_by_id(tx, [adoption.offering_id])).get(adoption.offering_id)
    entry = Entry(
        id=new_id(),
        version=0,
        adoption_id=adoption.id,
        organization_id=adoption.organization_id,
        focus_area=offering.focus_areas[0] if offering and offering.focus_areas else "",
        fiscal_year=figure.fiscal_year,
        kind=figure.kind,
        cents=figure.cents,
        hours=figure.hours,
        method=figure.method,
        source=figure.source,
        confidence=figure.confidence,
    )
    domain.check(entry, adoption, await entries_of(tx, adoption.id))
    return await store.savings.add(tx, entry, await _fact(tx, entry))


async def reverse_savings(tx: Transaction, entry_id: str, *, reason: str, by: Principal) -> Entry:
    """The reversal. Raises NotFound, Forbidden, RuleViolation."""
    found = await store.savings.find(tx, entry_id)
    if found is None:
        raise NotFound(f"There is no savings entry {entry_id!r}.")
    await _own(tx, found.adoption_id, by=by)
    reversal = domain.reversal(found, id=new_id(), reason=reason, posted=await entries_of(tx, found.adoption_id))
    return await store.savings.add(tx, reversal, await _fact(tx, reversal))


async def entries_of(tx: Transaction, adoption_id: str) -> list[Entry]:
    """In the order of posting."""
    table = tables.savings
    rows = await tx.rows(select(table).where(table.c.adoption_id == adoption_id).order_by(table.c.id))
    return [store.savings.from_row(row) for row in rows]


async def _own(tx: Transaction, adoption_id: str, *, by: Principal) -> Adoption:
    """Locked, so that what an entry rests on is not reversed meanwhile."""
    reach = await policy.reach(tx, by)
    await tx.execute(select(tables.adoptions.c.id).where(tables.adoptions.c.id == adoption_id).with_for_update())
    adoption = await queries.adoption(tx, adoption_id, reach=reach)
    if not reach.acts_for(adoption.organization_id):
        raise Forbidden("To account for savings needs an agency role that covers the adopting agency.")
    return adoption


async def _fact(tx: Transaction, entry: Entry) -> contracts.SavingsRecorded:
    organization = await known_organization(tx, entry.organization_id)
    return contracts.SavingsRecorded(
        entry_id=entry.id,
        adoption_id=entry.adoption_id,
        agency_id=entry.organization_id,
        agency_name=organization.name,
        focus_area=entry.focus_area,
        fiscal_year=entry.fiscal_year,
        kind=entry.kind.value,
        cents=entry.cents,
        hours=entry.hours,
        method=entry.method,
        source=entry.source,
        confidence=entry.confidence.value,
        reverses=entry.reverses,
        reason=entry.reason,
    )
