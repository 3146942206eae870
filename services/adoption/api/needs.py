"""Needs over HTTP."""

from __future__ import annotations

import csv
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import Query, Response
from pydantic import ValidationError
from sqlalchemy import ColumnElement, or_, select

from services.adoption import policy, store, tables
from services.adoption.api import choice_models as models
from services.adoption.commands import needs as commands
from services.adoption.commands.needs import Statement
from services.adoption.domain.needs import Constraint, Need, Needs, completeness
from services.adoption.policy import Reach
from services.adoption.queries.fit import activities_of
from shared.db import Transaction
from shared.kernel.errors import FieldError, Invalid
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Action, Identifier, Slug

router = Router(tags=["needs"])
_LISTING = listing(
    tables.needs,
    *("focus_area", "fiscal_year", "shared"),
    sorts=("fiscal_year",),
    renamed={"agency_id": tables.needs.c.organization_id},
)
_MISSING_SHOWN = 100
_COLUMNS = ("fibf_id", "scale", "mission_critical", "comment")
_TRUE = frozenset({"yes", "true", "x", "1"})
_CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}, "required": True}


@router.get("/v1/needs", response_model=models.NeedsPage)
async def list_needs(
    at: AtEdge,
    paged: Listed,
    agency_id: Identifier | None = None,
    area: Slug | None = None,
    fiscal_year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
) -> Response:
    """Those the caller may see, and those that agencies share."""
    table = tables.needs

    async def query(tx: Transaction) -> Response:
        wanted = select(table).where(_seen(await policy.reach(tx, at.principal), signed_in=not at.principal.is_anonymous))
        for column, value in ((table.c.organization_id, agency_id), (table.c.focus_area, area)):
            wanted = wanted if value is None else wanted.where(column == value)
        wanted = wanted if fiscal_year is None else wanted.where(table.c.fiscal_year == fiscal_year)
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.needs.from_row, listing=_LISTING)
        return at.show_page(page, [_in_list(found) for found in page.items])

    return await at.read(query)


