"""Readiness profiles over HTTP."""

from __future__ import annotations

from fastapi import Response
from sqlalchemy import select

from services.adoption import policy, tables
from services.adoption.api import choice_models as models
from services.adoption.commands import profiles as commands
from services.adoption.commands.profiles import Finding
from services.adoption.domain.readiness import RUBRIC, SOURCE, Profile
from services.adoption.queries.fit import profile_of
from services.adoption.store import standings_of
from shared.db import Row, Transaction
from shared.kernel.errors import NotFound
from shared.web.edge import Answered, AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["readiness"])


@router.get("/v1/meta/readiness", response_model=models.RubricShown)
async def show_readiness_rubric(at: AtEdge) -> Response:
    """What each level means in each dimension."""
    dimensions = [models.DimensionShown(dimension=dimension, levels=list(levels)) for dimension, levels in RUBRIC.items()]
    return at.show(models.RubricShown(source=SOURCE, dimensions=dimensions))


@router.get("/v1/agencies/{agency_id}/readiness/{area}", response_model=models.ProfileShown)
async def show_readiness(agency_id: Identifier, area: Slug, at: AtEdge) -> Response:
    found = await at.read(lambda tx: _visible(tx, agency_id, area, at))
    return at.show(_shown(found), version=found.version)


@router.get("/v1/agencies/{agency_id}/readiness/{area}/versions", response_model=models.ProfileVersions)
async def list_readiness_versions(agency_id: Identifier, area: Slug, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> models.ProfileVersions:
        found = await _visible(tx, agency_id, area, at)
        table = tables.profile_versions
        rows = await tx.rows(select(table).where(table.c.profile_id == found.id).order_by(table.c.n))
        return _versions([_version(row) for row in rows])

    return at.show(await at.read(query))


@router.put("/v1/agencies/{agency_id}/readiness/{area}", response_model=models.ProfileShown)
async def assess_readiness(agency_id: Identifier, area: Slug, body: models.FindingsGiven, at: AtEdge) -> Response:
    """By the agency, or the area's QSMO. The first assessment needs no If-Match, each further one does."""
    findings = {dimension: Finding(level=each.level, evidence=each.evidence) for dimension, each in body.standings.items()}

    async def command(tx: Transaction) -> Answered:
        saved = await commands.assess_profile(
            tx,
            organization_id=agency_id,
            focus_area=area,
            findings=findings,
            expected_version=at.expected_version_if_any(),
            by=at.principal,
        )
        return Answered(_shown(saved), saved.version, f"/v1/agencies/{agency_id}/readiness/{area}")

    return await at.write(command)


async def _visible(tx: Transaction, id: str, area: str, at: Edge) -> Profile:
    reach = await policy.reach(tx, at.principal)
    found = await profile_of(tx, id, area)
    if found is None or not (reach.everything or reach.acts_for(id) or area in reach.areas):
        raise NotFound(f"There is no readiness profile of {id!r} for {area!r}.")
    return found


def _shown(found: Profile) -> models.ProfileShown:
    return models.ProfileShown(
        id=found.id,
        version=found.version,
        agency_id=found.organization_id,
        focus_area=found.focus_area,
        standings=[
            models.StandingShown(dimension=s.dimension, level=s.level, evidence=s.evidence, on=s.on, by=s.by)
            for s in found.standings
        ],
        unassessed=list(found.unassessed),
        assessments=found.assessments,
    )


def _version(row: Row) -> models.ProfileVersion:
    levels = {standing.dimension: standing.level for standing in standings_of(row["standings"])}
    return models.ProfileVersion(n=row["n"], recorded_at=row["recorded_at"], by=row["by"], levels=levels)


def _versions(items: list[models.ProfileVersion]) -> models.ProfileVersions:
    newest = items[-1].levels
    first = {dimension: next(v.levels[dimension] for v in items if dimension in v.levels) for dimension in newest}
    trend = {dimension: level - first[dimension] for dimension, level in newest.items()}
    return models.ProfileVersions(items=items, trend=trend)
