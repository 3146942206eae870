"""Business standards and control catalogs over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Response

from services.catalog import store
from services.catalog.api import standard_models as models
from services.catalog.api import standard_views as views
from services.catalog.commands import standards as commands
from services.catalog.domain.standard import Item, ItemKind, Kind, Standard, Status
from services.catalog.queries import standards as queries
from services.catalog.queries.standards import StandardFilter
from shared.db import Transaction
from shared.kernel.target import TargetKind
from shared.web.edge import Answered, AtEdge, Edge, Listed, Paged
from shared.web.paging import page_in_memory
from shared.web.routes import Router
from shared.web.wire import Identifier, Line, Slug

router = Router(tags=["standards"])
_MOST = 1_000_000
EditionNumber = Annotated[int, Query(ge=1, le=_MOST, description="Editions count from 1")]
Family = Annotated[str, Query(pattern=r"^[A-Z]{2,8}$", description="Letters before the first point of its ids: FFM")]
ItemId = Annotated[Line, Query(max_length=256)]


class Turn(StrEnum):
    """The actions that only move the edition in work; a test compares them with the state machine."""

    REVISE = "revise"
    OPEN_WORKING_GROUP = "open-working-group"
    START_CROSS_REVIEW = "start-cross-review"
    ASK_FEEDBACK = "ask-feedback"
    SEND_TO_OMB = "send-to-omb"
    RETURN = "return"


@router.get("/v1/standards", response_model=models.StandardPage)
async def list_standards(
    at: AtEdge,
    paged: Listed,
    kind: Kind | None = None,
    area: Slug | None = None,
    status: Status | None = None,
    family: Family | None = None,
) -> Response:
    wanted = StandardFilter(kind=kind, area=area, status=status, family=family)
    page = await at.read(lambda tx: queries.standards(tx, wanted, paged))
    return at.show_page(page, [views.standard(found, by=at.principal) for found in page.items])


@router.get("/v1/standards/items", response_model=models.ItemList)
async def find_standard_items(id: ItemId, at: AtEdge) -> Response:
    """Every standard's item of this id, e.g. FFM.010.010."""
    found = await at.read(lambda tx: queries.items_of_id(tx, id))
    return at.show(models.ItemList(items=[views.placed(standard, item) for standard, item in found]))


@router.get("/v1/standards/measures", response_model=models.MeasurePage)
async def list_measures(
    at: AtEdge,
    paged: Paged,
    area: Slug | None = None,
    standard_id: Identifier | None = None,
    target: Annotated[TargetKind | None, Query(description="`text`: those kept as text, such as TBD")] = None,
) -> Response:
    """Service measures of the standards in force, with what their targets are understood as."""
    found = await at.read(lambda tx: queries.measures(tx, standard_id=standard_id, area=area))
    wanted = [each for each in found if target in {None, each.target_kind}]
    page = page_in_memory(wanted, key=lambda each: (each.item.id, each.standard_id), request=paged)
    counts = Counter(each.target_kind for each in found)
    targets = {kind.value: counts[kind] for kind in TargetKind}
    return at.show_page(page, [views.measure(each) for each in page.items], targets=targets)


@router.get("/v1/standards/{id}", response_model=models.StandardShown)
async def show_standard(id: Identifier, at: AtEdge) -> Response:
    found = await at.read(lambda tx: store.standards.get(tx, id))
    return at.show(views.standard(found, by=at.principal), version=found.version)


@router.get("/v1/standards/{id}/items", response_model=models.ItemPage)
async def list_standard_items(
    id: Identifier,
    at: AtEdge,
    paged: Listed,
    edition: EditionNumber | None = None,
    kind: ItemKind | None = None,
    under: Annotated[ItemId | None, Query(description="Only what has this item above it, at any height")] = None,
    q: Annotated[Line | None, Query(description="Words that must all occur, in any order and case")] = None,
) -> Response:
    """By id, of the newest edition or the one asked for."""
    page = await at.read(lambda tx: queries.standard_items(tx, id, edition=edition, kind=kind, under=under, q=q, request=paged))
    return at.show_page(page, [views.item(found) for found in page.items])


@router.get("/v1/standards/{id}/editions", response_model=models.EditionList)
async def list_standard_editions(id: Identifier, at: AtEdge) -> Response:
    """Oldest first."""
    rows = await at.read(lambda tx: queries.editions(tx, id))
    return at.show(models.EditionList(items=[models.Edition(**row) for row in rows]))


@router.get("/v1/standards/{id}/diff", response_model=models.StandardDiff)
async def show_standard_diff(
    id: Identifier,
    at: AtEdge,
    before: Annotated[EditionNumber, Query(alias="from")],
    after: Annotated[EditionNumber, Query(alias="to")],
) -> Response:
    """Item by item, what was added, changed and withdrawn."""
    changes = await at.read(lambda tx: queries.item_changes(tx, id, before=before, after=after))
    return at.show(
        models.StandardDiff(standard_id=id, before=before, after=after, changes=[views.change(each) for each in changes])
    )


@router.put("/v1/standards/{id}/items", response_model=models.StandardShown)
async def change_standard_items(id: Identifier, body: models.ItemsGiven, at: AtEdge) -> Response:
    """Into the edition in draft; what is not named stays. Needs If-Match."""
    found = [_item(given) for given in body.items]
    return await _write(
        at, lambda tx: commands.change_items(tx, id, found, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/standards/{id}/baseline", response_model=models.StandardShown)
async def baseline_standard(id: Identifier, at: AtEdge) -> Response:
    """The edition in work becomes the newest."""
    return await _write(
        at, lambda tx: commands.baseline_standard(tx, id, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/standards/{id}/supersede", response_model=models.StandardShown)
async def supersede_standard(id: Identifier, body: models.Superseded, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.supersede_standard(
            tx,
            id,
            successor_id=body.successor_id,
            reason=body.reason,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


def _turn(action: Turn) -> Callable[..., Awaitable[Response]]:
    async def turn(id: Identifier, at: AtEdge, body: models.Turned | None = None) -> Response:
        reason = body.reason if body else None
        return await _write(
            at,
            lambda tx: commands.turn_standard(
                tx, id, action, reason=reason, expected_version=at.expected_version(), by=at.principal
            ),
        )

    return turn


for _action in Turn:
    router.add_api_route(
        f"/v1/standards/{{id}}/{_action}",
        _turn(_action),
        methods=["POST"],
        response_model=models.StandardShown,
        name=f"{_action}_standard",
        operation_id=f"{_action.replace('-', '_')}_standard",
    )


def _item(given: models.ItemGiven) -> Item:
    return Item(
        id=given.id,
        kind=given.kind,
        parent_id=given.parent_id,
        title=given.title,
        statement=given.statement,
        flow=given.flow,
        reference=given.reference,
        details=dict(given.details),
    )


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Standard]]) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(views.standard(saved, by=at.principal), saved.version, f"/v1/standards/{saved.id}")

    return await at.write(answered)
