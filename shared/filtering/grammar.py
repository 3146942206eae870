"""Reads a filter: its grammar, and values by the type of their field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from shared.filtering.expression import All, Any_, Comparison, Filter, Not
from shared.filtering.vocabulary import Type, Vocabulary, days
from shared.kernel.errors import Malformed

_NUMBER_MAX = 1 << 53
_GRAMMAR = r"""
start: either
?either: both ("or"i both)*
?both: negated ("and"i negated)*
?negated: "not"i negated -> negation
        | "(" either ")"
        | comparison
comparison: FIELD OPERATOR value  -> compare
          | FIELD "in"i "(" value ("," value)* ")" -> among
value: QUOTED | BARE
OPERATOR: "!=" | ">=" | "<=" | "=" | ">" | "<"
FIELD: /(?!(?:and|or|not|in)\b)[a-z_]+/i
QUOTED: /"[^"\x00-\x1f]*"/
BARE: /(?!(?:and|or|not)\b)[A-Za-z0-9][A-Za-z0-9_.:-]*/i
%ignore /[ \t]+/
"""


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


def read(text: str, vocabulary: Vocabulary, *, pointer: str) -> Filter:
    """Raises Malformed, at `pointer`, with the character, from 1, at which the text is no filter."""
    try:
        found: Filter = _Reading(vocabulary, pointer).transform(_parser().parse(text))
    except UnexpectedInput as err:
        raise Malformed.at(pointer, f"At character {_place(err, text)}: {_expected(text, vocabulary)}") from err
    except VisitError as err:
        if isinstance(err.orig_exc, Malformed):
            raise err.orig_exc from err
        raise
    return found


def _place(error: UnexpectedInput, text: str) -> int:
    """The end, when the text stops too soon."""
    place = error.pos_in_stream
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    return len(text.rstrip()) + 1 if at_end or place is None else place + 1


def _expected(text: str, vocabulary: Vocabulary) -> str:
    if not text.strip():
        return "the filter is empty; leave it out instead."
    return f"this is no filter. Compare fields ({', '.join(vocabulary.fields)}) as in: {vocabulary.example}."


@v_args(inline=True)
class _Reading(Transformer[Token, Any]):
    """The parse tree as a filter, its values read by the type of their field."""

    def __init__(self, vocabulary: Vocabulary, pointer: str) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._pointer = pointer

    def start(self, inner: Filter) -> Filter:
        return inner

    def either(self, *inner: Filter) -> Filter:
        return Any_(inner)

    def both(self, *inner: Filter) -> Filter:
        return All(inner)

    def negation(self, inner: Filter) -> Filter:
        return Not(inner)

    def value(self, token: Token) -> Token:
        return token

    def compare(self, field: Token, operator: Token, value: Token) -> Filter:
        return self._comparison(field, str(operator), value)

    def among(self, field: Token, *values: Token) -> Filter:
        return Any_(tuple(self._comparison(field, "=", value) for value in values))

    def _comparison(self, field: Token, operator: str, value: Token) -> Filter:
        name, fields = field.casefold(), self._vocabulary.fields
        kind = fields.get(name)
        if kind is None:
            raise self._invalid(field, f"there is no field {str(field)[:40]!r}; the fields are: {', '.join(fields)}.")
        if kind in {Type.WORD, Type.YES_NO} and operator not in {"=", "!="}:
            raise self._invalid(field, f"{name} can be equal (=) or not (!=), not {operator}.")
        read = self._read(kind, value)
        if operator == "!=":
            return Not(Comparison(name, "=", read))
        return Comparison(name, operator, read)

    def _read(self, kind: Type, token: Token) -> str | int | bool:
        text = str(token)[1:-1] if token.type == "QUOTED" else str(token)
        match kind:
            case Type.WORD:
                return text
            case Type.YES_NO:
                return self._one_of(token, text, ("no", "yes"), ("false", "true")) == 1
            case Type.LEVEL:
                return self._one_of(token, text, self._vocabulary.levels)
            case Type.NUMBER:
                if not (text.isascii() and text.isdigit() and int(text) < _NUMBER_MAX):
                    raise self._invalid(token, f"{text[:40]!r} is no whole number.")
                return int(text)
            case Type.DAY:
                return self._day(token, text)

    def _one_of(self, token: Token, text: str, *vocabularies: Sequence[str]) -> int:
        for words in vocabularies:
            if text.casefold() in words:
                return words.index(text.casefold())
        raise self._invalid(token, f"{text[:40]!r} is none of: {', '.join(vocabularies[0])}.")

    def _day(self, token: Token, text: str) -> int:
        try:
            if len(text) != len("2026-01-31"):
                raise ValueError(text)
            return days(date.fromisoformat(text))
        except ValueError as err:
            raise self._invalid(token, f"{text[:40]!r} is no date as 2026-01-31.") from err

    def _invalid(self, token: Token, detail: str) -> Malformed:
        return Malformed.at(self._pointer, f"At character {(token.start_pos or 0) + 1}: {detail}")
