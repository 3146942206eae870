"""Fits → representation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from services.adoption.api import choice_models as models
from services.adoption.domain.fit import Fit, Question, weight_of
from services.adoption.domain.fit_changes import Effect
from shared.web.wire import MoneyShown

_HUNDREDTH = Decimal("0.01")


def fit(found: Fit, *, rank: int | None) -> models.FitShown:
    candidate = found.candidate
    counts = Counter(outcome for _, outcome in found.outcomes)
    return models.FitShown(
        rank=rank,
        offering_id=candidate.offering_id,
        code=candidate.code,
        name=candidate.name,
        revision=candidate.revision,
        provider_name=candidate.provider_name,
        score=_score(found.score),
        possible=not found.hindrances,
        hindrances=[models.HindranceShown(kind=each.kind, detail=each.detail) for each in found.hindrances],
        outcomes=dict(sorted(counts.items())),
        critical_gaps=found.critical_gaps,
        yearly_cost=None if found.yearly_cost is None else MoneyShown(amount=found.yearly_cost),
        readiness_gaps=[models.GapShown(dimension=g.dimension, asks=g.asks, has=g.has) for g in found.gaps],
    )


def explained(found: Fit, *, rank: int, effects: Sequence[Effect]) -> models.FitExplained:
    return models.FitExplained(
        **dict(fit(found, rank=rank)),
        needs=[
            models.NeedOutcome(fibf_id=need.fibf_id, outcome=outcome, weight=weight_of(need))
            for need, outcome in found.outcomes
        ],
        constraints=[
            models.ConstraintVerdict(limit=c.limit, priority=c.priority, value=c.value, verdict=verdict)
            for c, verdict in found.verdicts
        ],
        what_would_change_it=[_effect(each) for each in effects],
    )


def _effect(found: Effect) -> models.EffectShown:
    return models.EffectShown(
        change=found.change.kind,
        ref=found.change.ref,
        level=found.change.level,
        detail=found.detail,
        rank=found.rank,
        score=_score(found.score),
    )


def _score(hundredths: int) -> Decimal:
    return Decimal(hundredths) * _HUNDREDTH


def comparison(needs_id: str, question: Question, fits: Sequence[Fit], titles: Mapping[str, str]) -> models.FitComparison:
    return models.FitComparison(
        needs_id=needs_id,
        offerings=[fit(found, rank=None) for found in fits],
        needs=[
            models.ComparedNeed(
                fibf_id=need.fibf_id,
                title=titles.get(need.fibf_id),
                mission_critical=need.mission_critical,
                outcomes=[found.outcomes[index][1] for found in fits],
            )
            for index, need in enumerate(question.needs)
        ],
        constraints=[
            models.ComparedConstraint(
                limit=c.limit, priority=c.priority, value=c.value, verdicts=[found.verdicts[index][1] for found in fits]
            )
            for index, c in enumerate(question.constraints)
        ],
    )
