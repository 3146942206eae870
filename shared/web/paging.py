"""Keyset pages: a cursor names the last row seen, so that pages do not drift while data change."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Select, tuple_

from shared.db import Row, Transaction
from shared.kernel.errors import Invalid

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
_CURSOR_MAX_CHARS = 1_000
# What a value of a column is in a cursor.
_WIRE: dict[type, type] = {date: str}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted: `limit` rows after `cursor`."""

    limit: int = LIMIT_DEFAULT
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and, if there are more, where to go on."""

    items: list[T]
    next_cursor: str | None


async def page_of(
    tx: Transaction,
    query: Select[Any],
    *,
    by: Sequence[ColumnElement[Any]],
    request: PageRequest,
    read: Callable[[Row], T],
) -> Page[T]:
    """Rows of `query` ordered by the columns `by` (the last one unique, all selected, text, integers or days).

    Raises Invalid for a cursor that this list did not give out.
    """
    if request.cursor is not None:
        query = query.where(tuple_(*by) > tuple_(*_decode(request.cursor, [column.type.python_type for column in by])))
    rows = await tx.rows(query.order_by(*by).limit(request.limit + 1))
    shown = rows[: request.limit]
    more = len(rows) > request.limit
    return Page([read(row) for row in shown], _encode([shown[-1][column.key] for column in by]) if more else None)


def page_in_memory(found: Sequence[T], *, key: Callable[[T], tuple[str, ...]], request: PageRequest) -> Page[T]:
    """For lists that a database cannot order, e.g. what was known at an instant; `key` is unique.

    Raises Invalid for a cursor that this list did not give out.
    """
    ordered = sorted(found, key=key)
    if request.cursor is not None:
        length = len(key(ordered[0])) if ordered else 1
        after = tuple(_decode(request.cursor, [str] * length))
        ordered = [item for item in ordered if key(item) > after]
    shown = ordered[: request.limit]
    return Page(shown, _encode(list(key(shown[-1]))) if len(ordered) > request.limit else None)


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _decode(cursor: str, wanted: Sequence[type]) -> list[Any]:
    try:
        if len(cursor) > _CURSOR_MAX_CHARS:
            raise ValueError("too long")
        values = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or [type(value) for value in values] != [_WIRE.get(kind, kind) for kind in wanted]:
            raise ValueError("not of this list")
        if any(isinstance(value, str) and "\x00" in value for value in values):
            raise ValueError("NUL")
        if any(isinstance(value, int) and abs(value) >= 1 << 63 for value in values):
            raise ValueError("too large")
        return [date.fromisoformat(value) if kind is date else value for kind, value in zip(wanted, values, strict=True)]
    except (ValueError, binascii.Error) as error:
        raise Invalid.at("query:cursor", "This cursor was not given out by this list; start without one.") from error
