"""Targets of service measures as the standards write them, made comparable where they state one.

Source: the service-measure files of FIBF. A spreadsheet's percentage comes as its share: 0.999 is 99.9 %, 1 is 100 %.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Comparison(StrEnum):
    """What a result has to be beside the target's value."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ABOVE = "above"
    BELOW = "below"
    EQUAL = "equal"


class TargetKind(StrEnum):
    """What a target's words give: something to compare with, who is to set it, or neither (`TBD`)."""

    COMPARABLE = "comparable"
    SET_BY_AGREEMENT = "set_by_agreement"
    SET_BY_AGENCY = "set_by_agency"
    TEXT = "text"


class Unit(StrEnum):
    """What results are given in; `answer`: 1 for yes, 0 for no; `rating`: of a satisfaction scale."""

    PERCENT = "percent"
    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"
    WEEKS = "weeks"
    RATING = "rating"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`value` in `unit`."""

    comparison: Comparison
    value: Decimal
    unit: Unit

    def is_met(self, result: Decimal) -> bool:
        match self.comparison:
            case Comparison.AT_LEAST:
                return result >= self.value
            case Comparison.AT_MOST:
                return result <= self.value
            case Comparison.ABOVE:
                return result > self.value
            case Comparison.BELOW:
                return result < self.value
            case Comparison.EQUAL:
                return result == self.value

    @property
    def more_is_better(self) -> bool:
        wants_more = self.comparison in {Comparison.AT_LEAST, Comparison.ABOVE}
        return wants_more or (self.comparison is Comparison.EQUAL and self.value > 0)


_COMPARISONS = (
    (r"(?:>=|≥|at least|no less than|not less than|greater than or equal to|minimum of)", Comparison.AT_LEAST),
    (r"(?:<=|≤|at most|no more than|not more than|less than or equal to|within|up to|maximum of)", Comparison.AT_MOST),
    (r"(?:>|more than|greater than|above|over)", Comparison.ABOVE),
    (r"(?:<|less than|fewer than|below|under)", Comparison.BELOW),
)
_UNITS = (
    (r"(?:business|working) days?", Unit.BUSINESS_DAYS),
    (r"(?:calendar )?days?", Unit.DAYS),
    (r"sec(?:ond)?s?\.?", Unit.SECONDS),
    (r"min(?:ute)?s?\.?", Unit.MINUTES),
    (r"h(?:ou)?rs?\.?", Unit.HOURS),
    (r"weeks?", Unit.WEEKS),
    (r"(?:%|percent)(?: positive)?\*?", Unit.PERCENT),
)
_NUMBER = r"(?P<number>\d{1,9}(?:\.\d{1,6})?)"
_SHARE = re.compile(r"(?:0|1|0?\.\d{1,6}|1\.0+|0\.0+)", re.ASCII)
_RATING = re.compile(r"(?P<number>\d{1,2})\s*-\s*(?:very satisfied|strongly agree|satisfied|agree)")
# A measure that asks whether something is done wants it done.
_ANSWERS = {"yes": Decimal(1), "no": Decimal(0), "yes/no": Decimal(1)}
_SETTERS = (
    (re.compile(r"in accordance with\b.*\bagreement\b"), TargetKind.SET_BY_AGREEMENT),
    (re.compile(r"agency[- ]determined\b"), TargetKind.SET_BY_AGENCY),
)
_TEXT_MAX_CHARS = 80


def kind_of(text: str) -> TargetKind:
    """What a reader of the words has to know of them before a result can be judged."""
    if parsed(text) is not None:
        return TargetKind.COMPARABLE
    words = _first_line(text)
    return next((kind for pattern, kind in _SETTERS if pattern.match(words)), TargetKind.TEXT)


def _first_line(text: str) -> str:
    return " ".join((text.strip().splitlines() or [""])[0].lower().split())


def parsed(text: str) -> Target | None:
    """None where no target is stated that a result could be held against: `kind_of` says why.

    Notes after the first line are left out; without words of comparison, a share is at least that, a time at most.
    """
    words = _first_line(text)
    if not words or len(words) > _TEXT_MAX_CHARS:
        return None
    if words in _ANSWERS:
        return Target(comparison=Comparison.EQUAL, value=_ANSWERS[words], unit=Unit.ANSWER)
    if found := _RATING.fullmatch(words):
        return Target(comparison=Comparison.AT_LEAST, value=Decimal(found["number"]), unit=Unit.RATING)
    if _SHARE.fullmatch(words):
        share = Decimal(words) * 100
        return Target(comparison=Comparison.AT_LEAST if share else Comparison.AT_MOST, value=share, unit=Unit.PERCENT)
    return _measured(words)


def _measured(words: str) -> Target | None:
    comparison, rest = _comparison(words)
    for pattern, unit in _UNITS:
        if found := re.fullmatch(rf"{_NUMBER}\s*{pattern}", rest, re.ASCII):
            value = Decimal(found["number"])
            default = Comparison.AT_LEAST if unit is Unit.PERCENT and value else Comparison.AT_MOST
            return Target(comparison=comparison or default, value=value, unit=unit)
    return None


def _comparison(words: str) -> tuple[Comparison | None, str]:
    for pattern, comparison in _COMPARISONS:
        if found := re.match(rf"{pattern}\s*", words):
            return comparison, words[found.end() :]
    return None, words
