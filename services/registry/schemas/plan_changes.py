"""Wire models of what is written into plans and their parts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.registry.domain.plan_criteria import Assessment
from services.registry.domain.plan_review import Choice
from shared.web.wire import Day, Identifier, Line, LongText, MoneyGiven, Reason, Slug, Url, Whole, Wire

Year = Annotated[int, Field(ge=2000, le=2100), Whole]
Evidence = Annotated[list[Url], Field(max_length=50)]


class PlanYearGiven(Wire):
    fiscal_year: Year
    capacity: LongText = ""
    skills: LongText = ""
    funds: MoneyGiven | None = None


class SectionsGiven(Wire):
    offerings: LongText = ""
    acquisition_strategy: LongText = ""
    governance: LongText = ""
    funding_mechanism: LongText = ""
    organization: LongText = ""


class PlanValuesGiven(Wire):
    """The whole content of a draft; what is left out is empty."""

    lead_office_id: Identifier | None = None
    services: Annotated[list[Slug], Field(max_length=200)] = []
    sections: SectionsGiven = SectionsGiven()
    years: Annotated[list[PlanYearGiven], Field(max_length=5)] = []


class PlanGiven(PlanValuesGiven):
    """The horizon is five fiscal years from `first_fiscal_year`."""

    focus_area: Slug
    host_organization_id: Identifier
    first_fiscal_year: Year
    effective_on: Day | None = None


class ObligationGiven(Wire):
    title: Line
    owner: Line
    due_on: Day


class PlanMoved(Wire):
    """`effective_on` is today when left out; `conditions` come with `approve` only."""

    effective_on: Day | None = None
    reason: Reason | None = None
    policy: Slug | None = None
    clause: Line | None = None
    conditions: Annotated[list[ObligationGiven], Field(max_length=50)] = []


class CriterionGiven(Wire):
    status: Assessment
    evidence: Evidence = []
    note: LongText = ""


class CheckGiven(Wire):
    complete: bool
    note: LongText = ""


class QuestionGiven(Wire):
    text: Reason


class AnswerGiven(Wire):
    answer: Reason


class VoteGiven(Wire):
    seat: Slug
    choice: Choice
    comment: LongText = ""


class MilestoneGiven(Wire):
    title: Line
    due_on: Day


class MilestoneMoved(Wire):
    met_on: Day | None = None
    forecast_on: Day | None = None
    evidence: Evidence = []
    reason: Reason | None = None


class ObligationMoved(Wire):
    evidence: Evidence = []
    reason: Reason | None = None
