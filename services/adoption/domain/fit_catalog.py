"""All candidates of an area, arranged so that thousands are ranked in a few milliseconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from services.adoption.domain.candidate import Candidate, Cover, yearly_cost
from services.adoption.domain.fit import (
    FULL,
    POINTS,
    WEIGHTS,
    Fit,
    Order,
    Question,
    asked,
    evaluate,
    percent,
    place,
    readiness_gaps,
    unbuyable,
    unready,
    weight_of,
)
from services.adoption.domain.needs import Priority


class Catalog:
    """Built once from the candidates of an area; asked any number of times. Says the same as `evaluate`, one by one."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.candidates = tuple(candidates)
        self._place = {candidate.offering_id: index for index, candidate in enumerate(self.candidates)}
        self._covering: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, candidate in enumerate(self.candidates):
            for activity, cover in candidate.coverage.items():
                if cover is not Cover.NO:
                    self._covering[activity].append((index, POINTS[cover]))
        self._asking = [index for index, candidate in enumerate(self.candidates) if candidate.suits]
        self._bought = [i for i, c in enumerate(self.candidates) if c.kind == "commercial_product" and c.vehicles]

    def find(self, offering_id: str) -> Candidate | None:
        index = self._place.get(offering_id)
        return None if index is None else self.candidates[index]

    def ranking(self, question: Question, *, limit: int) -> tuple[list[Fit], int]:
        """The first `limit` fits in order, and how many are in at all."""
        orders = self.orders(question)
        chosen = sorted(range(len(orders)), key=orders.__getitem__)[:limit]
        return [evaluate(self.candidates[index], question) for index in chosen], sum(not found[0] for found in orders)

    def unserved(self, question: Question) -> tuple[str, ...]:
        """Activities that no offering which is in would meet, by go-live at least."""
        inside = [c for c, found in zip(self.candidates, self.orders(question), strict=True) if not found[0]]
        served = {activity for c in inside for activity, cover in c.coverage.items() if cover is not Cover.NO}
        return tuple(need.fibf_id for need in question.needs if need.fibf_id not in served)

    def orders(self, question: Question) -> list[Order]:
        """What each candidate sorts by, as `fit.order` says of its fit."""
        costs = [yearly_cost(candidate, question.size) for candidate in self.candidates]
        reached, met_critical = self._needs_met(question)
        possible = sum(weight_of(need) * FULL for need in question.needs)
        kept_out = [False] * len(self.candidates)
        for constraint in question.constraints:
            holds = [asked_of(candidate, cost) for asked_of in (asked(constraint),) for candidate, cost in self._with(costs)]
            if constraint.priority is Priority.MUST:
                kept_out = [out or not held for out, held in zip(kept_out, holds, strict=True)]
                continue
            gain = WEIGHTS[constraint.priority] * FULL
            possible += gain
            reached = [points + gain if held else points for points, held in zip(reached, holds, strict=True)]
        self._keep_out(question, kept_out)
        critical = sum(need.mission_critical for need in question.needs)
        return [
            place(out, percent(points, possible), critical - met, cost, candidate.code)
            for out, points, met, cost, candidate in zip(kept_out, reached, met_critical, costs, self.candidates, strict=True)
        ]

    def _with(self, costs: Sequence[Decimal | None]) -> Iterable[tuple[Candidate, Decimal | None]]:
        return zip(self.candidates, costs, strict=True)

    def _needs_met(self, question: Question) -> tuple[list[int], list[int]]:
        """Points reached, and mission-critical needs met, by candidate."""
        reached, critical = [0] * len(self.candidates), [0] * len(self.candidates)
        for need in question.needs:
            weight = weight_of(need)
            for index, points in self._covering.get(need.fibf_id, ()):
                reached[index] += weight * points
            if need.mission_critical:
                for index, _ in self._covering.get(need.fibf_id, ()):
                    critical[index] += 1
        return reached, critical

    def _keep_out(self, question: Question, kept_out: list[bool]) -> None:
        for index in self._asking:
            if not kept_out[index]:
                kept_out[index] = bool(unready(readiness_gaps(self.candidates[index], question.readiness)))
        for index in self._bought:
            if not kept_out[index]:
                kept_out[index] = bool(unbuyable(self.candidates[index], question))
