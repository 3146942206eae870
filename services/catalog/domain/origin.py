"""Where each field of an offering comes from: what a person set is not for a register to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.catalog.domain.content import Content, changed_fields

# The source of what a person set. Any other is the register or file that a field was taken from.
HAND = "hand"
# Set when a person edited an offering before origins were kept: all but these were taken to be theirs.
_FOLLOWED_OF_OLD = frozenset({"authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who set a field, from what and when; `by` and `at` are None where that was not kept."""

    source: str
    by: str | None = None
    at: datetime | None = None


Origins = Mapping[str, Origin]


def first_origins(content: Content, origin: Origin) -> Origins:
    """Of every field that says something."""
    empty = Content(name="", kind=content.kind)
    return dict.fromkeys(("kind", *changed_fields(empty, content)), origin)


def traced(origins: Origins, origin: Origin, *, old: Content, new: Content) -> Origins:
    """With this origin for what differs."""
    return {**origins, **dict.fromkeys(changed_fields(old, new), origin)}


def origins_of_old() -> Origins:
    """Of an offering that a person edited before origins were kept."""
    return {name: Origin(source=HAND) for name in Content.__slots__ if name not in _FOLLOWED_OF_OLD}


def set_by_hand(origins: Origins) -> frozenset[str]:
    return frozenset(name for name, origin in origins.items() if origin.source == HAND)
