"""Statements in the driver's own words: what SQLAlchemy compiles is kept, and run without it.

SQLAlchemy's way of running a statement costs three times what the driver takes for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Delete, Dialect, Executable, Insert, Select, Update
from sqlalchemy.sql.compiler import SQLCompiler

_Process = Callable[[Any], Any]
_REQUIRED = object()
_PLAIN = (Select, Insert, Update, Delete)


@dataclass(frozen=True, slots=True)
class Shape:
    """Of all statements that differ in their values alone. `slots`: each parameter's name and what makes it the driver's."""

    sql: str
    slots: tuple[tuple[str, _Process | None], ...]
    columns: tuple[str, ...]
    decoders: tuple[tuple[str, _Process], ...]

    def rows(self, found: Iterable[Any]) -> list[dict[str, Any]]:
        rows = [dict(zip(self.columns, row, strict=True)) for row in found]
        for name, decode in self.decoders:
            for row in rows:
                row[name] = decode(row[name])
        return rows


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement: its shape and its own values."""

    shape: Shape
    kept: Mapping[str, Any]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Raises KeyError for a value that is neither given nor in the statement."""
        found = []
        for name, process in self.shape.slots:
            value = given[name] if name in given else self.kept[name]
            if value is _REQUIRED:
                raise KeyError(name)
            found.append(value if process is None else process(value))
        return found


class Statements:
    """Of one engine. A statement that is built once costs a look-up; one that is built anew the key of what it says."""

    def __init__(self, dialect: Dialect, compiled: Any) -> None:
        self._dialect = dialect
        self._compiled = compiled
        self._shapes: WeakKeyDictionary[SQLCompiler, Shape | None] = WeakKeyDictionary()
        self._plans: WeakKeyDictionary[Executable, dict[tuple[str, ...], Plan | None]] = WeakKeyDictionary()

    def plan(self, statement: Executable, given: Mapping[str, Any]) -> Plan | None:
        """None for what only SQLAlchemy can run: text, DDL, values that it computes."""
        names = tuple(given)
        plans = self._plans.get(statement)
        if plans is None:
            plans = self._plans[statement] = {}
        if names not in plans:
            plans[names] = self._made(statement, names)
        return plans[names]

    def _made(self, statement: Executable, names: tuple[str, ...]) -> Plan | None:
        if not isinstance(statement, _PLAIN):
            return None
        found, extracted, collected, _ = statement._compile_w_cache(  # noqa: SLF001 - as SQLAlchemy's own connection does
            self._dialect, compiled_cache=self._compiled, column_keys=sorted(names)
        )
        if not isinstance(found, SQLCompiler) or collected:
            return None
        if found not in self._shapes:
            self._shapes[found] = _shape(found, self._dialect)
        shape = self._shapes[found]
        if shape is None:
            return None
        kept = found.construct_params(extracted_parameters=extracted, escape_names=False, _check=False)
        required = {name for bind, name in found.bind_names.items() if bind.required}
        if found.post_compile_params or found.literal_execute_params:
            given_later = required & {bind.key for bind in found.post_compile_params}
            return None if given_later else _expanded(found, shape, kept, required)
        return Plan(shape, {**kept, **dict.fromkeys(required, _REQUIRED)})


def _expanded(found: SQLCompiler, shape: Shape, kept: MutableMapping[str, Any], required: set[str]) -> Plan:
    """With a parameter for each value of a list."""
    state = found._process_parameters_for_postcompile(kept)  # noqa: SLF001 - the public way knows no values of this statement
    processors: Mapping[str, Any] = {**found._bind_processors, **state.processors}  # noqa: SLF001 - no public name
    slots = tuple((name, processors.get(name)) for name in state.positiontup or ())
    values = {**kept, **state.additional_parameters, **dict.fromkeys(required, _REQUIRED)}
    return Plan(Shape(state.statement, slots, shape.columns, shape.decoders), values)


def _shape(found: SQLCompiler, dialect: Dialect) -> Shape | None:
    """None where something is computed in Python, or the driver has to say first what it found."""
    computed = found.insert_prefetch or found.update_prefetch or any(bind.callable for bind in found.binds.values())
    columns: Sequence[Any] = found._result_columns  # noqa: SLF001 - no public name
    if computed or (columns and not found._ordered_columns):  # noqa: SLF001 - as above
        return None
    if any(hasattr(column.type, "asdecimal") for column in columns):
        return None
    decoders = [(c.keyname, c.type._cached_result_processor(dialect, None)) for c in columns]  # noqa: SLF001 - as above
    processors: Mapping[str, Any] = found._bind_processors  # noqa: SLF001 - as above
    return Shape(
        found.string,
        tuple((name, processors.get(name)) for name in found.positiontup or ()),
        tuple(column.keyname for column in columns),
        tuple((name, decode) for name, decode in decoders if decode is not None),
    )
