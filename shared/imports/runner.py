"""Runs imports in the background: first the whole file is read, then rows are applied in bounded transactions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from shared import telemetry
from shared.db import Database, RollbackOnly
from shared.imports.rows import ImportKind, ImportRow, Outcome, Result, Tally
from shared.imports.tables import ImportTables
from shared.kernel.cause import Cause
from shared.kernel.errors import QsmoError, Unavailable
from shared.kernel.ids import new_id

CHUNK_ROWS = 500
REPORTED_ROWS_MAX = 10_000
_TELLING = frozenset({Result.PARKED, Result.REFUSED})
_ATTEMPTS = 5
_RECORD_EVERY_S = 0.25
_SILENT = timedelta(minutes=5)


@dataclass(slots=True)
class _Run:
    """One import under way."""

    id: str
    kind: ImportKind
    path: Path
    cause: Cause
    validate_only: bool
    started_at: datetime
    sections: dict[str, Tally]
    done: int = 0
    recorded_at: float = 0.0
    reported: int = 0


class ImportRunner:
    """Imports of one service, one at a time, each an operation that can be followed."""

    def __init__(self, *, db: Database, tables: ImportTables, member: str) -> None:
        self._db = db
        self._member = member
        self._tables = tables
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = telemetry.logger("imports")

    async def start(self, kind: ImportKind, path: Path, *, cause: Cause, validate_only: bool) -> str:
        """Takes the file over (it is deleted in the end) and returns the operation's id at once."""
        run = _Run(new_id(), kind, path, cause, validate_only, self._db.clock(), {})
        row = {
            "id": run.id,
            "kind": kind.kind,
            "status": "running",
            "actor": cause.actor,
            "validate_only": int(validate_only),
            "sections": {},
            "rows_done": 0,
            "member": self._member,
            "started_at": run.started_at,
            "heard_of_at": run.started_at,
        }
        async with self._db.transaction(cause) as tx:
            await tx.execute(insert(self._tables.operations), row)
        task = asyncio.create_task(self._run(run), name=f"import {kind.kind} {run.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run.id

    async def interrupted(self) -> None:
        """At start: what an earlier process of this name left running did not finish, nor what nobody tells of any more."""
        detail = "The service stopped during this import; import the file again, what was applied stays as it is."
        c = self._tables.operations.c
        async with self._db.transaction(Cause(actor="system:imports")) as tx:
            is_left = (c.member == self._member) | (c.heard_of_at < tx.at - _SILENT)
            left = update(self._tables.operations).where(c.status == "running", is_left)
            await tx.execute(left.values(status="interrupted", detail=detail, finished_at=tx.at))

    def is_applying(self) -> bool:
        """Whether rows are being written now."""
        return self._turn.locked()

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, run: _Run) -> None:
        async with self._turn:
            try:
                total = await asyncio.to_thread(_count, run.kind, run.path)
                await self._record(run, rows_total=total)
                await self._apply_all(run)
                await self._record(run, status="succeeded", finished=True)
            except QsmoError as error:
                await self._record(run, status="failed", detail=error.detail, finished=True)
            except Exception as error:  # noqa: BLE001 - the process edge: the operation must say that it failed
                self._log.error("import_failed", kind=run.kind.kind, exc_info=error)
                detail = f"The import stopped after {run.done} rows by a fault of ours; import the file again to go on."
                await self._record(run, status="failed", detail=detail, finished=True)
            finally:
                run.path.unlink(missing_ok=True)

    async def _apply_all(self, run: _Run) -> None:
        rows = run.kind.read(run.path)
        coming = _taking(rows)
        try:
            while chunk := await coming:
                coming = _taking(rows)  # read while these are applied
                for section, group in groupby(chunk, key=lambda row: row.section):
                    await self._apply_chunk(run, section, list(group))
                if time.monotonic() - run.recorded_at >= _RECORD_EVERY_S:
                    await self._record(run)
                    run.recorded_at = time.monotonic()
        finally:
            await asyncio.gather(coming, return_exceptions=True)  # the thread must not outlive the file

    async def _apply_chunk(self, run: _Run, section: str, rows: Sequence[ImportRow]) -> None:
        try:
            outcomes = await self._in_transaction(run, rows)
        except QsmoError:
            outcomes = [await self._alone(run, row) for row in rows]
        tally = run.sections.setdefault(section, Tally())
        for outcome in outcomes:
            tally.add(outcome)
        run.done += len(rows)
        await self._report(run, rows, outcomes)

    async def _alone(self, run: _Run, row: ImportRow) -> Outcome:
        try:
            return (await self._in_transaction(run, [row]))[0]
        except Unavailable:
            raise
        except QsmoError as error:
            return Outcome(Result.REFUSED, error.detail, error.errors[0].pointer if error.errors else "")

    async def _in_transaction(self, run: _Run, rows: Sequence[ImportRow]) -> list[Outcome]:
        for attempt in range(_ATTEMPTS):
            try:
                return await self._once(run, rows)
            except Unavailable:
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(2**attempt / 10)
        raise AssertionError("unreachable")

    async def _once(self, run: _Run, rows: Sequence[ImportRow]) -> list[Outcome]:
        try:
            async with self._db.transaction(run.cause) as tx:
                outcomes = await run.kind.apply(tx, rows)
                if run.validate_only:
                    raise RollbackOnly(outcomes)
        except RollbackOnly as dry_run:
            found: list[Outcome] = dry_run.result
            return found
        return outcomes

    async def _report(self, run: _Run, rows: Sequence[ImportRow], outcomes: Sequence[Outcome]) -> None:
        telling = [
            {
                "operation_id": run.id,
                "section": row.section,
                "number": row.number,
                "result": outcome.result.value,
                "reason": outcome.told,
                "pointer": outcome.pointer,
            }
            for row, outcome in zip(rows, outcomes, strict=True)
            if outcome.result in _TELLING or outcome.repairs or outcome.left
        ][: REPORTED_ROWS_MAX - run.reported]
        if telling:
            run.reported += len(telling)
            async with self._db.transaction(run.cause) as tx:
                await tx.execute(insert(self._tables.reports), telling)

    async def _record(self, run: _Run, *, finished: bool = False, **columns: Any) -> None:
        sections = {name: tally.as_dict() for name, tally in run.sections.items()}
        statement = update(self._tables.operations).where(self._tables.operations.c.id == run.id)
        async with self._db.transaction(run.cause) as tx:
            if finished:
                columns["finished_at"] = tx.at
            await tx.execute(statement.values(sections=sections, rows_done=run.done, heard_of_at=tx.at, **columns))


def _count(kind: ImportKind, path: Path) -> int:
    """Reads the whole file once, so that a file broken at its end changes nothing."""
    return sum(1 for _ in kind.read(path))


def _taking(rows: Iterator[ImportRow]) -> asyncio.Task[list[ImportRow]]:
    return asyncio.create_task(asyncio.to_thread(_take, rows))


def _take(rows: Iterator[ImportRow]) -> list[ImportRow]:
    return list(islice(rows, CHUNK_ROWS))
