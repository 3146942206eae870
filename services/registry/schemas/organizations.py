"""Wire models of organizations and match reviews."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from services.registry.domain.match_review import Status as ReviewStatus
from services.registry.domain.organization import Kind
from shared.web.wire import Action, Day, Identifier, Line, Reason, Shown, Slug, Wire


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


class OrganizationPage(Shown):
    items: list[OrganizationShown]
    next_cursor: str | None


class MatchReviewPage(Shown):
    items: list[MatchReviewShown]
    next_cursor: str | None
