"""The gateway's wire models: what its own answers look like in the OpenAPI document."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import ConfigDict, Field

from shared.web.wire import Shown


class FeedEvent(Shown):
    """A structured CloudEvent with its `seq`."""

    model_config = ConfigDict(extra="allow")

    seq: int
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    dataschema: str
    aggregateversion: int
    actor: str
    correlationid: str
    visibility: str
    data: dict[str, Any]


class FeedPageShown(Shown):
    """`next_after` goes into `after` of the next request; it passes over what you may not see."""

    items: list[FeedEvent]
    next_after: int
    head: int


class AuditEntry(Shown):
    seq: int
    event: FeedEvent
    prev_hash: str
    hash: str


class AuditPage(Shown):
    items: list[AuditEntry]
    next_after: int
    head: int


class HeadShown(Shown):
    """The last link of the hash chain: keep it, and later growth can be checked against it."""

    seq: int
    hash: str


class Away(Shown):
    service: str
    since: str


class Unavailable(Shown):
    """A section whose service does not answer."""

    unavailable: Away


class Lead(Shown):
    organization_id: str
    name: str | None


class RegimeService(Shown):
    """`status` is null for a service that was never designated, on that day."""

    slug: str
    title: str
    status: str | None
    effective_on: date | None
    designation_id: str | None
    lead: Lead | None


class RegimeMarketplace(Shown):
    id: str | None
    status: str | None
    opened_on: date | None
    title: str | None


class RegimeCount(Shown):
    count: int
    statuses: dict[str, int]


class RegimeArea(Shown):
    id: str
    title: str
    services: list[RegimeService] | Unavailable
    marketplace: RegimeMarketplace | Unavailable | None
    offerings: RegimeCount | Unavailable
    adoptions: RegimeCount | Unavailable


class Regime(Shown):
    as_of: date | None = Field(description="The day asked about; null means now")
    items: list[RegimeArea]


class StateMachinesByService(Shown):
    """Service → its machines, or that it does not answer."""

    services: dict[str, list[dict[str, Any]] | Unavailable]
