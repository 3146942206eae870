"""Rows that a service keeps beside those that the facts make; writes those that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, and_, delete, select, text

from services.commandline.recovery.models import Model
from services.commandline.recovery.shadow import Shadow
from services.commandline.recovery.standing import Follower, versions_applied
from shared import telemetry
from shared.db import Database, RollbackOnly, Row, Transaction, among, upsert
from shared.kernel.cause import Cause

_STRETCH = 1_000
_CAUSE = Cause(actor="system:replay", correlation_id="replay")
_log = telemetry.logger("replay")

Key = tuple[Any, ...]
Owned = tuple[Model, str]  # and the object whose facts make the rows


@dataclass(frozen=True, slots=True)
class Difference:
    """`kept` in the service, `told` by the facts that it has applied up to `version` of the object."""

    kept: Row | None
    told: Row | None
    version: int

    @property
    def kind(self) -> str:
        return "missing" if self.kept is None else "superfluous" if self.told is None else "different"

    @property
    def columns(self) -> list[str]:
        """Where both are, those that are not alike."""
        return [name for name in self.kept or () if self.told and self.told[name] != (self.kept or {})[name]]


@dataclass(slots=True)
class Look:
    """`moved`: objects of which service and shadow have not applied the same facts, so that nothing can be said of them."""

    rows: int = 0
    differences: dict[Owned, dict[Key, Difference]] = field(default_factory=dict)
    moved: set[Owned] = field(default_factory=set)

    @property
    def doubted(self) -> set[Owned]:
        return self.moved | self.differences.keys()


@dataclass(frozen=True, slots=True)
class _View:
    rows: dict[str, dict[Key, Row]]
    versions: dict[str, int]


async def look(live: Database, shadow: Shadow, models: Sequence[Model], *, only: Collection[Owned] | None = None) -> Look:
    """At every row, or at those of some objects."""
    found = Look()
    for model in models:
        stretches = _everything(live, shadow, model) if only is None else _given(model, only)
        async for owners in stretches:
            kept = await _view(live, shadow.of, model, owners)
            told = await _view(shadow.db, shadow.of, model, owners)
            for owner in owners:
                _compare(found, (model, owner), kept, told)
    return found


def _compare(found: Look, place: Owned, kept: _View, told: _View) -> None:
    owner = place[1]
    ours, theirs = kept.rows.get(owner, {}), told.rows.get(owner, {})
    found.rows += len(ours)
    if ours == theirs:
        return
    if (version := kept.versions.get(owner, 0)) != told.versions.get(owner, 0):
        found.moved.add(place)
        return
    keys = [key for key in ours | theirs if ours.get(key) != theirs.get(key)]
    found.differences[place] = {key: Difference(ours.get(key), theirs.get(key), version) for key in keys}


async def _everything(live: Database, shadow: Shadow, model: Model) -> AsyncIterator[list[str]]:
    async for owners in _owners(live, model):
        yield owners
    async for owners in _owners(shadow.db, model):
        kept = await _view(live, shadow.of, model, owners)
        if absent := [owner for owner in owners if owner not in kept.rows]:
            yield absent


async def _given(model: Model, only: Collection[Owned]) -> AsyncIterator[list[str]]:
    owners = sorted(owner for its, owner in only if its == model)
    for start in range(0, len(owners), _STRETCH):
        yield owners[start : start + _STRETCH]


async def _owners(db: Database, model: Model) -> AsyncIterator[list[str]]:
    column, after = model.table.c[model.owner], ""
    while True:
        async with db.reading() as tx:
            query = select(column).where(column > after).distinct().order_by(column).limit(_STRETCH)
            found = list((await tx.execute(query)).scalars())
        if not found:
            return
        yield found
        after = found[-1]


async def _view(db: Database, follower: Follower, model: Model, owners: Sequence[str]) -> _View:
    async with db.reading(at_once=True) as tx:
        return await _seen(tx, follower, model, owners)


async def _seen(tx: Transaction, follower: Follower, model: Model, owners: Sequence[str]) -> _View:
    rows: defaultdict[str, dict[Key, Row]] = defaultdict(dict)
    for row in await tx.rows(select(model.table).where(among(tx, model.table.c[model.owner], owners))):
        rows[row[model.owner]][_key(model.table, row)] = dict(row)
    return _View(dict(rows), await versions_applied(tx, follower, model.topic, owners))


def _key(table: Table, row: Row) -> Key:
    return tuple(row[column.name] for column in table.primary_key)


async def mend(live: Database, follower: Follower, place: Owned, differences: dict[Key, Difference]) -> bool:
    """Makes an object's rows those that were told, in one transaction; False when it has moved on: nothing is done."""
    model, owner = place
    try:
        async with live.transaction(_CAUSE) as tx:
            if tx.is_postgresql:
                # Else a consumer that is at these rows could take them for what they were before, or bring that back.
                await tx.execute(text(f"LOCK TABLE {model.table.name} IN SHARE ROW EXCLUSIVE MODE"))
            await _unmoved(tx, follower, place, differences)
            await _write(tx, model.table, differences)
    except RollbackOnly:
        return False
    for key, each in differences.items():
        said = {"table": model.table.name, "key": [str(part) for part in key], "columns": each.columns, "version": each.version}
        _log.info("replay_applied", service=follower.service, object=owner, was=each.kind, **said)
    return True


async def _unmoved(tx: Transaction, follower: Follower, place: Owned, differences: dict[Key, Difference]) -> None:
    model, owner = place
    now = await _seen(tx, follower, model, [owner])
    rows, version = now.rows.get(owner, {}), now.versions.get(owner, 0)
    if any(rows.get(key) != each.kept or version != each.version for key, each in differences.items()):
        raise RollbackOnly(result=None)


async def _write(tx: Transaction, table: Table, differences: dict[Key, Difference]) -> None:
    for key in [key for key, each in differences.items() if each.told is None]:
        same = [column == value for column, value in zip(table.primary_key, key, strict=True)]
        await tx.execute(delete(table).where(and_(*same)))
    await upsert(tx, table, [each.told for each in differences.values() if each.told is not None])
