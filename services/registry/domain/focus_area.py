"""Policies and the focus areas they name; designation happens per service of an area."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What decisions cite; the id is its slug, e.g. `m-19-16`."""

    id: str
    version: int
    title: str
    issuer: str
    issued_on: date
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaService:
    """One service of a focus area."""

    slug: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusArea:
    """The id is its slug, e.g. `cybersecurity`."""

    id: str
    version: int
    title: str
    policy: str
    aliases: tuple[str, ...] = ()
    services: tuple[AreaService, ...] = ()
    marketplace_opens_on: date | None = None

    def has_service(self, slug: str) -> bool:
        return any(service.slug == slug for service in self.services)
