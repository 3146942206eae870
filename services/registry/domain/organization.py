"""Organizations of the government: a dated tree with codes and names as alternate keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


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
class Organization:
    """`valid_to` is set when it was merged or dissolved."""

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

    def has_code(self, code: Code) -> bool:
        return code in self.codes

    def known_as(self, name: str) -> bool:
        return name == self.name or any(alias.name == name for alias in self.aliases)


def with_codes(organization: Organization, codes: tuple[Code, ...]) -> Organization:
    """Adds the codes that are new; order of the old ones stays."""
    new = tuple(code for code in codes if code not in organization.codes)
    return replace(organization, codes=(*organization.codes, *new)) if new else organization


def with_aliases(organization: Organization, names: tuple[str, ...]) -> Organization:
    """Adds the names it is not known by yet."""
    new = tuple(Alias(name=name) for name in dict.fromkeys(names) if not organization.known_as(name))
    return replace(organization, aliases=(*organization.aliases, *new)) if new else organization
