"""An acquisition vehicle: what can be ordered under it, by whom, until when and up to how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from services.catalog.domain.notice import due_notice, noticed
from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class Kind(StrEnum):
    """Forms of federal ordering instruments."""

    BPA = "bpa"
    GWAC = "gwac"
    IDIQ = "idiq"
    MAS_SIN = "mas_sin"
    IAA = "iaa"
    CSO = "cso"
    OTA = "ota"
    OTHER = "other"


class Status(StrEnum):
    """`expired`: its ordering period is over."""

    ACTIVE = "active"
    EXPIRED = "expired"


_KEEPERS = ("qsmo", "coordinator")

MACHINE = StateMachine(
    "vehicle",
    (
        Transition(action="register", sources=(None,), target=Status.ACTIVE, roles=_KEEPERS),
        Transition(
            action="change",
            sources=(Status.ACTIVE, Status.EXPIRED),
            target=Status.ACTIVE,
            roles=_KEEPERS,
            needs=("an ordering period that is not over, for an expired one",),
        ),
        Transition(
            action="order",
            sources=(Status.ACTIVE,),
            target=Status.ACTIVE,
            roles=(*_KEEPERS, "agency"),
            needs=("within the ordering period", "within the ceiling", "an eligible agency"),
        ),
        # By the daily look, not by hand.
        Transition(action="expire", sources=(Status.ACTIVE,), target=Status.EXPIRED, roles=()),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`eligible`: organization ids; none means every agency. `ceiling`: US dollars, None without one. `contact`: an office."""

    title: str
    kind: Kind
    holder: str
    ordering_from: date | None = None
    ordering_to: date | None = None
    ceiling: Decimal | None = None
    eligible: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    contact: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """`number` is what offerings name it by; `told`: which notices of its end were given already."""

    id: str
    version: int
    number: str
    status: Status
    terms: Terms
    obligated: Decimal = Decimal(0)
    told: tuple[str, ...] = ()


def hindrances(vehicle: Vehicle, *, on: date, agency: frozenset[str] | None = None) -> tuple[str, ...]:
    """What stands in the way of ordering. `agency`: ids and codes of an organization and those above it; None: any."""
    terms = vehicle.terms
    found = []
    if terms.ordering_from is not None and on < terms.ordering_from:
        found.append(f"its ordering period to begin ({terms.ordering_from})")
    if vehicle.status is Status.EXPIRED or (terms.ordering_to is not None and on > terms.ordering_to):
        found.append(f"a new ordering period (it ended {terms.ordering_to})")
    if terms.ceiling is not None and vehicle.obligated >= terms.ceiling:
        found.append(f"a higher ceiling ({vehicle.obligated} of {terms.ceiling} USD are obligated)")
    if agency is not None and terms.eligible and not agency & set(terms.eligible):
        found.append("to be among the agencies eligible to order")
    return tuple(found)


def register(*, id: str, number: str, terms: Terms) -> Vehicle:
    """Raises RuleViolation for a period that ends before it begins."""
    _check(terms)
    return Vehicle(id=id, version=0, number=number, status=Status(MACHINE.after("register", state=None)), terms=terms)


def change(vehicle: Vehicle, terms: Terms, *, on: date) -> Vehicle:
    """Other terms; an expired one lives again when its period is extended. Raises RuleViolation.

    Notices of a new end are given anew.
    """
    _check(terms)
    status = Status(MACHINE.after("change", state=vehicle.status))
    if terms.ceiling is not None and terms.ceiling < vehicle.obligated:
        needed = f"a ceiling of at least {vehicle.obligated} USD, which are obligated"
        raise RuleViolation(f"change needs {needed}.", code="missing", missing=(needed,))
    if vehicle.status is Status.EXPIRED and terms.ordering_to is not None and terms.ordering_to < on:
        needed = "an ordering period that is not over"
        raise RuleViolation(f"change needs {needed}.", code="missing", missing=(needed,))
    return replace(vehicle, terms=terms, status=status)


def order(vehicle: Vehicle, amount: Decimal, *, on: date, agency: frozenset[str]) -> Vehicle:
    """The amount is obligated. Raises RuleViolation with what is missing."""
    missing = list(hindrances(vehicle, on=on, agency=agency))
    ceiling = vehicle.terms.ceiling
    if ceiling is not None and vehicle.obligated < ceiling < vehicle.obligated + amount:
        missing.append(f"at most {ceiling - vehicle.obligated} USD, or a higher ceiling")
    if missing:
        raise RuleViolation(f"order needs: {'; '.join(missing)}.", code="not-orderable", missing=tuple(missing))
    return replace(vehicle, status=Status(MACHINE.after("order", state=vehicle.status)), obligated=vehicle.obligated + amount)


def expire(vehicle: Vehicle) -> Vehicle:
    return replace(vehicle, status=Status(MACHINE.after("expire", state=vehicle.status)))


def is_over(vehicle: Vehicle, *, on: date) -> bool:
    return vehicle.terms.ordering_to is not None and vehicle.terms.ordering_to < on


def tell(vehicle: Vehicle, *, on: date) -> tuple[Vehicle, int] | None:
    """The vehicle with the notice that is due today, and that notice's days; None when none is."""
    days = due_notice(vehicle.terms.ordering_to, told=vehicle.told, on=on)
    return None if days is None else (replace(vehicle, told=noticed(vehicle.terms.ordering_to, days)), days)


def _check(terms: Terms) -> None:
    if terms.ordering_from and terms.ordering_to and terms.ordering_to < terms.ordering_from:
        needed = "an ordering period that ends after it begins"
        raise RuleViolation(f"A vehicle needs {needed}.", code="missing", missing=(needed,))
