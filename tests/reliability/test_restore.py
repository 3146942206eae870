"""Databases are lost under writes and restored: what was acknowledged is there, or is named exactly as lost.

QSMO_RELIABILITY_LONG=1 takes the times of the long form.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from services.installation import DataFolder
from tests.reliability.ledger import Outcome
from tests.reliability.load import SETTLE_S, Books, books, under_load
from tests.support.cluster import SERVICES, Cluster, a_cluster
from tests.support.installation import Installation, an_installation
from tests.support.servers import ArchivedPostgres, KafkaServer

LONG = bool(os.environ.get("QSMO_RELIABILITY_LONG"))
LOAD_S = 30.0 if LONG else 2.0
_FACTS = "SELECT key, aggregate_version AS version FROM outbox"


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose PostgreSQL archives what it writes as it writes it."""
    with ArchivedPostgres() as postgres, KafkaServer() as kafka:
        postgres.begin_archiving()
        with a_cluster(postgres, kafka, tmp_path_factory.mktemp("archived")) as cluster:
            yield cluster


def said(done: CompletedProcess[str], *, status: int = 0) -> dict[str, Any]:
    assert done.returncode == status, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(600)
async def test_with_a_base_backup_and_an_archived_log_nothing_acknowledged_is_lost(archived: Cluster) -> None:
    postgres = archived.postgres
    assert isinstance(postgres, ArchivedPostgres)
    await archived.ready()
    headers = {"Authorization": f"Bearer {archived.token('coordinator')}"}
    async with books(archived.database_url) as book:
        async with book.watched(), under_load(archived.url, headers, run="archived", writers=4) as journal:
            await asyncio.sleep(LOAD_S)
            await asyncio.to_thread(postgres.base_backup)
            await asyncio.sleep(LOAD_S)
            acknowledged = len(journal.acknowledged)
            died = time.monotonic()
            await asyncio.to_thread(postgres.lose_everything)
            await asyncio.to_thread(postgres.restore)
            await archived.ready()
            await book.recover(since=died)
        judged = await book.judged(journal)

    report = said(await asyncio.to_thread(archived.qsmo, "reconcile", "--json"))
    assert report["whole"]
    verified = await asyncio.to_thread(archived.qsmo, "audit", "verify")
    assert verified.returncode == 0, verified.stdout
    for service in ("catalog", "adoption"):
        replayed = await asyncio.to_thread(archived.qsmo, "replay", service)
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    outcome = Outcome(
        name="PostgreSQL and its disk lost under writes; restored from base backup and archived log (recovery: from the loss)",
        faults="1",
        writes=sum(journal.acknowledged.values()),
        unknown=journal.failures,
        lag_max=book.lag_max,
        recoveries_s=book.recoveries_s,
        **judged,
    )
    outcome.told()
    assert acknowledged > 0
    assert outcome.holds


async def facts(book: Books, service: str) -> set[tuple[str, int]]:
    return {(row["key"], row["version"]) for row in await book.rows(service, _FACTS)}


async def versions(book: Books) -> dict[str, int]:
    return {row["id"]: row["version"] for row in await book.rows("registry", "SELECT id, version FROM organizations")}


