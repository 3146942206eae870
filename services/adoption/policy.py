"""Who may see and do what in adoption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select, true

from services.adoption import store, tables
from services.adoption.domain.adoption import FEDRAMP
from shared.auth import Principal
from shared.contracts.fact import Visibility
from shared.db import Transaction
from shared.kernel.errors import Forbidden

PARKED_ROWS_READERS = ("coordinator", "omb", "auditor")


def require(by: Principal, *roles: str, to: str) -> None:
    """Raises Forbidden naming the roles that may."""
    if not by.has_any(roles):
        raise Forbidden(f"To {to} needs one of the roles: {', '.join(roles)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far a caller's roles go: `organizations` are those of the agency roles, with all below them."""

    everything: bool
    areas: tuple[str, ...]
    organizations: frozenset[str]

    def sees(self) -> ColumnElement[bool]:
        """The one rule of who may see an adoption, as a condition on its row: lists, single reads and counts share it.

        It is `Principal.may_see` turned round: what is public, and of the rest what the caller's roles reach.
        """
        adoptions, areas = tables.adoptions, tables.known_offering_areas
        if self.everything:
            return true()
        allowed: list[ColumnElement[bool]] = [adoptions.c.source == FEDRAMP]
        if self.organizations:
            allowed.append(adoptions.c.organization_id.in_(self.organizations))
        if self.areas:
            within = select(areas.c.offering_id).where(areas.c.focus_area.in_(self.areas))
            allowed.append(adoptions.c.offering_id.in_(within))
        return or_(*allowed)

    def acts_for(self, organization_id: str) -> bool:
        """Whether an agency role covers the organization."""
        return organization_id in self.organizations


async def reach(tx: Transaction, by: Principal) -> Reach:
    """Reads the tree of organizations only for agency roles."""
    federal_wide = by.may_see(Visibility.RESTRICTED, focus_area=None, agency_codes=frozenset())
    return Reach(
        everything=federal_wide,
        areas=by.scopes("qsmo"),
        organizations=await covered(tx, by.scopes("agency")),
    )


async def covered(tx: Transaction, scopes: Sequence[str]) -> frozenset[str]:
    """The organizations that a scope names, by id or by a code of any scheme, and all below them."""
    if not scopes:
        return frozenset()
    organizations, codes = tables.known_organizations, tables.known_codes
    coded = select(codes.c.organization_id).where(codes.c.value.in_(scopes))
    named = select(organizations.c.id).where(organizations.c.id.in_(scopes) | organizations.c.id.in_(coded))
    return frozenset(row["id"] for row in await tx.rows(select(store.with_all_below(named).c.id)))
