"""The registry's wire models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from services.registry.domain.designation import Status as DesignationStatus
from services.registry.domain.match_review import Status as ReviewStatus
from services.registry.domain.organization import Kind
from shared.web.wire import Action, Day, Identifier, Line, LongText, Reason, Shown, Slug, Url, Wire


class PolicyGiven(Wire):
    id: Slug
    title: Line
    issuer: Line
    issued_on: Day
    url: Url | None = None


class PolicyShown(Shown):
    id: str
    version: int
    title: str
    issuer: str
    issued_on: date
    url: str | None


class AreaServiceGiven(Wire):
    slug: Slug
    title: Line


class FocusAreaValues(Wire):
    title: Line
    aliases: Annotated[list[Line], Field(max_length=50)] = []
    services: Annotated[list[AreaServiceGiven], Field(max_length=200)] = []
    marketplace_opens_on: Day | None = None


class FocusAreaGiven(FocusAreaValues):
    id: Slug
    policy: Slug


class AreaServiceShown(Shown):
    slug: str
    title: str


class FocusAreaShown(Shown):
    id: str
    version: int
    title: str
    policy: str
    aliases: list[str]
    services: list[AreaServiceShown]
    marketplace_opens_on: date | None
    actions: list[Action] = Field(alias="_actions")


class CodeGiven(Wire):
    scheme: Slug
    value: Annotated[Line, Field(max_length=80)]


class AliasGiven(Wire):
    name: Line
    valid_from: Day | None = None
    valid_to: Day | None = None


class OrganizationGiven(Wire):
    name: Line
    kind: Kind
    abbreviation: Annotated[Line, Field(max_length=40)] | None = None
    parent_id: Identifier | None = None
    codes: Annotated[list[CodeGiven], Field(max_length=50)] = []
    aliases: Annotated[list[AliasGiven], Field(max_length=200)] = []
    cfo_act: bool = False
    valid_from: Day | None = None
    valid_to: Day | None = None


class CodeShown(Shown):
    scheme: str
    value: str


class AliasShown(Shown):
    name: str
    valid_from: date | None
    valid_to: date | None


class OrganizationShown(Shown):
    id: str
    version: int
    name: str
    kind: Kind
    abbreviation: str | None
    parent_id: str | None
    codes: list[CodeShown]
    aliases: list[AliasShown]
    cfo_act: bool
    valid_from: date | None
    valid_to: date | None
    actions: list[Action] = Field(alias="_actions")


class DesignationOpened(Wire):
    """`pre-designate` needs `organization_id`, `policy` and `clause`."""

    focus_area: Slug
    service: Slug
    organization_id: Identifier | None = None
    effective_on: Day
    policy: Slug | None = None
    clause: Line | None = None
    reason: Reason | None = None
    source: LongText | None = None


class DesignationMoved(Wire):
    effective_on: Day
    policy: Slug | None = None
    clause: Line | None = None
    reason: Reason | None = None
    source: LongText | None = None


class DesignationTransfer(DesignationMoved):
    organization_id: Identifier


class StepShown(Shown):
    action: str
    status: DesignationStatus
    effective_on: date
    recorded_at: datetime
    by: str
    policy: str | None
    clause: str | None
    reason: str | None
    source: str | None


class DesignationShown(Shown):
    """`status`, `effective_on` and the basis are those of the step in force at the time asked about."""

    id: str
    version: int
    focus_area: str
    service: str
    organization_id: str | None
    organization_name: str | None
    status: DesignationStatus
    effective_on: date
    recorded_at: datetime
    predecessor_id: str | None
    successor_id: str | None
    history: list[StepShown]
    actions: list[Action] = Field(alias="_actions")


class TimelineEntry(Shown):
    effective_on: date
    service: str
    action: str
    status: DesignationStatus
    designation_id: str
    organization_id: str | None
    organization_name: str | None
    policy: str | None
    clause: str | None
    reason: str | None
    source: str | None
    recorded_at: datetime


class Timeline(Shown):
    focus_area: str
    entries: list[TimelineEntry]


class CandidateShown(Shown):
    organization_id: str
    name: str
    score: float


class MatchReviewShown(Shown):
    id: str
    version: int
    scheme: str
    value: str
    name: str
    parent_name: str | None
    status: ReviewStatus
    candidates: list[CandidateShown]
    organization_id: str | None
    reason: str | None
    actions: list[Action] = Field(alias="_actions")


class ReviewResolved(Wire):
    organization_id: Identifier


class ReviewDismissed(Wire):
    reason: Reason


class StateMachines(Shown):
    machines: list[dict[str, object]]


# What pages look like in the OpenAPI document; the bodies themselves are written item by item.
class PolicyPage(Shown):
    items: list[PolicyShown]
    next_cursor: str | None


class FocusAreaPage(Shown):
    items: list[FocusAreaShown]
    next_cursor: str | None


class OrganizationPage(Shown):
    items: list[OrganizationShown]
    next_cursor: str | None


class DesignationPage(Shown):
    items: list[DesignationShown]
    next_cursor: str | None


class MatchReviewPage(Shown):
    items: list[MatchReviewShown]
    next_cursor: str | None
