"""How offerings stood on past days, read from the facts about them and from their immutable revisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Any

import orjson
from sqlalchemy import select, tuple_

from services.catalog import tables
from services.catalog.domain.content import Content
from services.catalog.domain.offering import Offering, Status
from services.catalog.store.documents import content_of
from services.catalog.store.offerings import offerings
from shared.db import Row, Transaction, among
from shared.kernel.time import days_after

_PAIRS = 400
_PinnedContents = dict[tuple[str, int], Content]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The offering as it stood for the public at the end of each day from `since` on, without `until` (None: still)."""

    offering: Offering
    since: date
    until: date | None


async def standings(tx: Transaction, found: Sequence[Offering], *, by_day: date | None = None) -> list[Standing]:
    """All of these offerings, or those until a day; none of what was not published or listed by then.

    Of its origins nothing is known, and nothing of what came after.
    """
    facts = await _facts(tx, [each.id for each in found], by_day)
    contents = await _contents(tx, {(row["key"], said["revision"]) for row, said in facts if said["revision"]})
    now = {each.id: each for each in found}
    ends: dict[str, dict[date, Offering]] = {each.id: {} for each in found}
    for row, said in facts:
        if (content := contents.get((row["key"], said["revision"]))) is not None:
            ends[row["key"]][row["recorded_at"].date()] = _then(now[row["key"]], row, said, content)
    return [standing for of_one in ends.values() for standing in _in_turn(of_one) if standing.offering.is_public]


async def standing_on(tx: Transaction, ids: Sequence[str], day: date) -> dict[str, Offering]:
    """Id → the offering as it stood at the end of the day; of those that were published or listed by then."""
    found = await standings(tx, await offerings.find_by(tx, "id", ids), by_day=day)
    return {each.offering.id: each.offering for each in found if each.until is None}


async def _facts(tx: Transaction, ids: Sequence[str], by_day: date | None) -> list[tuple[Row, dict[str, Any]]]:
    """With what each says, the oldest first."""
    c = tables.outbox.c
    query = select(c.key, c.aggregate_version, c.recorded_at, c.payload).where(among(tx, c.key, ids))
    if by_day is not None:
        query = query.where(c.recorded_at < datetime.combine(days_after(by_day, 1), time(), UTC))
    rows = await tx.rows(query.order_by(c.key, c.aggregate_version))
    return [(row, orjson.loads(row["payload"])) for row in rows]


async def _contents(tx: Transaction, wanted: Iterable[tuple[str, int]]) -> _PinnedContents:
    c, pairs = tables.offering_revisions.c, sorted(wanted)
    found: _PinnedContents = {}
    for start in range(0, len(pairs), _PAIRS):
        query = select(c.offering_id, c.n, c.content).where(tuple_(c.offering_id, c.n).in_(pairs[start : start + _PAIRS]))
        found.update(((row["offering_id"], row["n"]), content_of(row["content"])) for row in await tx.rows(query))
    return found


def _then(now: Offering, row: Row, said: dict[str, Any], content: Content) -> Offering:
    return replace(
        now,
        version=row["aggregate_version"],
        status=Status(said["status"]),
        content=content,
        revision=said["revision"],
        reason=said.get("reason"),
        successor_id=said.get("successor_id"),
        origins={},
    )


def _in_turn(ends: dict[date, Offering]) -> list[Standing]:
    days = [*ends, None]
    return [Standing(offering=ends[since], since=since, until=until) for since, until in pairwise(days) if since]
