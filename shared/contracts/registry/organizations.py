"""Organizations, and outside names that wait to be recognized."""

from __future__ import annotations

from datetime import date

from shared.contracts.fact import Fact
from shared.contracts.registry.part import Part


class CodeEntry(Part):
    scheme: str
    value: str


class AliasEntry(Part):
    name: str
    valid_from: date | None = None
    valid_to: date | None = None


class OrganizationFact(Fact):
    """An organization as it is after the change; `codes` are alternate keys."""

    organization_id: str
    name: str
    kind: str
    abbreviation: str | None = None
    parent_id: str | None = None
    codes: tuple[CodeEntry, ...] = ()
    aliases: tuple[AliasEntry, ...] = ()
    cfo_act: bool = False
    valid_from: date | None = None
    valid_to: date | None = None


class OrganizationRegistered(OrganizationFact, type="registry.organization.registered"):
    pass


class OrganizationChanged(OrganizationFact, type="registry.organization.changed"):
    pass


class MatchReviewFact(Fact):
    """A name from outside that no organization could be found for with certainty."""

    match_review_id: str
    scheme: str
    value: str
    name: str
    parent_name: str | None = None
    status: str
    organization_id: str | None = None
    reason: str | None = None


class MatchReviewOpened(MatchReviewFact, type="registry.match_review.opened"):
    pass


class MatchReviewResolved(MatchReviewFact, type="registry.match_review.resolved"):
    pass


class MatchReviewDismissed(MatchReviewFact, type="registry.match_review.dismissed"):
    pass
