"""Wire models of organizations and match reviews."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from services.registry.domain.match_review import Status as ReviewStatus
from services.registry.domain.organization import Kind
from shared.web.wire import Action, Day, Identifier, Line, LongText, Reason, Shown, Slug, Whole, Wire


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


class DatedGround(Wire):
    effective_on: Day
    reason: Reason
    source: LongText | None = None


class OrganizationRenamed(DatedGround):
    """The name before stays an alias until that day."""

    name: Line
    abbreviation: Annotated[Line, Field(max_length=40)] | None = None


class OrganizationMoved(DatedGround):
    """To the top of the tree without `parent_id`."""

    parent_id: Identifier | None = None


class OrganizationMerging(DatedGround):
    into_id: Identifier


class OrganizationPartGiven(Wire):
    name: Line
    kind: Kind
    abbreviation: Annotated[Line, Field(max_length=40)] | None = None
    parent_id: Identifier | None = None
    codes: Annotated[list[CodeGiven], Field(max_length=50)] = []
    cfo_act: bool = False


class OrganizationSplitting(DatedGround):
    """Ends it unless it `goes_on`."""

    into: Annotated[list[OrganizationPartGiven], Field(min_length=1, max_length=20)]
    goes_on: bool = False


class EraShown(Shown):
    """What it was until that day, and what ended that."""

    name: str
    parent_id: str | None
    abbreviation: str | None
    until: date
    action: str
    at: datetime
    by: str
    reason: str
    source: str | None


class TreeNodeShown(Shown):
    id: str
    name: str
    parent_id: str | None
    depth: int


class OrganizationTree(Shown):
    """The organization (depth 0) and all below it on that day, nearest first."""

    as_of: date
    items: list[TreeNodeShown]


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
    eras: list[EraShown]
    predecessor_ids: list[str]
    successor_ids: list[str]
    actions: list[Action] = Field(alias="_actions")


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


class ReviewResolutionGiven(Wire):
    """`version` is the one that was read."""

    id: Identifier
    version: Annotated[int, Field(ge=1, le=1_000_000_000), Whole]
    organization_id: Identifier


class ReviewsResolved(Wire):
    """All of them or none."""

    resolutions: Annotated[list[ReviewResolutionGiven], Field(min_length=1, max_length=500)]


class ReviewDismissed(Wire):
    reason: Reason


class OrganizationPage(Shown):
    items: list[OrganizationShown]
    next_cursor: str | None


class MatchReviewPage(Shown):
    items: list[MatchReviewShown]
    next_cursor: str | None


class MatchReviewList(Shown):
    items: list[MatchReviewShown]
