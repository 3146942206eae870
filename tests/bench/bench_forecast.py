"""Forecasts back-tested on the FedRAMP marketplace: learned from what was known at one snapshot, judged by a later one.

There a spell begins when a product is in process and ends when an agency has authorized it. Learned from is what the snapshots
up to the day of the forecast show, products in process counted as long as they were watched. Forecast are the products that
were in process on that day. At the later snapshot some are still in process: whether their range held is open, unless it is
past. Coverage is therefore estimated as the forecasts are, by Kaplan-Meier, of the share of its own forecast at which each
product ended or is now; the plain counts are printed beside it, with the bounds that they leave. Of products that the later
snapshot does not have nothing is known. The board's own authorizations (JAB) are another path, closed in 2024, and left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pytest

from services.adoption.domain.forecast import HIGH, LOW, Curve, Spell, curve
from services.catalog.domain.content import Authorization
from services.catalog.importers.fedramp_product import read_product
from shared.kernel.errors import Invalid
from tests.support.real_data import REAL_DATA, needs_real_data

SNAPSHOTS = (date(2023, 6, 27), date(2024, 1, 30), date(2025, 1, 20))
# Made when, judged when. Where nobody was watched as far as the upper end, coverage has bounds only: see `coverage`.
SPLITS = ((SNAPSHOTS[0], SNAPSHOTS[2]), (SNAPSHOTS[1], SNAPSHOTS[2]))
SHORT = (SNAPSHOTS[0], SNAPSHOTS[1])
GOAL = (0.70, 0.90)
_FINE = 1_000_000
Products = Mapping[str, Authorization]


@dataclass(frozen=True)
class Judged:
    """One forecast at its later snapshot: the `share` of its chances that had passed when it ended, or is past by now."""

    share: float
    ended: bool


def read(day: date) -> Products:
    products: dict[str, Authorization] = {}
    for data in json.loads((REAL_DATA / "fedramp" / f"marketplace-{day}.json").read_bytes())["data"]["Products"]:
        try:
            product = read_product(data)
        except Invalid:
            continue
        found = product.content.authorization
        if found is not None and found.in_process_on is not None and found.kind != "jab":
            products[product.code] = found
    return products


def learned(snapshots: Mapping[date, Products], on: date) -> Curve:
    """From the last sight of each product until that day."""
    last = {code: (day, found) for day in sorted(snapshots) if day <= on for code, found in snapshots[day].items()}
    return curve([spell for day, found in last.values() if (spell := _spell(found, day, on)) is not None])


def _spell(found: Authorization, seen_on: date, on: date) -> Spell | None:
    assert found.in_process_on is not None
    if found.status == "in_process" and seen_on > found.in_process_on:
        return Spell((seen_on - found.in_process_on).days, ended=False)
    if found.status == "authorized" and found.authorized_on and found.in_process_on < found.authorized_on <= on:
        return Spell((found.authorized_on - found.in_process_on).days, ended=True)
    return None


def judged(made: Curve, earlier: Products, later: Products, *, on: date, until: date) -> list[Judged]:
    """Of the products in process on the day of the forecast that the later snapshot still tells of."""
    found = []
    for code, before in earlier.items():
        after = later.get(code)
        if before.status != "in_process" or after is None or after.status not in {"in_process", "authorized"}:
            continue
        begun = after.in_process_on
        ended_on = after.authorized_on if after.status == "authorized" else None
        if begun is None or begun > on or (ended_on is not None and ended_on <= on):
            continue
        spread = made.remaining((on - begun).days)
        assert spread is not None, "nobody is known to have taken longer"
        found.append(Judged(spread.by(((ended_on or until) - on).days), ended_on is not None))
    return found


def coverage(found: Sequence[Judged]) -> tuple[float, float]:
    """At least and at most. They are one where somebody was watched past the upper end; else what lies beyond is unknown."""
    shares = curve([Spell(round(each.share * _FINE), each.ended) for each in found])
    inside, above = shares.lasting(round(LOW * _FINE)), shares.lasting(round(HIGH * _FINE))
    return inside - above, inside - (above if watched_to(found) > HIGH else 0)


def counts(found: Sequence[Judged]) -> Counter[str]:
    return Counter(_fate(each) for each in found)


def _fate(one: Judged) -> str:
    if one.share > HIGH:
        return "late"
    if not one.ended:
        return "open"
    return "held" if one.share > LOW else "early"


def watched_to(found: Sequence[Judged]) -> float:
    """How far into its own forecast the furthest product is: beyond that, nothing can be said of coverage."""
    return max(each.share for each in found)


def told(name: str, found: Sequence[Judged]) -> str:
    n, each = len(found), counts(found)
    bounds = f"{each['held'] / n:.0%} to {(each['held'] + each['open']) / n:.0%}"
    detail = ", ".join(f"{each[kind]} {kind}" for kind in ("held", "early", "late", "open"))
    plain = f"plain counts leave {bounds}, watched to {watched_to(found):.2f}"
    least, most = coverage(found)
    covered = f"{least:.1%}" if least == most else f"{least:.1%} to {most:.1%}, which is all that can be said"
    return f"{name}: {n} forecasts ({detail}), {plain}: coverage {covered}"


@pytest.mark.bench
@needs_real_data
def test_the_80_percent_range_of_forecasts_holds_on_real_history() -> None:
    snapshots = {day: read(day) for day in SNAPSHOTS}
    results = {}
    for on, until in (*SPLITS, SHORT):
        made = learned(snapshots, on)
        results[on, until] = judged(made, snapshots[on], snapshots[until], on=on, until=until)
        print(f"\nlearned until {on} from {made.n} spells, {made.ended} of them ended;", end=" ")
        print(told(f"judged {until}", results[on, until]))
    together = [each for split in SPLITS for each in results[split]]
    print(told("the two judged in 2025 together", together))

    for found in (results[SPLITS[0]], together):
        least, most = coverage(found)
        assert watched_to(found) > HIGH
        assert GOAL[0] <= least == most <= GOAL[1]
    for split in (SPLITS[1], SHORT):
        least, most = coverage(results[split])
        assert least <= GOAL[1], "too wide, whatever is still to come"
        assert most >= GOAL[0], "too narrow, whatever is still to come"
