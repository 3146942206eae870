"""Wire models of agreements and of the decision to go live."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from services.adoption.domain.agreement import Kind, Status
from services.adoption.domain.gate import Outcome
from shared.web.wire import Action, Day, Identifier, Line, LongText, MoneyGiven, MoneyShown, Reason, Shown, Wire

FiscalYearName = Annotated[str, Field(pattern=r"^20\d\d$")]


class TermsGiven(Wire):
    """`funding`: fiscal year → amount, within the period; `number`: as the parties file it."""

    number: Line
    kind: Kind
    begins_on: Day
    ends_on: Day
    funding: Annotated[dict[FiscalYearName, MoneyGiven], Field(max_length=30)] = {}
    scope: LongText = ""


class AgreementGiven(TermsGiven):
    adoption_id: Identifier


class Reasoned(Wire):
    """`reason` is needed to hold and to terminate."""

    reason: Reason | None = None


class AgreementShown(Shown):
    """`amendment` counts changes of terms since the first were active; `live`: it stands behind its adoption today."""

    id: str
    version: int
    adoption_id: str
    agency_id: str
    offering_id: str
    status: Status
    live: bool
    number: str
    kind: Kind
    begins_on: date
    ends_on: date
    funding: dict[str, MoneyShown]
    unfunded_years: list[int]
    scope: str
    signed_by: str | None
    countersigned_by: str | None
    amendment: int
    reason: str | None
    actions: list[Action] = Field(alias="_actions")


class AgreementVersionShown(Shown):
    """One set of terms and how far it came: `status` is where it stood when it was last touched."""

    amendment: int
    recorded_at: datetime
    by: str
    status: Status
    number: str
    kind: Kind
    begins_on: date
    ends_on: date
    funding: dict[str, MoneyShown]
    scope: str
    signed_by: str | None
    countersigned_by: str | None


class AgreementVersions(Shown):
    items: list[AgreementVersionShown]


class YearFunding(Shown):
    """`agreed`: of agreements that stand; `proposed`: of those not yet active; `unfunded`: those that stand without funds."""

    fiscal_year: int
    agreed: MoneyShown
    proposed: MoneyShown
    agreements: int
    unfunded: list[str]


class AgreementFunding(Shown):
    items: list[YearFunding]


class AgreementPage(Shown):
    items: list[AgreementShown]
    next_cursor: str | None


class GoLiveGiven(Wire):
    """A go needs a day 30 to 60 days ahead, a no-go a contingency plan."""

    outcome: Outcome
    go_live_on: Day
    contingency: LongText | None = None
