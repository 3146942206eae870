"""Facts as adoption would publish them, by the thousand, and the rows of its outbox that hold them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.adoption.domain.m3 import Phase
from shared.contracts import adoption as contracts
from shared.contracts import oversight
from shared.contracts.envelope import Event
from shared.contracts.fact import Fact

AREAS = ("cybersecurity", "financial-management", "grants-management", "human-resources", "acquisition")
_PHASES = tuple(Phase)
_FIRST = date(2018, 10, 1)
_DAYS = 2_900


@dataclass(frozen=True, slots=True)
class Published:
    """A fact with the place that its aggregate gives it."""

    subject: str
    version: int
    at: datetime
    fact: Fact


def published(count: int, *, seed: int, agencies: int = 150, activities: int = 40) -> Iterator[Published]:
    """At least so many, of all the sources that figures are made of; each aggregate's in order, mixed with others'."""
    rng = random.Random(seed)
    told = number = 0
    while told < count:
        waiting = [list(_aggregate(rng, f"{seed}-{number + n}", agencies, activities)) for n in range(50)]
        number += 50
        while waiting := [facts for facts in waiting if facts]:
            told += 1
            yield rng.choice(waiting).pop(0)


def _aggregate(rng: random.Random, id_: str, agencies: int, activities: int) -> Iterator[Published]:
    agency, area = f"agency-{rng.randrange(agencies)}", rng.choice(AREAS)
    own = {"agency_id": agency, "focus_area": area}
    match rng.choices(("adoption", "savings", "system", "sla", "demand", "iap", "feedback"), (60, 15, 8, 9, 4, 4, 4))[0]:
        case "adoption":
            facts = _adoption(rng, id_, agency, area, activities)
        case "savings":
            facts = _savings(rng, id_, own)
        case "system":
            facts = _system(rng, id_, own)
        case "sla":
            facts = _sla(rng, id_, own)
        case "demand":
            facts = _demand(rng, id_, area, agencies)
        case "feedback":
            facts = _feedback(rng, id_, own)
        case _:
            facts = _iap(rng, id_, own)
    at = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(hours=rng.randrange(_DAYS * 24))
    for version, fact in enumerate(facts, start=1):
        yield Published(id_, version, at, fact)
        at += timedelta(hours=rng.randrange(2_000))


def _adoption(rng: random.Random, id_: str, agency: str, area: str, activities: int) -> Iterator[Fact]:
    day = _FIRST + timedelta(days=rng.randrange(_DAYS))
    base: dict[str, Any] = {
        "adoption_id": id_,
        "agency_id": agency,
        "offering_id": f"o-{rng.randrange(500)}",
        "offering_code": "O",
        "offering_revision": 1,
        "focus_areas": tuple(dict.fromkeys((area, *rng.sample(AREAS, rng.choice((0, 0, 0, 1)))))),
        "started_on": day,
        "activities": tuple(sorted(f"{area[:3].upper()}.010.{n:03}" for n in rng.sample(range(activities), rng.randrange(9)))),
    }
    phase = 0
    yield contracts.AdoptionStarted(**base, status="active", phase=_PHASES[phase], effective_on=day)
    while rng.random() < 0.8:
        day += timedelta(days=rng.randrange(200))
        if phase + 1 < len(_PHASES) and rng.random() < 0.8:
            phase += 1
            told = {**base, "status": "active", "phase": _PHASES[phase], "effective_on": day}
            yield contracts.AdoptionAdvanced(**told, from_phase=_PHASES[phase - 1])
        elif rng.random() < 0.5:
            yield contracts.AdoptionStalled(
                **base, status="active", phase=_PHASES[phase], effective_on=day, progress_on=day, threshold_days=180
            )
            if rng.random() < 0.5:
                yield contracts.AdoptionResumed(**base, status="active", phase=_PHASES[phase], effective_on=day)
        else:
            kind, status = rng.choice(((contracts.AdoptionWithdrawn, "withdrawn"), (contracts.AdoptionCompleted, "completed")))
            yield kind(**base, status=status, phase=_PHASES[phase], effective_on=day)
            return


def _savings(rng: random.Random, id_: str, own: dict[str, str]) -> Iterator[Fact]:
    yield contracts.SavingsRecorded(
        **own,
        entry_id=id_,
        adoption_id="a",
        fiscal_year=rng.randrange(2020, 2030),
        kind=rng.choice(("baseline", "estimate", "target", "realized")),
        cents=rng.randrange(-50_000, 90_000_000),
        hours=rng.choice((0, 0, 40, -8)),
        method="m",
        source="s",
        confidence="high",
    )


def _system(rng: random.Random, id_: str, own: dict[str, str]) -> Iterator[Fact]:
    base: dict[str, Any] = {**own, "system_id": id_, "number": id_, "name": "System"}
    yield contracts.SystemRegistered(**base, status="in_service")
    if rng.random() < 0.6:
        yield contracts.SystemDecommissionPlanned(**base, status="ending")
        if rng.random() < 0.6:
            ended = _FIRST + timedelta(days=rng.randrange(_DAYS))
            yield contracts.SystemDecommissioned(**base, status="decommissioned", decommissioned_on=ended)


def _sla(rng: random.Random, id_: str, own: dict[str, str]) -> Iterator[Fact]:
    base: dict[str, Any] = {
        **own,
        "sla_id": id_,
        "adoption_id": "a",
        "offering_id": f"o-{rng.randrange(20)}",
        "measure_id": "M.1",
        "target": ">=80%",
    }
    yield oversight.SlaAgreed(**base)
    for _ in range(rng.randrange(6)):
        kind = rng.choice((oversight.SlaMet, oversight.SlaMissed, oversight.SlaRecorded))
        yield kind(**base, month=f"2025-{rng.randrange(1, 5):02}", value="1", missed_in_a_row=0)


def _demand(rng: random.Random, id_: str, area: str, agencies: int) -> Iterator[Fact]:
    for n in range(rng.randrange(1, 4)):
        yield contracts.DemandRaised(
            fibf_id=f"{area[:3].upper()}.010.001",
            focus_area=area,
            agency_id=f"agency-{rng.randrange(agencies)}",
            shortlist_id=f"{id_}-{rng.randrange(3)}",
            agencies=n + 1,
        )


def _iap(rng: random.Random, id_: str, own: dict[str, str]) -> Iterator[Fact]:
    base: dict[str, Any] = {
        **own,
        "iap_id": id_,
        "areas": (own["focus_area"],),
        "title": "T",
        "fiscal_year": 2027,
        "amount": "1",
    }
    yield oversight.IapDrafted(**base, status="draft", action="draft")
    if rng.random() < 0.7:
        yield oversight.IapSubmitted(**base, status="submitted", action="submit")
        if rng.random() < 0.7:
            yield oversight.IapDenied(**base, status="denied", action="deny")


def _feedback(rng: random.Random, id_: str, own: dict[str, str]) -> Iterator[Fact]:
    base: dict[str, Any] = {
        **own,
        "feedback_id": id_,
        "adoption_id": "a",
        "offering_id": "o",
        "quarter": "2027Q1",
        "ratings": {name: rng.randrange(1, 6) for name in ("satisfaction", "quality")},
    }
    yield oversight.FeedbackGiven(**base)
    if rng.random() < 0.5:
        yield oversight.FeedbackAnswered(**base)
    if rng.random() < 0.2:
        yield oversight.FeedbackModerated(**base, verdict="hide", reason="r")


def event_of(told: Published) -> Event:
    return Event(
        id=f"{told.subject}:{told.version}",
        source="/adoption",
        type=told.fact.TYPE,
        subject=told.subject,
        time=told.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        data=told.fact.to_json().encode(),
        aggregate_version=told.version,
        actor="generated",
        correlation_id="generated",
    )


def outbox_row(told: Published) -> dict[str, Any]:
    event = event_of(told)
    return {
        "event_id": event.id,
        "topic": event.topic,
        "key": told.subject,
        "aggregate_version": told.version,
        "headers": event.headers(),
        "payload": told.fact.to_json(),
        "recorded_at": told.at,
        "published_at": told.at,
    }
