"""From text to a filter, within limits."""

from __future__ import annotations

from shared.filtering.expression import DEPTH_MAX, FILTER_MAX_CHARS, TERMS_MAX, All, Any_, Comparison, Filter, Not
from shared.filtering.vocabulary import Vocabulary
from shared.kernel.errors import Malformed

POINTER = "query:filter"


def parse(text: str, vocabulary: Vocabulary) -> Filter:
    """Raises Malformed with the character, from 1, at which the filter cannot be understood, and what could stand there."""
    if len(text) > FILTER_MAX_CHARS:
        raise Malformed.at(POINTER, f"A filter has at most {FILTER_MAX_CHARS} characters; this has {len(text)}.")
    _check_depth(text)
    from shared.filtering import grammar  # noqa: PLC0415 - 0.1 s that the start need not wait for

    found = grammar.read(text, vocabulary, pointer=POINTER)
    if (terms := _terms(found)) > TERMS_MAX:
        raise Malformed.at(POINTER, f"A filter has at most {TERMS_MAX} comparisons; this has {terms}.")
    return found


def _check_depth(text: str) -> None:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > DEPTH_MAX or text.casefold().split().count("not") > DEPTH_MAX * 5:
        raise Malformed.at(POINTER, f"A filter has at most {DEPTH_MAX} brackets within each other.")


def _terms(found: Filter) -> int:
    match found:
        case Comparison():
            return 1
        case Not(inner):
            return _terms(inner)
        case All(inner) | Any_(inner):
            return sum(map(_terms, inner))
