"""The five dimensions in which a QSMO is looked at, as far as facts on record tell.

Source: the performance management framework of the shared services programme (FY22–FY25).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from services.adoption.domain.figures import Figure

# (agency, key) → sum.
Values = Mapping[tuple[str, str], int]
_IN_USE = ("operations:active", "operations:completed")


class Dimension(StrEnum):
    """Of the balanced scorecard."""

    CUSTOMER = "customer"
    FINANCIAL = "financial"
    STANDARDS = "standards"
    OPERATION = "marketplace_operation"
    MODERNIZATION = "it_modernization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`value` is None where nothing on record tells; `figure`: what it comes from."""

    dimension: Dimension
    name: str
    definition: str
    unit: str
    value: Decimal | None
    figure: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offerings:
    """Of the area: those on offer, and those of them with an authorization."""

    all: int
    authorized: int


def measures(
    *, funnel: Values, savings: Values, systems: Values, levels: Values, demand: Values, offerings: Offerings | None
) -> tuple[Measure, ...]:
    """`funnel` by agency, the others of all together; `offerings` only for today, as their history is the catalog's."""
    standing = {agency for (agency, key), n in funnel.items() if n and not key.endswith(":withdrawn")}
    in_use = {agency for (agency, key), n in funnel.items() if n and key in _IN_USE}
    realized = sum(n for (_, key), n in savings.items() if key.startswith("realized:"))
    met, missed = levels.get(("", "met"), 0), levels.get(("", "missed"), 0)
    left = sum(n for (_, key), n in systems.items() if key != "decommissioned")
    return (
        _count(Dimension.CUSTOMER, "customers", "Agencies and components with an adoption", len(standing), Figure.FUNNEL),
        Measure(
            dimension=Dimension.CUSTOMER,
            name="solution_adoption",
            definition="Share of the customers that have an adoption in operations or completed.",
            unit="percent",
            value=_share(len(in_use), len(standing)),
            figure=Figure.FUNNEL,
        ),
        Measure(
            dimension=Dimension.FINANCIAL,
            name="cost_avoidance",
            definition="Realized savings of the ledger, all fiscal years, reversals counted in.",
            unit="dollars",
            value=Decimal(realized).scaleb(-2),
            figure=Figure.SAVINGS,
        ),
        _count(Dimension.STANDARDS, "systems_left", "Legacy systems that are not decommissioned", left, Figure.SYSTEMS),
        _count(Dimension.STANDARDS, "unmet_demand", "Decisions that nothing suits", sum(demand.values()), Figure.DEMAND),
        Measure(
            dimension=Dimension.OPERATION,
            name="service_levels_met",
            definition="Share of the months told that met their target.",
            unit="percent",
            value=_share(met, met + missed),
            figure=Figure.SERVICE_LEVELS,
        ),
        Measure(
            dimension=Dimension.MODERNIZATION,
            name="authorized_offerings",
            definition="Share of the offerings on offer today that are authorized; not told for another day.",
            unit="percent",
            value=_share(offerings.authorized, offerings.all) if offerings else None,
        ),
    )


def _count(dimension: Dimension, name: str, what: str, value: int, figure: Figure) -> Measure:
    return Measure(dimension=dimension, name=name, definition=f"{what}.", unit="count", value=Decimal(value), figure=figure)


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(100) * part / whole).quantize(Decimal("0.1")) if whole else None
