"""Who stands behind an offering: a federal organization or a company."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_WORD = re.compile(r"\w+")
_APOSTROPHES = re.compile(r"['’‘`]")
# Legal forms at the end of a name say nothing about which company it is ("Google", "Google LLC").
_LEGAL_FORMS = frozenset({"inc", "incorporated", "llc", "ltd", "limited", "corp", "corporation", "co", "lp", "plc", "pbc"})
_COUNTRY = ("united", "states")


class Kind(StrEnum):
    """A federal provider is linked to an organization of the registry."""

    FEDERAL = "federal"
    COMMERCIAL = "commercial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`key` is the form of its name in which two spellings are equal; no two providers share one."""

    id: str
    version: int
    key: str
    name: str
    kind: Kind
    organization_id: str | None = None
    uei: str | None = None
    small_business: bool | None = None


def key_of(name: str) -> str:
    """Without case, punctuation, "the", a leading "U.S." and legal forms at the end; not empty for a name with a letter."""
    text = unicodedata.normalize("NFKC", name).casefold()
    words = _WORD.findall(_APOSTROPHES.sub("", text).replace("u.s.", "united states "))
    shortened = _without_country([word for word in words if word != "the"])
    while len(shortened) > 1 and shortened[-1] in _LEGAL_FORMS:
        shortened = shortened[:-1]
    return " ".join(shortened) or " ".join(words)


def _without_country(words: list[str]) -> list[str]:
    return words[2:] if tuple(words[:2]) == _COUNTRY and len(words) > 2 else words
