"""The table by which a register's business functions are mapped to areas and standards, and its review."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Response
from pydantic import Field

from services.catalog.commands import mappings as commands
from services.catalog.domain.mapping import MACHINE, FunctionMapping, Status, Target
from services.catalog.policy import may_for_mapping
from services.catalog.store import mappings as store
from shared.auth import Principal
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Action, Identifier, Reason, Shown, Slug, Wire

router = Router(tags=["function mappings"])


class TargetShown(Shown):
    focus_area: str | None
    standards: list[str]


class MappingShown(Shown):
    """`effect` holds (null: nothing was confirmed yet), `proposal` was proposed last.

    `remapped`, `left`: offerings that the last confirmation changed, and those left because a person set the field or they
    are published.
    """

    id: str
    version: int
    term: str
    status: Status
    effect: TargetShown | None
    proposal: TargetShown | None
    reason: str
    proposed_by: str | None
    decided_by: str | None
    note: str | None
    remapped: int
    left: int
    actions: list[Action] = Field(alias="_actions")


class MappingList(Shown):
    items: list[MappingShown]


class MappingProposal(Wire):
    """To nothing, when both are left out. `standards` are ids of standards."""

    focus_area: Slug | None = None
    standards: Annotated[list[Identifier], Field(max_length=50)] = []
    reason: Reason


class MappingRejection(Wire):
    reason: Reason


@router.get("/v1/function-mappings", response_model=MappingList)
async def list_function_mappings(at: AtEdge, status: Status | None = None) -> Response:
    """All of them, by term."""
    found = await at.read(store.mappings)
    return at.show(MappingList(items=[_shown(each, by=at.principal) for each in found if status in (None, each.status)]))


@router.get("/v1/function-mappings/{id}", response_model=MappingShown)
async def show_function_mapping(id: Identifier, at: AtEdge) -> Response:
    found = await at.read(lambda tx: store.mapping(tx, id))
    return at.show(_shown(found, by=at.principal), version=found.version)


@router.post("/v1/function-mappings/{id}/propose", response_model=MappingShown)
async def propose_function_mapping(id: Identifier, body: MappingProposal, at: AtEdge) -> Response:
    """What is in effect stays so until somebody else confirms the proposal."""
    target = Target(focus_area=body.focus_area, standards=tuple(dict.fromkeys(body.standards)))
    return await _write(
        at,
        lambda tx: commands.propose_mapping(
            tx, id, target, reason=body.reason, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.post("/v1/function-mappings/{id}/confirm", response_model=MappingShown)
async def confirm_function_mapping(id: Identifier, at: AtEdge) -> Response:
    """The offerings of the register that have the function are mapped again, each change a revision."""
    return await _write(
        at, lambda tx: commands.confirm_mapping(tx, id, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/function-mappings/{id}/reject", response_model=MappingShown)
async def reject_function_mapping(id: Identifier, body: MappingRejection, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.reject_mapping(tx, id, reason=body.reason, expected_version=at.expected_version(), by=at.principal),
    )


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[FunctionMapping]]) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(_shown(saved, by=at.principal), saved.version, f"/v1/function-mappings/{saved.id}")

    return await at.write(answered)


def _shown(found: FunctionMapping, *, by: Principal) -> MappingShown:
    return MappingShown(
        id=found.id,
        version=found.version,
        term=found.term,
        status=found.status,
        effect=_target(found.effect),
        proposal=_target(found.proposal),
        reason=found.reason,
        proposed_by=found.proposed_by,
        decided_by=found.decided_by,
        note=found.note,
        remapped=found.remapped,
        left=found.left,
        actions=_actions(found, by=by),
    )


def _target(found: Target | None) -> TargetShown | None:
    return TargetShown(focus_area=found.focus_area, standards=list(found.standards)) if found else None


def _actions(found: FunctionMapping, *, by: Principal) -> list[Action]:
    shown = []
    for action in ("propose", "confirm", "reject"):
        if not may_for_mapping(by, action, () if action == "propose" else found.areas):
            continue
        possible = action in MACHINE.allowed(found.status)
        missing = [] if possible else [f"state proposed (it is {found.status})"]
        if possible and action == "confirm" and found.proposed_by == by.actor:
            missing = ["another person than the one who proposed"]
        href = f"/v1/function-mappings/{found.id}/{action}"
        shown.append(Action(action=action, href=href, possible=not missing, missing=missing))
    return shown
