"""How a provider keeps to what it agreed with one customer: a measure, its target, and a result for each month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.target import Target, TargetKind, kind_of, parsed

MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)
_TREND_MONTHS = 3
_UNSET = {
    TargetKind.SET_BY_AGREEMENT: ("a target: the standard leaves it to the agreement, and it is not set yet",),
    TargetKind.SET_BY_AGENCY: ("a target: the standard leaves it to the agency, and it is not set yet",),
    TargetKind.TEXT: ("a target that can be compared: the words state none",),
}


class Trend(StrEnum):
    """The mean of the last three months beside that of the three before."""

    BETTER = "better"
    WORSE = "worse"
    STEADY = "steady"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`month` as YYYY-MM; `met` is None against a target that is only text; `value` in the target's unit."""

    month: str
    value: Decimal
    target: str
    met: bool | None
    by: str
    on: date
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """One measure of one adoption; `results` by month."""

    id: str
    version: int
    adoption_id: str
    organization_id: str
    offering_id: str
    focus_area: str
    measure_id: str
    target: str
    results: tuple[Result, ...] = ()

    @property
    def comparable(self) -> Target | None:
        return parsed(self.target)

    @property
    def missing(self) -> tuple[str, ...]:
        """What is needed before a month can be judged."""
        return _UNSET.get(kind_of(self.target), ())

    @property
    def last(self) -> Result | None:
        return self.results[-1] if self.results else None

    @property
    def missed(self) -> tuple[Result, ...]:
        return tuple(each for each in self.results if each.met is False)

    @property
    def missed_in_a_row(self) -> int:
        """Months at the end of those recorded."""
        count = 0
        for each in reversed(self.results):
            if each.met is not False:
                break
            count += 1
        return count

    @property
    def trend(self) -> Trend:
        target = self.comparable
        recent = [each.value for each in self.results if each.target == self.target][-2 * _TREND_MONTHS :]
        if target is None or len(recent) < 2 * _TREND_MONTHS:
            return Trend.UNKNOWN
        before, after = _mean(recent[:_TREND_MONTHS]), _mean(recent[_TREND_MONTHS:])
        if before == after:
            return Trend.STEADY
        return Trend.BETTER if (after > before) is target.more_is_better else Trend.WORSE


def _mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def agreed(sla: Sla, target: str) -> Sla:
    """Another target from now on; months on record stay held against theirs."""
    return replace(sla, target=target)


def recorded(sla: Sla, *, month: str, value: Decimal, comment: str, by: str, on: date) -> Sla:
    """A month recorded again replaces what was said of it. Raises RuleViolation for one that is not over."""
    if month >= f"{on:%Y-%m}":
        needed = f"a month that is over (it is {on:%Y-%m})"
        raise RuleViolation(f"A result needs {needed}.", code="missing", missing=(needed,))
    target = sla.comparable
    met = None if target is None else target.is_met(value)
    result = Result(month=month, value=value, target=sla.target, met=met, by=by, on=on, comment=comment)
    others = [each for each in sla.results if each.month != month]
    return replace(sla, results=tuple(sorted((*others, result), key=lambda each: each.month)))
