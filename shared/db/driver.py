"""A database's own connection, past SQLAlchemy: the same few steps on asyncpg and on SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError

from shared.db.engines import AsyncConnection

Values = Sequence[Any]


class Driver(Protocol):
    """Raises what SQLAlchemy raises of the same statement."""

    async def fetch(self, sql: str, values: Values) -> Sequence[Any]:
        """All rows, each an iterable of its columns."""
        ...

    async def change(self, sql: str, values: Values) -> int:
        """How many rows it met."""
        ...

    async def many(self, sql: str, rows: Sequence[Values]) -> None: ...

    async def control(self, sql: str) -> None:
        """BEGIN and its like."""
        ...

    async def commit(self) -> None: ...

    async def rollback(self) -> None: ...

    def is_closed(self) -> bool:
        """Whether it is known, without asking anybody, that it can be used no more."""
        ...


class PostgresqlDriver:
    """asyncpg. SQLAlchemy begins nothing on it: a transaction is what lies between a BEGIN and a COMMIT of ours."""

    def __init__(self, adapted: Any, dialect: Dialect) -> None:
        self._adapted = adapted
        self._dialect = dialect
        self._connection = adapted.driver_connection

    async def fetch(self, sql: str, values: Values) -> Sequence[Any]:
        try:
            found: Sequence[Any] = await self._connection.fetch(sql, *values)
        except Exception as error:
            raise _known(self._adapted, self._dialect, error, sql) from error
        return found

    async def change(self, sql: str, values: Values) -> int:
        try:
            status: str = await self._connection.execute(sql, *values)
        except Exception as error:
            raise _known(self._adapted, self._dialect, error, sql) from error
        return int(count) if (count := status.rpartition(" ")[2]).isdecimal() else -1

    async def many(self, sql: str, rows: Sequence[Values]) -> None:
        if len(rows) == 1:
            await self.change(sql, rows[0])
            return
        try:
            await self._connection.executemany(sql, rows)
        except Exception as error:
            raise _known(self._adapted, self._dialect, error, sql) from error

    async def control(self, sql: str) -> None:
        await self.change(sql, ())

    async def commit(self) -> None:
        await self.change("COMMIT", ())

    async def rollback(self) -> None:
        if self._connection.is_in_transaction():
            await self.change("ROLLBACK", ())

    def is_closed(self) -> bool:
        return bool(self._connection.is_closed())


class SqliteDriver:
    """`shared.db.sqlite`'s connection."""

    def __init__(self, adapted: Any, dialect: Dialect) -> None:
        self._adapted = adapted
        self._dialect = dialect

    async def fetch(self, sql: str, values: Values) -> Sequence[Any]:
        found: Sequence[Any] = (await self._executed(sql, values))[1]
        return found

    async def change(self, sql: str, values: Values) -> int:
        return int((await self._executed(sql, values))[0].rowcount)

    async def many(self, sql: str, rows: Sequence[Values]) -> None:
        try:
            await self._adapted.execution_of_many(sql, rows)
        except Exception as error:
            raise _known(self._adapted, self._dialect, error, sql) from error

    async def control(self, sql: str) -> None:
        await self._executed(sql, ())

    async def commit(self) -> None:
        await self._ended("commit")

    async def rollback(self) -> None:
        await self._ended("rollback")

    def is_closed(self) -> bool:
        return False  # a file does not go away

    async def _executed(self, sql: str, values: Values) -> Any:
        try:
            return await self._adapted.execution(sql, values)
        except Exception as error:
            raise _known(self._adapted, self._dialect, error, sql) from error

    async def _ended(self, how: str) -> None:
        try:
            await self._adapted.ending(how)
        except Exception as error:
            raise _known(self._adapted, self._dialect, error, how) from error


def driver_of(connection: AsyncConnection) -> Driver:
    assert connection.sync_connection is not None
    adapted = connection.sync_connection.connection.dbapi_connection
    made = SqliteDriver if connection.dialect.name == "sqlite" else PostgresqlDriver
    return made(adapted, connection.dialect)


def _known(adapted: Any, dialect: Dialect, error: Exception, sql: str) -> BaseException:
    """As SQLAlchemy names it."""
    known: Any = dialect.loaded_dbapi.Error
    try:
        adapted._handle_exception(error)  # noqa: SLF001 - how SQLAlchemy's own cursor translates it
    except known as told:
        found: BaseException = DBAPIError.instance(sql, None, told, known, hide_parameters=True, dialect=dialect)
        return found
    except Exception as told:  # noqa: BLE001 - raised by the caller
        return told
    return error
