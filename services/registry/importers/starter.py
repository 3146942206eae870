"""The starter data as typed values: the policy, focus areas, organizations and dated designation steps."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

from services.registry.domain.focus_area import AreaService
from services.registry.domain.organization import Code, Kind

_FILE = "starter.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterPolicy:
    """What the steps cite."""

    id: str
    title: str
    issuer: str
    issued_on: date
    url: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterArea:
    """A focus area; the marketplace date is None where none is open."""

    slug: str
    title: str
    aliases: tuple[str, ...]
    services: tuple[AreaService, ...]
    marketplace_opens_on: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterOrganization:
    """`key` and `parent` are codes (`cgac:070`); parents stand before their parts."""

    key: str
    name: str
    kind: Kind
    codes: tuple[Code, ...]
    parent: str | None
    abbreviation: str | None
    cfo_act: bool
    aliases: tuple[str, ...]
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterStep:
    """One dated action on services of an area; `organization` is the key of the (new) lead, None in research."""

    action: str
    area: str
    services: tuple[str, ...]
    organization: str | None
    effective_on: date
    policy: str
    clause: str | None
    reason: str | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterSeat:
    """A seat of the governance board; who holds it is not known, so it starts vacant."""

    id: str
    title: str
    council: str | None
    organization: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """Everything, in the order in which it is to be recorded."""

    policy: StarterPolicy
    areas: tuple[StarterArea, ...]
    organizations: tuple[StarterOrganization, ...]
    steps: tuple[StarterStep, ...]
    board_seats: tuple[StarterSeat, ...]


def load() -> Starter:
    """The data that comes with this package."""
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    found = tomllib.loads(text)
    policy = StarterPolicy(**found["policy"])
    return Starter(
        policy=policy,
        areas=tuple(_area(area) for area in found["areas"]),
        organizations=tuple(_organization(organization) for organization in found["organizations"]),
        steps=tuple(_step(step, policy.id) for step in found["steps"]),
        board_seats=tuple(_seat(seat) for seat in found["board_seats"]),
    )


def _area(found: Mapping[str, Any]) -> StarterArea:
    return StarterArea(
        slug=found["slug"],
        title=found["title"],
        aliases=tuple(found.get("aliases", ())),
        services=tuple(AreaService(**service) for service in found["services"]),
        marketplace_opens_on=found.get("marketplace_opens_on"),
        source=found["source"],
    )


def _organization(found: Mapping[str, Any]) -> StarterOrganization:
    return StarterOrganization(
        key=found["code"],
        name=found["name"],
        kind=Kind(found["kind"]),
        codes=tuple(_code(text) for text in (found["code"], *found.get("other_codes", ()))),
        parent=found.get("parent"),
        abbreviation=found.get("abbreviation"),
        cfo_act=found.get("cfo_act", False),
        aliases=tuple(found.get("aliases", ())),
        note=found.get("note"),
    )


def _code(text: str) -> Code:
    scheme, _, value = text.partition(":")
    return Code(scheme=scheme, value=value)


def _step(found: Mapping[str, Any], policy: str) -> StarterStep:
    return StarterStep(
        action=found["action"],
        area=found["area"],
        services=tuple(found["services"]),
        organization=found.get("organization"),
        effective_on=found["effective_on"],
        policy=policy,
        clause=found.get("clause"),
        reason=found.get("reason"),
        source=found["source"],
    )


def _seat(found: Mapping[str, Any]) -> StarterSeat:
    return StarterSeat(
        id=found["id"], title=found["title"], council=found.get("council"), organization=found.get("organization")
    )
