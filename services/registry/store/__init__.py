"""Rows ↔ registry domain."""

from services.registry.store.areas import focus_areas, policies
from services.registry.store.designations import designations
from services.registry.store.organizations import match_reviews, organizations
from services.registry.store.plans import plans
from services.registry.store.posts import board_seats, delegations, posts

__all__ = [
    "board_seats",
    "delegations",
    "designations",
    "focus_areas",
    "match_reviews",
    "organizations",
    "plans",
    "policies",
    "posts",
]
