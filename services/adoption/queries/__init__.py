"""Adoption's read side: one async function per question."""

from services.adoption.queries.adoptions import (
    AdoptionFilter,
    adoption,
    adoptions,
    agency_adoptions,
    parked_rows,
)
from services.adoption.queries.counts import By, Count, Counts, counts
from services.adoption.queries.forecasts import spells
from services.adoption.queries.known import (
    offerings_by_code,
    offerings_by_id,
    organizations_by_code,
    organizations_by_id,
)
from services.adoption.queries.playbook import Playbook, playbook
from services.adoption.queries.stalls import maybe_stalled, phase_durations
from services.adoption.queries.surroundings import surroundings, surroundings_of
from services.adoption.queries.withdrawals import Impact, withdrawal_impact

__all__ = [
    "AdoptionFilter",
    "By",
    "Count",
    "Counts",
    "Impact",
    "Playbook",
    "adoption",
    "adoptions",
    "agency_adoptions",
    "counts",
    "maybe_stalled",
    "offerings_by_code",
    "offerings_by_id",
    "organizations_by_code",
    "organizations_by_id",
    "parked_rows",
    "phase_durations",
    "playbook",
    "spells",
    "surroundings",
    "surroundings_of",
    "withdrawal_impact",
]
