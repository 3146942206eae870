"""A business standard: editions of its items, and the way from a draft to a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class Kind(StrEnum):
    """What a standard lists. The first three are the parts of the Federal Integrated Business Framework."""

    BUSINESS_LIFECYCLE = "business_lifecycle"
    DATA_ELEMENTS = "data_elements"
    SERVICE_MEASURES = "service_measures"
    CONTROL_CATALOG = "control_catalog"
    CONTROL_BASELINE = "control_baseline"


class ItemKind(StrEnum):
    """Levels of a standard. `control_reference`: a control that a baseline selects."""

    FUNCTION = "function"
    ACTIVITY = "activity"
    CAPABILITY = "capability"
    USE_CASE = "use_case"
    DOCUMENT = "document"
    DATA_ELEMENT = "data_element"
    MEASURE = "measure"
    CONTROL_GROUP = "control_group"
    CONTROL = "control"
    CONTROL_REFERENCE = "control_reference"


class Flow(StrEnum):
    """Whether a capability takes in, works on or gives out. Source: FIBF, Input / Process / Output."""

    INPUT = "input"
    PROCESS = "process"
    OUTPUT = "output"


class Status(StrEnum):
    """Where the edition in work stands; `baseline`: none is in work. Source: the FIBF life cycle."""

    DRAFT = "draft"
    WORKING_GROUP = "working_group"
    CROSS_REVIEW = "cross_review"
    FEEDBACK = "feedback"
    OMB = "omb"
    BASELINE = "baseline"
    SUPERSEDED = "superseded"


_AUTHORS = ("standards", "coordinator")
_IN_WORK = (Status.DRAFT, Status.WORKING_GROUP, Status.CROSS_REVIEW, Status.FEEDBACK, Status.OMB)

MACHINE = StateMachine(
    "standard",
    (
        Transition(
            action="announce",
            sources=(None, Status.BASELINE),
            target=Status.BASELINE,
            roles=("standards", "coordinator", "omb"),
            needs=("a file of the standard that its owner published",),
        ),
        Transition(action="revise", sources=(Status.BASELINE,), target=Status.DRAFT, roles=_AUTHORS),
        Transition(action="open-working-group", sources=(Status.DRAFT,), target=Status.WORKING_GROUP, roles=_AUTHORS),
        Transition(action="start-cross-review", sources=(Status.WORKING_GROUP,), target=Status.CROSS_REVIEW, roles=_AUTHORS),
        Transition(action="ask-feedback", sources=(Status.CROSS_REVIEW,), target=Status.FEEDBACK, roles=_AUTHORS),
        Transition(action="send-to-omb", sources=(Status.FEEDBACK,), target=Status.OMB, roles=_AUTHORS),
        Transition(
            action="return",
            sources=(Status.WORKING_GROUP, Status.CROSS_REVIEW, Status.FEEDBACK, Status.OMB),
            target=Status.DRAFT,
            roles=(*_AUTHORS, "omb"),
            needs=("reason",),
        ),
        Transition(
            action="baseline",
            sources=(Status.OMB,),
            target=Status.BASELINE,
            roles=("omb",),
            needs=("at least one item changed",),
        ),
        Transition(
            action="supersede",
            sources=(Status.BASELINE,),
            target=Status.SUPERSEDED,
            roles=(*_AUTHORS, "omb"),
            needs=("a successor or a reason",),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of a standard. `details`: the further columns of its source, under lower-case names."""

    id: str
    kind: ItemKind
    parent_id: str | None = None
    title: str = ""
    statement: str = ""
    flow: Flow | None = None
    reference: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How many items an edition added, changed and withdrew."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.withdrawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """`edition` counts what was published; `counts`: item kind → how many it has in that edition."""

    id: str
    version: int
    title: str
    kind: Kind
    status: Status
    family: str = ""
    focus_area: str | None = None
    source_version: str | None = None
    edition: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str | None = None
    successor_id: str | None = None

    @property
    def working_edition(self) -> int:
        """The edition that changes go into until it is published."""
        return self.edition + 1


def may_take_file(standard: Standard | None) -> bool:
    """Whether a file of this standard changes it: not once it is superseded."""
    return standard is None or standard.status is not Status.SUPERSEDED


def announced(standard: Standard, *, change: Change, counts: Mapping[str, int]) -> Standard:
    """A file of the owner came: published at once, or, while an edition is in work, part of that; the same if nothing differs.

    Raises RuleViolation for a superseded standard.
    """
    if standard.status in _IN_WORK:
        return standard
    status = Status(MACHINE.after("announce", state=standard.status if standard.version else None))
    if change.is_empty:
        return replace(standard, status=status)
    return replace(standard, status=status, edition=standard.working_edition, counts=dict(counts))


def turned(standard: Standard, action: str, *, reason: str | None = None) -> Standard:
    """Any action that only moves the edition in work. Raises RuleViolation for the state, or without a needed reason."""
    status = Status(MACHINE.after(action, state=standard.status))
    if action == "return" and not reason:
        raise RuleViolation("return needs a reason.", code="missing", missing=("reason",))
    return replace(standard, status=status, reason=reason)


def baselined(standard: Standard, *, change: Change, counts: Mapping[str, int]) -> Standard:
    """The edition in work is published. Raises RuleViolation for the state, or when nothing was changed in it."""
    status = Status(MACHINE.after("baseline", state=standard.status))
    if change.is_empty:
        needed = "at least one item changed since the last edition"
        raise RuleViolation(f"baseline needs {needed}.", code="missing", missing=(needed,))
    return replace(standard, status=status, edition=standard.working_edition, counts=dict(counts), reason=None)


def superseded(standard: Standard, *, successor_id: str | None, reason: str | None) -> Standard:
    """Raises RuleViolation for the state, or without a successor or a reason."""
    status = Status(MACHINE.after("supersede", state=standard.status))
    if successor_id is None and not reason:
        needed = "a successor or a reason"
        raise RuleViolation(f"supersede needs {needed}.", code="missing", missing=(needed,))
    if successor_id == standard.id:
        raise RuleViolation("A standard does not succeed itself.", code="successor-not-available")
    return replace(standard, status=status, successor_id=successor_id, reason=reason)


def changed_fields(old: Item, new: Item) -> tuple[str, ...]:
    """Names of the fields that differ; a detail as `details.<name>`."""
    fields = [
        name for name in ("parent_id", "title", "statement", "flow", "reference") if getattr(old, name) != getattr(new, name)
    ]
    names = sorted({*old.details, *new.details})
    return (*fields, *(f"details.{name}" for name in names if old.details.get(name) != new.details.get(name)))
