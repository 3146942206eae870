"""Keyset pages: a cursor names the last row seen, so that pages do not drift while data change."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import BigInteger, ColumnElement, Integer, Select, bindparam, func, tuple_
from sqlalchemy.types import TypeEngine

from shared.db import Row, Transaction
from shared.kernel.errors import Invalid, Unavailable
from shared.web.listing import Listing

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
COUNT_S = 2.0
_CURSOR_MAX_CHARS = 1_000
_STATEMENTS = 512
# No column is called so.
_LIMIT, _AFTER = "page_limit", "page_after_{}"
# What a value of a column is in a cursor.
_WIRE: dict[type, type] = {date: str}
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted, of what: `limit` rows after `cursor`. `fields`: of each item only these and its id."""

    limit: int = LIMIT_DEFAULT
    cursor: str | None = None
    filter: str | None = None
    sort: str | None = None
    fields: tuple[str, ...] = ()
    count: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and, if there are more, where to go on; `count`, if asked for, is of all pages."""

    items: list[T]
    next_cursor: str | None
    count: int | None = None
    fields: tuple[str, ...] = ()

    def of(self, items: list[U]) -> Page[U]:
        """The same page, its items seen otherwise."""
        return Page(items, self.next_cursor, self.count, self.fields)


async def page_of(
    tx: Transaction,
    query: Select[Any],
    *,
    by: Sequence[ColumnElement[Any]],
    request: PageRequest,
    read: Callable[[Row], T],
    listing: Listing | None = None,
) -> Page[T]:
    """Rows of `query` ordered by the columns `by` (the last one unique, all selected, text, integers or days).

    With a listing, filtered and ordered as the request says. Raises Invalid for a cursor that this list did not give out,
    Malformed for a filter or an order that it does not have, Unavailable when counting takes longer than `COUNT_S`.
    """
    if listing is not None and request.filter is not None:
        query = query.where(listing.clause(listing.read(request.filter)))
    by, is_backward = _order(by, listing, request)
    count = await _count(tx, query) if request.count else None
    given: dict[str, Any] = {_LIMIT: request.limit + 1}
    if request.cursor is not None:
        after = _decode(request.cursor, [column.type.python_type for column in by], sort=request.sort)
        given |= {_AFTER.format(n): value for n, value in enumerate(after)}
    page = _statement(query, tuple(by), is_after=request.cursor is not None, is_backward=is_backward)
    rows = await tx.rows(page, given)
    shown = rows[: request.limit]
    last = [shown[-1][column.key] for column in by] if len(rows) > request.limit else None
    return _page([read(row) for row in shown], last, count=count, request=request)


@lru_cache(maxsize=_STATEMENTS)
def _statement(query: Select[Any], by: tuple[ColumnElement[Any], ...], *, is_after: bool, is_backward: bool) -> Select[Any]:
    """One for each query that is itself built once: building it costs as much as five of its rows."""
    if is_after:
        after = tuple_(*(bindparam(_AFTER.format(n), type_=_wide(column)) for n, column in enumerate(by)))
        query = query.where(tuple_(*by) < after if is_backward else tuple_(*by) > after)
    order = [column.desc() for column in by] if is_backward else by
    return query.order_by(*order).limit(bindparam(_LIMIT, type_=Integer()))


def _wide(column: ColumnElement[Any]) -> TypeEngine[Any]:
    """An integer of the caller's may be larger than those of the column."""
    return BigInteger() if column.type.python_type is int else column.type


def _order(
    by: Sequence[ColumnElement[Any]], listing: Listing | None, request: PageRequest
) -> tuple[Sequence[ColumnElement[Any]], bool]:
    if listing is None or request.sort is None:
        return by, False
    column, is_backward = listing.order(request.sort)
    return ([column] if column is by[-1] else [column, by[-1]]), is_backward


async def _count(tx: Transaction, query: Select[Any]) -> int:
    try:
        async with asyncio.timeout(COUNT_S):
            rows = await tx.rows(query.with_only_columns(func.count().label("count"), maintain_column_froms=True))
    except TimeoutError as error:
        detail = f"Counting took longer than {COUNT_S:.0f} s: narrow the list, or leave out count=true."
        raise Unavailable(detail) from error
    return int(rows[0]["count"])


def page_in_memory(
    found: Sequence[T],
    *,
    key: Callable[[T], tuple[str, ...]],
    request: PageRequest,
    listing: Listing | None = None,
    of: Callable[[T], Any] = lambda item: item,
) -> Page[T]:
    """For lists that a database cannot order, e.g. what was known at an instant; `key` is unique, so is its last part.

    What the listing names are attributes of what `of` finds in an item. Raises as `page_of`.
    """
    key, is_backward = _order_in_memory(key, listing, request, of)
    if listing is not None and request.filter is not None:
        condition = listing.read(request.filter)
        found = [item for item in found if listing.holds(condition, of(item))]
    ordered = sorted(found, key=key, reverse=is_backward)
    if request.cursor is not None:
        length = len(key(ordered[0])) if ordered else 1
        after = tuple(_decode(request.cursor, [str] * length, sort=request.sort))
        ordered = [item for item in ordered if (key(item) < after if is_backward else key(item) > after)]
    shown = ordered[: request.limit]
    last = list(key(shown[-1])) if len(ordered) > request.limit else None
    return _page(shown, last, count=len(found) if request.count else None, request=request)


def _order_in_memory(
    key: Callable[[T], tuple[str, ...]], listing: Listing | None, request: PageRequest, of: Callable[[T], Any]
) -> tuple[Callable[[T], tuple[str, ...]], bool]:
    if listing is None or request.sort is None:
        return key, False
    column, is_backward = listing.order(request.sort)
    return (lambda item: (str(getattr(of(item), str(column.key))), key(item)[-1])), is_backward


def _page(items: list[T], last: list[Any] | None, *, count: int | None, request: PageRequest) -> Page[T]:
    following = None if last is None else _encode(last if request.sort is None else [*last, request.sort])
    return Page(items, following, count, request.fields)


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _decode(cursor: str, wanted: Sequence[type], *, sort: str | None) -> list[Any]:
    """A cursor of a list that was sorted ends with how."""
    try:
        if len(cursor) > _CURSOR_MAX_CHARS:
            raise ValueError("too long")
        values = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if sort is not None and (not isinstance(values, list) or not values or values.pop() != sort):
            raise ValueError("not of this order")
        if not isinstance(values, list) or [type(value) for value in values] != [_WIRE.get(kind, kind) for kind in wanted]:
            raise ValueError("not of this list")
        if any(isinstance(value, str) and "\x00" in value for value in values):
            raise ValueError("NUL")
        if any(isinstance(value, int) and abs(value) >= 1 << 63 for value in values):
            raise ValueError("too large")
        return [date.fromisoformat(value) if kind is date else value for kind, value in zip(wanted, values, strict=True)]
    except (ValueError, binascii.Error) as error:
        raise Invalid.at("query:cursor", "This cursor was not given out by this list; start without one.") from error
