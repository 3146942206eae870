"""Adoption's wire models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from services.adoption.domain.adoption import Status
from services.adoption.domain.gate import Outcome, Side
from services.adoption.domain.letter import LetterKind
from services.adoption.domain.m3 import Phase
from services.adoption.domain.playbook import Party, Workstream
from shared.web.wire import Action, Day, Identifier, Reason, Shown, Whole, Wire

_REVISION_MAX = 2**31 - 1


class AdoptionStarted(Wire):
    """`offering_revision` default: the present one; `effective_on` default: today."""

    agency_id: Identifier
    offering_id: Identifier
    offering_revision: Annotated[int, Field(ge=1, le=_REVISION_MAX), Whole] | None = None
    effective_on: Day | None = None
    reason: Reason | None = None


class AdoptionMoved(Wire):
    """`effective_on` default: today."""

    effective_on: Day | None = None
    reason: Reason | None = None


class CriterionMet(Wire):
    """`evidence`: where it can be seen, a document or its address."""

    evidence: Reason


class Reasoned(Wire):
    reason: Reason


class TollgateSigned(Wire):
    side: Side


class CriterionShown(Shown):
    """`official`: its name in an imported file of the playbook."""

    id: str
    phase: Phase
    text: str
    official: str | None = None


class TaskShown(Shown):
    """`title` in our words; what an imported file says of it beside that."""

    id: str
    phase: Phase
    workstream: Workstream
    responsible: Party
    title: str
    official: str | None
    objective: str | None
    activities: list[str]
    outputs: list[str]
    stakeholders: list[str]


class ArtifactShown(Shown):
    id: str
    phase: Phase
    title: str


class PhaseShown(Shown):
    """`objective` and `tollgate_items` come with a file of the playbook."""

    phase: Phase
    objective: str | None
    tollgate: bool
    tollgate_items: list[str]
    exit_criteria: list[CriterionShown]
    tasks: list[TaskShown]
    artifacts: list[ArtifactShown]


class TermShown(Shown):
    group: str
    name: str
    text: str


class GlossaryShown(Shown):
    items: list[TermShown]


class PlaybookShown(Shown):
    """M3 as adoptions go by it; `imported`: how many things of it came with files."""

    source: str
    imported: int
    phases: list[PhaseShown]


class AssessedShown(CriterionShown):
    """`result` is `unmet` until somebody says otherwise; `grounds`: the evidence, or the reason of a waiver."""

    result: Literal["unmet", "met", "waived"]
    grounds: str | None
    on: date | None
    by: str | None


class SignatureShown(Shown):
    phase: Phase
    side: Side
    on: date
    by: str


class GoLiveShown(Shown):
    """`contingency`: what is done instead, for a no-go."""

    outcome: Outcome
    go_live_on: date
    on: date
    by: str
    contingency: str | None


class GatesShown(Shown):
    """`criteria` of all phases in order; `outstanding`: what keeps `phase`, the present one, from being left."""

    adoption_id: str
    phase: Phase
    criteria: list[AssessedShown]
    signatures: list[SignatureShown]
    go_live: GoLiveShown | None
    outstanding: list[str]


class StepShown(Shown):
    action: str
    status: Status
    phase: Phase
    effective_on: date
    recorded_at: datetime
    by: str
    reason: str | None


class LetterShown(Shown):
    kind: LetterKind
    ato_on: date
    authorized_on: date | None
    expires_on: date | None
    assessment: str | None


class StallShown(Shown):
    """No progress since `progress_on`, `days` ago; found on `found_on`, when that was longer than `threshold_days`."""

    progress_on: date
    found_on: date
    threshold_days: int
    days: int
    why: str


class NextStepShown(Shown):
    """What would move the adoption on, and whose turn it is."""

    what: str
    whose: Side


class AdoptionShown(Shown):
    """`phase` is kept through a hold; `history` by effective date; `stall` while it stands still.

    `target_on`: when the present phase is to end; `late`: that day is past.
    """

    id: str
    version: int
    agency_id: str
    agency_name: str | None
    offering_id: str
    offering_code: str | None
    offering_name: str | None
    offering_revision: int
    provider_name: str | None
    focus_areas: list[str]
    status: Status
    phase: Phase
    started_on: date
    live_on: date | None
    authorized_until: date | None
    target_on: date | None
    late: bool
    source: str | None
    stall: StallShown | None
    next_step: NextStepShown | None
    letters: list[LetterShown]
    history: list[StepShown]
    actions: list[Action] = Field(alias="_actions")


class CountShown(Shown):
    """`count` leaves out what was withdrawn; `statuses` has every status that occurs."""

    key: str | None
    name: str | None
    count: int
    statuses: dict[str, int]


class CountsShown(Shown):
    """`total` counts an adoption once, also where its offering belongs to several areas."""

    by: str
    as_of: date | None
    total: int
    items: list[CountShown]


class ParkedRowShown(Shown):
    """A row of an import that waits: `waits_for` is `fedramp-agency:<id>` or `offering:<code>`."""

    kind: str
    section: str
    number: int
    waits_for: str
    reason: str
    data: dict[str, Any]
    parked_at: datetime


class StateMachines(Shown):
    machines: list[dict[str, object]]


# What pages look like in the OpenAPI document; the bodies themselves are written item by item.
class RangeShown(Shown):
    """The facts counted: how many, the first and the last event of them by id."""

    facts: int
    first_event: str | None
    last_event: str | None


class AdoptionPage(Shown):
    """`definition` and `range` of facts are told of those that were stalled on a day."""

    items: list[AdoptionShown]
    next_cursor: str | None
    definition: str | None = None
    range: RangeShown | None = None


class ParkedRowPage(Shown):
    items: list[ParkedRowShown]
    next_cursor: str | None
