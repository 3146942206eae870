"""Filters of a search, in the grammar of `shared.filtering`."""

from __future__ import annotations

from functools import lru_cache

from services.catalog.search.fields import FILTERS, IMPACT_LEVELS
from shared.filtering import Filter, Vocabulary, parse

_VOCABULARY = Vocabulary(fields=FILTERS, levels=IMPACT_LEVELS, example='area = "cybersecurity" and impact >= moderate')


@lru_cache(maxsize=1_024)
def parse_filter(text: str) -> Filter:
    """Raises Malformed."""
    return parse(text, _VOCABULARY)
