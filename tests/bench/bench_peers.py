"""10,000 catalog items over PostgreSQL, every request with a credential, beside Strapi 5 and Datasette, everyone as shipped.

Each is one server process on loopback, but ours through the door is two, gateway and catalog; the catalog by itself is told
beside it. Datasette has a store of its own, SQLite, and its search does not rank. Tables are equal before each run: reads are
first, then everyone who can creates the same number.

Rates are what was asked for. On a machine that others use they tell how often a server was let run: processor time, of its
processes and PostgreSQL an answer, tells what it needs.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pytest
import uvloop

from tests.bench.figures import rates
from tests.bench.peers.datasette import datasette
from tests.bench.peers.items import Kind, Peer, contents
from tests.bench.peers.load import asked, for_s
from tests.bench.peers.ours import at_the_catalog, larger_catalog, marketplace
from tests.bench.peers.strapi import strapi
from tests.support.cluster import Cluster, a_cluster
from tests.support.servers import KafkaServer, PostgresServer

ROUNDS = int(os.environ.get("QSMO_BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("QSMO_PEERS_SECONDS", "2"))
# KEPT: items that many look at.
ITEMS, MORE_ITEMS, CREATED, KEPT = 10_000, 64_000, 100, 20
GENERATOR_MAX = 0.8
DOOR, KEPT_ITEM, CATALOG, LARGER, STRAPI, DATASETTE = (
    "through the door",
    "kept by the door",
    "the catalog itself",
    "the catalog itself, 64,000",
    "Strapi 5",
    "Datasette",
)
ASKED: dict[Kind, tuple[str, ...]] = {
    "list": (DOOR, CATALOG, LARGER, STRAPI, DATASETTE),
    "item": (DOOR, KEPT_ITEM, CATALOG, STRAPI, DATASETTE),
    "search": (DOOR, CATALOG, STRAPI, DATASETTE),
    "create": (DOOR, STRAPI),
}
# The list is the same each time, and kept by the door; of items chosen among all of them little is kept.
ROWS: tuple[tuple[Kind, str, str, float], ...] = (
    *(("list", DOOR, peer, 5.0) for peer in (STRAPI, DATASETTE)),
    *(("list", CATALOG, peer, 2.0) for peer in (STRAPI, DATASETTE)),
    ("list", LARGER, CATALOG, 0.8),
    *(("item", KEPT_ITEM, peer, 5.0) for peer in (STRAPI, DATASETTE)),
    *(("item", DOOR, peer, 2.0) for peer in (STRAPI, DATASETTE)),
    *(("item", CATALOG, peer, 2.0) for peer in (STRAPI, DATASETTE)),
    ("search", DOOR, DATASETTE, 2.0),
    ("search", DOOR, STRAPI, 2.0),
    ("create", DOOR, STRAPI, 3.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`cpu_ms`: of the servers and the database, an answer; neighbours on the machine disturb it little."""

    per_s: float
    cpu_ms: float
    generator_share: float


def requests(peer: Peer, kind: Kind, seed: int) -> Iterator[bytes]:
    endless = peer.asking(kind, seed)
    return islice(endless, CREATED) if kind == "create" else for_s(SECONDS, endless)


async def one(peer: Peer, kind: Kind, seed: int) -> Run:
    before = peer.cpu_s()
    found = await asked(peer.port, requests(peer, kind, seed), status=201 if kind == "create" else 200)
    return Run(per_s=found.per_s, cpu_ms=(peer.cpu_s() - before) * 1e3 / found.answers, generator_share=found.own_share)


async def measured(peers: Mapping[str, Peer]) -> dict[tuple[Kind, str], list[Run]]:
    """Of each round after the first; rounds are in turns."""
    taken: dict[tuple[Kind, str], list[Run]] = {(kind, name): [] for kind, names in ASKED.items() for name in names}
    for kind, names in ASKED.items():
        for round_ in range(ROUNDS + 1):
            for name in names:
                found = await one(peers[name], kind, round_)
                taken[kind, name] += [found] if round_ else []
    return taken


async def compared(cluster: Cluster, folder: Path) -> dict[tuple[Kind, str], list[Run]]:
    await cluster.ready()
    items = contents(ITEMS)
    async with AsyncExitStack() as stack:
        ours = await marketplace(cluster, items)
        peers: dict[str, Peer] = {
            DOOR: ours,
            KEPT_ITEM: replace(ours, ids=ours.ids[:KEPT]),
            CATALOG: at_the_catalog(cluster, ours),
            LARGER: await stack.enter_async_context(larger_catalog(cluster, contents(MORE_ITEMS))),
            STRAPI: await stack.enter_async_context(strapi(cluster.postgres, folder, items)),
            DATASETTE: stack.enter_context(datasette(folder, items)),
        }
        return await measured(peers)


@pytest.mark.bench
@pytest.mark.npm
@pytest.mark.timeout(2_400)
def test_the_catalog_beside_its_peers(postgres: PostgresServer, kafka: KafkaServer, tmp_path: Path) -> None:
    with a_cluster(postgres, kafka, tmp_path) as cluster:
        taken = uvloop.run(compared(cluster, tmp_path))
    for (kind, name), runs in taken.items():
        told, cpu_ms = ", ".join(f"{run.per_s:,.0f}" for run in runs), statistics.median(run.cpu_ms for run in runs)
        share = max(run.generator_share for run in runs)
        print(f"\n{kind}, {name}: {told} a second, CPU {cpu_ms:.2f} ms; the generator took {share:.2f} of a core", end="")
        assert share < GENERATOR_MAX, "the generator was measured, not the server"
    for kind, name, peer, goal in ROWS:
        pairs = list(zip(taken[kind, name], taken[kind, peer], strict=True))
        what = f"peers: {kind}, {name}, beside {peer}"
        rates(what, [(a.per_s, b.per_s) for a, b in pairs], unit="/s", beside=peer, goal=goal).told()
        costs = [(a.cpu_ms, b.cpu_ms) for a, b in pairs]
        rates(f"{what}: processor", costs, unit="ms", beside=peer, goal=1 / goal, is_cost=True).told()
