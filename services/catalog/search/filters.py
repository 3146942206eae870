"""The filter grammar: `area = "cybersecurity" and (impact >= moderate or shelf in (mandated, recommended))`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from shared.kernel.errors import Malformed

FILTER_MAX_CHARS = 2_000
TERMS_MAX = 100
DEPTH_MAX = 20
POINTER = "query:filter"


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


@lru_cache(maxsize=1_024)
def parse_filter(text: str) -> Filter:
    """Raises Malformed with the character, from 1, at which the filter cannot be understood, and what could stand there."""
    if len(text) > FILTER_MAX_CHARS:
        raise Malformed.at(POINTER, f"A filter has at most {FILTER_MAX_CHARS} characters; this has {len(text)}.")
    _check_depth(text)
    from services.catalog.search import grammar  # noqa: PLC0415 - 0.1 s that the start need not wait for

    found = grammar.read(text)
    if (terms := _terms(found)) > TERMS_MAX:
        raise Malformed.at(POINTER, f"A filter has at most {TERMS_MAX} comparisons; this has {terms}.")
    return found


def _check_depth(text: str) -> None:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > DEPTH_MAX or text.casefold().split().count("not") > DEPTH_MAX * 5:
        raise Malformed.at(POINTER, f"A filter has at most {DEPTH_MAX} brackets within each other.")


def _terms(found: Filter) -> int:
    match found:
        case Comparison():
            return 1
        case Not(inner):
            return _terms(inner)
        case All(inner) | Any_(inner):
            return sum(map(_terms, inner))
