"""What ids in an answer stand for, so that people read names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.gateway import queries
from services.gateway.context import Gateway
from services.gateway.dashboard.tabular import Link

_ORGANIZATIONS = frozenset({"agency_id", "organization_id", "host_organization_id", "lead_office_id"})
_OFFERINGS = frozenset({"offering_id"})
# What has no name of its own → what it is, and where.
_THINGS = {
    "adoption_id": ("the adoption", "/adoptions/"),
    "needs_id": ("the statement of needs", "/records/needs/"),
    "shortlist_id": ("the shortlist", "/records/shortlists/"),
    "provider_id": ("the provider", "/records/providers/"),
    "vehicle_id": ("the vehicle", "/records/vehicles/"),
    "plan_id": ("the plan", "/records/plans/"),
}


async def names_in(gateway: Gateway, found: Any) -> queries.Names:
    """Of the organizations and offerings that the JSON value refers to."""
    ids = list(_ids(found))
    async with gateway.db.reading() as tx:
        return await queries.names(
            tx,
            organization_ids={id_ for key, id_ in ids if key in _ORGANIZATIONS},
            offering_ids={id_ for key, id_ in ids if key in _OFFERINGS},
        )


def _ids(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        for key, value in found.items():
            if isinstance(value, str):
                yield key, value
            else:
                yield from _ids(value)
    elif isinstance(found, list):
        for value in found:
            yield from _ids(value)


def linked(found: Any, names: queries.Names) -> Any:
    """The same value with links in place of ids."""
    if isinstance(found, dict):
        return {
            key: _link(key, value, names) if isinstance(value, str) else linked(value, names) for key, value in found.items()
        }
    return [linked(value, names) for value in found] if isinstance(found, list) else found


def _link(key: str, id_: str, names: queries.Names) -> str | Link:
    if key in _ORGANIZATIONS and id_ in names.organizations:
        return Link(names.organizations[id_], f"/records/organizations/{id_}")
    if key in _OFFERINGS and id_ in names.offerings:
        return Link(names.offerings[id_], f"/offerings/{id_}")
    if key in _THINGS:
        said, path = _THINGS[key]
        return Link(said, path + id_)
    return names.areas.get(id_, id_) if key == "focus_area" else id_
