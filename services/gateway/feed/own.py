"""The gateway's own facts: appended to its feed in the transaction of the change, as it is the feed's one writer."""

from __future__ import annotations

from services.gateway.consumers.feed import FeedWriter
from shared.contracts.envelope import Event, instant
from shared.contracts.fact import Fact
from shared.db import Transaction
from shared.kernel.ids import new_id


async def record(tx: Transaction, writer: FeedWriter, fact: Fact, *, subject: str, version: int) -> None:
    event = Event(
        id=new_id(),
        source="/gateway",
        type=fact.TYPE,
        subject=subject,
        time=instant(tx.at),
        data=fact.to_json().encode(),
        aggregate_version=version,
        actor=tx.cause.actor,
        correlation_id=tx.cause.correlation_id,
        causation_id=tx.cause.causation_id,
        traceparent=tx.cause.traceparent,
        visibility=fact.visibility_level().value,
        focus_area=getattr(fact, fact.focus_area_field, None),
        agency=getattr(fact, fact.agency_field, None),
    )
    await writer.append(tx, [event])
    tx.recorded["gateway", subject] = version
