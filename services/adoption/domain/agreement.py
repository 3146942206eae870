"""An agreement between an agency and a provider: what `selection → engagement` rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition
from shared.kernel.time import FiscalYear


class Kind(StrEnum):
    """`iaa`: with a federal provider, by the terms and orders of forms 7600A and 7600B; `contract`: with a vendor."""

    IAA = "iaa"
    CONTRACT = "contract"


class Status(StrEnum):
    """Where an agreement stands."""

    DRAFT = "draft"
    SENT = "sent"
    SIGNED = "signed"
    COUNTERSIGNED = "countersigned"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    EXPIRED = "expired"
    TERMINATED = "terminated"


# Notices of an end that comes near, each given once.
AHEAD_DAYS = (180, 90, 30)
# Posts that may bind their agency.
SIGNING_POSTS = ("head", "cio", "sapoc")
_AGENCY = ("agency",)
_OTHER_SIDE = ("qsmo", "provider")

MACHINE = StateMachine(
    "agreement",
    (
        Transition(action="draft", sources=(None,), target=Status.DRAFT, roles=_AGENCY, needs=("a live adoption",)),
        Transition(action="edit", sources=(Status.DRAFT,), target=Status.DRAFT, roles=_AGENCY),
        Transition(
            action="send", sources=(Status.DRAFT,), target=Status.SENT, roles=_AGENCY, needs=("funds for its first year",)
        ),
        Transition(action="recall", sources=(Status.SENT,), target=Status.DRAFT, roles=_AGENCY),
        Transition(
            action="sign",
            sources=(Status.SENT,),
            target=Status.SIGNED,
            roles=_AGENCY,
            needs=(f"one of the posts {', '.join(SIGNING_POSTS)}",),
        ),
        Transition(
            action="countersign",
            sources=(Status.SIGNED,),
            target=Status.COUNTERSIGNED,
            roles=_OTHER_SIDE,
            needs=("another person than the one who signed",),
        ),
        Transition(
            action="activate",
            sources=(Status.COUNTERSIGNED,),
            target=Status.ACTIVE,
            roles=(*_AGENCY, *_OTHER_SIDE),
            needs=("its period begun",),
        ),
        Transition(
            action="amend",
            sources=(Status.ACTIVE,),
            target=Status.SENT,
            roles=_AGENCY,
            needs=("both signatures anew",),
        ),
        Transition(action="hold", sources=(Status.ACTIVE,), target=Status.ON_HOLD, roles=_AGENCY, needs=("reason",)),
        Transition(action="resume", sources=(Status.ON_HOLD,), target=Status.ACTIVE, roles=_AGENCY),
        Transition(
            action="terminate",
            sources=(Status.SENT, Status.SIGNED, Status.COUNTERSIGNED, Status.ACTIVE, Status.ON_HOLD),
            target=Status.TERMINATED,
            roles=(*_AGENCY, "qsmo"),
            needs=("reason",),
        ),
        # By the hourly look, not by hand.
        Transition(action="expire", sources=(Status.ACTIVE, Status.ON_HOLD), target=Status.EXPIRED, roles=()),
    ),
)
_REASONED = frozenset({"hold", "terminate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`funding`: fiscal year → US dollars; `number`: as the parties file it."""

    number: str
    kind: Kind
    begins_on: date
    ends_on: date
    funding: Mapping[int, Decimal]
    scope: str = ""

    @property
    def unfunded_years(self) -> tuple[int, ...]:
        """Fiscal years of the period for which there are no funds yet."""
        first, last = FiscalYear.of(self.begins_on).year, FiscalYear.of(self.ends_on).year
        return tuple(year for year in range(first, last + 1) if not self.funding.get(year))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """`amendment` counts changes of terms since the first were active; `reason` is that of the last action.

    `told`: which notices of its end were given.
    """

    id: str
    version: int
    adoption_id: str
    organization_id: str
    offering_id: str
    status: Status
    terms: Terms
    signed_by: str | None = None
    countersigned_by: str | None = None
    amendment: int = 0
    reason: str | None = None
    told: tuple[str, ...] = ()

    def is_live(self, *, on: date) -> bool:
        return self.status is Status.ACTIVE and self.terms.begins_on <= on <= self.terms.ends_on


