"""Versions of every aggregate, and how two of them differ: the same two routes below each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Query, Response

from services.registry import queries, schemas, store
from services.registry.commands.plans import visible_plan
from services.registry.queries import RecordedFact
from shared.db import Transaction
from shared.kernel.errors import Invalid
from shared.outbox import AggregateStore
from shared.web.edge import AtEdge, Edge, Paged
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["history"])
_VERSION_MAX = 1_000_000_000
From = Annotated[int, Query(alias="from", ge=1, le=_VERSION_MAX)]
To = Annotated[int, Query(alias="to", ge=1, le=_VERSION_MAX)]
VersionOf = Callable[[Transaction, str, Edge], Awaitable[int]]


def _of_store(found: AggregateStore[Any]) -> VersionOf:
    """The version a thing is at; raises NotFound."""

    async def version(tx: Transaction, id: str, _at: Edge) -> int:
        return int((await found.get(tx, id)).version)

    return version


async def _of_plan(tx: Transaction, id: str, at: Edge) -> int:
    return (await visible_plan(tx, id, by=at.principal)).version


# The list's path, the name of one of it, and what says which version it is at.
_KINDS: tuple[tuple[str, str, VersionOf], ...] = (
    ("policies", "policy", _of_store(store.policies)),
    ("focus-areas", "focus_area", _of_store(store.focus_areas)),
    ("organizations", "organization", _of_store(store.organizations)),
    ("match-reviews", "match_review", _of_store(store.match_reviews)),
    ("designations", "designation", _of_store(store.designations)),
    ("plans", "plan", _of_plan),
    ("posts", "post", _of_store(store.posts)),
    ("board-seats", "board_seat", _of_store(store.board_seats)),
)


def _versions(version_of: VersionOf) -> Callable[..., Awaitable[Response]]:
    async def list_versions(id: Identifier, at: AtEdge, paged: Paged) -> Response:
        """Who changed what, when and why, oldest first; each fact made one version."""

        async def query(tx: Transaction) -> Response:
            await version_of(tx, id, at)
            page = await queries.versions(tx, id, paged, by=at.principal)
            return at.show_page(page, [_version(fact) for fact in page.items])

        return await at.read(query)

    return list_versions


def _comparison(version_of: VersionOf) -> Callable[..., Awaitable[Response]]:
    async def compare_versions(id: Identifier, at: AtEdge, before: From, after: To) -> Response:
        """Field by field, as far as the facts between are visible to the caller."""

        async def query(tx: Transaction) -> Response:
            current = await version_of(tx, id, at)
            for name, version in (("from", before), ("to", after)):
                if version > current:
                    raise Invalid.at(f"query:{name}", f"It has {current} versions.", code="unknown-version")
            found = await queries.facts_until(tx, id, max(before, after), by=at.principal)
            return at.show(_difference(id, found, before=before, after=after))

        return await at.read(query)

    return compare_versions


def _version(fact: RecordedFact) -> schemas.VersionShown:
    return schemas.VersionShown(
        version=fact.version,
        what=fact.type.removeprefix("qsmo.registry.").removesuffix(".v1"),
        by=fact.actor,
        at=fact.recorded_at,
        effective_on=fact.data.get("effective_on"),
        reason=fact.data.get("reason"),
        policy=fact.data.get("policy"),
        clause=fact.data.get("clause"),
    )


def _difference(id: str, found: list[RecordedFact], *, before: int, after: int) -> schemas.VersionDiff:
    changed = queries.changes(found, before=before, after=after)
    return schemas.VersionDiff(
        id=id,
        from_version=before,
        to_version=after,
        differences=[schemas.Difference(field=c.field, before=c.before, after=c.after) for c in changed],
    )


for _path, _name, _version_of in _KINDS:
    router.add_api_route(
        f"/v1/{_path}/{{id}}/versions",
        _versions(_version_of),
        methods=["GET"],
        response_model=schemas.VersionPage,
        name=f"list_{_name}_versions",
    )
    router.add_api_route(
        f"/v1/{_path}/{{id}}/diff",
        _comparison(_version_of),
        methods=["GET"],
        response_model=schemas.VersionDiff,
        name=f"compare_{_name}_versions",
    )
