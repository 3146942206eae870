"""Brings back what databases of different moments lack, as far as somebody still has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from sqlalchemy import Table, update

from services.commandline.recovery.standing import Follower, Missing, inbox, outbox, owner_of
from shared.contracts.envelope import Event
from shared.db import Database, Transaction, among, insert_many
from shared.inbox.consumer import BEHIND
from shared.kernel.cause import Cause
from shared.outbox import AggregateStore
from shared.service import SERVICES

_CAUSE = Cause(actor="system:reconcile", correlation_id="reconcile")
_ROWS = 2_000


async def put_back(dbs: Mapping[str, Database], lost: Sequence[Event]) -> None:
    """Facts that their owner has lost stand in its outbox again, and its objects go on after them.

    Otherwise it would give their versions away anew, and whoever knows them would take the new facts for repetitions.
    What the objects were is not put back: facts do not tell enough of every kind.
    """
    for service in SERVICES:
        of_it = sorted((e for e in lost if owner_of(e.topic) == service), key=lambda e: (e.subject, e.aggregate_version))
        for start in range(0, len(of_it), _ROWS):
            async with dbs[service].transaction(_CAUSE) as tx:
                await insert_many(tx, outbox, [_outbox_row(event, tx.at) for event in of_it[start : start + _ROWS]])
                await _raise_versions(tx, service, of_it[start : start + _ROWS])


def _outbox_row(event: Event, now: datetime) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "topic": event.topic,
        "key": event.subject,
        "aggregate_version": event.aggregate_version,
        "headers": event.headers(),
        "payload": event.data.decode(),
        "recorded_at": datetime.fromisoformat(event.time),
        "published_at": now,
    }


async def _raise_versions(tx: Transaction, service: str, events: Sequence[Event]) -> None:
    """Ids are unique across the kinds of a service."""
    last = {event.subject: event.aggregate_version for event in events}
    for table in _aggregates(service):
        for id_, version in last.items():
            await tx.execute(update(table).where(table.c.id == id_, table.c.version < version).values(version=version))


def _aggregates(service: str) -> list[Table]:
    package = import_module(f"services.{service}.store")
    modules = [import_module(found.name) for found in iter_modules(package.__path__, f"{package.__name__}.")]
    return [each.table for module in modules for each in vars(module).values() if isinstance(each, AggregateStore)]


async def publish_again(dbs: Mapping[str, Database], missing: Mapping[Follower, Sequence[Missing]]) -> None:
    """The relay publishes what is not marked; whoever has it already knows it by its version."""
    for follower, found in missing.items():
        await _forget_gaps(dbs[follower.service], follower, found)
    await _unmark(dbs, [each for found in missing.values() for each in found])


async def _forget_gaps(db: Database, follower: Follower, missing: Sequence[Missing]) -> None:
    """What was parked since something before it did not come comes again, after that."""
    c = inbox.parked.c
    for topic in follower.topics:
        subjects = sorted({each.subject for each in missing if each.service == owner_of(topic)})
        for start in range(0, len(subjects), _ROWS):
            async with db.transaction(_CAUSE) as tx:
                waiting = (c.consumer == follower.consumer, c.topic == topic, c.reason == BEHIND, c.resolved_at.is_(None))
                these = update(inbox.parked).where(*waiting, among(tx, c.subject, subjects[start : start + _ROWS]))
                await tx.execute(these.values(resolved_at=tx.at, resolution="published again by `qsmo reconcile`"))


async def _unmark(dbs: Mapping[str, Database], missing: Sequence[Missing]) -> None:
    for service in SERVICES:
        ids = sorted({each.row_id for each in missing if each.service == service})
        for start in range(0, len(ids), _ROWS):
            async with dbs[service].transaction(_CAUSE) as tx:
                these = among(tx, outbox.c.id, ids[start : start + _ROWS])
                await tx.execute(update(outbox).where(these).values(published_at=None))
