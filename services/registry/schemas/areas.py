"""Wire models of policies, focus areas and their timelines."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from services.registry.domain.designation import Status as DesignationStatus
from services.registry.domain.plan_states import State as PlanState
from shared.web.wire import Action, Day, Line, Shown, Slug, Url, Wire


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


class TimelineEntry(Shown):
    """A step of a designation, or, for whom may know of it, a turn of a plan, whose organization is its host."""

    effective_on: date
    designation_id: str | None
    plan_id: str | None
    service: str | None
    action: str
    status: DesignationStatus | PlanState
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


class PolicyPage(Shown):
    items: list[PolicyShown]
    next_cursor: str | None


class FocusAreaPage(Shown):
    items: list[FocusAreaShown]
    next_cursor: str | None
