"""What an investment action plan has to contain, by its kind.

Source: Investment Planning Guidance, March 2021, content matrix (S: streamlined, C: comprehensive).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from services.adoption.domain.iap_need import Kind, Purchase


class Section(StrEnum):
    """What is written down."""

    NEED = "need"
    NOT_TRIGGERED = "comprehensive_not_triggered"
    JUSTIFICATION = "justification"
    WHY_NOT_WAIT = "why_not_wait"
    STANDARDS = "standards_incorporated"
    OFF_RAMP = "off_ramp_plan"
    MIGRATION = "m3_plan"
    CPIC = "cpic_documents"
    CURRENT_SYSTEMS = "current_systems"
    ACQUISITION = "acquisition_strategy"
    WORKFORCE = "workforce_impact"
    OWNER = "program_owner"


_BOTH = (Kind.STREAMLINED, Kind.COMPREHENSIVE)
_COMPREHENSIVE = (Kind.COMPREHENSIVE,)
# Section → the kinds that need it, and whether only where no marketplace is open.
MATRIX: dict[Section, tuple[tuple[Kind, ...], bool]] = {
    Section.NEED: (_BOTH, False),
    Section.NOT_TRIGGERED: ((Kind.STREAMLINED,), False),
    Section.JUSTIFICATION: (_COMPREHENSIVE, False),
    Section.WHY_NOT_WAIT: (_BOTH, True),
    Section.STANDARDS: (_BOTH, True),
    Section.OFF_RAMP: (_BOTH, True),
    Section.MIGRATION: (_BOTH, True),
    Section.CPIC: (_COMPREHENSIVE, False),
    Section.CURRENT_SYSTEMS: (_BOTH, False),
    Section.ACQUISITION: (_COMPREHENSIVE, False),
    Section.WORKFORCE: (_COMPREHENSIVE, False),
    Section.OWNER: (_BOTH, False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`costs`: fiscal year → US dollars; `systems`: ids of the inventory; `shortlist_id`: the fit analysis."""

    title: str
    purchase: Purchase
    fiscal_year: int
    sections: Mapping[Section, str] = field(default_factory=dict)
    costs: Mapping[int, Decimal] = field(default_factory=dict)
    systems: tuple[str, ...] = ()
    shortlist_id: str | None = None

    def has(self, section: Section) -> bool:
        """Systems of the inventory stand for what is written about them."""
        given = self.sections.get(section, "").strip()
        return bool(given) or (section is Section.CURRENT_SYSTEMS and bool(self.systems))


def sections_for(kind: Kind, *, marketplace_open: bool) -> tuple[Section, ...]:
    return tuple(s for s, (kinds, only_without) in MATRIX.items() if kind in kinds and not (only_without and marketplace_open))


def absent(content: Content, kind: Kind, *, marketplace_open: bool) -> tuple[str, ...]:
    """What has still to be written or attached, in the matrix's order."""
    missing = [f"section {s}" for s in sections_for(kind, marketplace_open=marketplace_open) if not content.has(s)]
    if kind is Kind.COMPREHENSIVE and not content.costs:
        missing.append("full cost by fiscal year")
    if content.shortlist_id is None:
        missing.append("a fit analysis (a locked shortlist)")
    return tuple(missing)
