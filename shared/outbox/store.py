"""The only way an aggregate is written: its new state and the fact that explains it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from opentelemetry.trace import SpanKind
from sqlalchemy import Insert, Select, String, Table, Update, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from shared import tracing
from shared.bus.port import MESSAGE_BYTES_MAX
from shared.contracts.envelope import Event, instant
from shared.contracts.fact import Fact
from shared.db import Row, Transaction, in_keys, insert_many, keys
from shared.kernel.errors import Conflict, Invalid, NotFound, StaleVersion
from shared.kernel.ids import new_id

_STATEMENTS = 256
# No column has a name like these.
_ID, _READ_AT = "b_id", "b_version"
_TOLD = "outbox_"
_BESIDE = "b_beside"


class Aggregate(Protocol):
    """Anything with an identity and the version it was read at (0 when it is new)."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...


A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside(Generic[A]):
    """A table that says again, a row each, what an aggregate has several of: `owner` is its id, `value` one of them."""

    table: Table
    owner: str
    value: str
    of: Callable[[A], Sequence[str]]

    def rows(self, aggregates: Iterable[A]) -> list[dict[str, Any]]:
        return [{self.owner: each.id, self.value: value} for each in aggregates for value in self.of(each)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateStore(Generic[A]):
    """Rows ↔ domain for one aggregate. `to_row` leaves out `id` and `version`: they are written here.

    `beside` is written with a new aggregate; what a change makes of it is its store's own.
    """

    source: str
    name: str
    table: Table
    outbox: Table
    to_row: Callable[[A], dict[str, Any]]
    from_row: Callable[[Row], A]
    beside: Beside[A] | None = None

    async def get(self, tx: Transaction, id: str) -> A:
        """Raises NotFound."""
        found = await self.find(tx, id)
        if found is None:
            raise NotFound(f"There is no {self.name} {id!r}.")
        return found

    async def find(self, tx: Transaction, id: str) -> A | None:
        row = await tx.row(_by_id(self.table), {"id": id})
        return None if row is None else self.from_row(row)

    async def find_by(self, tx: Transaction, column: str, values: Sequence[str]) -> list[A]:
        """Every aggregate whose column has one of the values."""
        if not values:
            return []
        rows = await tx.rows(_by_any(self.table, column, is_postgresql=tx.is_postgresql), {"values": keys(tx, values)})
        return [self.from_row(row) for row in rows]

    async def add(self, tx: Transaction, aggregate: A, fact: Fact) -> A:
        """Raises Conflict when it exists already."""
        await self.add_all(tx, [(aggregate, fact)])
        return self._read_back(aggregate, 1)

    async def save(self, tx: Transaction, aggregate: A, fact: Fact) -> A:
        """Raises StaleVersion when another transaction wrote it since it was read."""
        row, version = self._changed_row(aggregate), aggregate.version + 1
        with self._creating(tx, facts=1) as traceparent:
            told = self._outbox_row(tx, instant(tx.at), traceparent, aggregate, version, fact)
            write = self._change_and_tell if tx.is_postgresql else self._change_then_tell
            if await write(tx, row, told) != 1:
                raise self._stale(aggregate.id)
        tx.recorded[self._service, aggregate.id] = version
        return self._read_back(aggregate, version)

    async def _change_and_tell(self, tx: Transaction, row: dict[str, Any], told: dict[str, Any]) -> int:
        """In one statement: a round trip less. The outbox has its row after the update, whose row it is made from."""
        statement = _change_and_tell(self.table, self.outbox, tuple(row), tuple(told))
        return await tx.change(statement, {**row, **{_TOLD + name: value for name, value in told.items()}})

    async def _change_then_tell(self, tx: Transaction, row: dict[str, Any], told: dict[str, Any]) -> int:
        if met := await tx.change(_change(self.table, tuple(row)), row):
            await insert_many(tx, self.outbox, [told])
        return met

    async def add_all(self, tx: Transaction, changes: Sequence[tuple[A, Fact]]) -> None:
        """Many new aggregates in two statements, one in one on PostgreSQL. Raises Conflict when one exists already."""
        if not changes:
            return
        rows = [{"id": a.id, "version": 1, **self.to_row(a)} for a, _ in changes]
        if len(rows) == 1 and tx.is_postgresql:
            await self._add_and_tell(tx, rows[0], *changes[0])
            return
        try:
            await insert_many(tx, self.table, rows)
        except IntegrityError as err:
            raise self._exists() from err
        try:
            await self._record(tx, [(a, 1, fact) for a, fact in changes])
        except IntegrityError as err:
            raise self._taken() from err
        if self.beside is not None:
            await insert_many(tx, self.beside.table, self.beside.rows(a for a, _ in changes))

    async def _add_and_tell(self, tx: Transaction, row: dict[str, Any], aggregate: A, fact: Fact) -> None:
        with self._creating(tx, facts=1) as traceparent:
            told = self._outbox_row(tx, instant(tx.at), traceparent, aggregate, 1, fact)
            several = list(self.beside.of(aggregate)) if self.beside else []
            beside = self.beside if several else None
            statement = _add_and_tell(self.table, self.outbox, tuple(row), tuple(told), beside)
            given = {**row, **{_TOLD + name: value for name, value in told.items()}, **({_BESIDE: several} if several else {})}
            try:
                await tx.change(statement, given)
            except IntegrityError as err:
                raise (self._taken() if _refused_by(err) == self.outbox.name else self._exists()) from err
        tx.recorded[self._service, aggregate.id] = 1

    async def save_all(self, tx: Transaction, changes: Sequence[tuple[A, Fact]]) -> None:
        """Many changed aggregates, each at most once. Raises StaleVersion, and then nothing is written."""
        if not changes:
            return
        await self._check_versions(tx, [a for a, _ in changes])
        rows = [self._changed_row(a) for a, _ in changes]
        await tx.execute(_change(self.table, tuple(rows[0])), rows)
        await self._record(tx, [(a, a.version + 1, fact) for a, fact in changes])

    @property
    def _service(self) -> str:
        return self.source.removeprefix("/")

    def _changed_row(self, aggregate: A) -> dict[str, Any]:
        return {_ID: aggregate.id, _READ_AT: aggregate.version, "version": aggregate.version + 1, **self.to_row(aggregate)}

    async def _check_versions(self, tx: Transaction, aggregates: Sequence[A]) -> None:
        """Locks the rows, since an executemany does not say how many rows each of its statements met."""
        versions = _versions_for_update(self.table, is_postgresql=tx.is_postgresql)
        rows = await tx.rows(versions, {"values": keys(tx, [a.id for a in aggregates])})
        found = {row["id"]: row["version"] for row in rows}
        for aggregate in aggregates:
            if found.get(aggregate.id) != aggregate.version:
                raise self._stale(aggregate.id)

    async def _record(self, tx: Transaction, changes: Sequence[tuple[A, int, Fact]]) -> None:
        with self._creating(tx, facts=len(changes)) as traceparent:
            time = instant(tx.at)
            await insert_many(tx, self.outbox, [self._outbox_row(tx, time, traceparent, *change) for change in changes])
        tx.recorded.update({(self._service, aggregate.id): version for aggregate, version, _ in changes})

    @contextmanager
    def _creating(self, tx: Transaction, *, facts: int) -> Iterator[str | None]:
        """The span of what is recorded inside; the trace that its facts belong to."""
        came_with = tx.cause.traceparent
        with tracing.span(f"create qsmo.{self._service}", kind=SpanKind.PRODUCER, parent=came_with, facts=facts) as span:
            yield span.traceparent or came_with

    def _outbox_row(
        self, tx: Transaction, time: str, traceparent: str | None, aggregate: A, version: int, fact: Fact
    ) -> dict[str, Any]:
        event = Event(
            id=new_id(),
            source=self.source,
            type=fact.TYPE,
            subject=aggregate.id,
            time=time,
            data=b"",
            aggregate_version=version,
            actor=tx.cause.actor,
            correlation_id=tx.cause.correlation_id,
            causation_id=tx.cause.causation_id,
            traceparent=traceparent,
            visibility=fact.visibility_level().value,
            focus_area=getattr(fact, fact.focus_area_field, None),
            agency=getattr(fact, fact.agency_field, None),
        )
        headers, payload = event.headers(), fact.to_json()
        self._check_size(headers, payload)
        return {
            "event_id": event.id,
            "topic": event.topic,
            "key": aggregate.id,
            "aggregate_version": version,
            "headers": headers,
            "payload": payload,
            "recorded_at": tx.at,
        }

    def _check_size(self, headers: dict[str, str], payload: str) -> None:
        """A fact that no bus takes is refused while there is somebody to tell. Raises Invalid."""
        texts = (*headers.keys(), *headers.values(), payload)
        # No character takes more than 4 bytes: nearly every fact is known to be small without being encoded.
        if 4 * sum(map(len, texts)) > MESSAGE_BYTES_MAX and sum(len(text.encode()) for text in texts) > MESSAGE_BYTES_MAX:
            detail = (
                f"The fact of this {self.name} would be larger than {MESSAGE_BYTES_MAX:,} bytes: shorten its texts or lists."
            )
            raise Invalid(detail)

    def _read_back(self, aggregate: A, version: int) -> A:
        return self.from_row({"id": aggregate.id, "version": version, **self.to_row(aggregate)})

    def _exists(self) -> Conflict:
        return Conflict(f"This {self.name} exists already, or refers to something that does not.")

    def _taken(self) -> Conflict:
        taken = f"Something else of this service has this id; ids are unique across its kinds. Choose another {self.name} id."
        return Conflict(taken, code="id-taken")

    def _stale(self, id: str) -> StaleVersion:
        return StaleVersion(f"This {self.name} ({id}) was changed by someone else since it was read.")


# Statements are built once: building one costs more than running it.


@lru_cache(maxsize=_STATEMENTS)
def _by_id(table: Table) -> Select[Any]:
    return select(table).where(table.c.id == bindparam("id"))


@lru_cache(maxsize=_STATEMENTS)
def _by_any(table: Table, column: str, *, is_postgresql: bool) -> Select[Any]:
    return select(table).where(in_keys(table.c[column], "values", is_postgresql=is_postgresql))


@lru_cache(maxsize=_STATEMENTS)
def _versions_for_update(table: Table, *, is_postgresql: bool) -> Select[Any]:
    query = select(table.c.id, table.c.version).where(in_keys(table.c.id, "values", is_postgresql=is_postgresql))
    return query.order_by(table.c.id).with_for_update()


@lru_cache(maxsize=_STATEMENTS)
def _change(table: Table, names: tuple[str, ...]) -> Update:
    """The row that is still at the version it was read at gets the other values."""
    same = (table.c.id == bindparam(_ID), table.c.version == bindparam(_READ_AT))
    return update(table).where(*same).values({name: bindparam(name) for name in names if name not in {_ID, _READ_AT}})


@lru_cache(maxsize=_STATEMENTS)
def _change_and_tell(table: Table, outbox: Table, names: tuple[str, ...], told: tuple[str, ...]) -> Insert:
    """As `_change`, with the row of the outbox if there was such a row. PostgreSQL only."""
    changed = _change(table, names).returning(table.c.id).cte("changed")
    row = select(*(bindparam(_TOLD + name, type_=outbox.c[name].type) for name in told)).select_from(changed)
    return insert(outbox).from_select(told, row, include_defaults=False)


@lru_cache(maxsize=_STATEMENTS)
def _add_and_tell(
    table: Table, outbox: Table, names: tuple[str, ...], told: tuple[str, ...], beside: Beside[Any] | None
) -> Insert:
    """A new row, and of it what stands beside it and the row of the outbox. PostgreSQL only."""
    made = insert(table).values({name: bindparam(name) for name in names}).returning(table.c.id).cte("made")
    row = select(*(bindparam(_TOLD + name, type_=outbox.c[name].type) for name in told)).select_from(made)
    telling = insert(outbox).from_select(told, row, include_defaults=False)
    if beside is None:
        return telling
    several = select(made.c.id, func.unnest(bindparam(_BESIDE, type_=ARRAY(String()))))
    again = insert(beside.table).from_select([beside.owner, beside.value], several, include_defaults=False)
    return telling.add_cte(again.cte("again"))


def _refused_by(error: IntegrityError) -> str | None:
    """The table whose rule PostgreSQL saw broken."""
    return getattr(error.orig and error.orig.__cause__, "table_name", None)