def draft(*, id: str, adoption_id: str, organization_id: str, offering_id: str, terms: Terms) -> Agreement:
    """Raises RuleViolation for a period that ends before it begins, or funds outside it."""
    _check(terms)
    return Agreement(
        id=id,
        version=0,
        adoption_id=adoption_id,
        organization_id=organization_id,
        offering_id=offering_id,
        status=Status(MACHINE.after("draft", state=None)),
        terms=terms,
    )


def changed(agreement: Agreement, action: str, terms: Terms) -> Agreement:
    """`edit` a draft, or `amend` what is active: then both sides sign anew. Raises RuleViolation."""
    status = Status(MACHINE.after(action, state=agreement.status))
    _check(terms)
    if action == "edit":
        return replace(agreement, terms=terms)
    number = agreement.amendment + 1
    return replace(agreement, status=status, terms=terms, amendment=number, signed_by=None, countersigned_by=None)


def missing_for(agreement: Agreement, action: str, *, on: date) -> tuple[str, ...]:
    """What stands in the way beside what the caller says; empty when nothing does."""
    sources = tuple(str(source) for t in MACHINE.transitions if t.action == action for source in t.sources)
    if agreement.status not in sources:
        return (f"state {' or '.join(sources)} (it is {agreement.status})",)
    terms = agreement.terms
    if action == "send" and not terms.funding.get(FiscalYear.of(terms.begins_on).year):
        return (f"funds for the fiscal year {FiscalYear.of(terms.begins_on).year}, in which it begins",)
    if action == "activate" and on < terms.begins_on:
        return (f"its period to begin ({terms.begins_on})",)
    if action == "activate" and on > terms.ends_on:
        return (f"a period that is not over (it ended {terms.ends_on})",)
    return ()


def moved(agreement: Agreement, action: str, *, on: date, by: str, reason: str | None = None) -> Agreement:
    """Any action that leaves the terms as they are. Raises RuleViolation with what is missing."""
    status = Status(MACHINE.after(action, state=agreement.status))
    if missing := (*missing_for(agreement, action, on=on), *(("reason",) if action in _REASONED and not reason else ())):
        raise RuleViolation(f"{action} needs: {', '.join(missing)}.", code="missing", missing=missing)
    if action == "countersign" and agreement.signed_by == by:
        needed = "another person than the one who signed"
        raise RuleViolation(f"countersign needs {needed}.", code="separation-of-duties", missing=(needed,))
    signed_by = by if action == "sign" else agreement.signed_by
    countersigned_by = by if action == "countersign" else agreement.countersigned_by
    if action == "recall":
        signed_by = countersigned_by = None
    return replace(agreement, status=status, reason=reason, signed_by=signed_by, countersigned_by=countersigned_by)


def is_over(agreement: Agreement, *, on: date) -> bool:
    return agreement.status in {Status.ACTIVE, Status.ON_HOLD} and agreement.terms.ends_on < on


def with_notice(agreement: Agreement, *, on: date) -> tuple[Agreement, int] | None:
    """The agreement with the notice that is due, and that notice's days; of missed ones only the nearest. None: none."""
    ends_on = agreement.terms.ends_on
    reached = [days for days in AHEAD_DAYS if 0 <= (ends_on - on).days <= days]
    if agreement.status not in {Status.ACTIVE, Status.ON_HOLD} or not reached or f"{ends_on}/{reached[-1]}" in agreement.told:
        return None
    told = tuple(f"{ends_on}/{days}" for days in AHEAD_DAYS if days >= reached[-1])
    return replace(agreement, told=told), reached[-1]


def _check(terms: Terms) -> None:
    if terms.ends_on < terms.begins_on:
        needed = "a period that ends after it begins"
        raise RuleViolation(f"An agreement needs {needed}.", code="missing", missing=(needed,))
    first, last = FiscalYear.of(terms.begins_on).year, FiscalYear.of(terms.ends_on).year
    if outside := sorted(year for year in terms.funding if not first <= year <= last):
        needed = f"funds of the fiscal years {first} to {last} only (not {', '.join(map(str, outside))})"
        raise RuleViolation(f"An agreement needs {needed}.", code="missing", missing=(needed,))
