"""Wire models of the scorecard."""

from __future__ import annotations

from datetime import date

from services.registry.domain.plan_criteria import Group
from services.registry.domain.plan_states import State
from shared.web.wire import Shown


class Progress(Shown):
    """`met` counts what is met or waived."""

    met: int
    total: int


class ServiceState(Shown):
    service: str
    status: str | None
    organization_id: str | None
    days_in_state: int | None


class PlanProgress(Shown):
    plan_id: str
    number: int
    host_organization_id: str
    state: State
    days_in_state: int
    criteria: dict[Group, Progress]
    milestones_met: int
    milestones_due: int
    milestones_at_risk: int
    open_conditions: int
    open_corrective_actions: int
    overdue: int


class AreaScore(Shown):
    focus_area: str
    title: str
    services: list[ServiceState]
    plans: list[PlanProgress]


class Scorecard(Shown):
    as_of: date
    areas: list[AreaScore]
