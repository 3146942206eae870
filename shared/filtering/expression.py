"""A filter that has been read."""

from __future__ import annotations

from dataclasses import dataclass

FILTER_MAX_CHARS = 2_000
TERMS_MAX = 100
DEPTH_MAX = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """`value` is a word, a number (days and levels too) or a yes or no."""

    field: str
    operator: str
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Not:
    inner: Filter


@dataclass(frozen=True, slots=True)
class All:
    inner: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - `Any` is typing's
    inner: tuple[Filter, ...]


Filter = Comparison | Not | All | Any_
