"""The registry's read side: one async function per question."""

from services.registry.queries.areas import focus_areas, policies, scorecard
from services.registry.queries.designations import DesignationAt, DesignationFilter, designation_at, designations, timeline
from services.registry.queries.organizations import (
    OrganizationFilter,
    TreeNode,
    match_reviews,
    organization_at,
    organization_by_code,
    organization_known_at,
    organization_names,
    organizations,
    tree,
)
from services.registry.queries.plans import PlanFilter, RecordedFact, plan_facts, plans
from services.registry.queries.posts import PostAt, PostFilter, Vacancy, board_seats, post_at, posts, vacancies

__all__ = [
    "DesignationAt",
    "DesignationFilter",
    "OrganizationFilter",
    "PlanFilter",
    "PostAt",
    "PostFilter",
    "RecordedFact",
    "TreeNode",
    "Vacancy",
    "board_seats",
    "designation_at",
    "designations",
    "focus_areas",
    "match_reviews",
    "organization_at",
    "organization_by_code",
    "organization_known_at",
    "organization_names",
    "organizations",
    "plan_facts",
    "plans",
    "policies",
    "post_at",
    "posts",
    "scorecard",
    "timeline",
    "tree",
    "vacancies",
]
