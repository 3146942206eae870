"""An offering: drafted, reviewed, published by its QSMO; or listed from a public register until a QSMO publishes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from services.catalog.domain.content import Content, Kind
from services.catalog.domain.marketplace import Status as MarketplaceStatus
from services.catalog.domain.notice import due_notice, noticed
from services.catalog.domain.origin import Origin, Origins, first_origins, set_by_hand, traced
from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class Status(StrEnum):
    """`listed`: known from a public register, offered by no QSMO."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    PUBLISHED = "published"
    LISTED = "listed"
    SUSPENDED = "suspended"
    RETIRED = "retired"


PUBLIC = (Status.PUBLISHED, Status.LISTED, Status.SUSPENDED, Status.RETIRED)
_AUTHORS = ("provider", "qsmo", "coordinator")
_IMPORTERS = ("coordinator", "omb")
# Which marketplace a published offering stands in, as what and whose, is its QSMO's decision, also where it edited nothing.
_VOUCHED_FOR = frozenset({"kind", "focus_areas", "provider_id"})
_PUBLISHING = (
    "an open marketplace in every area",
    "a FIBF activity covered",
    "a live vehicle or free, for a commercial product",
)

MACHINE = StateMachine(
    "offering",
    (
        Transition(action="draft", sources=(None,), target=Status.DRAFT, roles=_AUTHORS),
        Transition(action="edit", sources=(Status.DRAFT, Status.CHANGES_REQUESTED), target=Status.DRAFT, roles=_AUTHORS),
        Transition(action="submit", sources=(Status.DRAFT, Status.CHANGES_REQUESTED), target=Status.IN_REVIEW, roles=_AUTHORS),
        Transition(
            action="request-changes",
            sources=(Status.IN_REVIEW,),
            target=Status.CHANGES_REQUESTED,
            roles=("qsmo",),
            needs=("reason",),
        ),
        Transition(
            action="publish",
            sources=(Status.IN_REVIEW, Status.LISTED),
            target=Status.PUBLISHED,
            roles=("qsmo",),
            needs=(*_PUBLISHING, "another person than the one who submitted"),
        ),
        Transition(action="revise", sources=(Status.PUBLISHED,), target=Status.PUBLISHED, roles=("qsmo",), needs=_PUBLISHING),
        Transition(action="revise", sources=(Status.LISTED,), target=Status.LISTED, roles=("qsmo",)),
        Transition(
            action="suspend", sources=(Status.PUBLISHED,), target=Status.SUSPENDED, roles=("qsmo", "omb"), needs=("reason",)
        ),
        Transition(
            action="reinstate", sources=(Status.SUSPENDED,), target=Status.PUBLISHED, roles=("qsmo", "omb"), needs=_PUBLISHING
        ),
        Transition(
            action="retire",
            sources=(Status.PUBLISHED, Status.LISTED, Status.SUSPENDED),
            target=Status.RETIRED,
            roles=("qsmo", "omb"),
            needs=("a successor or a reason",),
        ),
        Transition(action="list", sources=(None,), target=Status.LISTED, roles=_IMPORTERS),
        *(
            Transition(action="renew", sources=(status,), target=status, roles=_IMPORTERS)
            for status in (Status.LISTED, Status.PUBLISHED, Status.SUSPENDED)
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """`revision` counts what was published or listed (0: nothing yet).

    `curated`: a QSMO edited or published it. `origins`: where each field comes from.
    `told`: which notices of its authorization's end were given.
    `unrecorded`: this revision is new and the store has yet to write it.
    """

    id: str
    version: int
    code: str
    status: Status
    content: Content
    revision: int = 0
    source: str | None = None
    curated: bool = False
    origins: Origins = field(default_factory=dict)
    submitted_by: str | None = None
    reason: str | None = None
    successor_id: str | None = None
    told: tuple[str, ...] = ()
    unrecorded: bool = False

    @property
    def is_public(self) -> bool:
        return self.status in PUBLIC and self.revision > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What publishing depends on: the marketplaces, and the numbers of the vehicles that can be ordered under today."""

    marketplaces: Mapping[str, MarketplaceStatus]
    orderable: frozenset[str] = frozenset()


_PUBLISHED_FROM = frozenset(
    source for step in MACHINE.transitions if step.action in {"publish", "reinstate"} for source in step.sources
)


def may_be_published_next(offering: Offering) -> bool:
    """Of all others nobody asks what publishing depends on."""
    return offering.status in _PUBLISHED_FROM


def orders_under(content: Content) -> tuple[str, ...]:
    """The numbers of the vehicles of which one has to be orderable."""
    return content.vehicles if content.kind is Kind.COMMERCIAL_PRODUCT and not content.is_free else ()


def missing_to_publish(content: Content, around: Surroundings) -> tuple[str, ...]:
    """What stands in the way, in words a person can act on."""
    missing = [] if content.focus_areas else ["a focus area"]
    for area in content.focus_areas:
        status = around.marketplaces.get(area)
        if status is not MarketplaceStatus.OPEN:
            missing.append(f"an open marketplace for {area} (it is {status or 'not planned yet'})")
    if not content.covers_something:
        missing.append("at least one FIBF activity covered")
    if content.kind is Kind.COMMERCIAL_PRODUCT and not content.is_free and not around.orderable & set(content.vehicles):
        named = ", ".join(content.vehicles) or "it names none"
        missing.append(f"a registered acquisition vehicle that can be ordered under ({named}), or is_free")
    return tuple(missing)


def draft(*, id: str, code: str, content: Content, origin: Origin, source: str | None = None) -> Offering:
    return Offering(
        id=id,
        version=0,
        code=code,
        status=Status(MACHINE.after("draft", state=None)),
        content=content,
        source=source,
        origins=first_origins(content, origin),
    )


def edit(offering: Offering, content: Content, *, origin: Origin) -> Offering:
    """Raises RuleViolation unless it is a draft or changes were requested."""
    status = Status(MACHINE.after("edit", state=offering.status))
    origins = traced(offering.origins, origin, old=offering.content, new=content)
    return replace(offering, status=status, content=content, origins=origins)


def submit(offering: Offering, *, by: str) -> Offering:
    """Raises RuleViolation unless it is a draft or changes were requested."""
    return replace(offering, status=Status(MACHINE.after("submit", state=offering.status)), submitted_by=by, reason=None)


def request_changes(offering: Offering, *, reason: str) -> Offering:
    """Raises RuleViolation unless it is in review."""
    return replace(offering, status=Status(MACHINE.after("request-changes", state=offering.status)), reason=reason)


def publish(offering: Offering, *, by: str, around: Surroundings) -> Offering:
    """Raises RuleViolation for the state, with `missing`, or when `by` is who submitted it.

    Source: domain model, separation of duties on the person.
    """
    status = Status(MACHINE.after("publish", state=offering.status))
    _need_publishable("publish", offering.content, around)
    if offering.submitted_by == by:
        raise RuleViolation(
            "Whoever submitted an offering does not publish it.",
            code="separation-of-duties",
            missing=("another person than the one who submitted",),
        )
    return replace(offering, status=status, revision=offering.revision + 1, reason=None, curated=True, unrecorded=True)


def revise(offering: Offering, content: Content, *, around: Surroundings, origin: Origin) -> Offering:
    """New content for what is published or listed; the same offering when nothing differs.

    Raises RuleViolation for the state, or with `missing` for what is published.
    """
    status = Status(MACHINE.after("revise", state=offering.status))
    if status is Status.PUBLISHED:
        _need_publishable("revise", content, around)
    if content == offering.content:
        return offering
    origins = traced(offering.origins, origin, old=offering.content, new=content)
    return replace(offering, content=content, origins=origins, revision=offering.revision + 1, curated=True, unrecorded=True)


def suspend(offering: Offering, *, reason: str) -> Offering:
    """Raises RuleViolation unless it is published."""
    return replace(offering, status=Status(MACHINE.after("suspend", state=offering.status)), reason=reason)


def reinstate(offering: Offering, *, around: Surroundings) -> Offering:
    """Published again, in the revision it has. Raises RuleViolation for the state, or with `missing`."""
    status = Status(MACHINE.after("reinstate", state=offering.status))
    _need_publishable("reinstate", offering.content, around)
    return replace(offering, status=status, reason=None)


def retire(offering: Offering, *, reason: str | None, successor: Offering | None) -> Offering:
    """Raises RuleViolation for the state, without a successor or reason, or when the successor is none."""
    status = Status(MACHINE.after("retire", state=offering.status))
    if reason is None and successor is None:
        needed = "a successor or a reason"
        raise RuleViolation(f"retire needs {needed}.", code="missing", missing=(needed,))
    if successor is not None and (successor.id == offering.id or successor.status not in {Status.PUBLISHED, Status.LISTED}):
        raise RuleViolation(
            "The successor must be another offering that is published or listed.", code="successor-not-available"
        )
    return replace(offering, status=status, reason=reason, successor_id=successor.id if successor else None)


def listed(*, id: str, code: str, content: Content, origin: Origin) -> Offering:
    """Taken over from a public register; revision 1."""
    return Offering(
        id=id,
        version=0,
        code=code,
        status=Status(MACHINE.after("list", state=None)),
        content=content,
        revision=1,
        source=origin.source,
        origins=first_origins(content, origin),
        unrecorded=True,
    )


def held(offering: Offering) -> frozenset[str]:
    """The fields that no register changes: those set by hand, and of what is published those that its QSMO vouches for."""
    by_hand = set_by_hand(offering.origins)
    return by_hand if offering.status is Status.LISTED else by_hand | _VOUCHED_FOR


def left(offering: Offering, said: Mapping[str, Any]) -> tuple[str, ...]:
    """The held fields of which the register says something else; `said`: field → its word."""
    kept = held(offering)
    return tuple(name for name, value in said.items() if name in kept and getattr(offering.content, name) != value)


def renew(offering: Offering, said: Mapping[str, Any], *, origin: Origin) -> Offering:
    """What the register says now (field → its word) where it may; the same offering when nothing differs.

    Raises RuleViolation for what is not public yet or retired.
    """
    status = Status(MACHINE.after("renew", state=offering.status))
    kept = held(offering)
    new = {name: value for name, value in said.items() if name not in kept and getattr(offering.content, name) != value}
    if not new:
        return offering
    return replace(
        offering,
        status=status,
        content=replace(offering.content, **new),
        origins={**offering.origins, **dict.fromkeys(new, origin)},
        revision=offering.revision + 1,
        unrecorded=True,
    )


def _need_publishable(action: str, content: Content, around: Surroundings) -> None:
    if missing := missing_to_publish(content, around):
        raise RuleViolation(f"{action} needs: {'; '.join(missing)}.", code="not-publishable", missing=missing)


def tell(offering: Offering, *, on: date) -> tuple[Offering, int] | None:
    """The offering with the notice of its authorization's end that is due, and its days; None when none is."""
    authorization = offering.content.authorization
    ends_on = authorization.expires_on if authorization else None
    days = due_notice(ends_on, told=offering.told, on=on)
    return None if days is None else (replace(offering, told=noticed(ends_on, days)), days)
