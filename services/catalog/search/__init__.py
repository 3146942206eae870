"""The search index of offerings: a local cache of the tables, one in each process, that can always be built again."""

from services.catalog.search.clauses import Sight
from services.catalog.search.filters import parse_filter
from services.catalog.search.index import Found, OfferingIndex, Sort, Wanted
from shared.filtering import Filter

__all__ = ["Filter", "Found", "OfferingIndex", "Sight", "Sort", "Wanted", "parse_filter"]
