"""Filters and what a caller may see, as clauses of one flat query: each level of nesting would be gone through by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import tantivy
from tantivy import FieldType, Occur, Query

from services.catalog.search.fields import FILTERS, FROM_LEVEL, IMPACT_LEVELS, SINCE, UNTIL
from shared.filtering import All, Any_, Comparison, Filter, Not, Type, days

Clause = tuple[Occur, Query]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the caller may see beside what is public: everything, the drafts of areas led, and of one's own provider."""

    everything: bool = False
    areas: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()


class Clauses:
    """For one index."""

    def __init__(self, schema: tantivy.Schema) -> None:
        self._schema = schema

    def term(self, field: str, value: object) -> Query:
        return Query.term_query(self._schema, field, value, "basic")

    def seen(self, sight: Sight) -> list[Clause]:
        """`policy.may_see`. What is hidden is left out, because that is little."""
        if sight.everything:
            return []
        own = [self.term("area", area) for area in sight.areas]
        own += [self.term("own_provider", provider) for provider in sight.providers]
        hidden = self.term("public", False)  # noqa: FBT003 - the field's value
        return [(Occur.MustNot, whole([(Occur.Must, hidden), *((Occur.MustNot, each) for each in own)]) if own else hidden)]

    def on(self, day: date) -> list[Clause]:
        """Of the documents of past days those that stood at the end of this one."""
        at = days(day)
        began = Query.range_query(self._schema, SINCE, FieldType.Integer, None, at)
        ended = Query.range_query(self._schema, UNTIL, FieldType.Integer, None, at)
        return [(Occur.Must, began), (Occur.MustNot, ended)]

    def filtered(self, found: Filter) -> list[Clause]:
        match found:
            case Comparison():
                return self._compared(found)
            case All(inner):
                return [clause for each in inner for clause in self.filtered(each)]
            case Any_(inner):
                return [(Occur.Must, any_of([whole(self.filtered(each)) for each in inner]))]
            case Not(Not(inner)):
                return self.filtered(inner)
            case Not(Any_(inner)):
                return [(Occur.MustNot, whole(self.filtered(each))) for each in inner]
            case Not(inner):
                return [(Occur.MustNot, whole(self.filtered(inner)))]

    def _compared(self, found: Comparison) -> list[Clause]:
        match FILTERS[found.field]:
            case Type.WORD | Type.YES_NO:
                return [(Occur.Must, self.term(found.field, found.value))]
            case Type.LEVEL:
                return self._levels(found.operator, int(found.value))
            case _:
                return [(Occur.Must, self._range(found))]

    def _levels(self, operator: str, level: int) -> list[Clause]:
        lower = level + (operator == ">") if operator in {"=", ">", ">="} else 0
        upper = level + (operator != "<") if operator in {"=", "<", "<="} else len(IMPACT_LEVELS)
        return [(Occur.Must, self._from_level(lower)), (Occur.MustNot, self._from_level(upper))]

    def _from_level(self, level: int) -> Query:
        """One list of matches, instead of a look at each offering's level."""
        return self.term(FROM_LEVEL, IMPACT_LEVELS[level]) if level < len(IMPACT_LEVELS) else Query.empty_query()

    def _range(self, found: Comparison) -> Query:
        value = int(found.value)
        return Query.range_query(
            self._schema,
            found.field,
            FieldType.Integer,
            lower_bound=value if found.operator in {"=", ">", ">="} else None,
            upper_bound=value if found.operator in {"=", "<", "<="} else None,
            include_lower=found.operator != ">",
            include_upper=found.operator != "<",
        )


def whole(clauses: Sequence[Clause]) -> Query:
    """All clauses as one query; with nothing that must be, everything that must not be left out."""
    if len(clauses) == 1 and clauses[0][0] is Occur.Must:
        return clauses[0][1]
    if all(occur is Occur.MustNot for occur, _ in clauses):
        clauses = [(Occur.Must, Query.all_query()), *clauses]
    return Query.boolean_query(list(clauses))


def unscored(clauses: Sequence[Clause]) -> list[Clause]:
    return [(occur, Query.const_score_query(query, 0.0) if occur is Occur.Must else query) for occur, query in clauses]


def any_of(queries: Sequence[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])
