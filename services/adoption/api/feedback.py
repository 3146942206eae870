"""Feedback over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import Response
from pydantic import Field
from sqlalchemy import or_, select

from services.adoption import policy, store, tables
from services.adoption.commands import feedback as commands
from services.adoption.domain.feedback import Dimension, Feedback, Verdict
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Identifier, LongText, Reason, Shown, Slug, Whole, Wire

router = Router(tags=["feedback"])
_LISTING = listing(
    tables.feedbacks,
    *("adoption_id", "offering_id", "focus_area", "quarter"),
    sorts=("quarter",),
    renamed={"agency_id": tables.feedbacks.c.organization_id},
)
Rating = Annotated[int, Field(ge=1, le=5), Whole]


class FeedbackGiven(Wire):
    """Ratings from 1 to 5."""

    ratings: Annotated[dict[Dimension, Rating], Field(min_length=1)]
    text: LongText = ""


class FeedbackReply(Wire):
    text: Reason


class FeedbackModerated(Wire):
    verdict: Verdict
    reason: Reason


class ReplyShown(Shown):
    text: str
    by: str
    on: date


class ModerationShown(Shown):
    verdict: Verdict
    reason: str
    by: str
    on: date


class FeedbackShown(Shown):
    """`text` is None where it is hidden from the caller; `log`: what moderation did."""

    id: str
    version: int
    adoption_id: str
    agency_id: str
    offering_id: str
    focus_area: str
    quarter: str
    ratings: dict[Dimension, int]
    text: str | None
    hidden: bool
    by: str
    on: date
    reply: ReplyShown | None
    log: list[ModerationShown]


class FeedbackPage(Shown):
    items: list[FeedbackShown]
    next_cursor: str | None


@router.get("/v1/feedback", response_model=FeedbackPage)
async def list_feedback(at: AtEdge, paged: Listed, offering_id: Identifier | None = None, area: Slug | None = None) -> Response:
    """Of one's own agencies, of the areas one leads, or on one's own offerings."""
    table = tables.feedbacks

    async def query(tx: Transaction) -> Response:
        wanted = select(table)
        reach = await policy.reach(tx, at.principal)
        if not reach.everything:
            offerings = tables.known_offerings
            provided = select(offerings.c.id).where(offerings.c.provider_id.in_(at.principal.scopes("provider")))
            own = table.c.organization_id.in_(reach.organizations)
            wanted = wanted.where(or_(own, table.c.focus_area.in_(reach.areas), table.c.offering_id.in_(provided)))
        for column, value in ((table.c.offering_id, offering_id), (table.c.focus_area, area)):
            wanted = wanted if value is None else wanted.where(column == value)
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.feedbacks.from_row, listing=_LISTING)
        return at.show_page(page, [await _shown(tx, found, at) for found in page.items])

    return await at.read(query)


@router.get("/v1/feedback/{id}", response_model=FeedbackShown)
async def show_feedback(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_feedback(tx, id, by=at.principal)
        return at.show(await _shown(tx, found, at), version=found.version)

    return await at.read(query)


@router.post("/v1/adoptions/{adoption_id}/feedback", status_code=201, response_model=FeedbackShown)
async def give_feedback(adoption_id: Identifier, body: FeedbackGiven, at: AtEdge) -> Response:
    """By the adopting agency, once a quarter of the fiscal year."""
    ratings = dict(body.ratings)
    return await _write(at, lambda tx: commands.give_feedback(tx, adoption_id, ratings, body.text, by=at.principal), status=201)


@router.post("/v1/feedback/{id}/reply", response_model=FeedbackShown)
async def answer_feedback(id: Identifier, body: FeedbackReply, at: AtEdge) -> Response:
    """By the provider, once. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.answer_feedback(tx, id, body.text, expected_version=at.expected_version(), by=at.principal),
    )


@router.post("/v1/feedback/{id}/moderate", response_model=FeedbackShown)
async def moderate_feedback(id: Identifier, body: FeedbackModerated, at: AtEdge) -> Response:
    """By the coordinator, with a reason that stays in the log. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.moderate_feedback(
            tx, id, body.verdict, body.reason, expected_version=at.expected_version(), by=at.principal
        ),
    )


async def _shown(tx: Transaction, found: Feedback, at: Edge) -> FeedbackShown:
    readable = not found.is_hidden or await commands.reads_hidden(tx, found, at.principal)
    return FeedbackShown(
        id=found.id,
        version=found.version,
        adoption_id=found.adoption_id,
        agency_id=found.organization_id,
        offering_id=found.offering_id,
        focus_area=found.focus_area,
        quarter=found.quarter,
        ratings=dict(found.ratings),
        text=found.text if readable else None,
        hidden=found.is_hidden,
        by=found.by,
        on=found.on,
        reply=ReplyShown(**asdict(found.reply)) if found.reply else None,
        log=[ModerationShown(**asdict(each)) for each in found.log],
    )


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Feedback]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(await _shown(tx, saved, at), saved.version, f"/v1/feedback/{saved.id}")

    return await at.write(answered, status=status)
