"""The import that concerns several services; the others go through to their own."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from fastapi import Request, Response
from starlette.datastructures import UploadFile

from services.gateway.context import Gateway
from services.gateway.fedramp.operations import KIND, own_operation
from services.gateway.fedramp.split import split
from shared.auth import Unauthenticated
from shared.imports.api import Operation
from shared.kernel.errors import Forbidden, Invalid
from shared.web.edge import AtEdge
from shared.web.routes import Router

_ROLES = ("coordinator", "omb")
_COPIED_BYTES = 1 << 20
_BODY = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
router = Router(tags=["imports"])


@router.post(f"/v1/imports/{KIND}", status_code=202, response_model=Operation, openapi_extra={"requestBody": _BODY})
async def start_fedramp_import(request: Request, at: AtEdge, validate_only: bool = False) -> Response:
    """The FedRAMP marketplace JSON as the body (or as multipart field `file`): read whole, then sent to its owners.

    A file that cannot be read whole is refused, and changes nothing.
    """
    if at.principal.is_anonymous:
        raise Unauthenticated("Importing needs a bearer token.")
    if not any(at.principal.has(role) for role in _ROLES):
        raise Forbidden(f"Importing {KIND} is for: {', '.join(_ROLES)}.")
    gateway: Gateway = request.app.state.context
    source = await _spooled(request)
    try:
        spools = await asyncio.to_thread(split, source)
    finally:
        source.unlink(missing_ok=True)
    authorization = request.headers["authorization"]
    started = await gateway.imports.start(spools, authorization=authorization, cause=at.cause, validate_only=validate_only)
    operation = await at.read(lambda tx: own_operation(tx, started))
    assert operation is not None
    return Response(operation.model_dump_json(), 202, {"Location": f"/v1/operations/{started}"}, "application/json")


async def _spooled(request: Request) -> Path:
    """The body on disk: raw, or the `file` field of a form. The limit is the edge's."""
    descriptor = tempfile.NamedTemporaryFile(prefix="qsmo-upload-", delete=False)  # noqa: SIM115 - outlives this call
    path = Path(descriptor.name)
    try:
        with descriptor as file:
            if request.headers.get("content-type", "").startswith("multipart/form-data"):
                async with request.form(max_files=1, max_fields=10) as form:
                    upload = form.get("file")
                    if not isinstance(upload, UploadFile):
                        raise Invalid.at("/file", "A multipart import carries the file in the field `file`.")
                    while chunk := await upload.read(_COPIED_BYTES):
                        file.write(chunk)
            else:
                async for chunk in request.stream():
                    file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path
