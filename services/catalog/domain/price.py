"""What an offering costs an agency of a given size over the years."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

CENT = Decimal("0.01")


class Per(StrEnum):
    """What a tier's amount is charged for."""

    YEAR = "year"
    UNIT = "unit"
    ONCE = "once"


class Unit(StrEnum):
    """What the size of an agency is counted in."""

    USER = "user"
    EMPLOYEE = "employee"
    TRANSACTION = "transaction"
    ASSET = "asset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Applies to sizes up to and with `up_to` (None: every larger one). `amount`: US dollars."""

    up_to: int | None
    amount: Decimal
    per: Per


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """`tiers` by rising `up_to`; the first that reaches the size applies to all of it. `setup`: once, at the start."""

    model: str
    unit: Unit
    tiers: tuple[Tier, ...]
    setup: Decimal = Decimal(0)
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`per_year` is each year's cost, without what is paid once; all in US dollars."""

    once: Decimal
    per_year: Decimal
    total: Decimal
    tier: Tier


def estimate(price: Price, *, size: int, years: int) -> Estimate | None:
    """None when no tier reaches the size."""
    tier = next((tier for tier in price.tiers if tier.up_to is None or size <= tier.up_to), None)
    if tier is None:
        return None
    once = price.setup + (tier.amount if tier.per is Per.ONCE else 0)
    yearly = {Per.YEAR: tier.amount, Per.UNIT: tier.amount * size, Per.ONCE: Decimal(0)}[tier.per]
    total = once + yearly * years
    return Estimate(once=_cents(once), per_year=_cents(yearly), total=_cents(total), tier=tier)


def is_in_order(price: Price) -> bool:
    """Whether the tiers rise, and only the last is open."""
    bounds = [tier.up_to for tier in price.tiers]
    closed = [bound for bound in bounds[:-1] if bound is not None]
    last = bounds[-1] if bounds else None
    rising = [*closed, last] if last is not None else closed
    return bool(bounds) and len(closed) == len(bounds) - 1 and rising == sorted(set(rising))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
