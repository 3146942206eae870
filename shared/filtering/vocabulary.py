"""What may be compared: the fields of a list, and how their values are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

_EPOCH = date(1970, 1, 1)


class Type(Enum):
    """How values of a field are written in a filter."""

    WORD = "word"
    LEVEL = "level"
    NUMBER = "number"
    DAY = "day"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """`levels`: what fields of type LEVEL may be, lowest first. `example`: a filter to show who wrote none."""

    fields: Mapping[str, Type]
    example: str
    levels: Sequence[str] = ()


def days(day: date) -> int:
    """A day as filters compare it: a number."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day that `days` made this number of."""
    return _EPOCH + timedelta(days=number)
