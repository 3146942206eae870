"""The designation criteria as data: six groups of elements, each with the tests a plan is held to.

Source: QSMO Long-term Designation Criteria (GSA and OMB, April 2019), in our own words. The source marks no element as
optional: each must be met, or waived by OMB, before a plan is approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Group(StrEnum):
    """The six groups of the source, in its order."""

    OVERARCHING = "overarching"
    FINANCIAL = "financial"
    ORGANIZATION = "organization"
    OPERATIONS = "operations"
    PROGRAM_MANAGEMENT = "program-management"
    TECHNOLOGY = "technology"


class Assessment(StrEnum):
    """How far an element is fulfilled."""

    UNMET = "unmet"
    PARTIALLY_MET = "partially_met"
    MET = "met"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One thing that is assessed; `tests` are its hard numbers and named evidence."""

    id: str
    group: Group
    title: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One element as assessed in one plan."""

    element: str
    status: Assessment = Assessment.UNMET
    evidence: tuple[str, ...] = ()
    note: str = ""
    assessor: str | None = None
    assessed_on: date | None = None

    @property
    def is_settled(self) -> bool:
        return self.status in {Assessment.MET, Assessment.WAIVED}


def _group(group: Group, elements: tuple[tuple[str, str, tuple[str, ...]], ...]) -> tuple[Element, ...]:
    return tuple(Element(id=id, group=group, title=title, tests=tests) for id, title, tests in elements)


_OVERARCHING = _group(
    Group.OVERARCHING,
    (
        (
            "funding-mechanism",
            "Funding mechanism",
            (
                "A revolving fund with a reserve, not limited to one fiscal year",
                "A transparent fee for service",
                "The interagency agreements of the last two years",
            ),
        ),
        ("leadership", "Leadership", ("Customers have a voice before the plan is final",)),
        (
            "strategic-thinking",
            "Strategic thinking",
            (
                "A strategic plan over three years",
                "A partnership strategy in steps of two, three and five years",
                "A capacity model that scales up and down",
            ),
        ),
    ),
)
_FINANCIAL = _group(
    Group.FINANCIAL,
    (
        ("capital-plan", "Capital plan", ("An investment plan over five years",)),
        (
            "accounting-and-audit",
            "Accounting and audit",
            (
                "An SSAE-18 report",
                "No material weakness that hurts customers",
                "Controls against violations of the Antideficiency Act",
            ),
        ),
    ),
)
_ORGANIZATION = _group(
    Group.ORGANIZATION,
    (
        ("staffing", "Staffing", ("The impact of adding customers is assessed",)),
        (
            "customer-engagement",
            "Customer engagement",
            ("M3 is used to onboard customers", "An executive relationship manager for each major customer"),
        ),
        (
            "governance-and-change",
            "Governance and change",
            ("One year of minutes of the advisory board", "The change board includes customers"),
        ),
    ),
)
_OPERATIONS = _group(
    Group.OPERATIONS,
    (
        (
            "service-levels",
            "Service level agreements",
            ("Results per customer, shared at least monthly", "The agreement is reviewed every year"),
        ),
        ("service-desk", "Service desk", ("An anonymous survey after each incident",)),
        ("continuity", "Continuity of operations", ("A yearly failover test of recovery time and recovery point",)),
        ("quality", "Quality", ("ISO 9001, CMMI or the like",)),
        ("records", "Records", ("Records are kept and disposed of by schedule",)),
        ("data", "Data", ("Customers' data are governed, and returned when they leave",)),
    ),
)
_PROGRAM_MANAGEMENT = _group(
    Group.PROGRAM_MANAGEMENT,
    (
        (
            "management-processes",
            "Program management processes",
            ("A responsible person is named", "A log of risks and issues"),
        ),
        ("performance", "Performance", ("Variances of cost and schedule stay within tolerance",)),
        ("implementation", "Implementation", ("A readiness assessment before each implementation",)),
    ),
)
_TECHNOLOGY = _group(
    Group.TECHNOLOGY,
    (
        ("lifecycle", "Technology lifecycle", ("Releases, upgrades and retirement are planned",)),
        ("fibf-alignment", "Alignment with FIBF", ("Solutions are mapped to the business standards of the area",)),
        ("privacy", "Privacy", ("A privacy impact assessment of each system",)),
        (
            "authority-to-operate",
            "Authority to operate",
            ("Assessed by an independent third party within three years, or on a major change",),
        ),
        ("cloud", "Cloud", ("Availability of 99.9 % in the latest year",)),
        ("enterprise-architecture", "Enterprise architecture", ("Current and target state are described",)),
        ("segmentation", "Segmentation", ("Customers are kept apart",)),
        ("interoperability", "Interoperability", ("Interfaces are standard, documented, and agreed under NIST SP 800-47",)),
        ("security", "Security", ("NIST SP 800-37 and 800-53A are followed", "FIPS 199 and FIPS 200 are applied")),
    ),
)
ELEMENTS = (*_OVERARCHING, *_FINANCIAL, *_ORGANIZATION, *_OPERATIONS, *_PROGRAM_MANAGEMENT, *_TECHNOLOGY)
BY_ID = {element.id: element for element in ELEMENTS}


def unassessed() -> tuple[Criterion, ...]:
    """What a new plan starts from."""
    return tuple(Criterion(element=element.id) for element in ELEMENTS)


def unsettled(criteria: tuple[Criterion, ...]) -> tuple[str, ...]:
    """What stands in the way of an approval, in the order of the source."""
    return tuple(f"criterion {c.element} met or waived (it is {c.status})" for c in criteria if not c.is_settled)


def progress(criteria: tuple[Criterion, ...]) -> dict[Group, tuple[int, int]]:
    """Per group: how many are met or waived, of how many."""
    found = {}
    for group in Group:
        of_group = [c for c in criteria if BY_ID[c.element].group is group]
        found[group] = (sum(c.is_settled for c in of_group), len(of_group))
    return found
