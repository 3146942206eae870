"""`qsmo doctor`: looks at an installation as a whole, and says of each finding what to do."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import click
import httpx

from services.commandline.server import api
from services.installation import DataFolder

_SKEW_S = 5.0
_UNPUBLISHED_S = 60.0
_INDEX_LAG = 1_000
_FREE_BYTES = 1 << 30
_CONSUMERS = ("catalog", "adoption", "gateway")
_SAMPLE = re.compile(r"^qsmo_outbox_oldest_age_seconds(?:\{[^}]*\})? ([0-9.eE+-]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is empty when all is well."""

    what: str
    said: str
    remedy: str = ""


async def run(folder: DataFolder) -> int:
    """The exit status: 0 when nothing was found. Raises Unavailable when a server has the folder and does not answer."""
    found = 0
    async with api(folder) as client:
        async for finding in _findings(client, folder):
            found += bool(finding.remedy)
            mark = click.style("✗", fg="red") if finding.remedy else click.style("✓", fg="green")
            click.echo(f"{mark} {finding.what}: {finding.said}")
            if finding.remedy:
                click.echo(f"  → {finding.remedy}")
    return 1 if found else 0


async def _findings(client: httpx.AsyncClient, folder: DataFolder) -> AsyncIterator[Finding]:
    yield await _ready(client)
    yield await _clock(client)
    yield await _published(client)
    for consumer in _CONSUMERS:
        yield await _parked(client, consumer)
    yield await _search(client)
    yield await _feed(client)
    yield _disk(folder)


async def _ready(client: httpx.AsyncClient) -> Finding:
    answer = await client.get("/readyz")
    failing = [f"{name}: {said}" for name, said in answer.json().get("checks", {}).items() if said != "ok"]
    if answer.is_success:
        return Finding("ready", "every check passes")
    said = "; ".join(failing) or f"HTTP {answer.status_code}"
    return Finding("ready", said, "See the log of the component that is named; a schema that is behind: `qsmo migrate`.")


async def _clock(client: httpx.AsyncClient) -> Finding:
    answer = await client.get("/livez")
    if (told := answer.headers.get("date")) is None:
        return Finding("clock", "asked in this process: the same clock")
    skew = abs((parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    remedy = "Synchronize the clocks (NTP): tokens and effective dates depend on them." if skew > _SKEW_S else ""
    return Finding("clock", f"differs by {skew:.0f} s", remedy)


async def _published(client: httpx.AsyncClient) -> Finding:
    ages = [float(age) for age in _SAMPLE.findall((await client.get("/metrics")).text)]
    oldest = max(ages, default=0.0)
    remedy = (
        "A relay does not get through: is the bus reachable, and does one replica hold the lock?"
        if oldest > _UNPUBLISHED_S
        else ""
    )
    return Finding("outbox", f"the oldest fact that waits is {oldest:.0f} s old", remedy)


async def _parked(client: httpx.AsyncClient, consumer: str) -> Finding:
    answer = await client.get(f"/v1/parked-events/{consumer}", params={"limit": 1})
    if not answer.is_success:
        return Finding(f"events at {consumer}", f"HTTP {answer.status_code}", "Is the service up? See `ready`.")
    if not answer.json()["items"]:
        return Finding(f"events at {consumer}", "none is parked")
    first = answer.json()["items"][0]
    remedy = f"GET /v1/parked-events/{consumer} says why; retry or discard each (docs/operations.md, Parked events)."
    return Finding(f"events at {consumer}", f"parked: {first['reason']}", remedy)


async def _search(client: httpx.AsyncClient) -> Finding:
    answer = await client.get("/v1/search/offerings", params={"limit": 1})
    if not answer.is_success:
        return Finding("search", f"HTTP {answer.status_code}", "The index is being built, or the catalog is away; ask again.")
    lag = int(answer.headers.get("x-index-lag", "0"))
    remedy = "The index does not keep up: see the catalog's log for `index_waits`." if lag > _INDEX_LAG else ""
    return Finding("search", f"{answer.json()['count']} offerings, {lag} facts behind", remedy)


async def _feed(client: httpx.AsyncClient) -> Finding:
    answer = await client.get("/v1/audit/head")
    if not answer.is_success:
        return Finding("feed", f"HTTP {answer.status_code}", "The gateway cannot read its feed: see its log.")
    return Finding("feed", f"at seq {answer.json()['seq']}; `qsmo audit verify` recomputes its chain")


def _disk(folder: DataFolder) -> Finding:
    free = shutil.disk_usage(folder.path).free
    remedy = "Free some space: SQLite and the event log stop when the disk is full." if free < _FREE_BYTES else ""
    return Finding("disk", f"{free / 2**30:.1f} GiB free at {folder.path}", remedy)
