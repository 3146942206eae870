"""The official adoption states of agencies in an area, from what is on record of them and below them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Select, Table, and_, select

from services.adoption import store, tables
from services.adoption.domain.adoption import Status
from services.adoption.domain.figures import Figure
from services.adoption.domain.m3 import Phase
from services.adoption.domain.rollup import Evidence, Standing, State, rolled_up, state_of
from services.adoption.queries import analytics
from services.adoption.queries.past import recorded_by
from shared.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyState:
    """`components`: state → how many of the organizations below and the agency itself are in it, `unknown` left out."""

    organization_id: str
    name: str
    state: State
    components: Mapping[State, int]


async def agency_states(tx: Transaction, area: str, *, as_of: date | None = None) -> list[AgencyState]:
    """Of the CFO Act agencies, by name, in the tree of today."""
    table = tables.known_organizations
    agencies = await tx.rows(select(table.c.id, table.c.name).where(table.c.cfo_act.is_(True)).order_by(table.c.name))
    parents = {row["id"]: row["parent_id"] for row in await tx.rows(select(table.c.id, table.c.parent_id))}
    evidence = await _evidence(tx, area, as_of=as_of)
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


async def component_states(tx: Transaction, agency_id: str, area: str, *, as_of: date | None = None) -> list[ComponentState]:
    """The organization and all below it, by name; those of whom nothing is on record are `unknown`."""
    table = tables.known_organizations
    covered = store.with_all_below(select(table.c.id).where(table.c.id == agency_id))
    query = select(table.c.id, table.c.name).where(table.c.id.in_(select(covered.c.id))).order_by(table.c.name, table.c.id)
    evidence = await _evidence(tx, area, select(covered.c.id), as_of=as_of)
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


async def _evidence(
    tx: Transaction, area: str, within: Select[Any] | None = None, *, as_of: date | None
) -> dict[str, Evidence]:
    """By organization; `within`: only these."""

    def narrowed(query: Select[Any], table: Table) -> Select[Any]:
        return query if within is None else query.where(table.c.organization_id.in_(within))

    found: dict[str, Evidence] = defaultdict(Evidence)
    standings = await (_standings_on(tx, area, as_of) if as_of else _standings(tx, narrowed(_adopting(area), tables.adoptions)))
    for id_, each in standings.items():
        found[id_] = Evidence(adoptions=tuple(each))
    for table in (tables.needs, tables.profiles):
        stated = select(table.c.organization_id).where(table.c.focus_area == area).distinct()
        stated = stated if as_of is None else _begun_by(stated, table, as_of)
        for row in await tx.rows(narrowed(stated, table)):
            found[row["organization_id"]] = replace(found[row["organization_id"]], stated=True)
    shortlists = tables.shortlists
    locked = select(shortlists).where(shortlists.c.focus_area == area).order_by(shortlists.c.id)
    locked = locked if as_of is None else locked.where(shortlists.c.locked_on <= as_of)
    for row in await tx.rows(narrowed(locked, shortlists)):
        shortlist = store.shortlists.from_row(row)
        if as_of is not None and shortlist.decision is not None and shortlist.decision.on > as_of:
            shortlist = replace(shortlist, decision=None)
        found[shortlist.organization_id] = replace(found[shortlist.organization_id], shortlist=shortlist)
    return found


def _adopting(area: str) -> Select[Any]:
    """However many adoptions there are, an organization's stand in a few ways."""
    adoptions, areas = tables.adoptions, tables.known_offering_areas
    of_area = select(areas.c.offering_id).where(areas.c.focus_area == area)
    query = select(adoptions.c.organization_id, adoptions.c.status, adoptions.c.phase).distinct()
    return query.where(adoptions.c.offering_id.in_(of_area))


async def _standings(tx: Transaction, query: Select[Any]) -> dict[str, list[Standing]]:
    found: dict[str, list[Standing]] = defaultdict(list)
    for row in await tx.rows(query):
        found[row["organization_id"]].append(Standing(Status(row["status"]), Phase(row["phase"])))
    return found


async def _standings_on(tx: Transaction, area: str, as_of: date) -> dict[str, list[Standing]]:
    """The same from the funnel of the day."""
    found: dict[str, list[Standing]] = defaultdict(list)
    for agency, key in await analytics.values(tx, Figure.FUNNEL, area=area, by_agency=True, as_of=as_of):
        phase, _, status = key.partition(":")
        found[agency].append(Standing(Status(status), Phase(phase)))
    return found


def _begun_by(query: Select[Any], table: Table, day: date) -> Select[Any]:
    """Of rows whose first fact was recorded by the end of the day."""
    first = tables.outbox.c
    return query.join(tables.outbox, and_(first.key == table.c.id, first.aggregate_version == 1)).where(recorded_by(day))
