"""What a shortlist rests on, as canonical JSON: enough to score it again without anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from services.adoption.domain.candidate import Candidate, Cover, Vehicle
from services.adoption.domain.fit import Fit, Question, evaluate
from services.adoption.domain.needs import Constraint, Limit, Need, Priority, Scale


def pin(
    question: Question, *, shortlisted: Sequence[Fit], others: Sequence[Fit], considered: int, unserved: Sequence[str]
) -> str:
    """`others`: those not taken, in order of rank, with why not. `considered`: how many offerings there were in all.

    `unserved`: activities that none of them would meet.
    """
    named = {number for fit in shortlisted for number in fit.candidate.vehicles}
    document = {
        "question": {**_question(question), "vehicles": {n: asdict(v) for n, v in question.vehicles.items() if n in named}},
        "shortlisted": [{"candidate": asdict(fit.candidate), **_result(fit)} for fit in shortlisted],
        "others": [
            {
                "offering_id": fit.candidate.offering_id,
                "code": fit.candidate.code,
                "revision": fit.candidate.revision,
                **_result(fit),
            }
            for fit in others
        ],
        "considered": considered,
        "unserved": list(unserved),
    }
    return json.dumps(document, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _question(question: Question) -> dict[str, Any]:
    return {
        "needs": [asdict(need) for need in question.needs],
        "constraints": [asdict(constraint) for constraint in question.constraints],
        "readiness": dict(question.readiness),
        "size": dict(question.size),
        "agency": sorted(question.agency),
        "on": question.on,
    }


def _result(fit: Fit) -> dict[str, Any]:
    return {
        "score": fit.score,
        "yearly_cost": fit.yearly_cost,
        "outcomes": {need.fibf_id: outcome for need, outcome in fit.outcomes},
        "verdicts": [verdict for _, verdict in fit.verdicts],
        "hindrances": [hindrance.detail for hindrance in fit.hindrances],
    }


def _plain(value: object) -> object:
    match value:
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case frozenset() | set():
            return sorted(value)
        case _:
            raise TypeError(type(value).__name__)


def unpinned(pinned: str) -> tuple[Question, list[tuple[Candidate, Mapping[str, Any]]]]:
    """The question, and each shortlisted candidate with the result that was locked."""
    document = json.loads(pinned)
    asked = document["question"]
    question = Question(
        needs=tuple(Need(**{**need, "scale": Scale(need["scale"])}) for need in asked["needs"]),
        constraints=tuple(_constraint(each) for each in asked["constraints"]),
        readiness=asked["readiness"],
        size=asked["size"],
        agency=frozenset(asked["agency"]),
        on=date.fromisoformat(asked["on"]),
        vehicles={number: _vehicle(each) for number, each in asked["vehicles"].items()},
    )
    return question, [(_candidate(each["candidate"]), each) for each in document["shortlisted"]]


def _constraint(found: Mapping[str, Any]) -> Constraint:
    return Constraint(limit=Limit(found["limit"]), priority=Priority(found["priority"]), value=found["value"])


def _vehicle(found: Mapping[str, Any]) -> Vehicle:
    days = {name: date.fromisoformat(found[name]) if found[name] else None for name in ("ordering_from", "ordering_to")}
    return Vehicle(**{**found, **days, "eligible": tuple(found["eligible"])})


def _candidate(found: Mapping[str, Any]) -> Candidate:
    return Candidate(
        **{
            **found,
            "coverage": {activity: Cover(cover) for activity, cover in found["coverage"].items()},
            "interfaces": tuple(found["interfaces"]),
            "vehicles": tuple(found["vehicles"]),
        }
    )


def differences(pinned: str) -> list[str]:
    """What comes out otherwise when the pinned data are scored again; empty when all is as it was locked."""
    question, locked = unpinned(pinned)
    found = []
    for candidate, result in locked:
        again = json.loads(json.dumps(_result(evaluate(candidate, question)), default=_plain))
        found += [f"{candidate.code}: {name}" for name, value in again.items() if value != result[name]]
    return found
