"""The read models: what a service keeps of others' facts, and which object's facts make a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Table

from services.adoption import consumers as adoption_consumers
from services.adoption import tables as adoption
from services.catalog import consumers as catalog_consumers
from services.catalog import tables as catalog
from shared.bus.port import Bus
from shared.db import Database
from shared.inbox import Consumer

_REGISTRY, _CATALOG, _ADOPTION = "qsmo.registry", "qsmo.catalog", "qsmo.adoption"


@dataclass(frozen=True, slots=True)
class Model:
    """`owner`: the column with the id of the object of `topic` whose facts make the row."""

    table: Table
    topic: str
    owner: str = "id"


# The registry's findings are not here: what it did about each stands in the same row, and no fact of another tells that.
MODELS: Mapping[str, tuple[Model, ...]] = {
    "catalog": (
        Model(catalog.focus_areas, _REGISTRY),
        Model(catalog.organizations, _REGISTRY),
        Model(catalog.designations, _REGISTRY),
        Model(catalog.offering_uses, _ADOPTION, "adoption_id"),
        Model(catalog.offering_ratings, _ADOPTION, "feedback_id"),
    ),
    "adoption": (
        Model(adoption.known_organizations, _REGISTRY),
        Model(adoption.known_codes, _REGISTRY, "organization_id"),
        Model(adoption.known_posts, _REGISTRY),
        Model(adoption.known_designations, _REGISTRY),
        Model(adoption.known_corrections, _REGISTRY, "plan_id"),
        Model(adoption.known_offerings, _CATALOG),
        Model(adoption.known_revisions, _CATALOG, "offering_id"),
        Model(adoption.known_offering_areas, _CATALOG, "offering_id"),
        Model(adoption.known_vehicles, _CATALOG),
        Model(adoption.known_activities, _CATALOG, "standard_id"),
        Model(adoption.known_marketplaces, _CATALOG, "focus_area"),
    ),
}
CONSUMERS: Mapping[str, Callable[[Database, Bus], Consumer]] = {
    "catalog": catalog_consumers.follower,
    "adoption": adoption_consumers.follower,
}
