"""`/v1/parked-events/{service}`: what a service could not apply, and what an operator decides about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Path, Request, Response
from sqlalchemy import select

from shared.auth import Principal, Unauthenticated
from shared.db import Row, Transaction
from shared.inbox import Consumer
from shared.kernel.errors import Forbidden, NotFound, QsmoError, RuleViolation
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Reason, Shown, Wire

_ROW_ID_MAX = 2**63 - 1
RowId = Annotated[int, Path(ge=1, le=_ROW_ID_MAX, description="Any parked event of the aggregate")]


class Parking(Protocol):
    """What a service's context holds so that its parked events can be dealt with."""

    @property
    def consumers(self) -> Sequence[Consumer]: ...


class ParkedEvent(Shown):
    """An event that waits for an operator: poison, behind a poisoned one, or behind a gap."""

    id: int
    consumer: str
    topic: str
    subject: str
    version: int
    reason: str
    parked_at: datetime


class ParkedEventPage(Shown):
    items: list[ParkedEvent]
    next_cursor: str | None


class Resolved(Shown):
    """How many events of the aggregate were dealt with."""

    topic: str
    subject: str
    events: int


class Discard(Wire):
    """Why these facts are given up here; it is kept with them."""

    reason: Reason


def parked_router(service: str) -> Router:
    """For a service with an inbox. Reading is for coordinators and auditors, deciding for coordinators."""
    router = Router(tags=["operations"])
    path = f"/v1/parked-events/{service}"

    @router.get(path, response_model=ParkedEventPage, operation_id=f"list_parked_events_of_{service}")
    async def list_parked_events(request: Request, at: AtEdge, paged: Listed) -> Response:
        """Oldest first. An aggregate with a parked event stands still in this service until it is resolved."""
        _require(at.principal, "coordinator", "auditor")
        consumer = _consumer(request)
        table = consumer.tables.parked
        query = select(table).where(table.c.consumer == consumer.name, table.c.resolved_at.is_(None))
        named = listing(table, "topic", "subject", "version")
        page = await at.read(lambda tx: page_of(tx, query, by=[table.c.id], request=paged, read=_shown, listing=named))
        return at.show_page(page, list(page.items))

    @router.post(path + "/{id}/retry", response_model=Resolved, operation_id=f"retry_parked_events_of_{service}")
    async def retry(id: RowId, request: Request, at: AtEdge) -> Response:
        """Apply every parked event of this one's aggregate, in order: all or none."""
        consumer = _consumer(request)

        async def command(tx: Transaction) -> Answered:
            topic, subject = await _aggregate(tx, consumer, id)
            return Answered(Resolved(topic=topic, subject=subject, events=await _retried(tx, consumer, topic, subject)))

        return await _decided(at, command)

    @router.post(path + "/{id}/discard", response_model=Resolved, operation_id=f"discard_parked_events_of_{service}")
    async def discard(id: RowId, body: Discard, request: Request, at: AtEdge) -> Response:
        """Give up every parked event of this one's aggregate here; later events of it are applied again."""
        consumer = _consumer(request)

        async def command(tx: Transaction) -> Answered:
            topic, subject = await _aggregate(tx, consumer, id)
            count = await consumer.discard_parked(tx, topic, subject, reason=body.reason)
            return Answered(Resolved(topic=topic, subject=subject, events=count))

        return await _decided(at, command)

    return router


async def _decided(at: Edge, command: Callable[[Transaction], Awaitable[Answered]]) -> Response:
    async def checked(tx: Transaction) -> Answered:
        _require(at.principal, "coordinator")
        return await command(tx)

    return await at.write(checked)


def _require(by: Principal, *roles: str) -> None:
    if by.is_anonymous:
        raise Unauthenticated("This needs a bearer token.")
    if not any(by.has(role) for role in roles):
        raise Forbidden(f"Parked events are for: {', '.join(roles)}.")


def _consumer(request: Request) -> Consumer:
    parking: Parking = request.app.state.context
    (consumer,) = parking.consumers
    return consumer


async def _aggregate(tx: Transaction, consumer: Consumer, id: int) -> tuple[str, str]:
    c = consumer.tables.parked.c
    query = select(c.topic, c.subject).where(c.id == id, c.consumer == consumer.name, c.resolved_at.is_(None))
    row = await tx.row(query)
    if row is None:
        raise NotFound(f"No event {id} is parked here; it may have been dealt with.")
    return row["topic"], row["subject"]


async def _retried(tx: Transaction, consumer: Consumer, topic: str, subject: str) -> int:
    try:
        return await consumer.retry_parked(tx, topic, subject)
    except QsmoError:
        raise
    except Exception as error:
        # What an event can break is without bound; the operator needs to hear that it still does.
        raise RuleViolation(f"The events still cannot be applied, and nothing was: {error!r}.") from error


def _shown(row: Row) -> ParkedEvent:
    return ParkedEvent.model_validate({name: row[name] for name in ParkedEvent.model_fields})
