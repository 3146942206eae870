"""The five dimensions in which a QSMO is looked at, as far as facts on record tell.

Source: the performance management framework of the shared services programme (FY22–FY25).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from services.adoption.domain.figures import Figure

# (agency, key) → sum.
Values = Mapping[tuple[str, str], int]
# A provider that misses one month in twenty still keeps to its targets: a rule of ours, told with the figure.
_KEPT_PERCENT = 95
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
    """`value` is None where it cannot be known, and `missing` says why; `figures`: what it comes from."""

    dimension: Dimension
    name: str
    definition: str
    unit: str
    value: Decimal | None
    missing: str | None = None
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offerings:
    """Of the area, on offer: how many, with an authorization, on the way to one, and with a price that can be seen."""

    all: int
    authorized: int
    on_the_way: int
    priced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What is on record of an area on a day.

    `funnel` and `feedback` by agency, the others of all together; `feedback` is None for who may not see it; `providers`:
    offering → provider; `offerings` only for today, as their history is the catalog's.
    """

    funnel: Values
    stalled: Values
    savings: Values
    systems: Values
    levels: Values
    offering_levels: Values
    demand: Values
    feedback: Values | None
    providers: Mapping[str, str]
    offerings: Offerings | None


def measures(basis: Basis) -> tuple[Measure, ...]:
    """By dimension, those that cannot be known too."""
    return (*_customer(basis), *_financial(basis), *_standards(basis), *_operation(basis), *_modernization(basis))


_NO_CUSTOMERS = "no agency has an adoption in the area"
_FEDERAL_ONLY = "feedback is for federal callers"
_TODAY_ONLY = "what was on offer on another day is the catalog's to tell"
_NONE_ON_OFFER = "nothing is on offer in the area"


def _customer(basis: Basis) -> tuple[Measure, ...]:
    standing = {agency for (agency, key), n in basis.funnel.items() if n and not key.endswith(":withdrawn")}
    in_use = {agency for (agency, key), n in basis.funnel.items() if n and key in _IN_USE}
    by, of = Dimension.CUSTOMER, (Figure.FUNNEL,)
    return (
        _count(by, "customers", "Agencies and components with an adoption", len(standing), *of),
        _share(
            by,
            "solution_adoption",
            "Share of the customers that have an adoption in operations or completed",
            (len(in_use), len(standing)),
            _NO_CUSTOMERS,
            *of,
        ),
        _count(by, "stalled", "Adoptions told to be stalled and not yet resumed", sum(basis.stalled.values()), Figure.STALLED),
        *_feedback(basis.feedback, len(standing)),
    )


def _feedback(found: Values | None, customers: int) -> tuple[Measure, Measure]:
    rated = Counter[int]()
    for (_, key), n in (found or {}).items():
        dimension, _, rating = key.partition(":")
        rated[int(rating)] += n if dimension == "satisfaction" else 0
    given, total = sum(rated.values()), sum(rating * n for rating, n in rated.items())
    satisfaction = Measure(
        dimension=Dimension.CUSTOMER,
        name="satisfaction",
        definition="Mean of what customers rated their satisfaction, from 1 to 5, one rating per adoption and quarter.",
        unit="rating",
        value=(Decimal(total) / given).quantize(Decimal("0.01")) if given else None,
        missing=None if given else _FEDERAL_ONLY if found is None else "no customer has given feedback",
        figures=(Figure.FEEDBACK,),
    )
    heard = {agency for agency, _ in found or {}}
    engagement = _share(
        Dimension.CUSTOMER,
        "engagement",
        "Customers that gave feedback, as a share of those with an adoption",
        (len(heard), customers if found is not None else 0),
        _FEDERAL_ONLY if found is None else _NO_CUSTOMERS,
        Figure.FEEDBACK,
        Figure.FUNNEL,
    )
    return satisfaction, engagement


def _financial(basis: Basis) -> tuple[Measure, ...]:
    sums = Counter[str]()
    for (_, key), cents in basis.savings.items():
        sums[key.partition(":")[0]] += cents
    offered, of = basis.offerings, (Figure.SAVINGS,)
    posted = any(key.startswith("realized:") for _, key in basis.savings)
    by, realized = Dimension.FINANCIAL, sums["realized"]
    return (
        Measure(
            dimension=by,
            name="cost_avoidance",
            definition="Realized savings of the ledger, all fiscal years, reversals counted in.",
            unit="dollars",
            value=Decimal(realized).scaleb(-2) if posted else None,
            missing=None if posted else "no realized savings are posted",
            figures=of,
        ),
        _share(
            by,
            "return_on_baseline",
            "Realized savings as a share of the baselines that they are held against",
            (realized, sums["baseline"] if posted else 0),
            "realized savings with their baselines are not posted",
            *of,
        ),
        _share(
            by,
            "return_on_target",
            "Realized savings as a share of the targets of the ledger",
            (realized, sums["target"] if posted else 0),
            "realized savings with targets are not posted",
            *of,
        ),
        _unknown(by, "return_on_investment", "Realized savings beside what moving cost", "what moving cost is not on record"),
        _offered(
            by,
            "price_transparency",
            "Share of the offerings on offer with a price",
            offered.priced if offered else 0,
            offered,
        ),
    )