@router.get("/v1/needs/{id}", response_model=models.NeedsShown)
async def show_needs(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_needs(tx, id, by=at.principal)
        return at.show(await _shown(tx, found, at), version=found.version)

    return await at.read(query)


@router.post("/v1/needs", status_code=201, response_model=models.NeedsShown)
async def state_needs(body: models.NeedsGiven, at: AtEdge) -> Response:
    """Once per agency, area and fiscal year; or copied from an earlier year or another agency that shares its own."""
    if body.copy_from is not None and (body.needs or body.constraints or body.size):
        raise Invalid.at("/copy_from", "What is copied is copied as it is; change it afterwards.", code="contradiction")
    owner = {"organization_id": body.agency_id, "focus_area": body.focus_area}

    async def command(tx: Transaction) -> Needs:
        if body.copy_from is not None:
            year = body.fiscal_year
            return await commands.copy_needs(tx, body.copy_from, **owner, fiscal_year=year, by=at.principal)
        statement = _statement(body)
        return await commands.state_needs(tx, **owner, fiscal_year=body.fiscal_year, statement=statement, by=at.principal)

    return await _write(at, command, status=201)


@router.put("/v1/needs/{id}", response_model=models.NeedsShown)
async def change_needs(id: Identifier, body: models.StatementGiven, at: AtEdge) -> Response:
    """The whole statement anew. Needs If-Match."""
    statement = _statement(body)
    return await _write(
        at, lambda tx: commands.change_needs(tx, id, statement, expected_version=at.expected_version(), by=at.principal)
    )


@router.put("/v1/needs/{id}/csv", response_model=models.NeedsShown, openapi_extra={"requestBody": _CSV})
async def change_needs_by_csv(id: Identifier, at: AtEdge) -> Response:
    """The needs anew from CSV with the columns fibf_id, scale, mission_critical, comment; the rest stays. Needs If-Match."""
    content = await at.request.body()

    async def command(tx: Transaction) -> Needs:
        given = _of_csv(content)
        current = await commands.visible_needs(tx, id, by=at.principal)
        statement = Statement(needs=given, constraints=current.constraints, size=current.size or {}, shared=current.shared)
        return await commands.change_needs(tx, id, statement, expected_version=at.expected_version(), by=at.principal)

    return await _write(at, command)


def _of_csv(content: bytes) -> tuple[Need, ...]:
    """Raises Invalid with the row and column of each fault."""
    try:
        reader = csv.DictReader(content.decode("utf-8-sig").splitlines(), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as err:
        raise Invalid.at("", f"This is no CSV in UTF-8: {err}.") from err
    absent = [name for name in _COLUMNS[:2] if name not in (reader.fieldnames or ())]
    if absent:
        raise Invalid.at("", f"The header lacks {', '.join(absent)}; its columns are: {', '.join(_COLUMNS)}.")
    faults: list[FieldError] = []
    needs = []
    for number, row in enumerate(rows, start=1):
        try:
            needs.append(_need(_read_row(row)))
        except ValidationError as err:
            place = f"/rows/{number}"
            faults += [
                FieldError(pointer="/".join((place, *map(str, e["loc"]))), code="invalid", detail=e["msg"])
                for e in err.errors()
            ]
    if faults:
        raise Invalid(f"{len(faults)} values of this CSV are not valid.", errors=tuple(faults[:100]))
    return tuple(needs)


def _read_row(row: Mapping[str, str | None]) -> models.NeedGiven:
    cells = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    return models.NeedGiven.model_validate(
        {
            "fibf_id": cells["fibf_id"],
            "scale": cells["scale"].casefold().replace(" ", "_"),
            "mission_critical": cells["mission_critical"].casefold() in _TRUE,
            "comment": cells["comment"] or None,
        }
    )


def _statement(given: models.StatementGiven) -> Statement:
    return Statement(
        needs=tuple(_need(each) for each in given.needs),
        constraints=tuple(Constraint(limit=c.limit, priority=c.priority, value=c.value) for c in given.constraints),
        size={str(unit): count for unit, count in given.size.items()},
        shared=given.shared,
    )


def _need(given: models.NeedGiven) -> Need:
    return Need(fibf_id=given.fibf_id, scale=given.scale, mission_critical=given.mission_critical, comment=given.comment)


def _seen(reach: Reach, *, signed_in: bool) -> ColumnElement[bool]:
    table = tables.needs
    if reach.everything:
        return table.c.id.is_not(None)
    own = or_(table.c.organization_id.in_(reach.organizations), table.c.focus_area.in_(reach.areas))
    return or_(own, table.c.shared.is_(True)) if signed_in else own


def _in_list(found: Needs) -> models.NeedsInList:
    return models.NeedsInList(
        id=found.id,
        version=found.version,
        agency_id=found.organization_id,
        focus_area=found.focus_area,
        fiscal_year=found.fiscal_year,
        answered=len(found.needs),
        mission_critical=sum(need.mission_critical for need in found.needs),
        constraints=len(found.constraints),
        shared=found.shared,
    )


async def _shown(tx: Transaction, found: Needs, at: Edge) -> models.NeedsShown:
    titles = await activities_of(tx, found.focus_area)
    complete = completeness(found, titles)
    own = (await policy.reach(tx, at.principal)).acts_for(found.organization_id)
    href = f"/v1/needs/{found.id}"
    return models.NeedsShown(
        **_in_list(found).model_dump(exclude={"answered", "mission_critical", "constraints"}),
        needs=[
            models.NeedShown(
                fibf_id=n.fibf_id,
                title=titles.get(n.fibf_id),
                scale=n.scale,
                mission_critical=n.mission_critical,
                comment=n.comment,
            )
            for n in found.needs
        ],
        constraints=[models.ConstraintShown(limit=c.limit, priority=c.priority, value=c.value) for c in found.constraints],
        size=dict(found.size or {}),
        copied_from=found.copied_from,
        completeness=models.CompletenessShown(
            answered=complete.answered, total=complete.total, missing=list(complete.missing[:_MISSING_SHOWN])
        ),
        actions=[Action(action="change", href=href, possible=True)] if own else [],
    )


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Needs]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(await _shown(tx, saved, at), saved.version, f"/v1/needs/{saved.id}")

    return await at.write(answered, status=status)
