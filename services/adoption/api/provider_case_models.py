"""Wire models of legacy providers' cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from services.adoption.api.agreement_models import FiscalYearName
from services.adoption.domain.provider_case import Exemption, Option, Paper, Status
from shared.web.wire import Action, Identifier, Line, LongText, MoneyGiven, MoneyShown, Reason, Shown, Slug, Wire


class CaseContentGiven(Wire):
    """`papers`: what `option` asks for; `costs`: by fiscal year."""

    title: Line
    option: Option
    papers: dict[Paper, LongText] = {}
    costs: Annotated[dict[FiscalYearName, MoneyGiven], Field(max_length=30)] = {}


class CaseGiven(CaseContentGiven):
    """`agency_id`: the organization that is the provider; `exemption`: on what ground none would be needed."""

    agency_id: Identifier
    focus_area: Slug
    exemption: Exemption | None = None


class CaseTurnGiven(Wire):
    reason: Reason | None = None


class AdviceGiven(Wire):
    in_favour: bool
    text: Reason
    seat: Identifier | None = None


class CaseApproved(Wire):
    reason: Reason
    conditions: Annotated[list[Reason], Field(max_length=50)] = []


class CaseDenied(Wire):
    reason: Reason


class ConditionSatisfied(Wire):
    evidence: Reason


class AdviceShown(Shown):
    seat: str
    in_favour: bool
    text: str
    by: str
    on: date


class CaseConditionShown(Shown):
    id: str
    text: str
    satisfied_on: date | None
    evidence: str
    by: str | None


class CaseTurnShown(Shown):
    action: str
    by: str
    on: date
    reason: str


class CaseInList(Shown):
    id: str
    version: int
    agency_id: str
    focus_area: str
    title: str
    option: Option
    status: Status
    open_conditions: int


class CaseShown(CaseInList):
    """`missing`: what the provider's next step waits for."""

    papers: dict[Paper, str]
    costs: dict[str, MoneyShown]
    advice: list[AdviceShown]
    conditions: list[CaseConditionShown]
    history: list[CaseTurnShown]
    missing: list[str]
    actions: list[Action] = Field(default_factory=list, serialization_alias="_actions")


class CasePage(Shown):
    items: list[CaseInList]
    next_cursor: str | None
