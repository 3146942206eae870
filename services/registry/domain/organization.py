"""Organizations of the government: a dated tree with codes and names as alternate keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from shared.kernel.errors import RuleViolation

CODE_MAX_CHARS = 80


class Kind(StrEnum):
    """Where an organization stands in the tree."""

    DEPARTMENT = "department"
    AGENCY = "agency"
    COMPONENT = "component"
    OFFICE = "office"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another name, and when it held."""

    name: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An alternate key: `cgac`, `frec`, `subtier`, `fedramp` or any other scheme."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """The organization as it was until a day (which is no longer of the era), and what ended that."""

    name: str
    parent_id: str | None
    abbreviation: str | None
    until: date
    action: str
    at: datetime
    by: str
    reason: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedChange:
    """When a change takes effect, when it is recorded, by whom and why."""

    on: date
    at: datetime
    by: str
    reason: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """`valid_to` is set when it was merged, split up or dissolved; `eras` is what it was before, oldest first."""

    id: str
    version: int
    name: str
    kind: Kind
    abbreviation: str | None = None
    parent_id: str | None = None
    codes: tuple[Code, ...] = ()
    aliases: tuple[Alias, ...] = ()
    cfo_act: bool = False
    valid_from: date | None = None
    valid_to: date | None = None
    eras: tuple[Era, ...] = ()
    predecessor_ids: tuple[str, ...] = ()
    successor_ids: tuple[str, ...] = ()

    def known_as(self, name: str) -> bool:
        return name == self.name or any(alias.name == name for alias in self.aliases)

    @property
    def has_ended(self) -> bool:
        return self.valid_to is not None

    def as_of(self, day: date) -> Organization | None:
        """With the name, the place in the tree and the aliases of that day; None when it did not exist."""
        if (self.valid_from and day < self.valid_from) or (self.valid_to and day >= self.valid_to):
            return None
        aliases = tuple(alias for alias in self.aliases if _holds(alias, day))
        era = next((era for era in self.eras if day < era.until), None)
        before = replace(self, aliases=aliases, eras=tuple(era for era in self.eras if era.until <= day))
        if era is None:
            return before
        return replace(before, name=era.name, parent_id=era.parent_id, abbreviation=era.abbreviation)

    def spans(self) -> tuple[tuple[str, str | None, date | None, date | None], ...]:
        """(name, parent, from, to) of every era and of what it is now."""
        begins = (self.valid_from, *(era.until for era in self.eras))
        states = (*((era.name, era.parent_id) for era in self.eras), (self.name, self.parent_id))
        ends = (*(era.until for era in self.eras), self.valid_to)
        return tuple((*state, begin, end) for state, begin, end in zip(states, begins, ends, strict=True))


def _holds(alias: Alias, day: date) -> bool:
    return (alias.valid_from is None or alias.valid_from <= day) and (alias.valid_to is None or day < alias.valid_to)


def renamed(organization: Organization, name: str, *, abbreviation: str | None, change: DatedChange) -> Organization:
    """The name before becomes an alias that holds until that day. Raises RuleViolation."""
    if name == organization.name:
        raise RuleViolation(f"It is called {name} already.", code="missing", missing=("another name",))
    after = _after_era(organization, "rename", change)
    begun = max((era.until for era in organization.eras if era.name != organization.name), default=organization.valid_from)
    before = Alias(name=organization.name, valid_from=begun, valid_to=change.on)
    aliases = (*(alias for alias in organization.aliases if alias.name not in {name, organization.name}), before)
    return replace(after, name=name, abbreviation=abbreviation, aliases=aliases)


def moved(organization: Organization, parent_id: str | None, *, change: DatedChange) -> Organization:
    """Below another parent from that day on. Raises RuleViolation."""
    if parent_id == organization.parent_id:
        raise RuleViolation("It stands there already.", code="missing", missing=("another parent",))
    return replace(_after_era(organization, "move", change), parent_id=parent_id)


def ended(organization: Organization, action: str, *, successors: tuple[str, ...], change: DatedChange) -> Organization:
    """That day is the first on which it is no more. Raises RuleViolation."""
    after = _after_era(organization, action, change)
    return replace(after, valid_to=change.on, successor_ids=(*organization.successor_ids, *successors))


def _after_era(organization: Organization, action: str, change: DatedChange) -> Organization:
    """Raises RuleViolation for one that has ended, or a day before its last change."""
    if organization.valid_to is not None:
        raise RuleViolation(
            f"{organization.name} ended on {organization.valid_to}; {action} its successor.",
            code="organization-ended",
            missing=("an organization that exists",),
        )
    last = organization.eras[-1].until if organization.eras else organization.valid_from
    if last is not None and change.on < last:
        raise RuleViolation(
            f"{action} cannot take effect on {change.on}: the last change took effect on {last}.", code="effective-date-order"
        )
    era = Era(
        name=organization.name,
        parent_id=organization.parent_id,
        abbreviation=organization.abbreviation,
        until=change.on,
        action=action,
        at=change.at,
        by=change.by,
        reason=change.reason,
        source=change.source,
    )
    return replace(organization, eras=(*organization.eras, era))


def with_codes(organization: Organization, codes: tuple[Code, ...]) -> Organization:
    """Adds the codes that are new; order of the old ones stays."""
    new = tuple(code for code in codes if code not in organization.codes)
    return replace(organization, codes=(*organization.codes, *new)) if new else organization


def with_aliases(organization: Organization, names: tuple[str, ...]) -> Organization:
    """Adds the names it is not known by yet."""
    new = tuple(Alias(name=name) for name in dict.fromkeys(names) if not organization.known_as(name))
    return replace(organization, aliases=(*organization.aliases, *new)) if new else organization
