"""Phases and exit criteria of the Modernization and Migration Management (M3) playbook, as data, in our own words.

Source: the M3 phase pages and playbook guidance of 2018; ids are ours, counts are the playbook's (3, 15, 8, 6, 1 and 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Source: M3 playbook, phases 0 to 5."""

    ASSESSMENT = "assessment"
    READINESS = "readiness"
    SELECTION = "selection"
    ENGAGEMENT = "engagement"
    MIGRATION = "migration"
    OPERATIONS = "operations"


@dataclass(frozen=True, slots=True)
class Criterion:
    """What must be so before its phase can be left."""

    id: str
    phase: Phase
    text: str


_TEXTS: Mapping[Phase, Mapping[str, str]] = {
    Phase.ASSESSMENT: {
        "scope": "the service areas and functions in scope are named",
        "business-case-reviewed": "the steering committee has reviewed the project's business case",
        "vision": "vision, expected benefits and a rough timeline are written down",
    },
    Phase.READINESS: {
        "acquisition-strategy": "there is an acquisition strategy",
        "metrics": "baseline and target performance metrics are set and fit the performance framework",
        "change-management": "strategies for managing the change are set",
        "readiness-assessment": "the business readiness assessment is done",
        "business-case": "the project's business case is complete",
        "fibf-alignment": "the business capabilities needed are aligned with the FIBF",
        "data-quality": "the quality of the data has been assessed",
        "initial-schedule": "there is a first master schedule",
        "market-research": "the QSMO's marketplace has been looked into",
        "investment-checklist": "the investment readiness checklist is filled in",
        "life-cycle-cost": "the life cycle cost is estimated",
        "mitigation": "major risks and issues have mitigation plans",
        "governance": "program office and governance are set up",
        "people": "the people the project needs are on board",
        "risk-process": "how risks and issues are handled is set",
    },
    Phase.SELECTION: {
        "stakeholders-told": "stakeholders have been told what is coming",
        "schedule-updated": "the master schedule is up to date",
        "cost-updated": "the life cycle cost estimate is up to date",
        "data-cleansing": "the cleansing of data has begun",
        "needs-workbook": "the Business Needs Workbook is complete",
        "mitigation-updated": "mitigation plans for major risks and issues are up to date",
        "agreement": "a provider is selected and an agreement with it is in place",
        "workforce-plan": "the workforce plan is ready to be carried out",
    },
    Phase.ENGAGEMENT: {
        "go-no-go-criteria": "the criteria for go or no-go are approved",
        "integrated-schedule": "there is a draft of the integrated master schedule",
        "migration-approach": "the migration approach is final",
        "governance-integrated": "program office and governance of customer and provider work as one",
        "fit-gap": "the fit-gap analysis of the requirements is done",
        "service-levels": "service levels are agreed",
    },
    Phase.MIGRATION: {
        "go-no-go": "the go/no-go criteria are met: business, organization, program and technology are ready to go live",
    },
    Phase.OPERATIONS: {},
}
CRITERIA: Mapping[str, Criterion] = {
    found.id: found
    for phase, texts in _TEXTS.items()
    for found in (Criterion(f"{phase}-{name}", phase, text) for name, text in texts.items())
}
# Where agency and QSMO look at the whole together before going on. Source: M3 progress reviews after phases 1, 3 and 4.
TOLLGATES = frozenset({Phase.READINESS, Phase.ENGAGEMENT, Phase.MIGRATION})


def criteria_of(phase: Phase) -> tuple[Criterion, ...]:
    return tuple(criterion for criterion in CRITERIA.values() if criterion.phase is phase)
