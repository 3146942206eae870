"""Facts of the registry: policy, focus areas, organizations, designations."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.fact import Fact


class Part(BaseModel):
    """A piece of a fact."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PolicyRecorded(Fact, type="registry.policy.recorded"):
    """A policy that decisions can cite."""

    policy: str
    title: str
    issuer: str
    issued_on: date
    url: str | None = None


class AreaServiceEntry(Part):
    slug: str
    title: str


class FocusAreaFact(Fact):
    """A focus area as it is after the change."""

    focus_area: str
    title: str
    aliases: tuple[str, ...] = ()
    policy: str
    services: tuple[AreaServiceEntry, ...] = ()
    marketplace_opens_on: date | None = None


class FocusAreaRegistered(FocusAreaFact, type="registry.focus_area.registered"):
    pass


class FocusAreaChanged(FocusAreaFact, type="registry.focus_area.changed"):
    pass


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


class DesignationFact(Fact):
    """A designation as it is after the change; effective dates are legal, `recorded_at` is ours."""

    designation_id: str
    focus_area: str
    service: str
    organization_id: str | None = None
    status: str
    effective_on: date
    recorded_at: datetime
    policy: str | None = None
    clause: str | None = None
    reason: str | None = None
    source: str | None = None


class DesignationResearched(DesignationFact, type="registry.designation.researched"):
    pass


class DesignationPreDesignated(DesignationFact, type="registry.designation.pre_designated"):
    """`predecessor_id` when it came by transfer."""

    predecessor_id: str | None = None


class DesignationDesignated(DesignationFact, type="registry.designation.designated"):
    pass


class DesignationTransferred(DesignationFact, type="registry.designation.transferred"):
    """This one ended; `successor_id` goes on, pre-designated."""

    successor_id: str


class DesignationSuspended(DesignationFact, type="registry.designation.suspended"):
    pass


class DesignationReinstated(DesignationFact, type="registry.designation.reinstated"):
    pass


class DesignationRevoked(DesignationFact, type="registry.designation.revoked"):
    pass