def _standards(basis: Basis) -> tuple[Measure, ...]:
    left = sum(n for (_, key), n in basis.systems.items() if key != "decommissioned")
    on_the_way = {
        agency
        for (agency, key), n in basis.funnel.items()
        if n and not key.startswith("operations:") and not key.endswith((":withdrawn", ":completed"))
    }
    by = Dimension.STANDARDS
    return (
        Measure(
            dimension=by,
            name="systems_left",
            definition="Separate legacy systems of the area that are not decommissioned.",
            unit="count",
            value=Decimal(left) if basis.systems else None,
            missing=None if basis.systems else "no system of the area is registered",
            figures=(Figure.SYSTEMS,),
        ),
        _count(by, "unmet_demand", "Decisions that nothing suits", sum(basis.demand.values()), Figure.DEMAND),
        _count(by, "agencies_on_m3", "Agencies on their way through the phases of M3", len(on_the_way), Figure.FUNNEL),
        _unknown(
            by,
            "solicitations_to_standard",
            "Share of the solicitations that carry the area's business standards",
            "solicitations are not on record",
        ),
    )


def _operation(basis: Basis) -> tuple[Measure, ...]:
    by, met = Dimension.OPERATION, basis.levels.get(("", "met"), 0)
    kept, told = _providers(basis)
    untold = "no month of a service level with a comparable target is told"
    return (
        _share(
            by,
            "service_levels_met",
            "Share of the months told that met their target",
            (met, met + basis.levels.get(("", "missed"), 0)),
            untold,
            Figure.SERVICE_LEVELS,
        ),
        _share(
            by,
            "providers_meeting_service_levels",
            f"Share of the providers with months told that met the target in at least {_KEPT_PERCENT} % of them",
            (kept, told),
            untold,
            Figure.OFFERING_LEVELS,
        ),
        _unknown(by, "innovation", "Share of the offerings that are new in kind", "nothing on record says what is new in kind"),
    )


def _providers(basis: Basis) -> tuple[int, int]:
    """(those that keep to their targets, those with months told); an offering of no known provider counts by itself."""
    met, told = Counter[str](), Counter[str]()
    for (_, key), n in basis.offering_levels.items():
        offering, _, outcome = key.rpartition(":")
        if outcome in {"met", "missed"}:
            provider = basis.providers.get(offering, offering)
            told[provider] += n
            met[provider] += n if outcome == "met" else 0
    return sum(met[each] * 100 >= _KEPT_PERCENT * n for each, n in told.items()), len(told)


def _modernization(basis: Basis) -> tuple[Measure, ...]:
    by, offered = Dimension.MODERNIZATION, basis.offerings
    return (
        _offered(
            by,
            "authorized_offerings",
            "Share of the offerings on offer that are authorized",
            offered.authorized if offered else 0,
            offered,
        ),
        _offered(
            by,
            "offerings_on_the_way_to_authorization",
            "Share of the offerings on offer whose authorization is in process or ready",
            offered.on_the_way if offered else 0,
            offered,
        ),
        _unknown(by, "accessible_offerings", "Share of the offerings that conform to section 508", "not on record"),
        _unknown(by, "contracts_consolidated", "Dollars of contracts that were merged", "not on record"),
        _unknown(by, "upgrades_avoided", "Dollars and hours of upgrades that were not needed", "not on record"),
    )


def _count(dimension: Dimension, name: str, what: str, value: int, figure: Figure) -> Measure:
    return Measure(dimension=dimension, name=name, definition=f"{what}.", unit="count", value=Decimal(value), figures=(figure,))


def _share(dimension: Dimension, name: str, what: str, parts: tuple[int, int], missing: str, *figures: Figure) -> Measure:
    """`parts`: (part, whole); without a whole there is no share."""
    part, whole = parts
    return Measure(
        dimension=dimension,
        name=name,
        definition=f"{what}.",
        unit="percent",
        value=(Decimal(100) * part / whole).quantize(Decimal("0.1")) if whole > 0 else None,
        missing=None if whole > 0 else missing,
        figures=figures,
    )


def _offered(dimension: Dimension, name: str, what: str, part: int, offered: Offerings | None) -> Measure:
    missing = _NONE_ON_OFFER if offered else _TODAY_ONLY
    return _share(dimension, name, f"{what} today", (part, offered.all if offered else 0), missing)


def _unknown(dimension: Dimension, name: str, what: str, missing: str) -> Measure:
    return Measure(dimension=dimension, name=name, definition=f"{what}.", unit="percent", value=None, missing=missing)
