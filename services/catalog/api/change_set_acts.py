"""What a change set can do: the commands of offerings, providers and vehicles, each with the body of its own route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.catalog import queries, schemas, store
from services.catalog.api import contents, providers, vehicle_models, vehicles, views
from services.catalog.commands import offerings as on_offerings
from services.catalog.commands import providers as on_providers
from services.catalog.commands import vehicles as on_vehicles
from services.catalog.domain.offering import Offering
from services.catalog.domain.provider import Provider
from services.catalog.domain.vehicle import Vehicle
from shared.auth import Principal
from shared.db import Transaction
from shared.web.wire import Wire


class Op(StrEnum):
    """Named as the routes are."""

    REGISTER_PROVIDER = "register-provider"
    CHANGE_PROVIDER = "change-provider"
    REGISTER_VEHICLE = "register-vehicle"
    CHANGE_VEHICLE = "change-vehicle"
    DRAFT_OFFERING = "draft-offering"
    CHANGE_OFFERING = "change-offering"
    SUBMIT_OFFERING = "submit-offering"
    REQUEST_OFFERING_CHANGES = "request-offering-changes"
    PUBLISH_OFFERING = "publish-offering"
    SUSPEND_OFFERING = "suspend-offering"
    REINSTATE_OFFERING = "reinstate-offering"
    RETIRE_OFFERING = "retire-offering"


class Nothing(Wire):
    """The body of an operation that takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One operation, read and resolved; `version` is the one that it starts from."""

    tx: Transaction
    id: str
    body: Any
    version: int
    by: Principal


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of things: how one is found and what it looks like to a caller, as JSON."""

    name: str
    find: Callable[[Transaction, str], Awaitable[Any]]
    show: Callable[[Transaction, Any, Principal], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Act:
    """An operation's kind, body and command; `makes` something new, or changes what there is."""

    kind: Kind
    body: type[Wire]
    run: Callable[[Call], Awaitable[Any]]
    makes: bool = False


async def _offering(tx: Transaction, found: Offering, by: Principal) -> dict[str, Any]:
    return views.offering(await queries.viewed(tx, found), by=by).model_dump(mode="json", by_alias=True)


async def _provider(_tx: Transaction, found: Provider, by: Principal) -> dict[str, Any]:
    return views.provider(found, by=by).model_dump(mode="json", by_alias=True)


async def _vehicle(_tx: Transaction, found: Vehicle, by: Principal) -> dict[str, Any]:
    return vehicles.vehicle_shown(found, by=by).model_dump(mode="json", by_alias=True)


OFFERING = Kind("offering", store.offerings.find, _offering)
PROVIDER = Kind("provider", store.providers.find, _provider)
VEHICLE = Kind("vehicle", store.vehicles.find, _vehicle)

ACTS: dict[Op, Act] = {
    Op.REGISTER_PROVIDER: Act(
        PROVIDER,
        schemas.ProviderGiven,
        lambda c: on_providers.register_provider(c.tx, providers.values_of(c.body), by=c.by),
        makes=True,
    ),
    Op.CHANGE_PROVIDER: Act(
        PROVIDER,
        schemas.ProviderGiven,
        lambda c: on_providers.change_provider(c.tx, c.id, providers.values_of(c.body), expected_version=c.version, by=c.by),
    ),
    Op.REGISTER_VEHICLE: Act(
        VEHICLE,
        vehicle_models.VehicleGiven,
        lambda c: on_vehicles.register_vehicle(c.tx, number=c.body.number, terms=vehicles.terms_of(c.body), by=c.by),
        makes=True,
    ),
    Op.CHANGE_VEHICLE: Act(
        VEHICLE,
        vehicle_models.TermsGiven,
        lambda c: on_vehicles.change_vehicle(c.tx, c.id, vehicles.terms_of(c.body), expected_version=c.version, by=c.by),
    ),
    Op.DRAFT_OFFERING: Act(
        OFFERING,
        schemas.OfferingGiven,
        lambda c: on_offerings.draft_offering(c.tx, code=c.body.code, content=contents.content(c.body), by=c.by),
        makes=True,
    ),
    Op.CHANGE_OFFERING: Act(
        OFFERING,
        schemas.OfferingValues,
        lambda c: on_offerings.change_offering(c.tx, c.id, contents.content(c.body), expected_version=c.version, by=c.by),
    ),
    Op.SUBMIT_OFFERING: Act(
        OFFERING, Nothing, lambda c: on_offerings.submit_offering(c.tx, c.id, expected_version=c.version, by=c.by)
    ),
    Op.REQUEST_OFFERING_CHANGES: Act(
        OFFERING,
        schemas.Reasoned,
        lambda c: on_offerings.request_changes(c.tx, c.id, reason=c.body.reason, expected_version=c.version, by=c.by),
    ),
    Op.PUBLISH_OFFERING: Act(
        OFFERING, Nothing, lambda c: on_offerings.publish_offering(c.tx, c.id, expected_version=c.version, by=c.by)
    ),
    Op.SUSPEND_OFFERING: Act(
        OFFERING,
        schemas.Reasoned,
        lambda c: on_offerings.suspend_offering(c.tx, c.id, reason=c.body.reason, expected_version=c.version, by=c.by),
    ),
    Op.REINSTATE_OFFERING: Act(
        OFFERING, Nothing, lambda c: on_offerings.reinstate_offering(c.tx, c.id, expected_version=c.version, by=c.by)
    ),
    Op.RETIRE_OFFERING: Act(
        OFFERING,
        schemas.Retired,
        lambda c: on_offerings.retire_offering(
            c.tx, c.id, reason=c.body.reason, successor_id=c.body.successor_id, expected_version=c.version, by=c.by
        ),
    ),
}
