"""Authorization letters: on what authority an agency uses a cloud offering."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


class LetterKind(StrEnum):
    """The agency's letter was the offering's first, or it reuses another's authorization."""

    INITIAL = "initial"
    REUSE = "reuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`ato_on`: authorization to operate; `authorized_on`: as the register dates it; `assessment`: its yearly due day."""

    kind: LetterKind
    ato_on: date
    authorized_on: date | None = None
    expires_on: date | None = None
    assessment: str | None = None


def with_letters(letters: tuple[Letter, ...], given: Iterable[Letter]) -> tuple[Letter, ...]:
    """Letters are a set by their content: the very same tuple comes back when all are known.

    Older registers do not tell the assessment: it is learned later, and its absence takes nothing away.
    """
    for letter in given:
        letters = _with_letter(letters, letter) if letters else (letter,)
    return letters


def _with_letter(letters: tuple[Letter, ...], letter: Letter) -> tuple[Letter, ...]:
    if letter in letters:
        return letters
    if letter.assessment is None:
        told = any(replace(known, assessment=None) == letter for known in letters)
        return letters if told else (*letters, letter)
    bare = replace(letter, assessment=None)
    return (*(known for known in letters if known != bare), letter)


def authorized_until(letters: tuple[Letter, ...]) -> date | None:
    """When the newest letter expires; None when it says no day."""
    newest = max(letters, key=lambda letter: (letter.ato_on, letter.expires_on or date.max), default=None)
    return newest.expires_on if newest else None
