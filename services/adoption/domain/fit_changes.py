"""What would change a fit: the smallest single changes that let an offering in or move it up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from services.adoption.domain.candidate import Candidate, Cover, Vehicle
from services.adoption.domain.fit import (
    READINESS_GAP_MAX,
    Fit,
    Hindrance,
    Order,
    Outcome,
    Question,
    evaluate,
    order,
    weight_of,
)
from services.adoption.domain.fit_catalog import Catalog

# Needs tried for each offering, the weightiest first, and changes told.
TRIED_MAX = 20
TOLD_MAX = 10


class Kind(StrEnum):
    """Who would have to move: the agency for the first three, the provider or the buyer of the vehicle for the others."""

    DROP_CONSTRAINT = "drop_constraint"
    RAISE_READINESS = "raise_readiness"
    DROP_NEED = "drop_need"
    OFFERING_COVERS = "offering_covers"
    OPEN_VEHICLE = "open_vehicle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`ref`: the constraint's place, the dimension, the activity or the vehicle's number; `level` of readiness to reach."""

    kind: Kind
    ref: str
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Where the offering would stand among those that are in, from 1, and with which score."""

    change: Change
    detail: str
    rank: int
    score: int


def applied(change: Change, question: Question, candidate: Candidate) -> tuple[Question, Candidate]:
    """The question, and the offering that the change is about, as they would be."""
    match change.kind:
        case Kind.DROP_CONSTRAINT:
            left = tuple(c for index, c in enumerate(question.constraints) if str(index) != change.ref)
            return replace(question, constraints=left), candidate
        case Kind.RAISE_READINESS:
            return replace(question, readiness={**question.readiness, change.ref: change.level or 0}), candidate
        case Kind.DROP_NEED:
            needs = tuple(need for need in question.needs if need.fibf_id != change.ref)
            return replace(question, needs=needs), candidate
        case Kind.OPEN_VEHICLE:
            opened = Vehicle(number=change.ref, status="active")
            return replace(question, vehicles={**question.vehicles, change.ref: opened}), candidate
        case Kind.OFFERING_COVERS:
            return question, replace(candidate, coverage={**candidate.coverage, change.ref: Cover.YES})


def what_would_change_it(question: Question, catalog: Catalog, offering_id: str) -> list[Effect]:
    """Single changes with their effect, the best first; empty when no single change helps. Raises KeyError."""
    candidate = catalog.find(offering_id)
    if candidate is None:
        raise KeyError(offering_id)
    here, orders = evaluate(candidate, question), catalog.orders(question)
    stands = _place(order(here), orders)
    effects = []
    for change, detail in _possible(here, question):
        then, changed = applied(change, question, candidate)
        own = evaluate(changed, then)
        if own.hindrances:
            continue
        around = orders if then is question else catalog.orders(then)
        rank = _place(order(own), [found for found in around if found[-1] != candidate.code])
        if here.hindrances or rank < stands:
            effects.append(Effect(change=change, detail=detail, rank=rank, score=own.score))
    return sorted(effects, key=lambda effect: (effect.rank, effect.change.kind, effect.change.ref))[:TOLD_MAX]


def _place(own: Order, others: Iterable[Order]) -> int:
    return sum(other < own for other in others) + 1


def _possible(fit: Fit, question: Question) -> list[tuple[Change, str]]:
    """With a hindrance only what removes it can help; without one, the needs that are not fully met."""
    if len(fit.hindrances) > 1:
        return []
    if fit.hindrances:
        return [_removal(fit.hindrances[0], fit, question)]
    short = [(need, outcome) for need, outcome in fit.outcomes if outcome is not Outcome.MET]
    short.sort(key=lambda each: (-weight_of(each[0]), each[0].fibf_id))
    covers = [(Change(kind=Kind.OFFERING_COVERS, ref=n.fibf_id), f"the offering covers {n.fibf_id}") for n, _ in short]
    drops = [(Change(kind=Kind.DROP_NEED, ref=n.fibf_id), f"{n.fibf_id} is not needed") for n, _ in short]
    return [*covers[:TRIED_MAX], *drops[:TRIED_MAX]]


def _removal(hindrance: Hindrance, fit: Fit, question: Question) -> tuple[Change, str]:
    match hindrance.kind:
        case "constraint":
            constraint = question.constraints[int(hindrance.ref)]
            detail = f"{constraint.limit} {constraint.value}".strip() + " is no must"
            return Change(kind=Kind.DROP_CONSTRAINT, ref=hindrance.ref), detail
        case "readiness":
            gap = next(gap for gap in fit.gaps if gap.dimension == hindrance.ref)
            level = gap.asks - READINESS_GAP_MAX
            return Change(kind=Kind.RAISE_READINESS, ref=gap.dimension, level=level), f"{gap.dimension} reaches level {level}"
        case _:
            return Change(kind=Kind.OPEN_VEHICLE, ref=hindrance.ref), f"{hindrance.ref} can be ordered under"
