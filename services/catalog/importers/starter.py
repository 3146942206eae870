"""Loads a first handful of real offerings per open marketplace, through the same commands as everyone, once each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from services.catalog import store
from services.catalog.commands import offerings as commands
from services.catalog.commands import providers as provider_commands
from services.catalog.commands import vehicles as vehicle_commands
from services.catalog.domain.content import Content, Coverage, CoverageLevel, Kind, Shelf
from services.catalog.domain.marketplace import Status
from services.catalog.domain.provider import Kind as ProviderKind
from services.catalog.domain.provider import Provider, key_of
from services.catalog.domain.vehicle import Kind as VehicleKind
from services.catalog.domain.vehicle import Terms
from shared.auth import Principal, Role
from shared.db import Transaction
from shared.kernel.cause import Cause
from shared.service import Owner

_FILE = "starter.toml"
_AUTHOR = "system:starter"
_REVIEWER = "system:starter-review"


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterProvider:
    """`name` is that of the organization where it is a federal one, so that the two are linked."""

    name: str
    kind: ProviderKind
    small_business: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterOffering:
    """`code` is its slug; `content` still lacks its provider."""

    code: str
    provider: str
    content: Content
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """Everything, in the order of the file. `vehicles`: number → terms."""

    vehicles: Mapping[str, Terms]
    providers: tuple[StarterProvider, ...]
    offerings: tuple[StarterOffering, ...]


@cache
def starter() -> Starter:
    """The data that comes with this package."""
    found = tomllib.loads(resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8"))
    return Starter(
        vehicles={vehicle["number"]: _terms(vehicle) for vehicle in found["vehicles"]},
        providers=tuple(_provider(provider) for provider in found["providers"]),
        offerings=tuple(_offering(offering) for offering in found["offerings"]),
    )


def _terms(found: Mapping[str, Any]) -> Terms:
    given = {name: value for name, value in found.items() if name not in {"number", "source"}}
    return Terms(**{**given, "kind": VehicleKind(found["kind"]), "steps": tuple(found["steps"])})


def _provider(found: Mapping[str, Any]) -> StarterProvider:
    return StarterProvider(**{**found, "kind": ProviderKind(found["kind"])})


def _offering(found: Mapping[str, Any]) -> StarterOffering:
    content = Content(
        name=found["name"],
        kind=Kind(found["kind"]),
        focus_areas=(found["area"],),
        services=tuple(found.get("services", ())),
        shelf=Shelf(found["shelf"]),
        summary=found["summary"],
        fibf_coverage=tuple(Coverage(fibf_id=id_, coverage=CoverageLevel.YES) for id_ in found["fibf"]),
        pricing=found.get("pricing"),
        vehicles=tuple(found.get("vehicles", ())),
        is_free=found.get("is_free", False),
        lineage=found.get("lineage"),
        website=found.get("website"),
    )
    return StarterOffering(code=found["code"], provider=found["provider"], content=content, source=found["source"])


async def load(owner: Owner) -> bool:
    """Publish what can be and is not there yet; False while a marketplace that an offering needs is not open.

    Safe to call again at any time, also after an interruption: an offering is there as a whole or not at all.
    """
    data = starter()
    async with owner.db.reading() as tx:
        statuses = await store.marketplace_statuses(tx)
        there = {found.code for found in await store.offerings.find_by(tx, "code", [o.code for o in data.offerings])}
    lacking = [offering for offering in data.offerings if offering.code not in there]
    ready = [o for o in lacking if all(statuses.get(area) is Status.OPEN for area in o.content.focus_areas)]
    if ready:
        async with owner.db.transaction(Cause(actor=_AUTHOR)) as tx:
            await load_starter(tx, ready, data=data)
    return len(ready) == len(lacking)


async def load_starter(tx: Transaction, ready: Sequence[StarterOffering], *, data: Starter) -> None:
    """Draft, submit and publish each, with its provider and vehicles. Raises what the commands raise; then none is there."""
    await _with_vehicles(tx, ready, data.vehicles)
    needed = {offering.provider for offering in ready}
    found = {p.key: p for p in await store.providers.find_by(tx, "key", sorted(key_of(name) for name in needed))}
    for provider in data.providers:
        if provider.name in needed and key_of(provider.name) not in found:
            registered = await _registered(tx, provider)
            found[registered.key] = registered
    for offering in ready:
        await _published(tx, offering, provider_id=found[key_of(offering.provider)].id)


async def _with_vehicles(tx: Transaction, ready: Sequence[StarterOffering], terms: Mapping[str, Terms]) -> None:
    numbers = list(dict.fromkeys(number for offering in ready for number in offering.content.vehicles))
    there = {vehicle.number for vehicle in await store.vehicles.find_by(tx, "number", numbers)}
    for number in numbers:
        if number in terms and number not in there:
            await vehicle_commands.register_vehicle(tx, number=number, terms=terms[number], by=_author(()))


async def _registered(tx: Transaction, provider: StarterProvider) -> Provider:
    organizations = await provider_commands.organizations_named(tx, [key_of(provider.name)])
    values = provider_commands.ProviderValues(
        name=provider.name,
        kind=provider.kind,
        organization_id=organizations.get(key_of(provider.name)) if provider.kind is ProviderKind.FEDERAL else None,
        small_business=provider.small_business,
    )
    return await provider_commands.register_provider(tx, values, by=_author(()))


async def _published(tx: Transaction, offering: StarterOffering, *, provider_id: str) -> None:
    areas = offering.content.focus_areas
    content = replace(offering.content, provider_id=provider_id)
    author = _author(areas)
    drafted = await commands.draft_offering(tx, code=offering.code, content=content, by=author, source=offering.source)
    submitted = await commands.submit_offering(tx, drafted.id, expected_version=drafted.version, by=author)
    reviewer = Principal(_REVIEWER, author.roles)
    await commands.publish_offering(tx, submitted.id, expected_version=submitted.version, by=reviewer)


def _author(areas: Sequence[str]) -> Principal:
    return Principal(_AUTHOR, (Role("coordinator"), *(Role("qsmo", area) for area in areas)))
