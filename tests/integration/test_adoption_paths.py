"""Whatever is called in whatever order, no phase is left over HTTP whose gate is not passed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption.domain.m3 import CRITERIA, TOLLGATES, Phase, criteria_of
from services.adoption.domain.playbook import ARTIFACTS, TASKS
from services.adoption.domain.risk import Category
from tests.unit.adoption.builders import World, a_world, terms

OWN, QSMO, OMB = "agency:7008:sapoc", "qsmo:cybersecurity", "omb"
CALLS = 220
PHASES = tuple(Phase)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


@dataclass
class Ledger:
    """What was accepted, kept beside the service: the test's own book."""

    phase: Phase = Phase.ASSESSMENT
    criteria: set[str] = field(default_factory=set)
    rated: bool = False
    signed: set[str] = field(default_factory=set)
    agreed: bool = False
    going: bool = False

    def wants(self) -> set[str]:
        """What stands open at the gate of the phase."""
        open_ones = {criterion.id for criterion in criteria_of(self.phase)} - self.criteria
        if self.phase in TOLLGATES:
            open_ones |= {"risk"} if not self.rated else set()
            open_ones |= {"agency", "qsmo"} - self.signed
        open_ones |= {"agreement"} if self.phase is Phase.SELECTION and not self.agreed else set()
        return open_ones | ({"go"} if self.phase is Phase.MIGRATION and not self.going else set())


@dataclass
class Walk:
    """One adoption, called at random; half the calls do what is open, so that the walk gets somewhere."""

    world: World
    id: str
    chance: random.Random
    book: Ledger = field(default_factory=Ledger)
    passed: list[Phase] = field(default_factory=list)
    refused: int = 0

    async def call(self, method: str, action: str, body: Any, role: str, subject: str) -> httpx.Response:
        url = f"/v1/adoptions/{self.id}"
        headers = self.world.api.headers(role, subject=subject)
        headers["If-Match"] = (await self.world.api.get(url, "auditor")).headers["etag"]
        return await self.world.api.client.request(method, f"{url}/{action}", json=body, headers=headers)

    async def step(self) -> None:
        wanted = sorted(self.book.wants())
        if wanted and self.chance.random() < 0.5:
            what = self.chance.choice(wanted)
        else:
            random_ones = ("advance", "advance", "reopen", "tailor", "hold", "resume", "rate some", "no go", "complete")
            what = self.chance.choice((*random_ones, self.chance.choice(sorted(CRITERIA)), "agency", "qsmo", "go"))
        await self.does(what)

    async def does(self, what: str) -> None:
        match what:
            case "risk" | "rate some":
                left = set(Category) - ({Category.CYBER} if what == "rate some" else set())
                ratings = {category: {"level": "low", "grounds": "seen"} for category in sorted(left)}
                body = {"size": "large", "ratings": ratings}
                await self.tried("POST", "risk", body, after=lambda: self.rated(what == "risk"))
            case "agency" | "qsmo":
                role = OWN if what == "agency" else QSMO
                await self.tried("POST", "tollgate/sign", {"side": what}, role, what, after=lambda: self.book.signed.add(what))
            case "agreement":
                await self.agrees()
            case "go" | "no go":
                await self.decides(what)
            case "reopen":
                id_ = self.chance.choice(sorted(self.book.criteria) or ["assessment-scope"])
                await self.tried("POST", f"criteria/{id_}/reopen", {"reason": "look again"}, after=lambda: self.reopened(id_))
            case "tailor":
                kind, id_ = self.chance.choice([("tasks", i) for i in TASKS] + [("artifacts", i) for i in ARTIFACTS])
                await self.tried("PUT", f"{kind}/{id_}", {"status": "not_applicable", "note": "left out"})
            case "advance":
                await self.advances()
            case "hold" | "resume" | "complete":
                await self.tried("POST", what, {})
            case criterion:
                met = self.chance.random() < 0.7
                action, role = ("meet", OWN) if met else ("waive", self.chance.choice((QSMO, OMB, OWN)))
                body = {"evidence": "seen"} if met else {"reason": "not needed"}
                await self.tried(
                    "POST", f"criteria/{criterion}/{action}", body, role, after=lambda: self.book.criteria.add(criterion)
                )

    async def tried(
        self,
        method: str,
        action: str,
        body: Any,
        role: str = OWN,
        subject: str = "one",
        *,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        answer = await self.call(method, action, body, role, subject)
        assert answer.status_code in {200, 403, 409, 422}, answer.text
        self.refused += answer.status_code != 200
        if answer.status_code == 200:
            after()

    def rated(self, whole: bool) -> None:
        self.book.rated, self.book.signed = whole, set()

    def reopened(self, criterion: str) -> None:
        self.book.criteria.discard(criterion)
        self.book.signed = set()

    async def decides(self, what: str) -> None:
        day = (self.world.owner.db.clock().date() + timedelta(45)).isoformat()
        body = {"outcome": what.replace(" ", "_"), "go_live_on": day, "contingency": "Stay on the old system"}

        def decided() -> None:
            self.book.going = what == "go"

        await self.tried("POST", "go-live", body, after=decided)

    async def agrees(self) -> None:
        """One signature at a time, so that the walk may stop anywhere on the way."""
        found = await self.world.api.post("/v1/agreements", {"adoption_id": self.id, **terms(self.world)}, OWN)
        for action, role in (("send", OWN), ("sign", OWN), ("countersign", QSMO), ("activate", OWN)):
            if self.chance.random() < 0.1:
                return
            headers = {**self.world.api.headers(role, subject=role), "If-Match": found.headers["etag"]}
            found = await self.world.api.client.post(f"/v1/agreements/{found.json()['id']}/{action}", headers=headers)
        self.book.agreed = True

    async def advances(self) -> None:
        answer = await self.call("POST", "advance", {}, OWN, "one")
        self.refused += answer.status_code != 200
        if answer.status_code != 200:
            return
        assert self.book.wants() == set(), f"{self.book.phase} was left with {self.book.wants()} open"
        assert answer.json()["phase"] == PHASES[PHASES.index(self.book.phase) + 1]
        self.passed.append(self.book.phase)
        self.book.phase, self.book.rated, self.book.signed = Phase(answer.json()["phase"]), False, set()


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_path_of_calls_leaves_a_phase_whose_gate_is_not_passed(world: World, seed: int) -> None:
    begun = await world.api.post("/v1/adoptions", {"agency_id": "cisa", "offering_id": "dns"}, OWN)
    walk = Walk(world, begun.json()["id"], random.Random(seed))

    for _ in range(CALLS):
        await walk.step()

    assert len(walk.passed) >= 2, "the walk went nowhere"
    assert walk.refused > CALLS / 10
    gates = (await world.api.get(f"/v1/adoptions/{walk.id}/gates", OWN)).json()
    unmet = {criterion["id"] for criterion in gates["criteria"] if criterion["result"] == "unmet"}
    assert unmet == set(CRITERIA) - walk.book.criteria
    assert unmet.isdisjoint(criterion.id for phase in walk.passed for criterion in criteria_of(phase))
