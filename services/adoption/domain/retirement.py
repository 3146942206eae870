"""Which adoption would take the place of which legacy system: by the activities that both cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.adoption.domain.duplication import activities
from services.adoption.domain.system import Status, System


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """An adoption of the agency, and the activities that its offering covers."""

    adoption_id: str
    offering_id: str
    activities: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """`share` of what the system does that the offering covers, from above 0 to 1; `left`: what nobody would do any more."""

    system: System
    replacement: Replacement
    share: float
    covered: tuple[str, ...]
    left: tuple[str, ...]


def suggestions(systems: Sequence[System], replacements: Sequence[Replacement]) -> list[Suggestion]:
    """For systems in service whose end is not planned yet: the fullest first; a system may be suggested by several."""
    found = [
        _suggestion(system, replacement, does)
        for system in systems
        if system.status is Status.IN_SERVICE and (does := activities(system))
        for replacement in replacements
        if does & replacement.activities
    ]
    return sorted(found, key=lambda each: (-each.share, each.system.id, each.replacement.adoption_id))


def _suggestion(system: System, replacement: Replacement, does: frozenset[str]) -> Suggestion:
    covered = does & replacement.activities
    return Suggestion(
        system=system,
        replacement=replacement,
        share=len(covered) / len(does),
        covered=tuple(sorted(covered)),
        left=tuple(sorted(does - covered)),
    )
