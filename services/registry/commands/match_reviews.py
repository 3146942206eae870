"""Names from outside that fit no organization with certainty: opened by imports, settled by a coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.registry import facts, store
from services.registry.domain import match_review as reviews
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import CODE_MAX_CHARS, Code, Organization, with_aliases, with_codes
from services.registry.policy import require
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import FieldError, Invalid, RuleViolation, StaleVersion


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
    known = _knowing(organization, review)
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


def _knowing(organization: Organization, review: MatchReview) -> Organization:
    """Where names serve as ids, one may be too long for a code: then the alias alone makes it known."""
    codes = (Code(scheme=review.scheme, value=review.value),) if len(review.value) <= CODE_MAX_CHARS else ()
    return with_aliases(with_codes(organization, codes), (review.name,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Which review, at which version, is of which organization."""

    id: str
    version: int
    organization_id: str


@dataclass(slots=True)
class _Settling:
    """What a bulk resolve has found out so far; written only when nothing stands in the way."""

    reviews: dict[str, MatchReview]
    organizations: dict[str, Organization]
    resolved: dict[str, MatchReview] = field(default_factory=dict)
    changed: dict[str, Organization] = field(default_factory=dict)

    def take(self, wanted: Resolution) -> tuple[str, str, str] | None:
        """(member, code, detail) of what is wrong with it."""
        review = self.reviews.get(wanted.id)
        if review is None:
            return "id", "unknown-reference", f"There is no match review {wanted.id!r}."
        if wanted.id in self.resolved:
            return "id", "duplicate", "This review stands in the list before."
        if review.version != wanted.version:
            return "version", "stale-version", f"The match review is at version {review.version}."
        organization = self.changed.get(wanted.organization_id) or self.organizations.get(wanted.organization_id)
        if organization is None:
            return "organization_id", "unknown-reference", f"There is no organization {wanted.organization_id!r}."
        try:
            self.resolved[wanted.id] = reviews.resolve(review, organization_id=organization.id)
        except RuleViolation as refusal:
            return "id", refusal.code or "refused", refusal.detail
        known = _knowing(organization, review)
        if known != organization:
            self.changed[organization.id] = known
        return None


async def resolve_reviews(tx: Transaction, wanted: Sequence[Resolution], *, by: Principal) -> list[MatchReview]:
    """All of them or none, in the order given. Raises Forbidden; Invalid with a pointer to every row that cannot be settled."""
    require(by, *reviews.MACHINE.roles_for("resolve"), to="resolve match reviews")
    settling = _Settling(
        {review.id: review for review in await store.match_reviews.find_by(tx, "id", [w.id for w in wanted])},
        {o.id: o for o in await store.organizations.find_by(tx, "id", [w.organization_id for w in wanted])},
    )
    faults = [(number, fault) for number, row in enumerate(wanted) if (fault := settling.take(row))]
    if faults:
        raise Invalid(
            f"{len(faults)} of {len(wanted)} rows cannot be settled; nothing was changed.",
            errors=tuple(
                FieldError(pointer=f"/resolutions/{number}/{member}", code=code, detail=detail)
                for number, (member, code, detail) in faults
            ),
        )
    resolved = [settling.resolved[row.id] for row in wanted]
    await store.match_reviews.save_all(tx, [(r, facts.match_review(contracts.MatchReviewResolved, r)) for r in resolved])
    changed = [(o, facts.organization(contracts.OrganizationChanged, o)) for o in settling.changed.values()]
    await store.organizations.save_all(tx, changed)
    return await _as_given(tx, wanted)


async def _as_given(tx: Transaction, wanted: Sequence[Resolution]) -> list[MatchReview]:
    saved = {review.id: review for review in await store.match_reviews.find_by(tx, "id", [w.id for w in wanted])}
    return [saved[row.id] for row in wanted]
