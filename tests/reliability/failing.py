"""`python -m tests.reliability.failing POINT FILE serve …`: `qsmo` that kills itself at a point, once FILE is there.

The points lie where statements, commits and calls of the bus begin and end. They are put there from outside, so that what
runs in production pays nothing for them.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import Engine

from shared.bus.embedded import EmbeddedBus
from shared.bus.embedded_subscription import EmbeddedSubscription

# What a transaction is, told by a statement in it; a later line outranks an earlier one.
_KINDS = {
    "effect": re.compile(r"INSERT INTO inbox\b"),
    "write": re.compile(r"INSERT INTO outbox\b"),
    "mark": re.compile(r"UPDATE outbox SET published_at"),
    "feed": re.compile(r"INSERT INTO feed\b"),
}
POINTS = (
    *(f"{kind}: {moment}" for kind in _KINDS for moment in ("executed", "before the commit", "after the commit")),
    "produce: before",
    "produce: acknowledged",
    "fetch: records in hand",
    "offset: before",
    "offset: committed",
)


class Failpoint:
    """Kills the process the first time that it comes by, once it is armed."""

    def __init__(self, point: str, armed: Path) -> None:
        self._point = point
        self._armed = armed
        self._committing: str | None = None

    def passed(self, point: str) -> None:
        if point == self._point and self._armed.exists():
            os.kill(os.getpid(), signal.SIGKILL)

    def attach(self) -> None:
        event.listen(Engine, "after_cursor_execute", self._executed)
        event.listen(Engine, "commit", self._commits)
        event.listen(Engine, "rollback", lambda connection: connection.info.pop("kind", None))
        for dialect in (SQLiteDialect_aiosqlite, PGDialect_asyncpg):
            dialect.do_commit = self._after_commit(dialect.do_commit)  # type: ignore[method-assign] # that is the purpose
        EmbeddedBus.publish = self._around(EmbeddedBus.publish, "produce: before", "produce: acknowledged")  # type: ignore[method-assign] # as above
        EmbeddedSubscription.fetch = self._around(EmbeddedSubscription.fetch, "", "fetch: records in hand")  # type: ignore[method-assign] # as above
        EmbeddedSubscription.commit = self._around(EmbeddedSubscription.commit, "offset: before", "offset: committed")  # type: ignore[method-assign] # as above

    def _executed(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        for rank, (kind, told_by) in enumerate(_KINDS.items()):
            if told_by.search(statement):
                if rank >= connection.info.get("kind", (-1, ""))[0]:
                    connection.info["kind"] = (rank, kind)
                self.passed(f"{kind}: executed")

    def _commits(self, connection: Connection) -> None:
        _, self._committing = connection.info.pop("kind", (-1, None))
        self.passed(f"{self._committing}: before the commit")

    def _after_commit(self, do_commit: Any) -> Any:
        @functools.wraps(do_commit)
        def committed(*arguments: Any) -> None:
            kind, self._committing = self._committing, None  # nothing is awaited since `_commits`
            do_commit(*arguments)
            self.passed(f"{kind}: after the commit")

        return committed

    def _around(self, method: Any, before: str, after: str) -> Any:
        @functools.wraps(method)
        async def called(*arguments: Any, **options: Any) -> Any:
            self.passed(before)
            result = await method(*arguments, **options)
            if result or after != "fetch: records in hand":
                self.passed(after)
            return result

        return called


if __name__ == "__main__":
    Failpoint(sys.argv[1], Path(sys.argv[2])).attach()
    sys.argv[1:3] = []
    from services.cli import app

    app()
