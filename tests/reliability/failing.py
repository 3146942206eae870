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
from sqlalchemy.engine import Engine

from shared.bus.embedded import EmbeddedBus
from shared.bus.embedded_subscription import EmbeddedSubscription
from shared.db.driver import SqliteDriver

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
        # Of each connection's transaction, by the connection.
        self._kinds: dict[int, tuple[int, str]] = {}

    def passed(self, point: str) -> None:
        if point == self._point and self._armed.exists():
            os.kill(os.getpid(), signal.SIGKILL)

    def attach(self) -> None:
        event.listen(Engine, "after_cursor_execute", self._executed_by_sqlalchemy)
        for name in ("fetch", "change", "many"):
            setattr(SqliteDriver, name, self._executed(getattr(SqliteDriver, name)))
        SqliteDriver.commit = self._committed(SqliteDriver.commit)  # type: ignore[method-assign] # that is the purpose
        SqliteDriver.rollback = self._rolled_back(SqliteDriver.rollback)  # type: ignore[method-assign] # as above
        EmbeddedBus.publish = self._around(EmbeddedBus.publish, "produce: before", "produce: acknowledged")  # type: ignore[method-assign] # as above
        EmbeddedSubscription.fetch = self._around(EmbeddedSubscription.fetch, "", "fetch: records in hand")  # type: ignore[method-assign] # as above
        EmbeddedSubscription.commit = self._around(EmbeddedSubscription.commit, "offset: before", "offset: committed")  # type: ignore[method-assign] # as above

    def _executed_by_sqlalchemy(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        self._note(id(connection.connection.dbapi_connection), statement)

    def _note(self, connection: int, statement: str) -> None:
        for rank, (kind, told_by) in enumerate(_KINDS.items()):
            if told_by.search(statement):
                self._kinds[connection] = max((rank, kind), self._kinds.get(connection, (-1, "")))
                self.passed(f"{kind}: executed")

    def _executed(self, method: Any) -> Any:
        @functools.wraps(method)
        async def executed(driver: Any, sql: str, values: Any) -> Any:
            result = await method(driver, sql, values)
            self._note(id(driver._adapted), sql)
            return result

        return executed

    def _committed(self, method: Any) -> Any:
        @functools.wraps(method)
        async def committed(driver: Any) -> None:
            _, kind = self._kinds.pop(id(driver._adapted), (-1, ""))
            self.passed(f"{kind}: before the commit")
            await method(driver)
            self.passed(f"{kind}: after the commit")

        return committed

    def _rolled_back(self, method: Any) -> Any:
        @functools.wraps(method)
        async def rolled_back(driver: Any) -> None:
            self._kinds.pop(id(driver._adapted), None)
            await method(driver)

        return rolled_back

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
