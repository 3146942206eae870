"""Organizations, and outside names that wait to be recognized."""

from __future__ import annotations

from datetime import date, datetime

from shared.contracts.fact import Fact
from shared.contracts.registry.part import Part


class CodeEntry(Part):
    scheme: str
    value: str


class AliasEntry(Part):
    name: str
    valid_from: date | None = None
    valid_to: date | None = None


class EraEntry(Part):
    """What an organization was until a day, and what ended that."""

    name: str
    parent_id: str | None = None
    abbreviation: str | None = None
    until: date
    action: str
    at: datetime
    by: str
    reason: str
    source: str | None = None


class OrganizationFact(Fact):
    """An organization as it is after the change; `codes` are alternate keys, `eras` is what it was before.

    `effective_on`, `reason` and `source` come with a dated change.
    """

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
    eras: tuple[EraEntry, ...] = ()
    predecessor_ids: tuple[str, ...] = ()
    successor_ids: tuple[str, ...] = ()
    effective_on: date | None = None
    reason: str | None = None
    source: str | None = None


class OrganizationRegistered(OrganizationFact, type="registry.organization.registered"):
    pass


class OrganizationChanged(OrganizationFact, type="registry.organization.changed"):
    pass


class OrganizationMerged(OrganizationFact, type="registry.organization.merged"):
    """This one is no more; `successor_ids` names the one it went into."""


class OrganizationSplit(OrganizationFact, type="registry.organization.split"):
    """`successor_ids` names those that came out of it; it goes on unless `valid_to` says otherwise."""


class OrganizationDissolved(OrganizationFact, type="registry.organization.dissolved"):
    """This one is no more, and nothing took its place."""


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
