"""The registry's read side: one async function per question."""

from services.registry.queries.areas import focus_areas, policies, scorecard
from services.registry.queries.designations import DesignationAt, DesignationFilter, designation_at, designations
from services.registry.queries.history import FieldChange, RecordedFact, changes, facts_until, versions
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
from services.registry.queries.plan_replay import plan_of
from services.registry.queries.plans import PlanFilter, plan_then, plans
from services.registry.queries.posts import PostAt, PostFilter, Vacancy, board_seats, post_at, posts, vacancies
from services.registry.queries.timelines import Happening, timeline

__all__ = [
    "DesignationAt",
    "DesignationFilter",
    "FieldChange",
    "Happening",
    "OrganizationFilter",
    "PlanFilter",
    "PostAt",
    "PostFilter",
    "RecordedFact",
    "TreeNode",
    "Vacancy",
    "board_seats",
    "changes",
    "designation_at",
    "designations",
    "facts_until",
    "focus_areas",
    "match_reviews",
    "organization_at",
    "organization_by_code",
    "organization_known_at",
    "organization_names",
    "organizations",
    "plan_of",
    "plan_then",
    "plans",
    "policies",
    "post_at",
    "posts",
    "scorecard",
    "timeline",
    "tree",
    "vacancies",
    "versions",
]
