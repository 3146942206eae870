"""How ready an agency is for a shared service: six dimensions, level 1 to 5, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared.kernel.errors import Invalid

LEVELS = range(1, 6)


class Dimension(StrEnum):
    """Source: the baseline dimensions of the National Finance Center (domain-facts §9)."""

    FINANCE = "finance"
    CUSTOMER = "customer"
    OPERATIONS = "operations"
    TECHNOLOGY = "technology"
    ORGANIZATION = "organization"
    WORKFORCE = "workforce"


SOURCE = "Our own rubric: no official numeric scale of readiness exists."

# What holds at each level, from 1 to 5.
RUBRIC: Mapping[Dimension, tuple[str, ...]] = {
    Dimension.FINANCE: (
        "What the present service costs is not known.",
        "Costs are known as totals, not per activity or system.",
        "Costs per system and year are known; funds for a migration are estimated.",
        "A life cycle cost estimate exists, and funds for the migration are requested.",
        "Funds for migration and operation are appropriated, and costs are tracked against a baseline.",
    ),
    Dimension.CUSTOMER: (
        "Users of the service are not identified.",
        "User groups are known; what they need is not written down.",
        "Needs are stated per business activity.",
        "Users take part in choosing and testing, and satisfaction is measured.",
        "Service levels are agreed with users and reviewed with every provider.",
    ),
    Dimension.OPERATIONS: (
        "Processes differ from office to office and are not written down.",
        "Processes are written down, each office its own.",
        "Processes are compared with the government-wide business standards, and gaps are known.",
        "Processes follow the standards, with exceptions that have a reason.",
        "Processes follow the standards and are measured and improved.",
    ),
    Dimension.TECHNOLOGY: (
        "There is no inventory of systems and interfaces.",
        "Systems are listed; interfaces and data are not.",
        "Systems, interfaces and data sources are listed, with owners.",
        "Data are cleansed or being cleansed, and interfaces have designs.",
        "Data are ready to move, interfaces are tested, and old systems have dates for their end.",
    ),
    Dimension.ORGANIZATION: (
        "Nobody answers for the move to a shared service.",
        "A sponsor is named, without a team.",
        "A sponsor and a programme manager are named; governance is defined.",
        "Governance meets, decides and keeps a risk log.",
        "Governance works across components, and decisions hold.",
    ),
    Dimension.WORKFORCE: (
        "Which staff do this work is not known.",
        "Staff and roles are listed.",
        "The effect of the move on each role is described.",
        "A plan for training and reassignment exists and is shared with staff.",
        "Staff are trained, and those who move know where to.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One dimension as it was assessed; `evidence` says where it can be seen."""

    dimension: Dimension
    level: int
    evidence: str
    on: date
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Of one agency in one focus area; a dimension that nobody assessed is absent. `assessments` counts its versions."""

    id: str
    version: int
    organization_id: str
    focus_area: str
    standings: tuple[Standing, ...] = ()
    assessments: int = 0

    def level(self, dimension: Dimension) -> int | None:
        return next((found.level for found in self.standings if found.dimension is dimension), None)

    @property
    def unassessed(self) -> tuple[Dimension, ...]:
        return tuple(dimension for dimension in Dimension if self.level(dimension) is None)


def assess(profile: Profile, standings: Sequence[Standing]) -> Profile:
    """The given dimensions anew, the others as they were. Raises Invalid for a level out of range or a dimension twice."""
    given = {found.dimension: found for found in standings}
    if len(given) != len(standings):
        raise Invalid.at("/standings", "A dimension is assessed twice.", code="duplicate")
    for index, found in enumerate(standings):
        if found.level not in LEVELS:
            raise Invalid.at(f"/standings/{index}/level", "A level is 1 to 5; GET /v1/meta/readiness says what each means.")
    kept = {found.dimension: found for found in profile.standings}
    merged = {**kept, **given}
    ordered = tuple(merged[dimension] for dimension in Dimension if dimension in merged)
    return replace(profile, standings=ordered, assessments=profile.assessments + 1)
