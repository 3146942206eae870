"""Wire models of posts, board seats and vacancies."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from services.registry.domain.post import PostKind, PostState
from shared.web.wire import Action, Day, Identifier, Line, LongText, Reason, Shown, Slug, Wire

_FEDERAL = "Shown to federal callers only"


class HolderGiven(Wire):
    """`subject` is how the person signs in; without it nobody acts in the post but by delegation."""

    name: Line
    title: Line | None = None
    subject: Line | None = None


class PostMoved(Wire):
    """Held by `holder` from that day on; vacant without one."""

    effective_on: Day
    holder: HolderGiven | None = None
    reason: Reason | None = None
    source: LongText | None = None


class PostFilledGiven(PostMoved):
    holder: HolderGiven


class PostVacatedGiven(Wire):
    effective_on: Day
    reason: Reason | None = None
    source: LongText | None = None


class PostOpened(PostMoved):
    """A QSMO director is of a `focus_area`, every other post of an organization."""

    kind: PostKind
    organization_id: Identifier | None = None
    focus_area: Slug | None = None


class DelegationAsked(Wire):
    """`to` is the subject of the person who acts; both days are included."""

    to: Line
    begins_on: Day
    ends_on: Day
    reason: Reason


class DelegationEnded(Wire):
    """`ends_on` is its last day."""

    ends_on: Day


class DelegationShown(Shown):
    to: str | None = Field(description=_FEDERAL)
    begins_on: date
    ends_on: date
    reason: str


class PostStepShown(Shown):
    action: str
    state: PostState
    effective_on: date
    recorded_at: datetime
    holder_name: str | None = Field(description=_FEDERAL)
    holder_title: str | None
    reason: str | None
    source: str | None


class PostShown(Shown):
    """`state`, the holder and `effective_on` are those of the step in force at the time asked about."""

    id: str
    version: int
    kind: PostKind
    organization_id: str | None
    focus_area: str | None
    state: PostState
    holder_name: str | None = Field(description=_FEDERAL)
    holder_title: str | None
    subject: str | None = Field(description=_FEDERAL)
    effective_on: date
    delegations: list[DelegationShown]
    history: list[PostStepShown]
    actions: list[Action] = Field(alias="_actions")


class PostPage(Shown):
    items: list[PostShown]
    next_cursor: str | None


class VacancyShown(Shown):
    """`acting_until` when somebody acts by delegation."""

    id: str
    kind: str
    organization_id: str | None
    organization_name: str | None
    focus_area: str | None
    vacant_since: date | None
    days_vacant: int | None
    acting: str | None = Field(description=_FEDERAL)
    acting_until: date | None


class VacancyPage(Shown):
    items: list[VacancyShown]
    next_cursor: str | None


class SeatValues(Wire):
    """Vacant without `subject`."""

    title: Line
    council: Slug | None = None
    organization_id: Identifier | None = None
    subject: Line | None = None


class SeatGiven(SeatValues):
    id: Slug


class SeatShown(Shown):
    id: str
    version: int
    title: str
    council: str | None
    organization_id: str | None
    vacant: bool
    subject: str | None = Field(description=_FEDERAL)
    delegations: list[DelegationShown]
    actions: list[Action] = Field(alias="_actions")


class SeatPage(Shown):
    items: list[SeatShown]
    next_cursor: str | None
