"""Filters made up by chance: as they are written, and as a predicate over what an offering says, read off its rows."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.catalog.domain.offering import Offering
from services.catalog.domain.provider import Provider
from tests.support.offerings import ACTIVITIES, AREAS, LEVELS, STATUSES

Said = Mapping[str, Sequence[Any]]
RANKED = ("li_saas", "low", "moderate", "high")
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def said(offering: Offering, provider: Provider | None, vehicle_kinds: Mapping[str, str]) -> Said:
    """Field → its values; none where the offering does not say."""
    content, authorization = offering.content, offering.content.authorization
    covered = [each.fibf_id.split(".") for each in content.fibf_coverage if each.coverage != "no"]
    found: dict[str, Sequence[Any]] = {
        "area": content.focus_areas,
        "service": content.services,
        "kind": [content.kind],
        "status": [offering.status],
        "shelf": [content.shelf],
        "provider": [content.provider_id],
        "provider_kind": [provider and provider.kind],
        "small_business": [provider and provider.small_business],
        "authorization": [authorization and authorization.status],
        "impact": [authorization and authorization.impact_level],
        "service_model": authorization.service_models if authorization else (),
        "hosting": [content.hosting],
        "vehicle": content.vehicles,
        "vehicle_kind": [vehicle_kinds.get(number) for number in content.vehicles],
        "standard": [each.fibf_id.partition(".")[0] for each in content.fibf_coverage],
        "covers": [".".join(each[: n + 1]) for each in covered for n in range(len(each))],
        "source": [offering.source],
        "free": [content.is_free],
        "in_production": [content.in_production],
        "onboarding_days": [content.onboarding_days],
        "authorized_until": [authorization and authorization.expires_on],
        "revision": [offering.revision],
    }
    return {name: [value for value in values if value is not None] for name, values in found.items()}


@dataclass(frozen=True, slots=True)
class Made:
    """`named`: (field, value) of each word or level that the filter compares with."""

    text: str
    holds: Callable[[Said], bool]
    named: tuple[tuple[str, str], ...]


class FilterMaker:
    """`words`: field → values to choose from, of the fields that are words."""

    def __init__(self, chance: random.Random, words: Mapping[str, Sequence[str]]) -> None:
        self._chance = chance
        self._words = {
            "area": (*AREAS, "nowhere"),
            "service": ("a-service",),
            "kind": ("service", "commercial_product", "tool", "best_practice"),
            "status": ("published", "listed", "suspended", "retired", "draft", "in_review"),
            "shelf": ("mandated", "recommended", "optional"),
            "provider_kind": ("federal", "commercial"),
            "authorization": STATUSES,
            "service_model": ("saas", "paas", "iaas"),
            "hosting": ("federal", "commercial"),
            "standard": ("CYB", "FFM"),
            "covers": (*ACTIVITIES, "CYB", "CYB.060", "FFM.010"),
            "source": ("fedramp",),
            **words,
        }

    @property
    def fields(self) -> set[str]:
        return {
            *self._words,
            "small_business",
            "free",
            "in_production",
            "impact",
            "onboarding_days",
            "revision",
            "authorized_until",
        }

    def make(self, depth: int = 3) -> Made:
        if depth == 0 or self._chance.random() < 0.3:
            return self._comparison(self._chance.choice(sorted(self.fields)))
        match self._chance.randrange(3):
            case 0:
                inner = self.make(depth - 1)
                return Made(f"not ({inner.text})", lambda said: not inner.holds(said), inner.named)
            case 1:
                return self._joined("and", all, depth)
            case _:
                return self._joined("or", any, depth)

    def _joined(self, word: str, rule: Callable[[Any], bool], depth: int) -> Made:
        parts = [self.make(depth - 1) for _ in range(2)]
        text = f" {word} ".join(f"({part.text})" for part in parts)
        return Made(text, lambda said: rule(part.holds(said) for part in parts), tuple(n for p in parts for n in p.named))

    def _comparison(self, field: str) -> Made:
        match field:
            case "small_business" | "free" | "in_production":
                wanted = self._chance.random() < 0.5
                return self._equal(field, "yes" if wanted else "no", wanted)
            case "impact":
                level = self._chance.choice(LEVELS)
                made = self._ordered(field, level, RANKED.index(level), RANKED.index)
                return Made(made.text, made.holds, ((field, level),))
            case "onboarding_days" | "revision":
                number = self._chance.choice((0, 1, 30, 31, 365))
                return self._ordered(field, str(number), number, int)
            case "authorized_until":
                day = date(2088, 1, 1) + timedelta(days=self._chance.randrange(900))
                return self._ordered(field, day.isoformat(), day, lambda value: value)
            case _:
                return self._word(field)

    def _word(self, field: str) -> Made:
        if self._chance.random() < 0.3:
            values = self._chance.choices(self._words[field], k=2)
            text = f"{field} in ({', '.join(map(_quoted, values))})"
            return Made(text, lambda said: any(v in said[field] for v in values), tuple((field, v) for v in values))
        value = self._chance.choice(self._words[field])
        made = self._equal(field, _quoted(value), value)
        return Made(made.text, made.holds, ((field, value),))

    def _equal(self, field: str, text: str, value: object) -> Made:
        if self._chance.random() < 0.3:
            return Made(f"{field} != {text}", lambda said: value not in said[field], ())
        return Made(f"{field} = {text}", lambda said: value in said[field], ())

    def _ordered(self, field: str, text: str, value: Any, rank: Callable[[Any], Any]) -> Made:
        sign = self._chance.choice([*_COMPARED])
        return Made(f"{field} {sign} {text}", lambda said: any(_COMPARED[sign](rank(v), value) for v in said[field]), ())


def _quoted(value: str) -> str:
    return f'"{value}"'
