"""Leads one FedRAMP import across the services: agencies and products first, then who authorized and reuses what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.gateway.clients import Answer, Upstream, UpstreamAway
from services.gateway.fedramp.operations import KIND, Child, Operations, Progress
from services.gateway.fedramp.split import AGENCIES, AUTHORIZATIONS, PRODUCTS, REUSES, Spool
from shared import telemetry
from shared.db import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import QsmoError, Unavailable
from shared.kernel.ids import new_id

_POLL_S = 0.1
_POLL_MAX_S = 0.5
_PATIENCE_S = 60.0
_HEARD_STILL_S = 10.0
_READ_BYTES = 1 << 18


class _Failed(QsmoError):
    """A part did not go through; `detail` says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One import under way. The caller's token goes along to every service and is never stored."""

    id: str
    spools: Mapping[str, Spool]
    authorization: str
    validate_only: bool
    progress: Progress
    parts: dict[str, dict[str, Any]]


class FedrampImports:
    """Combined imports of this process, one at a time."""

    def __init__(
        self,
        *,
        db: Database,
        upstreams: Mapping[str, Upstream],
        member: str,
        patience_s: float = _PATIENCE_S,
        heard_still_s: float = _HEARD_STILL_S,
    ) -> None:
        self._operations = Operations(db, member=member)
        self._upstreams = upstreams
        self._patience_s = patience_s
        self._heard_still_s = heard_still_s
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = telemetry.logger("fedramp")

    async def start(self, spools: Mapping[str, Spool], *, authorization: str, cause: Cause, validate_only: bool) -> str:
        """Takes the spools over (they are deleted in the end) and returns the operation's id at once."""
        run = _Run(
            id=new_id(),
            spools=spools,
            authorization=authorization,
            validate_only=validate_only,
            progress=Progress(rows_total=sum(spool.rows for spool in spools.values())),
            parts={},
        )
        await self._operations.add(run.id, cause=cause, validate_only=validate_only, progress=run.progress)
        task = asyncio.create_task(self._run(run), name=f"import {KIND} {run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run.id

    async def interrupted(self) -> None:
        await self._operations.interrupted()

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, run: _Run) -> None:
        status = "failed"
        detail: str | None = "The import stopped by a fault of ours; import the file again to go on."
        try:
            async with self._turn:
                await self._import(run)
                status, detail = "succeeded", None
        except QsmoError as error:
            detail = error.detail
        except Exception as error:  # noqa: BLE001 - the process edge: the operation must say that it failed
            self._log.error("import_failed", operation=run.id, exc_info=error)
        finally:
            for spool in run.spools.values():
                spool.path.unlink(missing_ok=True)
        await self._operations.finish(run.id, run.progress, status=status, detail=detail)

    async def _import(self, run: _Run) -> None:
        first = [("registry", (AGENCIES,)), ("catalog", (PRODUCTS,))]
        parts = (self._part(run, service, sections) for service, sections in first)
        ended = await asyncio.gather(*parts, return_exceptions=True)  # both to their end, so that the counts are final
        if failures := [error for error in ended if error is not None]:
            raise failures[0]
        if run.spools[AUTHORIZATIONS].rows + run.spools[REUSES].rows == 0:
            return
        if not run.validate_only:
            await self._until_heard()
        await self._part(run, "adoption", (AUTHORIZATIONS, REUSES))

    async def _part(self, run: _Run, service: str, sections: Sequence[str]) -> None:
        """Hand rows to one service and follow its operation to the end. Raises _Failed, UpstreamAway."""
        if not sum(run.spools[section].rows for section in sections):
            return
        upstream = self._upstreams[service]
        started = await upstream.call(
            "POST",
            f"/v1/imports/{KIND}",
            params={"validate_only": "true"} if run.validate_only else None,
            authorization=run.authorization,
            headers=[(b"content-type", b"application/x-ndjson")],
            body=_lines([run.spools[section].path for section in sections]),
        )
        operation = _accepted(service, started)
        run.progress.children.append(Child(service, operation["id"]))
        wait_s = _POLL_S
        while True:
            await self._take_in(run, service, operation)
            if operation["status"] != "running":
                break
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _POLL_MAX_S)
            operation = await self._operation(upstream, operation["id"], run.authorization)
        if operation["status"] != "succeeded":
            raise _Failed(f"The {service} service: import {operation['status']}. {operation['detail'] or ''}".strip())

    async def _take_in(self, run: _Run, service: str, operation: dict[str, Any]) -> None:
        """Add up what the children report; a change is recorded so that it can be followed."""
        if run.parts.get(service) == operation:
            return
        run.parts[service] = operation
        run.progress.sections.update(operation["sections"])
        run.progress.rows_done = sum(part["rows_done"] for part in run.parts.values())
        await self._operations.record(run.id, run.progress)

    async def _operation(self, upstream: Upstream, id: str, authorization: str) -> dict[str, Any]:
        """A service that goes away for a while is waited for. Raises UpstreamAway after `patience_s`, _Failed."""
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                answer = await upstream.get(f"/v1/operations/{id}", authorization=authorization)
                if answer.is_success:
                    return dict(answer.json())
                if answer.status < 500:
                    raise _Failed(f"The {upstream.service} service: {_told(answer)}")
                raise Unavailable(_told(answer))
            except Unavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_POLL_S * 5)

    async def _until_heard(self) -> None:
        """Until adoption has applied every fact that the registry and the catalog have recorded by now.

        Rows that name something not heard of would only be parked and taken up later, so this gives up after a while
        without progress (a parked event, a service that is away) rather than refuse the rest.
        """
        now = asyncio.get_running_loop().time
        heard, still_since = -1, now()
        while now() - still_since < self._heard_still_s:
            try:
                recorded = [await self._progress(service) for service in ("registry", "catalog")]
                position = (await self._progress("adoption"))["heard"]
            except UpstreamAway:
                await asyncio.sleep(_POLL_S * 5)
                continue
            if position >= sum(part["recorded"] for part in recorded):
                return
            if position != heard:
                heard, still_since = position, now()
            await asyncio.sleep(_POLL_S)
        self._log.warning("facts_not_heard_in_time", heard=heard)

    async def _progress(self, service: str) -> dict[str, int]:
        answer = await self._upstreams[service].get("/internal/progress")
        if not answer.is_success:
            raise _Failed(f"The {service} service does not say how far it is: {_told(answer)}")
        return dict(answer.json())


def _accepted(service: str, answer: Answer) -> dict[str, Any]:
    if not answer.is_success:
        raise _Failed(f"The {service} service refused its part: {_told(answer)}")
    return dict(answer.json())


def _told(answer: Answer) -> str:
    """What a problem document says, or the status of an answer that is none."""
    try:
        return str(answer.json()["detail"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"HTTP {answer.status}"


async def _lines(paths: Sequence[Path]) -> AsyncIterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
                yield chunk
