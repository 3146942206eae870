"""The gateway's wire models: what its own answers look like in the OpenAPI document."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from services.gateway.audit.checkpoint import Checkpoint
from shared.web.wire import Instant, Shown, Whole, Wire

_DAY_S = 86_400


class MoveClock(Wire):
    """`step_s`: after how much time each what has come due is looked for."""

    to: Instant
    step_s: Annotated[int, Field(ge=1, le=366 * _DAY_S), Whole] = _DAY_S


class ClockShown(Shown):
    """`ahead_s` of the world's clock; `steps` that a move took."""

    now: datetime
    ahead_s: float
    steps: int = 0


class EventPlace(Shown):
    id: str
    seq: int


class EventPlaces(Shown):
    """Of those events that are on the feed, in the order asked."""

    items: list[EventPlace]


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


class CheckpointShown(Shown):
    """`statement` is what is signed (Ed25519, base64); the other members repeat it."""

    first: int
    seq: int
    hash: str
    root: str = Field(description="Merkle root (RFC 9162) over the hashes, as bytes, of events `first` to `seq`")
    at: str
    statement: str
    public_key: str
    signature: str


def shown_checkpoint(found: Checkpoint) -> CheckpointShown:
    stated = found.statement
    return CheckpointShown(
        first=stated.first,
        seq=stated.seq,
        hash=stated.hash,
        root=stated.root,
        at=stated.at,
        statement=stated.text,
        public_key=found.public_key,
        signature=found.signature,
    )


class CheckpointPage(Shown):
    items: list[CheckpointShown]
    next_after: int | None


class AuditKey(Shown):
    key_id: str
    algorithm: str = "Ed25519"
    public_key: str


class AuditKeys(Shown):
    items: list[AuditKey]


class ProofShown(Shown):
    """`hash` is SHA-256 of prev_hash (hex, as text), seq (8 bytes, big endian) and `event` (the exact text)."""

    seq: int
    event: str
    prev_hash: str
    hash: str
    path: list[str]
    checkpoint: CheckpointShown


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
    missing: list[str] = Field(description="Services that could not be asked")


class StateMachinesByService(Shown):
    """Service → its machines, or that it does not answer."""

    services: dict[str, list[dict[str, Any]] | Unavailable]


class Refused(Shown):
    service: str
    status: int


class RefusedSection(Shown):
    """A section that its service does not show this caller."""

    refused: Refused


# A section is what its service answers to the same question (see that operation), or why it is not there.
PageSection = dict[str, Any] | Unavailable | RefusedSection | None


class PageShown(Shown):
    id: str
    missing: list[str] = Field(description="Services that could not be asked")


class AreaPage(PageShown):
    area: PageSection
    designations: PageSection
    plans: PageSection
    marketplace: PageSection
    offerings: PageSection
    adoptions: PageSection
    stalled: PageSection


class AgencyPage(PageShown):
    organization: PageSection
    designations: PageSection
    hosted_plans: PageSection
    portfolio: PageSection
    stalled: PageSection
    adoption_states: PageSection
    next_steps: PageSection
    expiring: PageSection
    expiring_iaps: PageSection
    expiring_authorizations: PageSection
    expiring_vehicles: PageSection
    iaps: PageSection
    savings: PageSection


class OfferingPageShown(PageShown):
    offering: PageSection
    revisions: PageSection
    adoptions: PageSection
    how_to_buy: PageSection
    feedback: PageSection
    fits: PageSection
