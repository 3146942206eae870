"""What one caller gets to see of the feed: what may be seen at all, and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_

from services.gateway import tables
from services.gateway.feed.conditions import condition, holds, narrowing, within
from services.gateway.feed.entry import Entry
from services.gateway.feed.organizations import Organizations
from shared.auth import Principal


def may_see(principal: Principal, entry: Entry, organizations: Organizations) -> bool:
    """The one rule, at live and at replay alike."""
    codes = organizations.codes(entry.agency) if entry.agency else frozenset()
    return principal.may_see(entry.visibility, focus_area=entry.focus_area, agency_codes=codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All that are given must hold. A type matches itself and everything below it, `qsmo.registry.designation` for one.

    `filter`: in the grammar of `services.gateway.feed.conditions`, read before.
    """

    types: tuple[str, ...] = ()
    focus_area: str | None = None
    subject: str | None = None
    agency: str | None = None
    actor: str | None = None
    filter: str | None = None

    def match(self, entry: Entry) -> bool:
        return (
            (not self.types or any(within(entry.type, wanted) for wanted in self.types))
            and self.focus_area in {None, entry.focus_area}
            and self.subject in {None, entry.subject}
            and self.agency in {None, entry.agency}
            and self.actor in {None, entry.actor}
            and (self.filter is None or holds(condition(self.filter), entry))
        )

    def narrowing(self) -> list[ColumnElement[bool]]:
        """What lets the database skip rows; `match` still decides (LIKE is looser on SQLite)."""
        c = tables.feed.c
        narrowed: list[ColumnElement[bool]] = []
        if self.types:
            narrowed.append(or_(*(c.type.startswith(wanted, autoescape=True) for wanted in self.types)))
        if self.filter is not None:
            narrowed += narrowing(condition(self.filter))
        pairs: tuple[tuple[Any, str | None], ...] = (
            (c.focus_area, self.focus_area),
            (c.subject, self.subject),
            (c.agency, self.agency),
            (c.actor, self.actor),
        )
        return narrowed + [column == value for column, value in pairs if value is not None]


@dataclass(frozen=True, slots=True)
class View:
    """Who reads, and what they asked for."""

    principal: Principal
    filters: Filters = Filters()

    @property
    def needs_organizations(self) -> bool:
        return self.principal.has("agency")

    def shows(self, entry: Entry, organizations: Organizations) -> bool:
        return self.filters.match(entry) and may_see(self.principal, entry, organizations)
