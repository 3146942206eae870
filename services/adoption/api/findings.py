"""Findings over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import Response
from pydantic import Field
from sqlalchemy import select, true

from services.adoption import policy, store, tables
from services.adoption.commands import findings as commands
from services.adoption.domain.finding import MACHINE, SOURCES_MAX, Correction, Finding, Source, SourceKind, Status
from shared.auth import Principal
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Action, Day, Identifier, Line, LongText, Reason, Shown, Slug, Wire

router = Router(tags=["findings"])
_LISTING = listing(tables.findings, "focus_area", "status")


class SourceGiven(Wire):
    kind: SourceKind
    id: Identifier


class FindingGiven(Wire):
    """`sources`: service levels with their months, and feedback, of the area; `due_on`: until when it is to be corrected."""

    focus_area: Slug
    title: Line
    text: LongText = ""
    due_on: Day
    sources: Annotated[list[SourceGiven], Field(max_length=SOURCES_MAX)]


class WithdrawalGiven(Wire):
    reason: Reason


class SourceShown(Shown):
    kind: SourceKind
    id: str


class CorrectionShown(Shown):
    """The registry's corrective action, as it told of it last."""

    plan_id: str
    action_id: str
    status: str
    owner: str
    due_on: date


class FindingShown(Shown):
    """`correction` is None until a plan of the area is in force and its corrective action is opened."""

    id: str
    version: int
    focus_area: str
    title: str
    text: str
    due_on: date
    sources: list[SourceShown]
    by: str
    on: date
    status: Status
    reason: str | None
    correction: CorrectionShown | None
    actions: list[Action] = Field(default_factory=list, serialization_alias="_actions")


class FindingPage(Shown):
    items: list[FindingShown]
    next_cursor: str | None


@router.get("/v1/findings", response_model=FindingPage)
async def list_findings(at: AtEdge, paged: Listed, area: Slug | None = None, status: Status | None = None) -> Response:
    """Of the areas one leads; of all for the government-wide roles."""
    table = tables.findings

    async def query(tx: Transaction) -> Response:
        reach = await policy.reach(tx, at.principal)
        wanted = select(table).where(true() if reach.everything else table.c.focus_area.in_(reach.areas))
        for column, value in ((table.c.focus_area, area), (table.c.status, status)):
            wanted = wanted if value is None else wanted.where(column == value)
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.findings.from_row, listing=_LISTING)
        known = await commands.corrections(tx, [found.id for found in page.items])
        return at.show_page(page, [_shown(found, known.get(found.id), at.principal) for found in page.items])

    return await at.read(query)


@router.get("/v1/findings/{id}", response_model=FindingShown)
async def show_finding(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_finding(tx, id, by=at.principal)
        known = await commands.corrections(tx, [id])
        return at.show(_shown(found, known.get(id), at.principal), version=found.version)

    return await at.read(query)


@router.post("/v1/findings", status_code=201, response_model=FindingShown)
async def raise_finding(body: FindingGiven, at: AtEdge) -> Response:
    """The registry opens a corrective action for it in the area's newest plan in force, as soon as there is one."""
    sources = [Source(kind=each.kind, id=each.id) for each in body.sources]
    return await _write(
        at,
        lambda tx: commands.raise_finding(
            tx, body.focus_area, title=body.title, text=body.text, due_on=body.due_on, sources=sources, by=at.principal
        ),
        status=201,
    )


@router.post("/v1/findings/{id}/withdraw", response_model=FindingShown)
async def withdraw_finding(id: Identifier, body: WithdrawalGiven, at: AtEdge) -> Response:
    """As long as no corrective action was opened for it. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.withdraw_finding(tx, id, body.reason, expected_version=at.expected_version(), by=at.principal),
    )


def _shown(found: Finding, correction: Correction | None, by: Principal) -> FindingShown:
    return FindingShown(
        id=found.id,
        version=found.version,
        focus_area=found.focus_area,
        title=found.title,
        text=found.text,
        due_on=found.due_on,
        sources=[SourceShown(**asdict(each)) for each in found.sources],
        by=found.by,
        on=found.on,
        status=found.status,
        reason=found.reason,
        correction=CorrectionShown(**asdict(correction)) if correction else None,
        actions=_actions(found, correction, by),
    )


def _actions(found: Finding, correction: Correction | None, by: Principal) -> list[Action]:
    if not by.has_any(MACHINE.roles_for("withdraw")):
        return []
    missing = [] if found.status is Status.RAISED else [f"state {Status.RAISED} (it is {found.status})"]
    missing += ["no corrective action opened for it"] if correction else []
    return [Action(action="withdraw", href=f"/v1/findings/{found.id}/withdraw", possible=not missing, missing=missing)]


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Finding]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        known = await commands.corrections(tx, [saved.id])
        return Answered(_shown(saved, known.get(saved.id), at.principal), saved.version, f"/v1/findings/{saved.id}")

    return await at.write(answered, status=status)
