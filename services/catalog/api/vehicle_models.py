"""Wire models of acquisition vehicles and of how to buy."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from services.catalog.domain.vehicle import Kind, Status
from services.catalog.schemas.content import Count, TierShown
from shared.web.wire import Action, Day, Identifier, Line, MoneyGiven, MoneyShown, Shown, Url, Wire


class TermsGiven(Wire):
    """`eligible`: organization ids; none means every agency. `contact` is an office or mailbox, no person."""

    title: Line
    kind: Kind
    holder: Line
    ordering_from: Day | None = None
    ordering_to: Day | None = None
    ceiling: MoneyGiven | None = None
    eligible: Annotated[list[Identifier], Field(max_length=500)] = []
    steps: Annotated[list[Line], Field(max_length=30)] = []
    contact: Line | None = None
    website: Url | None = None


class VehicleGiven(TermsGiven):
    number: Line


class OrderGiven(Wire):
    amount: MoneyGiven
    agency_id: Identifier
    offering_id: Identifier | None = None


class VehicleShown(Shown):
    """`obligated` of `ceiling` is taken; no ceiling means none is set."""

    id: str
    version: int
    number: str
    status: Status
    title: str
    kind: Kind
    holder: str
    ordering_from: date | None
    ordering_to: date | None
    ceiling: MoneyShown | None
    obligated: MoneyShown
    eligible: list[str]
    steps: list[str]
    contact: str | None
    website: str | None
    actions: list[Action] = Field(alias="_actions")


class VehiclePage(Shown):
    items: list[VehicleShown]
    next_cursor: str | None


class Way(Shown):
    """One way to buy: possible today, or what is missing."""

    vehicle_id: str | None
    number: str | None
    kind: str
    holder: str
    possible: bool
    missing: list[str]
    steps: list[str]
    contact: str | None
    website: str | None


class HowToBuy(Shown):
    """The ways in which an agency can get an offering today; `possible` when one of them is."""

    offering_id: str
    agency_id: str | None
    on: date
    possible: bool
    ways: list[Way]


class CostEstimate(Shown):
    """`per_year` leaves out what is paid once; `tier` is the one that the size falls into."""

    offering_id: str
    size: Count
    years: Count
    once: MoneyShown
    per_year: MoneyShown
    total: MoneyShown
    tier: TierShown
    included: list[str]
