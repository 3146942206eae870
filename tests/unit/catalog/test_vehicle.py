"""Vehicles, notices of an end and prices, as pure rules."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.domain import vehicle as domain
from services.catalog.domain.notice import AHEAD_DAYS, due_notice, noticed
from services.catalog.domain.price import Per, Price, Tier, Unit, estimate, is_in_order
from services.catalog.domain.vehicle import Kind, Status, Terms, Vehicle
from shared.kernel.errors import RuleViolation

TODAY = date(2026, 6, 1)
ANY = frozenset({"agency"})


def terms(**more: Any) -> Terms:
    return Terms(**{"title": "T", "kind": Kind.BPA, "holder": "H", **more})


def a_vehicle(**more: Any) -> Vehicle:
    given = {"id": "v", "version": 1, "number": "N", "status": Status.ACTIVE, "terms": terms(), **more}
    return Vehicle(**given)


def test_an_order_obligates_up_to_the_ceiling_and_not_a_cent_more() -> None:
    vehicle = a_vehicle(terms=terms(ceiling=Decimal("100.00")))
    vehicle = domain.order(vehicle, Decimal("60.00"), on=TODAY, agency=ANY)

    with pytest.raises(RuleViolation) as refused:
        domain.order(vehicle, Decimal("40.01"), on=TODAY, agency=ANY)
    full = domain.order(vehicle, Decimal("40.00"), on=TODAY, agency=ANY)

    assert refused.value.missing == ("at most 40.00 USD, or a higher ceiling",)
    assert domain.hindrances(full, on=TODAY) == ("a higher ceiling (100.00 of 100.00 USD are obligated)",)


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({"ordering_from": TODAY + timedelta(1)}, "its ordering period to begin (2026-06-02)"),
        ({"ordering_to": TODAY - timedelta(1)}, "a new ordering period (it ended 2026-05-31)"),
        ({"eligible": ("other",)}, "to be among the agencies eligible to order"),
    ],
)
def test_an_order_outside_the_terms_lists_what_is_missing(more: dict[str, Any], missing: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        domain.order(a_vehicle(terms=terms(**more)), Decimal(1), on=TODAY, agency=ANY)

    assert refused.value.missing == (missing,)


def test_the_first_and_last_day_of_the_ordering_period_belong_to_it() -> None:
    vehicle = a_vehicle(terms=terms(ordering_from=TODAY, ordering_to=TODAY))

    assert domain.hindrances(vehicle, on=TODAY) == ()
    assert not domain.is_over(vehicle, on=TODAY)
    assert domain.is_over(vehicle, on=TODAY + timedelta(1))


def test_an_expired_vehicle_lives_again_only_with_a_period_that_is_not_over() -> None:
    expired = domain.expire(a_vehicle(terms=terms(ordering_to=TODAY - timedelta(1))))

    with pytest.raises(RuleViolation):
        domain.change(expired, expired.terms, on=TODAY)
    assert domain.change(expired, terms(ordering_to=TODAY), on=TODAY).status is Status.ACTIVE


def test_a_ceiling_below_what_is_obligated_is_refused() -> None:
    with pytest.raises(RuleViolation):
        domain.change(a_vehicle(obligated=Decimal(10)), terms(ceiling=Decimal(9)), on=TODAY)


@given(st.sets(st.integers(0, 400)), st.integers(0, 400))
def test_whenever_one_looks_each_notice_is_given_once_at_most_and_the_last_one_always(days: set[int], pause: int) -> None:
    ends_on = date(2028, 1, 1)
    told: tuple[str, ...] = ()
    seen = []
    for left in sorted({*days, pause, 0}, reverse=True):
        on = ends_on - timedelta(left)
        if (due := due_notice(ends_on, told=told, on=on)) is not None:
            seen.append(due)
            told = noticed(ends_on, due)

    assert seen == sorted(set(seen), reverse=True)
    assert seen[-1] == AHEAD_DAYS[-1]


def test_a_new_end_is_told_of_anew() -> None:
    first, second = date(2026, 6, 20), date(2026, 6, 25)
    told = noticed(first, 30)

    assert due_notice(first, told=told, on=TODAY) is None
    assert due_notice(second, told=told, on=TODAY) == 30
    assert due_notice(first, told=(), on=date(2026, 6, 21)) is None


def a_price(*tiers: tuple[int | None, str, Per], setup: str = "0") -> Price:
    made = tuple(Tier(up_to=up_to, amount=Decimal(amount), per=per) for up_to, amount, per in tiers)
    return Price(model="subscription", unit=Unit.USER, tiers=made, setup=Decimal(setup))


@pytest.mark.parametrize(
    ("size", "years", "total"),
    [(100, 1, "1500.00"), (100, 3, "3500.00"), (101, 1, "1308.00"), (5_000, 2, "30900.00")],
)
def test_an_estimate_takes_the_first_tier_that_reaches_the_size(size: int, years: int, total: str) -> None:
    price = a_price((100, "1000", Per.YEAR), (4_999, "8", Per.UNIT), (None, "15200", Per.YEAR), setup="500")

    found = estimate(price, size=size, years=years)

    assert found is not None
    assert str(found.total) == total


def test_a_size_that_no_tier_reaches_has_no_estimate() -> None:
    assert estimate(a_price((100, "1000", Per.YEAR)), size=101, years=1) is None


def test_a_price_paid_once_does_not_grow_with_the_years() -> None:
    price = a_price((None, "100", Per.ONCE))

    assert [str(found.total) for years in (1, 9) if (found := estimate(price, size=1, years=years))] == ["100.00"] * 2


@pytest.mark.parametrize(
    ("bounds", "in_order"),
    [((None,), True), ((1, 2), True), ((1, None), True), ((2, 1), False), ((1, 1), False), ((None, 1), False)],
)
def test_tiers_rise_and_only_the_last_is_open(bounds: tuple[int | None, ...], in_order: bool) -> None:
    assert is_in_order(a_price(*((bound, "1", Per.YEAR) for bound in bounds))) is in_order
