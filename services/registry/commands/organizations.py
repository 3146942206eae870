"""Organizations and the reviews of names that fit none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.registry import facts, store
from services.registry.domain import match_review as reviews
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import Alias, Code, Kind, Organization, with_aliases, with_codes
from services.registry.policy import require, require_for
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Invalid, StaleVersion
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationValues:
    """Everything about an organization that a coordinator sets."""

    name: str
    kind: Kind
    abbreviation: str | None = None
    parent_id: str | None = None
    codes: tuple[Code, ...] = ()
    aliases: tuple[Alias, ...] = ()
    cfo_act: bool = False
    valid_from: date | None = None
    valid_to: date | None = None


async def register_organization(tx: Transaction, values: OrganizationValues, *, by: Principal) -> Organization:
    """Raises Forbidden; Invalid for an unknown parent; Conflict naming the organization that has one of the codes."""
    require_for(by, "register organization")
    await _check(tx, values, own_id=None)
    organization = _with(Organization(id=new_id(), version=0, name=values.name, kind=values.kind), values)
    fact = facts.organization(contracts.OrganizationRegistered, organization)
    await store.organizations.add_all(tx, [(organization, fact)])
    return replace(organization, version=1)


async def change_organization(
    tx: Transaction,
    id: str,
    values: OrganizationValues,
    *,
    expected_version: int,
    by: Principal,
) -> Organization:
    """Raises Forbidden, NotFound, StaleVersion, Invalid, Conflict."""
    require_for(by, "change organization")
    current = await store.organizations.get(tx, id)
    if current.version != expected_version:
        raise StaleVersion(f"The organization is at version {current.version}.", current_version=current.version)
    await _check(tx, values, own_id=id)
    changed = _with(current, values)
    if changed == current:
        return current
    return await store.organizations.save(tx, changed, facts.organization(contracts.OrganizationChanged, changed))


def _with(organization: Organization, values: OrganizationValues) -> Organization:
    return replace(
        organization,
        name=values.name,
        kind=values.kind,
        abbreviation=values.abbreviation,
        parent_id=values.parent_id,
        codes=values.codes,
        aliases=values.aliases,
        cfo_act=values.cfo_act,
        valid_from=values.valid_from,
        valid_to=values.valid_to,
    )


async def _check(tx: Transaction, values: OrganizationValues, *, own_id: str | None) -> None:
    if values.parent_id is not None:
        await _check_parent(tx, values.parent_id, own_id)
    taken = await store.organizations.by_code(tx, values.codes)
    for code, organization in taken.items():
        if organization.id != own_id:
            raise Conflict(f"The code {code.scheme}:{code.value} is that of {organization.name} ({organization.id}).")


async def _check_parent(tx: Transaction, parent_id: str, own_id: str | None) -> None:
    seen: str | None = parent_id
    while seen is not None:
        if seen == own_id:
            raise Invalid.at("/parent_id", "An organization cannot stand below itself.", code="cycle")
        parent = await store.organizations.find(tx, seen)
        if parent is None:
            raise Invalid.at("/parent_id", f"There is no organization {seen!r}.", code="unknown-reference")
        seen = parent.parent_id


async def open_reviews(tx: Transaction, opened: Sequence[MatchReview]) -> None:
    """Names from outside that wait for a coordinator; one review per outside id."""
    changes = [(review, facts.match_review(contracts.MatchReviewOpened, review)) for review in opened]
    await store.match_reviews.add_all(tx, changes)


async def resolve_review(
    tx: Transaction,
    id: str,
    *,
    organization_id: str,
    expected_version: int,
    by: Principal,
) -> MatchReview:
    """The outside id and name belong to this organization from now on.

    Raises Forbidden, NotFound, StaleVersion, RuleViolation unless open, Invalid for an unknown organization.
    """
    require(by, *reviews.MACHINE.roles_for("resolve"), to="resolve a match review")
    review = await _review_at(tx, id, expected_version)
    organization = await store.organizations.find(tx, organization_id)
    if organization is None:
        raise Invalid.at("/organization_id", f"There is no organization {organization_id!r}.", code="unknown-reference")
    resolved = reviews.resolve(review, organization_id=organization_id)
    saved = await store.match_reviews.save(tx, resolved, facts.match_review(contracts.MatchReviewResolved, resolved))
    code = Code(scheme=review.scheme, value=review.value)
    known = with_aliases(with_codes(organization, (code,)), (review.name,))
    if known != organization:
        await store.organizations.save(tx, known, facts.organization(contracts.OrganizationChanged, known))
    return saved


async def dismiss_review(
    tx: Transaction,
    id: str,
    *,
    reason: str,
    expected_version: int,
    by: Principal,
) -> MatchReview:
    """This name is no organization of the government. Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    require(by, *reviews.MACHINE.roles_for("dismiss"), to="dismiss a match review")
    dismissed = reviews.dismiss(await _review_at(tx, id, expected_version), reason=reason)
    return await store.match_reviews.save(tx, dismissed, facts.match_review(contracts.MatchReviewDismissed, dismissed))


async def _review_at(tx: Transaction, id: str, expected_version: int) -> MatchReview:
    review = await store.match_reviews.get(tx, id)
    if review.version != expected_version:
        raise StaleVersion(f"The match review is at version {review.version}.", current_version=review.version)
    return review
