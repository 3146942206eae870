"""What a customer says of an offering once a quarter, the provider's right of reply, and what moderation did and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.time import FiscalYear


class Dimension(StrEnum):
    """Rated from 1 to 5."""

    SATISFACTION = "satisfaction"
    TIMELINESS = "timeliness"
    QUALITY = "quality"
    SUPPORT = "support"
    VALUE = "value"


class Verdict(StrEnum):
    """Of moderation: hidden words are kept, and shown to nobody but those who moderate and who wrote them."""

    HIDE = "hide"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The provider's."""

    text: str
    by: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """One entry of the log, which is never changed."""

    verdict: Verdict
    reason: str
    by: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """`quarter` of the fiscal year, such as 2027Q1; one per adoption and quarter."""

    id: str
    version: int
    adoption_id: str
    organization_id: str
    offering_id: str
    focus_area: str
    quarter: str
    ratings: Mapping[Dimension, int]
    text: str
    by: str
    on: date
    reply: Reply | None = None
    log: tuple[Moderation, ...] = ()

    @property
    def is_hidden(self) -> bool:
        return bool(self.log) and self.log[-1].verdict is Verdict.HIDE


def quarter_of(day: date) -> str:
    """Of the fiscal year: October to December is the first."""
    return f"{FiscalYear.of(day).year}Q{(day.month + 2) % 12 // 3 + 1}"


def answered(feedback: Feedback, reply: Reply) -> Feedback:
    """Once. Raises RuleViolation for a second reply."""
    if feedback.reply is not None:
        raise RuleViolation("The provider has replied already.", code="exists")
    return replace(feedback, reply=reply)


def moderated(feedback: Feedback, entry: Moderation) -> Feedback:
    """Raises RuleViolation where nothing would change, or by who wrote it."""
    if feedback.is_hidden is (entry.verdict is Verdict.HIDE):
        raise RuleViolation(f"It is {'hidden' if feedback.is_hidden else 'shown'} already.", code="exists")
    if entry.by == feedback.by:
        needed = "another person than the one who wrote it"
        raise RuleViolation(f"Moderation needs {needed}.", code="separation-of-duties", missing=(needed,))
    return replace(feedback, log=(*feedback.log, entry))
