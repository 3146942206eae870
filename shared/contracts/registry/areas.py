"""Policies and focus areas."""

from __future__ import annotations

from datetime import date

from shared.contracts.fact import Fact
from shared.contracts.registry.part import Part


class PolicyRecorded(Fact, type="registry.policy.recorded"):
    """A policy that decisions can cite."""

    policy: str
    title: str
    issuer: str
    issued_on: date
    url: str | None = None


class AreaServiceEntry(Part):
    slug: str
    title: str


class FocusAreaFact(Fact):
    """A focus area as it is after the change."""

    focus_area: str
    title: str
    aliases: tuple[str, ...] = ()
    policy: str
    services: tuple[AreaServiceEntry, ...] = ()
    marketplace_opens_on: date | None = None


class FocusAreaRegistered(FocusAreaFact, type="registry.focus_area.registered"):
    pass


class FocusAreaChanged(FocusAreaFact, type="registry.focus_area.changed"):
    pass
