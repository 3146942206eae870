"""The savings ledger: entries that are never changed, only reversed, of four kinds that never mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.adoption.domain.adoption import Adoption, Status
from services.adoption.domain.m3 import Phase
from shared.kernel.errors import RuleViolation


class Kind(StrEnum):
    """`baseline`: what the agency spends without the adoption; the others are savings against it."""

    BASELINE = "baseline"
    ESTIMATE = "estimate"
    TARGET = "target"
    REALIZED = "realized"


class Confidence(StrEnum):
    """How sure the agency is of the figure."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`cents` of US dollars, `hours` of staff moved to higher-value work; both negative in a reversal. `reverses`: an entry."""

    id: str
    version: int
    adoption_id: str
    organization_id: str
    focus_area: str
    fiscal_year: int
    kind: Kind
    cents: int
    hours: int
    method: str
    source: str
    confidence: Confidence
    reverses: str | None = None
    reason: str | None = None


def check(entry: Entry, adoption: Adoption, posted: Sequence[Entry]) -> None:
    """`posted`: all entries of the adoption. Raises RuleViolation with what is missing."""
    missing = []
    if adoption.status is Status.WITHDRAWN:
        missing.append("an adoption that is not withdrawn")
    if entry.kind is not Kind.BASELINE and not standing(posted, Kind.BASELINE):
        missing.append("a baseline, first")
    live = adoption.phase is Phase.OPERATIONS or adoption.status is Status.COMPLETED
    if entry.kind is Kind.REALIZED and not live:
        missing.append(f"the phase operations (it is {adoption.phase})")
    if missing:
        raise RuleViolation(f"This entry needs {'; '.join(missing)}.", code="missing", missing=tuple(missing))


def standing(posted: Sequence[Entry], kind: Kind | None = None) -> list[Entry]:
    """Entries that nothing has reversed, without the reversals."""
    reversed_ = {entry.reverses for entry in posted if entry.reverses}
    found = [entry for entry in posted if entry.reverses is None and entry.id not in reversed_]
    return [entry for entry in found if kind is None or entry.kind is kind]


def reversal(entry: Entry, *, id: str, reason: str, posted: Sequence[Entry]) -> Entry:
    """The entry that undoes another. Raises RuleViolation for one that is undone already, is a reversal, or carries others."""
    if entry not in standing(posted):
        raise RuleViolation("This entry is reversed already, or is a reversal itself.", code="not-standing")
    others = [each for each in standing(posted) if each.kind is not Kind.BASELINE]
    if entry.kind is Kind.BASELINE and len(standing(posted, Kind.BASELINE)) == 1 and others:
        needed = f"another baseline, or the {len(others)} entries that rest on it reversed first"
        raise RuleViolation(f"To reverse the last baseline needs {needed}.", code="missing", missing=(needed,))
    return replace(entry, id=id, version=0, cents=-entry.cents, hours=-entry.hours, reverses=entry.id, reason=reason)
