"""What a running server says of itself over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

_SKEW_S = 5.0
_UNPUBLISHED_S = 60.0
_INDEX_LAG = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is empty when all is well."""

    what: str
    said: str
    remedy: str = ""


async def ready(client: httpx.AsyncClient, what: str = "ready") -> Finding:
    answer = await client.get("/readyz")
    failing = [f"{name}: {said}" for name, said in answer.json().get("checks", {}).items() if said != "ok"]
    if answer.is_success:
        return Finding(what, "every check passes")
    said = "; ".join(failing) or f"HTTP {answer.status_code}"
    return Finding(what, said, "See the log of the component that is named; a schema that is behind: `qsmo migrate`.")


async def clock(client: httpx.AsyncClient, what: str = "clock") -> Finding:
    answer = await client.get("/livez")
    if (told := answer.headers.get("date")) is None:
        return Finding(what, "asked in this process: the same clock")
    return clocks(what, parsedate_to_datetime(told))


async def search(client: httpx.AsyncClient) -> Finding:
    answer = await client.get("/v1/search/offerings", params={"limit": 1})
    if not answer.is_success:
        return Finding("search", f"HTTP {answer.status_code}", "The index is being built, or the catalog is away; ask again.")
    lag = int(answer.headers.get("x-index-lag", "0"))
    remedy = "The index does not keep up: see the catalog's log for `index_waits`." if lag > _INDEX_LAG else ""
    return Finding("search", f"{answer.json()['count']} offerings, {lag} facts behind", remedy)


def clocks(what: str, there: datetime) -> Finding:
    skew = abs((there - datetime.now(UTC)).total_seconds())
    remedy = "Synchronize the clocks (NTP): tokens and effective dates depend on them." if skew > _SKEW_S else ""
    return Finding(what, f"differs by {skew:.0f} s", remedy)


def waiting_facts(what: str, oldest_s: float, *, count: int | None = None) -> Finding:
    remedy = (
        "A relay does not get through: is the bus reachable, and does one replica hold the lock?"
        if oldest_s > _UNPUBLISHED_S
        else ""
    )
    waits = "the oldest fact that waits" if count is None else f"{count} facts wait, the oldest"
    return Finding(what, f"{waits} is {oldest_s:.0f} s old", remedy)


def parked_events(service: str, reason: str | None, *, count: int | None = None) -> Finding:
    """`reason` of the oldest; None when there is none."""
    if reason is None:
        return Finding(f"events at {service}", "none is parked")
    remedy = f"GET /v1/parked-events/{service} says why; retry or discard each (docs/operations.md, Parked events)."
    return Finding(f"events at {service}", f"{'' if count is None else f'{count} '}parked: {reason}", remedy)
