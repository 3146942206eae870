"""Wire models of search and comparison."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from services.catalog.schemas import OfferingInList
from shared.web.wire import Shown


class Span(Shown):
    """Characters of the text, from `start` up to and without `end`."""

    start: int
    end: int


class Hit(Shown):
    """`highlights`: field → where words of the question are in it."""

    offering: OfferingInList
    highlights: dict[str, list[Span]]


class Bucket(Shown):
    """`label`: the name, of a value that is an id."""

    value: str
    count: int
    label: str | None = None


class SearchPage(Shown):
    """`count` of all that match; `loosened`: no offering has every word, these have some."""

    count: int
    loosened: bool
    items: list[Hit]
    facets: dict[str, list[Bucket]]
    next_cursor: str | None


class Suggestion(Shown):
    id: str
    name: str


class Suggestions(Shown):
    items: list[Suggestion]


class Vocabulary(Shown):
    """Field → how its values are written; the first of a group of synonyms → the others."""

    fields: dict[str, str]
    facets: list[str]
    synonyms: dict[str, list[str]]


class Compared(Shown):
    id: str
    code: str
    name: str
    revision: int


class ComparedRow(Shown):
    """`values` in the order of the offerings; null: it does not say."""

    key: str
    label: str
    values: list[Any]


class Comparison(Shown):
    offerings: list[Compared]
    fields: list[ComparedRow]
    coverage: list[ComparedRow] = Field(description="One row per FIBF id that any of them answers")
