"""Wire models of designations."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from services.registry.domain.designation import Status as DesignationStatus
from shared.web.wire import Action, Day, Identifier, Line, LongText, Reason, Shown, Slug, Wire


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


class StateMachines(Shown):
    machines: list[dict[str, object]]


class DesignationPage(Shown):
    items: list[DesignationShown]
    next_cursor: str | None
