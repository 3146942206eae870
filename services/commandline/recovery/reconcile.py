"""`qsmo reconcile`: what was lost, what is missing where, and brings back what somebody still has."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select

from services.commandline.recovery import refill
from services.commandline.recovery.opened import Installation, opened
from services.commandline.recovery.standing import (
    FOLLOWERS,
    Ahead,
    Missing,
    ahead_at,
    missing_at,
    on_the_bus,
    on_the_feed,
    outbox,
    owner_of,
    unknown_to_owners,
)
from services.gateway import tables as gateway
from services.installation import DataFolder
from shared.contracts.envelope import Event
from shared.service import SERVICES, TOPICS

# What is on its way is not missing.
_ON_THE_WAY_S = 3.0
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`lost`: facts that others have and their owner has not. `contradicted`: those of them whose version it gave to another.

    `nowhere`: what a follower has applied and nobody can show any more. `missing`: by follower.
    """

    recorded: Mapping[str, int]
    waiting: Mapping[str, int]
    feed_seq: int
    lost: list[Event]
    contradicted: list[Event]
    nowhere: list[Ahead]
    missing: Mapping[str, list[Missing]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return not (self.lost or self.contradicted or self.nowhere or any(self.missing.values()))


async def run(folder: DataFolder, *, repair: bool, lost_file: Path | None, as_json: bool) -> int:
    """0 when every part has what the others have; with `repair` also when it has it again and nothing was lost."""
    async with opened(folder) as at:
        report = await compare(at)
        if lost_file is not None:
            lost_file.write_bytes(b"".join(event.structured() + b"\n" for event in [*report.lost, *report.contradicted]))
        if repair:
            await refill.put_back(at.dbs, report.lost)
            missing = await _missing(at) if report.lost else report.missing
            await refill.publish_again(at.dbs, {each: missing[each.consumer] for each in FOLLOWERS})
    sys.stdout.write(_as_json(report) if as_json else _as_text(report, repaired=repair))
    is_mended = repair and not (report.lost or report.contradicted or report.nowhere)
    return 0 if report.is_whole or is_mended else 1


async def compare(at: Installation) -> Report:
    """Looks only. Facts that are on their way are waited for."""
    found = await _unknown(at)
    lost, contradicted = await _told_apart(at, found)
    first = await _missing(at)
    if any(first.values()):
        await asyncio.sleep(_ON_THE_WAY_S)
    missing = {name: sorted(set(found) & set(first[name]), key=_place) for name, found in (await _missing(at)).items()}
    recorded, waiting = await _counts(at)
    async with at.dbs["gateway"].reading() as tx:
        seq = int((await tx.execute(select(gateway.feed_head.c.seq))).scalar_one())
    return Report(
        recorded=recorded,
        waiting=waiting,
        feed_seq=seq,
        lost=lost,
        contradicted=contradicted,
        nowhere=await _nowhere(at, found),
        missing=missing,
    )


def _place(each: Missing) -> tuple[str, int]:
    return each.service, each.row_id


async def _unknown(at: Installation) -> list[Event]:
    found: dict[str, Event] = {}
    async for events in _everywhere(at):
        found |= {event.id: event for event in await unknown_to_owners(at.dbs, events)}
    return list(found.values())


async def _everywhere(at: Installation) -> AsyncIterator[list[Event]]:
    async for events in on_the_feed(at.dbs):
        yield events
    async for events in on_the_bus(at.bus):
        yield events


async def _told_apart(at: Installation, events: list[Event]) -> tuple[list[Event], list[Event]]:
    """What its owner lost, and what it lost and has put another fact in the place of."""
    taken: set[tuple[str, str, int]] = set()
    for event in events:
        async with at.dbs[owner_of(event.topic)].reading() as tx:
            same = (outbox.c.key == event.subject, outbox.c.aggregate_version == event.aggregate_version)
            if await tx.row(select(outbox.c.id).where(*same)) is not None:
                taken.add((event.topic, event.subject, event.aggregate_version))
    kept: tuple[list[Event], list[Event]] = ([], [])
    for event in sorted(events, key=lambda e: (e.topic, e.subject, e.aggregate_version)):
        kept[(event.topic, event.subject, event.aggregate_version) in taken].append(event)
    return kept


async def _missing(at: Installation) -> dict[str, list[Missing]]:
    return {each.consumer: [found async for found in missing_at(at.dbs, each)] for each in FOLLOWERS}


async def _nowhere(at: Installation, shown: list[Event]) -> list[Ahead]:
    """Versions that were applied and that neither the owner, the feed nor the bus has."""
    versions: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for event in shown:
        versions[event.topic, event.subject].add(event.aggregate_version)
    found: dict[tuple[str, str], Ahead] = {}
    for follower in FOLLOWERS:
        async for ahead in ahead_at(at.dbs, follower):
            applied = set(range(ahead.recorded + 1, ahead.applied + 1))
            if applied - versions[ahead.topic, ahead.subject]:
                found[ahead.topic, ahead.subject] = ahead
    return list(found.values())


async def _counts(at: Installation) -> tuple[dict[str, int], dict[str, int]]:
    recorded, waiting = {}, {}
    for service in SERVICES:
        count = select(func.count()).select_from(outbox)
        async with at.dbs[service].reading() as tx:
            recorded[service] = int((await tx.execute(count)).scalar_one())
            waiting[service] = int((await tx.execute(count.where(outbox.c.published_at.is_(None)))).scalar_one())
    return recorded, waiting


def _as_json(report: Report) -> str:
    def told(event: Event) -> dict[str, Any]:
        return {
            "id": event.id,
            "type": event.type,
            "subject": event.subject,
            "version": event.aggregate_version,
            "time": event.time,
        }

    document = {
        "whole": report.is_whole,
        "recorded": report.recorded,
        "waiting": report.waiting,
        "feed_seq": report.feed_seq,
        "lost": [told(event) for event in report.lost],
        "contradicted": [told(event) for event in report.contradicted],
        "nowhere": [
            {"topic": each.topic, "subject": each.subject, "recorded": each.recorded, "applied": each.applied}
            for each in report.nowhere
        ],
        "missing": {name: len(found) for name, found in report.missing.items()},
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def _as_text(report: Report, *, repaired: bool) -> str:
    lines = [
        f"{service}: {report.recorded[service]} facts recorded, {report.waiting[service]} of them wait to be published"
        for service in SERVICES
    ]
    lines.append(f"feed: at seq {report.feed_seq}")
    for name, found in report.missing.items():
        if found:
            again = "published again" if repaired else "`--repair` publishes them again"
            lines.append(f"{name}: {len(found)} published facts did not arrive, or not yet if it is stopped; {again}")
    if repaired and report.missing.get("gateway-feed"):
        lines.append(f"feed: what comes again is numbered from {report.feed_seq + 1}: whoever read further begins there anew")
    if repaired and any(report.missing.values()):
        lines.append("Once the services run and nothing waits: `qsmo reconcile --repair` again, until nothing is missing.")
    for topic in TOPICS:
        lines += _lost_lines(report, topic, repaired=repaired)
    if report.is_whole:
        lines.append("Every part has what the others have: nothing was lost, nothing is missing.")
    return "\n".join(lines) + "\n"


def _lost_lines(report: Report, topic: str, *, repaired: bool) -> list[str]:
    service, lines = owner_of(topic), []
    for events, what in (
        (report.lost, "LOST by its database, known elsewhere" + (", put back as history" if repaired else "")),
        (report.contradicted, "CONTRADICTED: its database gave the same version to another fact"),
    ):
        of_it = [event for event in events if event.topic == topic]
        if of_it:
            objects = len({event.subject for event in of_it})
            lines.append(f"{service}: {len(of_it)} facts of {objects} objects {what}:")
            lines += [f"  {e.time}  {e.type}  {e.subject}  version {e.aggregate_version}  by {e.actor}" for e in of_it[:_SHOWN]]
            lines += [f"  … and {len(of_it) - _SHOWN} more (`--lost FILE` writes them all)"] if len(of_it) > _SHOWN else []
    lines += [
        f"{service}: {each.subject} was told up to version {each.applied}; nobody has what follows {each.recorded}"
        for each in report.nowhere
        if each.topic == topic
    ]
    return lines
