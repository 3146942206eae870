"""Readiness profiles, and each assessment as it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.adoption import tables
from services.adoption.domain.readiness import Dimension, Profile, Standing
from shared.contracts.fact import Fact
from shared.db import Row, Transaction, insert_many
from shared.outbox import AggregateStore


def standings_of(found: Sequence[dict[str, Any]]) -> tuple[Standing, ...]:
    return tuple(
        Standing(**{**each, "dimension": Dimension(each["dimension"]), "on": date.fromisoformat(each["on"])}) for each in found
    )


def _documents(profile: Profile) -> list[dict[str, Any]]:
    return [
        {
            "dimension": found.dimension.value,
            "level": found.level,
            "evidence": found.evidence,
            "on": found.on.isoformat(),
            "by": found.by,
        }
        for found in profile.standings
    ]


def _profile(row: Row) -> Profile:
    return Profile(**{**row, "standings": standings_of(row["standings"])})


def _profile_row(profile: Profile) -> dict[str, Any]:
    return {
        "organization_id": profile.organization_id,
        "focus_area": profile.focus_area,
        "standings": _documents(profile),
        "assessments": profile.assessments,
    }


class ProfileStore(AggregateStore[Profile]):
    """Keeps every version of the standings beside the newest."""

    async def add_all(self, tx: Transaction, changes: Sequence[tuple[Profile, Fact]]) -> None:
        await super().add_all(tx, changes)
        await self._keep(tx, [profile for profile, _ in changes])

    async def save(self, tx: Transaction, aggregate: Profile, fact: Fact) -> Profile:
        saved = await super().save(tx, aggregate, fact)
        await self._keep(tx, [aggregate])
        return saved

    async def _keep(self, tx: Transaction, profiles: Sequence[Profile]) -> None:
        rows = [
            {
                "profile_id": profile.id,
                "n": profile.assessments,
                "recorded_at": tx.at,
                "by": tx.cause.actor,
                "standings": _documents(profile),
            }
            for profile in profiles
        ]
        await insert_many(tx, tables.profile_versions, rows)


profiles = ProfileStore(
    source="/adoption",
    name="readiness profile",
    table=tables.profiles,
    outbox=tables.outbox,
    to_row=_profile_row,
    from_row=_profile,
)
