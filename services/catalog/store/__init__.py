"""Rows ↔ catalog domain."""

from services.catalog.store.marketplaces import Area, area, areas, designations_of, marketplace_statuses, marketplaces
from services.catalog.store.offerings import Revision, offerings, revision, spaced
from services.catalog.store.providers import providers
from services.catalog.store.standards import standards
from services.catalog.store.standings import Standing, standing_on, standings
from services.catalog.store.vehicles import surroundings, vehicles

__all__ = [
    "Area",
    "Revision",
    "Standing",
    "area",
    "areas",
    "designations_of",
    "marketplace_statuses",
    "marketplaces",
    "offerings",
    "providers",
    "revision",
    "spaced",
    "standards",
    "standing_on",
    "standings",
    "surroundings",
    "vehicles",
]
