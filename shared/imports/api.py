"""`POST /v1/imports/{kind}`, `GET /v1/operations/…`: the same in every service that imports."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Path as PathParameter
from fastapi import Query, Request, Response
from sqlalchemy import select
from starlette.datastructures import UploadFile

from shared.auth import Unauthenticated
from shared.db import Row, Transaction
from shared.imports.rows import ImportKind, Result
from shared.imports.runner import ImportRunner
from shared.imports.tables import ImportTables
from shared.kernel.errors import Forbidden, Invalid, NotFound
from shared.web.edge import AtEdge, Paged
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Identifier, Shown, Slug

_SPOOL_PREFIX = "qsmo-import-"


class Importing(Protocol):
    """What a service's context holds so that it can import."""

    @property
    def kinds(self) -> Mapping[str, ImportKind]: ...
    @property
    def runner(self) -> ImportRunner: ...
    @property
    def import_tables(self) -> ImportTables: ...


class Operation(Shown):
    """An import under way or done. Per section: read = the sum of the other counts."""

    id: str
    kind: str
    status: str
    validate_only: bool
    actor: str
    sections: dict[str, dict[str, int]]
    rows_done: int
    rows_total: int | None
    detail: str | None
    started_at: datetime
    finished_at: datetime | None


class RowReport(Shown):
    """A row that was parked, refused or mended, and why."""

    section: str
    number: int
    result: str
    reason: str
    pointer: str


OperationId = Annotated[Identifier, PathParameter(description="As given by the import")]


def import_router() -> Router:
    """Routes over the context's `kinds`, `runner` and `import_tables`."""
    router = Router(tags=["imports"])
    body = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}, "required": True}

    @router.post("/v1/imports/{kind}", status_code=202, response_model=Operation, openapi_extra={"requestBody": body})
    async def start_import(kind: Slug, request: Request, at: AtEdge, validate_only: bool = False) -> Response:
        """Send the file as the body (or as multipart field `file`); follow the operation that comes back."""
        if at.principal.is_anonymous:
            raise Unauthenticated("Importing needs a bearer token.")
        importing: Importing = request.app.state.context
        chosen = _kind(importing, kind)
        if not any(at.principal.has(role) for role in chosen.roles):
            raise Forbidden(f"Importing {kind} is for: {', '.join(chosen.roles)}.")
        path = await _spooled(request)
        started = await importing.runner.start(chosen, path, cause=at.cause, validate_only=validate_only)
        operation = await at.read(lambda tx: _operation(tx, importing.import_tables, started))
        location = f"/v1/operations/{started}"
        return Response(operation.model_dump_json(), 202, {"Location": location}, "application/json")

    @router.get("/v1/operations/{id}", response_model=Operation)
    async def show_operation(id: OperationId, request: Request, at: AtEdge) -> Response:
        importing: Importing = request.app.state.context
        return at.show(await at.read(lambda tx: _operation(tx, importing.import_tables, id)))

    @router.get("/v1/operations/{id}/rows", response_model=dict[str, Any])
    async def list_operation_rows(
        id: OperationId,
        request: Request,
        at: AtEdge,
        paged: Paged,
        result: Annotated[Result | None, Query(description="Only these")] = None,
    ) -> Response:
        """Parked, refused and mended rows, in the order of the file; at most 10,000 are kept per import."""
        table = request.app.state.context.import_tables.reports
        query = select(table).where(table.c.operation_id == id)
        if result is not None:
            query = query.where(table.c.result == result.value)
        page = await at.read(lambda tx: page_of(tx, query, by=[table.c.id], request=paged, read=_row_report))
        return at.show_page(page, list(page.items))

    return router


def _kind(importing: Importing, kind: str) -> ImportKind:
    if kind not in importing.kinds:
        raise NotFound(f"There is no import kind {kind!r} here; there are: {', '.join(sorted(importing.kinds))}.")
    return importing.kinds[kind]


async def _operation(tx: Transaction, tables: ImportTables, id: str) -> Operation:
    row = await tx.row(select(tables.operations).where(tables.operations.c.id == id))
    if row is None:
        raise NotFound(f"There is no operation {id!r}.")
    return Operation.model_validate({**row, "validate_only": bool(row["validate_only"])})


def _row_report(row: Row) -> RowReport:
    return RowReport(
        section=row["section"], number=row["number"], result=row["result"], reason=row["reason"], pointer=row["pointer"]
    )


async def _spooled(request: Request) -> Path:
    """The body on disk: raw, or the `file` field of a form. The limit is the edge's."""
    descriptor = tempfile.NamedTemporaryFile(prefix=_SPOOL_PREFIX, delete=False)  # noqa: SIM115 - outlives this call
    path = Path(descriptor.name)
    try:
        with descriptor as file:
            if request.headers.get("content-type", "").startswith("multipart/form-data"):
                await _copy_form_file(request, file)
            else:
                async for chunk in request.stream():
                    file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


async def _copy_form_file(request: Request, file: Any) -> None:
    async with request.form(max_files=1, max_fields=10) as form:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise Invalid.at("/file", "A multipart import carries the file in the field `file`.")
        while chunk := await upload.read(1 << 20):
            file.write(chunk)
