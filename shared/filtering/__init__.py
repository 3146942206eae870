"""The filter grammar of lists, searches and the feed: `area = "cybersecurity" and not (impact >= moderate or free = yes)`."""

from shared.filtering.expression import DEPTH_MAX, FILTER_MAX_CHARS, TERMS_MAX, All, Any_, Comparison, Filter, Not
from shared.filtering.reading import parse
from shared.filtering.vocabulary import Type, Vocabulary, day_of, days

__all__ = [
    "DEPTH_MAX",
    "FILTER_MAX_CHARS",
    "TERMS_MAX",
    "All",
    "Any_",
    "Comparison",
    "Filter",
    "Not",
    "Type",
    "Vocabulary",
    "day_of",
    "days",
    "parse",
]
