"""The cluster as it is deployed: requests through the gateway, or to the catalog itself, by a caller with a token."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import asyncpg
import httpx
from sqlalchemy import func, update

from services.catalog import tables
from services.catalog.domain.content import Content
from shared.db import Database
from shared.kernel.cause import Cause
from tests.bench.peers.items import AREA, Peer, server_pid
from tests.support import offerings
from tests.support.cluster import Cluster
from tests.support.offerings import an_offering
from tests.support.servers import free_port

_BATCH = 2_000
_SETTLE_S = 300.0
_GIVEN = ("name", "kind", "shelf", "hosting", "summary", "description")


class Ours(Peer):
    def created(self, code: str, content: Content) -> dict[str, Any]:
        values = asdict(content)
        return {"code": code, "focus_areas": [AREA], **{name: values[name] for name in _GIVEN}}


async def marketplace(cluster: Cluster, contents: Sequence[Content]) -> Ours:
    """Filled, and heard of by the feed and the index."""
    await _with_an_area(cluster)
    ids = await _filled(cluster.database_url("catalog"), contents)
    async with (
        asyncio.timeout(_SETTLE_S),
        httpx.AsyncClient(base_url=cluster.url, headers=_signed(cluster), timeout=_SETTLE_S) as client,
    ):
        while not await _heard(client, len(contents)):
            await asyncio.sleep(0.5)
    await _tidied(cluster.database_url("catalog"))
    return _at(cluster.ports["gateway"], cluster, ids, processes=[cluster.processes[name] for name in ("gateway", "catalog")])


def at_the_catalog(cluster: Cluster, ours: Peer) -> Ours:
    """The same with no gateway before it."""
    return _at(cluster.ports["catalog"], cluster, ours.ids, processes=[cluster.processes["catalog"]])


@asynccontextmanager
async def larger_catalog(cluster: Cluster, contents: Sequence[Content]) -> AsyncIterator[Ours]:
    """A second one on a database of its own, whose facts count as told already."""
    name, port = f"larger_{cluster.run}", free_port()
    url = cluster.postgres.create_database(name)
    process = cluster.spawn("catalog", port=port, DATABASE_URL=url, MEMBER="catalog-larger")
    try:
        await cluster.answers("catalog", port)
        yield _at(port, cluster, await _filled(url, contents, are_told=True), processes=[process])
    finally:
        process.terminate()
        process.wait()
        cluster.postgres.drop_database(name)


def _at(port: int, cluster: Cluster, ids: Sequence[str], *, processes: Sequence[subprocess.Popen[bytes]]) -> Ours:
    (credential,) = _signed(cluster).items()
    return Ours(
        port=port,
        pids=(*(process.pid for process in processes), server_pid(cluster.postgres)),
        credential=": ".join(credential),
        ids=ids,
        list="/v1/offerings?limit=20",
        item="/v1/offerings/{}",
        search="/v1/search/offerings?q={}&limit=20",
        create="/v1/offerings",
    )


def _signed(cluster: Cluster) -> dict[str, str]:
    return {"Authorization": f"Bearer {cluster.token(f'qsmo:{AREA}')}"}


async def _with_an_area(cluster: Cluster) -> None:
    headers = {"Authorization": f"Bearer {cluster.token('omb')}"}
    async with httpx.AsyncClient(base_url=cluster.url, headers=headers, timeout=30) as client:
        policy = {"id": "m-19-16", "title": "M-19-16", "issuer": "OMB", "issued_on": "2019-04-26"}
        assert (await client.post("/v1/policies", json=policy)).status_code == 201
        area = {"id": AREA, "title": "Cyber", "policy": "m-19-16", "services": [{"slug": "dns", "title": "DNS"}]}
        assert (await client.post("/v1/focus-areas", json=area)).status_code == 201


async def _filled(url: str, contents: Sequence[Content], *, are_told: bool = False) -> list[str]:
    """`are_told`: the relay has nothing to do with their facts."""
    db = Database(url)
    made = [an_offering(f"o-{n:07}", content) for n, content in enumerate(contents)]
    for start in range(0, len(made), _BATCH):
        async with db.transaction(Cause(actor="bench")) as tx:
            await offerings.add(tx, made[start : start + _BATCH])
            if are_told:
                await tx.execute(update(tables.outbox).values(published_at=func.now()))
    await db.close()
    await _tidied(url)
    return [offering.id for offering in made]


async def _tidied(url: str) -> None:
    """As autovacuum leaves it after a while."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def _heard(client: httpx.AsyncClient, facts: int) -> bool:
    searched = await client.get("/v1/search/offerings?limit=1")
    found = await client.get("/v1/events", params={"after": facts - 1, "limit": 1})
    is_indexed = searched.is_success and searched.headers["x-index-lag"] == "0" and searched.json()["count"] == facts
    return is_indexed and found.is_success and bool(found.json()["items"])  # refused while it is ahead of the feed
