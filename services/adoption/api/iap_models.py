"""Wire models of investment action plans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from services.adoption.api.agreement_models import FiscalYearName
from services.adoption.api.choice_models import Year
from services.adoption.domain.iap import Status
from services.adoption.domain.iap_content import Section
from services.adoption.domain.iap_need import Ground, Kind, Trigger
from shared.web.wire import Action, Day, Identifier, Line, LongText, MoneyGiven, MoneyShown, Reason, Shown, Slug, Wire

Areas = Annotated[list[Slug], Field(min_length=1, max_length=10)]


class IapContentGiven(Wire):
    """`areas`: all that the purchase touches, the leading one first; `new_system`: also one that replaces another."""

    areas: Areas
    title: Line
    fiscal_year: Year
    amount: MoneyGiven
    new_system: bool
    in_marketplace: Annotated[bool, Field(description="Whether the provider belongs to the marketplace")]
    sections: dict[Section, LongText] = {}
    costs: Annotated[dict[FiscalYearName, MoneyGiven], Field(max_length=30)] = {}
    systems: Annotated[list[Identifier], Field(max_length=200)] = []
    shortlist_id: Identifier | None = None


class IapGiven(IapContentGiven):
    agency_id: Identifier


class Recommended(Wire):
    """`warranted`: circumstances make the plan comprehensive. `focus_area`: where the caller leads several of the plan's."""

    in_favour: bool
    rationale: Reason
    warranted: bool = False
    focus_area: Slug | None = None


class Answered(Wire):
    party: Literal["omb", "qsmo", "coordinator", "standards"]
    text: Reason
    focus_area: Slug | None = None


class Signed(Wire):
    party: Literal["sapoc", "cio", "qsmo"]
    focus_area: Slug | None = None


class ConditionGiven(Wire):
    text: Reason
    due_on: Day | None = None


class Approved(Wire):
    expires_on: Day
    conditions: Annotated[list[ConditionGiven], Field(max_length=50)] = []
    reason: Reason | None = None


class Satisfied(Wire):
    evidence: Reason


class Reasoned(Wire):
    reason: Reason


class ThresholdGiven(Wire):
    amount: MoneyGiven
    reason: Reason


class ThresholdShown(Shown):
    focus_area: str
    amount: MoneyShown
    reason: str
    by: str
    version: int


class ThresholdList(Shown):
    items: list[ThresholdShown]


class IapNeedShown(Shown):
    """`sections`: what would have to be written; empty where no plan is needed."""

    needed: bool
    ground: Ground
    why: str
    kind: Kind | None
    triggers: list[Trigger]
    sections: list[Section]


class RecommendationShown(Shown):
    focus_area: str
    in_favour: bool
    rationale: str
    warranted: bool
    by: str
    on: date


class WordShown(Shown):
    party: str
    by: str
    on: date
    text: str
    acting_for: str | None


class ConditionShown(Shown):
    id: str
    text: str
    due_on: date | None
    satisfied_on: date | None
    evidence: str | None
    by: str | None


class IapShown(Shown):
    """`need`: what the purchase needs as things stand today; `missing`: what the present state still waits for."""

    id: str
    version: int
    agency_id: str
    areas: list[str]
    status: Status
    title: str
    fiscal_year: int
    amount: MoneyShown
    new_system: bool
    in_marketplace: bool
    sections: dict[Section, str]
    costs: dict[str, MoneyShown]
    systems: list[str]
    shortlist_id: str | None
    need: IapNeedShown
    recommendations: list[RecommendationShown]
    endorsement: WordShown | None
    submitted_by: str | None
    answers: list[WordShown]
    answers_due_on: date | None
    approvals: list[WordShown]
    conditions: list[ConditionShown]
    open_conditions: int
    decided_by: str | None
    decided_on: date | None
    expires_on: date | None
    review: int
    reason: str | None
    missing: list[str]
    actions: list[Action] = Field(alias="_actions")


class IapInList(Shown):
    id: str
    version: int
    agency_id: str
    areas: list[str]
    status: Status
    title: str
    fiscal_year: int
    amount: MoneyShown
    answers_due_on: date | None
    expires_on: date | None
    open_conditions: int


class IapPage(Shown):
    items: list[IapInList]
    next_cursor: str | None


def money(amount: Decimal) -> MoneyShown:
    return MoneyShown(amount=amount)
