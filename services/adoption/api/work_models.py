"""Wire models of tasks, artifacts, schedules and risks of an adoption."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from services.adoption.domain.m3 import Phase
from services.adoption.domain.playbook import Party, Workstream
from services.adoption.domain.risk import Band, Category, Level, Size
from services.adoption.domain.work import ArtifactStatus, TaskStatus
from shared.web.wire import Day, Line, Reason, Shown, Url, Wire

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file, in hexadecimal")]


class TaskGiven(Wire):
    """`owner`: a post or role; `note`: where the result can be seen, or why the task does not apply (needed then)."""

    status: TaskStatus
    owner: Line | None = None
    due_on: Day | None = None
    note: Reason | None = None


class WorkTaskShown(Shown):
    """`overdue`: not done and its day is past; `by`: who said so last."""

    id: str
    phase: Phase
    workstream: Workstream
    responsible: Party
    title: str
    official: str | None
    status: TaskStatus
    owner: str | None
    due_on: date | None
    overdue: bool
    note: str | None
    on: date | None
    by: str | None


class WorkTasksShown(Shown):
    """`counts`: status → tasks."""

    adoption_id: str
    counts: dict[TaskStatus, int]
    items: list[WorkTaskShown]


class ArtifactGiven(Wire):
    """Filed with a link; left out with the reason as `note`."""

    status: ArtifactStatus
    link: Url | None = None
    digest: Digest | None = None
    note: Reason | None = None


class WorkArtifactShown(Shown):
    id: str
    phase: Phase
    title: str
    status: ArtifactStatus
    link: str | None
    digest: str | None
    note: str | None
    on: date | None
    by: str | None


class WorkArtifactsShown(Shown):
    """`counts`: status → artifacts."""

    adoption_id: str
    counts: dict[ArtifactStatus, int]
    items: list[WorkArtifactShown]


class TargetGiven(Wire):
    """`owner`: a post or role; a later day than the one that is set needs a reason."""

    owner: Line
    target_on: Day
    reason: Reason | None = None


class StretchShown(Shown):
    """`slip_days` behind the target, negative when ahead; `baseline_slip_days` behind the day that was set first."""

    phase: Phase
    owner: str | None
    target_on: date | None
    baseline_on: date | None
    entered_on: date | None
    left_on: date | None
    slip_days: int | None
    baseline_slip_days: int | None
    late: bool
    reason: str | None


class ScheduleShown(Shown):
    adoption_id: str
    phase: Phase
    as_of: date
    items: list[StretchShown]


class RatingGiven(Wire):
    """Of the agency: low, medium or high; `grounds`: why."""

    level: Level
    grounds: Reason


class RiskGiven(Wire):
    """An assessment is whole: categories that are not in it are unanswered."""

    size: Size
    ratings: Annotated[dict[Category, RatingGiven], Field(min_length=1)]


class RiskReviewed(Wire):
    """The QSMO's levels count instead of the agency's; `-with-strategy`: there is a strategy, and it is accepted."""

    ratings: Annotated[dict[Category, RatingGiven], Field(min_length=1)]


class RatingShown(Shown):
    """`points` times `weight` is what the category adds to the score."""

    category: Category
    level: Level
    grounds: str
    review: Level | None
    review_grounds: str | None
    points: int
    weight: Decimal


class RiskShown(Shown):
    """`score`: the weighted mean of what is rated, as `explanation` spells out."""

    n: int
    phase: Phase
    size: Size
    score: Decimal
    band: Band
    explanation: str
    unanswered: list[Category]
    ratings: list[RatingShown]
    on: date
    by: str
    reviewed_by: str | None


class RisksShown(Shown):
    """`newest` in full, all versions in order; `needed`: what the present phase's tollgate still asks for."""

    adoption_id: str
    phase: Phase
    needed: list[str]
    newest: RiskShown | None
    versions: list[RiskShown]


class RiskToolShown(Shown):
    """`weights`: size → phase → category → weight; `band_from`: the least score of each band."""

    source: str
    imported_weights: int
    points: dict[Level, int]
    band_from: dict[Band, Decimal]
    weights: dict[Size, dict[Phase, dict[Category, Decimal]]]