@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(600)
async def test_with_dumps_alone_what_an_owner_lost_is_named_and_the_rest_comes_back(archived: Cluster, tmp_path: Path) -> None:
    postgres = archived.postgres
    assert isinstance(postgres, ArchivedPostgres)
    await archived.ready()
    headers = {"Authorization": f"Bearer {archived.token('coordinator')}"}
    async with books(archived.database_url) as book:
        async with under_load(archived.url, headers, run="dumped", writers=4):
            for service in SERVICES:  # one after the other: no two of one moment
                await asyncio.to_thread(postgres.dump, f"{service}_{archived.run}")
                await asyncio.sleep(LOAD_S / len(SERVICES))
        await book.settled()
        recorded = await facts(book, "registry")
        for service in SERVICES:
            archived.kill(service)
    for service in SERVICES:
        await asyncio.to_thread(postgres.restore_dump, f"{service}_{archived.run}")

    file = tmp_path / "lost.ndjson"
    async with books(archived.database_url) as book:
        kept, fed = await facts(book, "registry"), await book.fed()
        report = said(await asyncio.to_thread(archived.qsmo, "reconcile", "--json", "--repair", "--lost", file), status=1)
        for service in SERVICES:
            archived.start(service)
        await archived.ready()
        await brought(archived)
        await book.settled()
        settled, found = await facts(book, "registry"), await versions(book)

    lost = {(each["subject"], each["version"]) for each in report["lost"]}
    assert lost == recorded - kept, "exactly what the owner lost is named"
    assert len(lost) > 0
    assert {(each["subject"], each["aggregateversion"]) for each in map(json.loads, file.read_text().splitlines())} == lost
    assert report["contradicted"] == report["nowhere"] == []
    assert settled == recorded, "its history is whole again, and so is the feed"
    assert fed < len(recorded)
    told = {id_: max(version for key, version in recorded if key == id_) for id_ in found}
    assert found == told, "no version that others know is given away anew"


async def brought(cluster: Cluster) -> None:
    """What a group had read and not yet said so comes before what is sent again; it is brought by another round."""
    async with asyncio.timeout(90):
        while any(said(await asyncio.to_thread(cluster.qsmo, "reconcile", "--json", "--repair"), status=0)["missing"].values()):
            pass


@pytest.mark.timeout(600)
async def test_an_embedded_installation_is_backed_up_under_writes_and_what_came_after_is_named(tmp_path: Path) -> None:
    with an_installation(tmp_path / "lost", starter=False) as installation:
        headers = installation.headers("coordinator")
        async with under_load(installation.url, headers, run="embedded", writers=4, pause_s=0.02) as journal:
            await asyncio.sleep(LOAD_S / 2)
            backup = await asyncio.to_thread(installation.qsmo, "backup", tmp_path / "backup")
            assert backup.returncode == 0, backup.stderr
            before = set(journal.acknowledged)
            await asyncio.sleep(LOAD_S / 2)
            installation.kill()
            journal.is_given_up = True
    recorded, published = told_by(installation.data)

    with an_installation(tmp_path / "same", serving=False, starter=False) as same:
        restored(same, tmp_path / "backup")
        report = json.loads(same.qsmo("reconcile", "--json").stdout)
        assert report["lost"] == report["contradicted"] == report["nowhere"] == [], "a backup is of one moment"
    with an_installation(tmp_path / "newer", serving=False, starter=False) as newer:
        restored(newer, tmp_path / "backup", "--events", installation.data / "events.db")
        kept, _ = told_by(newer.data)
        report = said(newer.qsmo("reconcile", "--json", "--repair"), status=1)
        newer.start()
        async with books(DataFolder(newer.data).database_url) as book:
            await whole_again(newer, book)
            assert await facts(book, "registry") == kept | published
        assert newer.qsmo("audit", "verify").returncode == 0

    assert {id_ for id_, _ in kept} & before
    assert {(each["subject"], each["version"]) for each in report["lost"]} == published - kept
    assert kept < kept | published <= recorded


async def whole_again(installation: Installation, book: Books) -> None:
    """What its group had not read yet comes first, and may be parked: the next round brings it after what is before it."""
    async with asyncio.timeout(SETTLE_S):
        while installation.qsmo("reconcile", "--repair").returncode != 0 or not await book.is_settled():
            await asyncio.sleep(1)


def restored(installation: Installation, backup: Path, *options: str | Path) -> None:
    done = installation.qsmo("restore", backup, *options)
    assert done.returncode == 0, done.stderr


def told_by(folder: Path) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """The facts of the registry: those it has recorded, and those that the log holds."""
    with closing(sqlite3.connect(folder / "registry.db")) as owner, closing(sqlite3.connect(folder / "events.db")) as log:
        recorded = set(owner.execute(_FACTS))
        rows = log.execute("SELECT key, headers FROM log WHERE topic = 'qsmo.registry'")
        return recorded, {(key, int(json.loads(headers)["ce_aggregateversion"])) for key, headers in rows}
