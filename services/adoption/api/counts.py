"""Counts of adoptions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Query, Response

from services.adoption import policy, queries, schemas
from services.adoption.queries import By
from shared.db import Transaction
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Day

_LIMIT_MAX = 1_000
router = Router(tags=["adoptions"])


@router.get("/v1/stats/adoptions", response_model=schemas.CountsShown)
async def count_adoptions(
    at: AtEdge,
    by: By,
    as_of: Annotated[Day | None, Query(description="As it was on this day, by effective date")] = None,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = _LIMIT_MAX,
) -> Response:
    """The most numerous first; of what the caller may see."""

    async def query(tx: Transaction) -> schemas.CountsShown:
        found = await queries.counts(tx, by, as_of=as_of, limit=limit, reach=await policy.reach(tx, at.principal))
        items = [schemas.CountShown(**asdict(item)) for item in found.items]
        return schemas.CountsShown(by=by, as_of=as_of, total=found.total, items=items)

    return at.show(await at.read(query))
