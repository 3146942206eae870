"""What a list can be filtered and sorted by: names that its items show, over its columns, in the one grammar."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, and_, false, literal, not_, or_

from shared.filtering import All, Any_, Comparison, Filter, Not, Type, Vocabulary, day_of, parse
from shared.kernel.errors import Malformed

Member = Callable[[str], ColumnElement[bool]]
_TYPES = {bool: Type.YES_NO, int: Type.NUMBER, date: Type.DAY, str: Type.WORD}
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Listing:
    """`members`: conditions for names that no column holds. Whoever sees a row must see every value named here."""

    columns: Mapping[str, ColumnElement[Any]]
    members: Mapping[str, Member]
    sorts: tuple[str, ...]

    def read(self, text: str) -> Filter:
        """Raises Malformed with the character at which the text is no filter."""
        return parse(text, self._vocabulary())

    def _vocabulary(self) -> Vocabulary:
        columns = {name: _TYPES[column.type.python_type] for name, column in self.columns.items()}
        return Vocabulary(fields=columns | dict.fromkeys(self.members, Type.WORD), example='id = "…" or not id in (a, b)')

    def clause(self, found: Filter) -> ColumnElement[bool]:
        """True or false of every row: what is not known equals nothing and is neither more nor less."""
        match found:
            case All(inner):
                return and_(*map(self.clause, inner))
            case Any_(inner):
                return or_(false(), *map(self.clause, inner))
            case Not(inner):
                return not_(self.clause(inner))
            case Comparison():
                return self._compared(found)

    def _compared(self, found: Comparison) -> ColumnElement[bool]:
        if (member := self.members.get(found.field)) is not None:
            return member(str(found.value))
        column = self.columns[found.field]
        value = _value(found, column)
        # An integer of the caller's may be larger than those of the column.
        bound = literal(value, BigInteger()) if type(value) is int else value
        holds: ColumnElement[bool] = _COMPARED[found.operator](column, bound)
        return and_(column.is_not(None), holds) if getattr(column, "nullable", True) else holds

    def holds(self, found: Filter, of: Any) -> bool:
        """`clause`, of an object whose attributes are named as the columns."""
        match found:
            case All(inner):
                return all(self.holds(each, of) for each in inner)
            case Any_(inner):
                return any(self.holds(each, of) for each in inner)
            case Not(inner):
                return not self.holds(inner, of)
            case Comparison():
                column = self.columns[found.field]
                known = getattr(of, str(column.key))
                return known is not None and bool(_COMPARED[found.operator](known, _value(found, column)))

    def order(self, sort: str) -> tuple[ColumnElement[Any], bool]:
        """The column, and whether the last comes first. Raises Malformed naming what there is."""
        name = sort.removeprefix("-")
        if name not in self.sorts:
            ways = ", ".join(f"{each}, -{each}" for each in self.sorts)
            raise Malformed.at("query:sort", f"This list is sorted by: {ways}.")
        return self.columns[name], sort.startswith("-")


def _value(found: Comparison, column: ColumnElement[Any]) -> Any:
    return day_of(int(found.value)) if column.type.python_type is date else found.value


def listing(
    table: FromClause,
    *names: str,
    sorts: tuple[str, ...] = (),
    renamed: Mapping[str, ColumnElement[Any] | Member] | None = None,
    key: str = "id",
) -> Listing:
    """Over columns by their own names and by others; `sorts` are without NULL. `key`, which is unique, is among both."""
    given = renamed or {}
    columns = {name: table.c[name] for name in (key, *names) if name not in given}
    others = {name: each for name, each in given.items() if isinstance(each, ColumnElement)}
    members = {name: each for name, each in given.items() if not isinstance(each, ColumnElement)}
    return Listing({**columns, **others}, members, (key, *sorts))
