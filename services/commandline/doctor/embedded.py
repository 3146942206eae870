"""A look at an embedded installation, through its own API."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator

import httpx

from services.commandline.doctor.asking import Finding, clock, parked_events, ready, search, waiting_facts
from services.commandline.server import api
from services.installation import DataFolder

_FREE_BYTES = 1 << 30
_CONSUMERS = ("registry", "catalog", "adoption", "gateway")
_SAMPLE = re.compile(r"^qsmo_outbox_oldest_age_seconds(?:\{[^}]*\})? ([0-9.eE+-]+)$", re.MULTILINE)


async def findings(folder: DataFolder) -> AsyncIterator[Finding]:
    """Raises Unavailable when a server has the folder and does not answer."""
    async with api(folder) as client:
        async for finding in seen_by(client, folder):
            yield finding


async def seen_by(client: httpx.AsyncClient, folder: DataFolder) -> AsyncIterator[Finding]:
    yield await ready(client)
    yield await clock(client)
    yield await _published(client)
    for consumer in _CONSUMERS:
        yield await _parked(client, consumer)
    yield await search(client)
    yield await _feed(client)
    yield _disk(folder)


async def _published(client: httpx.AsyncClient) -> Finding:
    ages = [float(age) for age in _SAMPLE.findall((await client.get("/metrics")).text)]
    return waiting_facts("outbox", max(ages, default=0.0))


async def _parked(client: httpx.AsyncClient, consumer: str) -> Finding:
    answer = await client.get(f"/v1/parked-events/{consumer}", params={"limit": 1})
    if not answer.is_success:
        return Finding(f"events at {consumer}", f"HTTP {answer.status_code}", "Is the service up? See `ready`.")
    items = answer.json()["items"]
    return parked_events(consumer, items[0]["reason"] if items else None)


async def _feed(client: httpx.AsyncClient) -> Finding:
    answer = await client.get("/v1/audit/head")
    if not answer.is_success:
        return Finding("feed", f"HTTP {answer.status_code}", "The gateway cannot read its feed: see its log.")
    return Finding("feed", f"at seq {answer.json()['seq']}; `qsmo audit verify` recomputes its chain")


def _disk(folder: DataFolder) -> Finding:
    free = shutil.disk_usage(folder.path).free
    remedy = "Free some space: SQLite and the event log stop when the disk is full." if free < _FREE_BYTES else ""
    return Finding("disk", f"{free / 2**30:.1f} GiB free at {folder.path}", remedy)
