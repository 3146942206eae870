"""Wire models of legacy systems, duplication and savings."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from services.adoption.api.agreement_models import FiscalYearName
from services.adoption.api.choice_models import FibfId, Year
from services.adoption.domain.agreement import Status as AgreementStatus
from services.adoption.domain.savings import Confidence, Kind
from services.adoption.domain.system import Status
from services.adoption.schemas import RangeShown
from shared.web.wire import Action, Day, Identifier, Line, MoneyGiven, MoneyShown, Reason, Shown, Slug, Whole, Wire

SignedAmount = Annotated[str, Field(pattern=r"^-?\d{1,14}(\.\d{1,2})?$")]
Hours = Annotated[int, Field(ge=-10_000_000, le=10_000_000), Whole]
Fte = Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,2})?$")]


class CostGiven(Wire):
    """Of one fiscal year; `fte`: full-time equivalents of government staff."""

    development: MoneyGiven | None = None
    operation: MoneyGiven | None = None
    staff: MoneyGiven | None = None
    fte: Fte = "0"


class FactsGiven(Wire):
    """`capabilities`: FIBF ids; `costs`: fiscal year → cost."""

    name: Line
    focus_area: Slug
    capabilities: Annotated[list[FibfId], Field(max_length=1_000)] = []
    costs: Annotated[dict[FiscalYearName, CostGiven], Field(max_length=30)] = {}
    contracts: Annotated[list[Line], Field(max_length=100)] = []
    since: Day | None = None


class SystemGiven(FactsGiven):
    """`number` is the agency's own, such as its UII."""

    agency_id: Identifier
    number: Line


class DecommissionPlanned(Wire):
    """`adoption_id`: what takes its place."""

    planned_on: Day
    adoption_id: Identifier | None = None


class Decommissioned(Wire):
    ended_on: Day
    evidence: Reason


class Reasoned(Wire):
    reason: Reason


class CostShown(Shown):
    development: MoneyShown
    operation: MoneyShown
    staff: MoneyShown
    fte: Decimal


class SystemShown(Shown):
    """`yearly_cost`: of the present fiscal year, else the newest known before it."""

    id: str
    version: int
    agency_id: str
    number: str
    status: Status
    name: str
    focus_area: str
    capabilities: list[str]
    costs: dict[str, CostShown]
    yearly_cost: MoneyShown
    contracts: list[str]
    since: date | None
    planned_on: date | None
    decommissioned_on: date | None
    adoption_id: str | None
    evidence: str | None
    reason: str | None
    actions: list[Action] = Field(alias="_actions")


class SystemPage(Shown):
    items: list[SystemShown]
    next_cursor: str | None


class SystemNamed(Shown):
    id: str
    agency_id: str
    number: str
    name: str
    status: Status


class ClusterShown(Shown):
    """Systems linked by overlap; `overlap` is the least of any link, `yearly_cost` that of those in service."""

    id: str
    retired: bool
    overlap: float
    yearly_cost: MoneyShown
    systems: list[SystemNamed]


class Duplications(Shown):
    """`found` clusters were ever there, `open` still have more than one system in service; `range`: facts of systems."""

    focus_area: str
    definition: str
    as_of: date | None
    range: RangeShown
    found: int
    open: int
    items: list[ClusterShown]


class RetirementShown(Shown):
    """`share` of what the system does that the offering covers; `left`: activities that it does not."""

    system: SystemNamed
    adoption_id: str
    offering_id: str
    share: float
    covered: list[str]
    left: list[str]


class Retirements(Shown):
    agency_id: str
    items: list[RetirementShown]


class EntryGiven(Wire):
    """`amount` in US dollars, `hours` of staff moved to higher-value work: at least one of them."""

    fiscal_year: Year
    kind: Kind
    amount: SignedAmount = "0"
    hours: Hours = 0
    method: Line
    source: Line
    confidence: Confidence


class EntryShown(Shown):
    """`reverses` an entry, with negative figures."""

    id: str
    adoption_id: str
    agency_id: str
    focus_area: str
    fiscal_year: int
    kind: Kind
    amount: MoneyShown
    hours: int
    method: str
    source: str
    confidence: Confidence
    reverses: str | None
    reason: str | None


class EntryPage(Shown):
    items: list[EntryShown]
    next_cursor: str | None


class KindSum(Shown):
    amount: MoneyShown
    hours: int
    entries: int


class SumShown(Shown):
    """Kinds are never added to one another."""

    key: str
    kinds: dict[Kind, KindSum]


class Sums(Shown):
    by: str
    items: list[SumShown]


class AgreementFunds(Shown):
    """What an agreement behind the adoption has for the year."""

    id: str
    number: str
    status: AgreementStatus
    funds: MoneyShown


class ReconciledShown(Shown):
    """`difference`: realized less what the retired systems would have cost.

    `net`: what those would have cost less the funds of agreements; `unexplained`: what was realized beyond that.
    """

    fiscal_year: int
    realized: MoneyShown
    retired_cost: MoneyShown
    difference: MoneyShown
    agreed_funds: MoneyShown
    net: MoneyShown
    unexplained: MoneyShown
    systems: list[SystemNamed]
    agreements: list[AgreementFunds]


class Reconciliation(Shown):
    adoption_id: str
    items: list[ReconciledShown]
