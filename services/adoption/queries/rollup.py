"""The official adoption states of agencies in an area, from what is on record of them and below them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, Table, select

from services.adoption import store, tables
from services.adoption.domain.adoption import Status
from services.adoption.domain.m3 import Phase
from services.adoption.domain.rollup import Evidence, Standing, State, rolled_up, state_of
from shared.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyState:
    """`components`: state → how many of the organizations below and the agency itself are in it, `unknown` left out."""

    organization_id: str
    name: str
    state: State
    components: Mapping[State, int]


async def agency_states(tx: Transaction, area: str) -> list[AgencyState]:
    """Of the CFO Act agencies, by name."""
    table = tables.known_organizations
    agencies = await tx.rows(select(table.c.id, table.c.name).where(table.c.cfo_act.is_(True)).order_by(table.c.name))
    parents = {row["id"]: row["parent_id"] for row in await tx.rows(select(table.c.id, table.c.parent_id))}
    evidence = await _evidence(tx, area)
    own = {row["id"] for row in agencies}
    states: dict[str, list[State]] = defaultdict(list)
    for id_, found in evidence.items():
        if (agency := _agency_above(id_, parents, own)) is not None:
            states[agency].append(state_of(found))
    return [_agency_state(row["id"], row["name"], states[row["id"]]) for row in agencies]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentState:
    """Of one organization by itself."""

    organization_id: str
    name: str
    state: State


async def component_states(tx: Transaction, agency_id: str, area: str) -> list[ComponentState]:
    """The organization and all below it, by name; those of whom nothing is on record are `unknown`."""
    table = tables.known_organizations
    covered = store.with_all_below(select(table.c.id).where(table.c.id == agency_id))
    query = select(table.c.id, table.c.name).where(table.c.id.in_(select(covered.c.id))).order_by(table.c.name, table.c.id)
    evidence = await _evidence(tx, area, select(covered.c.id))
    return [
        ComponentState(organization_id=row["id"], name=row["name"], state=state_of(evidence.get(row["id"], Evidence())))
        for row in await tx.rows(query)
    ]


def _agency_state(id_: str, name: str, states: Sequence[State]) -> AgencyState:
    components: dict[State, int] = {state: states.count(state) for state in set(states) - {State.UNKNOWN}}
    return AgencyState(organization_id=id_, name=name, state=rolled_up(states), components=components)


def _agency_above(id_: str, parents: Mapping[str, str | None], agencies: set[str]) -> str | None:
    """The agency itself, or the one that it is part of; a cycle in the tree ends the search."""
    seen: set[str] = set()
    at: str | None = id_
    while at is not None and at not in seen:
        if at in agencies:
            return at
        seen.add(at)
        at = parents.get(at)
    return None


async def _evidence(tx: Transaction, area: str, within: Select[Any] | None = None) -> dict[str, Evidence]:
    """By organization; `within`: only these."""

    def narrowed(query: Select[Any], table: Table) -> Select[Any]:
        return query if within is None else query.where(table.c.organization_id.in_(within))

    found: dict[str, Evidence] = defaultdict(Evidence)
    adoptions, areas = tables.adoptions, tables.known_offering_areas
    of_area = select(areas.c.offering_id).where(areas.c.focus_area == area)
    # However many adoptions there are, an organization's stand in a few ways.
    standings = select(adoptions.c.organization_id, adoptions.c.status, adoptions.c.phase).distinct()
    for row in await tx.rows(narrowed(standings.where(adoptions.c.offering_id.in_(of_area)), adoptions)):
        known = found[row["organization_id"]]
        standing = Standing(Status(row["status"]), Phase(row["phase"]))
        found[row["organization_id"]] = replace(known, adoptions=(*known.adoptions, standing))
    for table in (tables.needs, tables.profiles):
        stated = select(table.c.organization_id).where(table.c.focus_area == area).distinct()
        for row in await tx.rows(narrowed(stated, table)):
            found[row["organization_id"]] = replace(found[row["organization_id"]], stated=True)
    shortlists = tables.shortlists
    locked = select(shortlists).where(shortlists.c.focus_area == area).order_by(shortlists.c.id)
    for row in await tx.rows(narrowed(locked, shortlists)):
        shortlist = store.shortlists.from_row(row)
        found[shortlist.organization_id] = replace(found[shortlist.organization_id], shortlist=shortlist)
    return found
