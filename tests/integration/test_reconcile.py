"""What `qsmo reconcile` finds in an installation whose parts do not agree, and what it brings back."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.commandline.recovery import copies, reconcile
from services.commandline.recovery.standing import FOLLOWERS
from services.embedded import embedded
from services.gateway.clock import MovableClock
from services.installation import DataFolder
from shared.db import Database
from shared.inbox.consumer import BEHIND
from shared.kernel.errors import Invalid, Unavailable

_SETTLE_S = 30.0


async def settled(folder: DataFolder) -> int:
    """Serves until every fact has arrived everywhere; how many there are."""
    async with embedded(folder):
        async with asyncio.timeout(_SETTLE_S):
            while (seq := await _fed(folder)) != await _recorded(folder):
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
    return seq


async def _fed(folder: DataFolder) -> int:
    return await _number(folder, "gateway", "SELECT seq FROM feed_head")


async def _recorded(folder: DataFolder) -> int:
    return sum([await _number(folder, name, "SELECT count(*) FROM outbox") for name in ("registry", "catalog", "adoption")])


async def _number(folder: DataFolder, service: str, statement: str) -> int:
    db = Database(folder.database_url(service))
    try:
        async with db.reading() as tx:
            return int((await tx.execute(text(statement))).scalar_one())
    finally:
        await db.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """An installation with its starter data, all of which has arrived."""
    folder = DataFolder(tmp_path_factory.mktemp("whole") / "data")
    with asyncio.Runner() as runner:
        assert runner.run(settled(folder)) > 100
    return folder


@pytest.fixture
def folder(whole: DataFolder, tmp_path: Path) -> DataFolder:
    shutil.copytree(whole.path, tmp_path / "data")
    return DataFolder(tmp_path / "data")


def change(folder: DataFolder, name: str, *statements: str) -> None:
    with closing(sqlite3.connect(folder.path / f"{name}.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


@pytest.fixture
def reconciled(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    async def run(*, status: int, repair: bool = False) -> dict[str, Any]:
        capsys.readouterr()
        assert await reconcile.run(folder, repair=repair, lost_file=None, as_json=True) == status
        return dict(json.loads(capsys.readouterr().out))

    return run


async def test_an_installation_that_is_whole_is_called_so(folder: DataFolder, reconciled: Callable[..., Any]) -> None:
    report = await reconciled(status=0)

    assert report["whole"]
    assert report["feed_seq"] == sum(report["recorded"].values())
    assert report["waiting"] == {"registry": 0, "catalog": 0, "adoption": 0}
    del folder


async def test_every_consumer_is_looked_at(folder: DataFolder) -> None:
    clock = MovableClock(ahead=timedelta(0), keep=lambda _: None)
    async with embedded(folder, starter=False, clock=clock) as gateway:
        owners = [look.__self__ for look in clock.looks if hasattr(look, "__self__")]  # what a look is a method of
        contexts = [gateway.state.context, *owners]
        running = {(consumer.name, tuple(consumer.topics)) for context in contexts for consumer in context.consumers}

    assert {(each.consumer, each.topics) for each in FOLLOWERS} == running


async def test_a_follower_that_stands_further_back_gets_what_it_lacks_again(
    folder: DataFolder, reconciled: Callable[..., Any]
) -> None:
    change(folder, "adoption", "DELETE FROM inbox", "DELETE FROM known_organizations")
    change(folder, "gateway", "DELETE FROM feed", "DELETE FROM inbox", f"UPDATE feed_head SET seq = 0, hash = '{'0' * 64}'")

    report = await reconciled(status=1)
    facts = sum(report["recorded"].values())
    assert report["missing"] == {"registry": 0, "catalog": 0, "adoption": facts, "gateway-feed": facts}
    assert report["lost"] == []

    await reconciled(status=0, repair=True)
    assert await settled(folder) == facts
    assert (await reconciled(status=0))["whole"]


async def test_what_came_before_what_it_follows_is_parked_no_longer(folder: DataFolder, reconciled: Callable[..., Any]) -> None:
    """A follower from a dump first reads what its group had not read yet, and finds what is before that missing."""
    behind = BEHIND.replace("'", "''")
    change(
        folder,
        "adoption",
        "DELETE FROM inbox WHERE subject = 'qsmo.registry:cybersecurity'",
        "INSERT INTO parked_events (consumer, subject, version, topic, headers, payload, reason, parked_at) "
        f"VALUES ('adoption', 'cybersecurity', 1, 'qsmo.registry', '{{}}', '{{}}', '{behind}', '2026-01-01T00:00:00+00:00')",
    )

    assert (await reconciled(status=0, repair=True))["missing"]["adoption"] > 0
    await settled(folder)
    assert (await reconciled(status=0))["whole"]


async def test_what_waits_behind_an_event_that_cannot_be_applied_is_left_to_an_operator(
    folder: DataFolder, reconciled: Callable[..., Any]
) -> None:
    change(
        folder,
        "adoption",
        "DELETE FROM inbox WHERE subject = 'qsmo.registry:cybersecurity'",
        "INSERT INTO parked_events (consumer, subject, version, topic, headers, payload, reason, parked_at) "
        "VALUES ('adoption', 'cybersecurity', 1, 'qsmo.registry', '{}', '{}', 'a KeyError', '2026-01-01T00:00:00+00:00')",
    )

    assert (await reconciled(status=0, repair=True))["missing"]["adoption"] == 0
    assert await _number(folder, "adoption", "SELECT count(*) FROM parked_events WHERE resolved_at IS NULL") == 1


async def test_a_log_that_is_lost_is_no_harm_to_what_has_arrived(folder: DataFolder, reconciled: Callable[..., Any]) -> None:
    for file in folder.path.glob("events.db*"):
        file.unlink()
    async with embedded(folder, starter=False):
        pass

    assert (await reconciled(status=0))["whole"]


async def test_what_its_owner_lost_is_named_and_its_versions_are_not_given_away_again(
    folder: DataFolder, reconciled: Callable[..., Any]
) -> None:
    (id_,) = change_back_the_last_organization(folder)

    report = await reconciled(status=1, repair=True)

    assert [(each["subject"], each["version"]) for each in report["lost"]] == [(id_, 1)]
    assert report["contradicted"] == report["nowhere"] == []
    assert await _number(folder, "registry", f"SELECT version FROM organizations WHERE id = '{id_}'") == 1
    assert (await reconciled(status=0))["whole"]


def change_back_the_last_organization(folder: DataFolder) -> tuple[str]:
    with closing(sqlite3.connect(folder.path / "registry.db")) as database:
        last = "SELECT key FROM outbox WHERE key IN (SELECT id FROM organizations WHERE version = 1) ORDER BY id DESC LIMIT 1"
        found: tuple[str] = database.execute(last).fetchone()
        database.execute("DELETE FROM outbox WHERE key = ?", found)
        database.execute("UPDATE organizations SET version = 0 WHERE id = ?", found)
        database.commit()
    return found


async def test_a_version_that_was_given_away_twice_is_named(folder: DataFolder, reconciled: Callable[..., Any]) -> None:
    change(folder, "registry", "UPDATE outbox SET event_id = 'another' WHERE id = 5")

    report = await reconciled(status=1, repair=True)

    assert len(report["contradicted"]) == 1
    assert report["lost"] == []
    assert await _number(folder, "registry", "SELECT count(*) FROM outbox WHERE event_id = 'another'") == 1


async def test_what_was_applied_and_nobody_has_any_more_is_named(folder: DataFolder, reconciled: Callable[..., Any]) -> None:
    change(folder, "adoption", "UPDATE inbox SET version = version + 2 WHERE subject = 'qsmo.registry:cybersecurity'")

    (found,) = (await reconciled(status=1))["nowhere"]

    assert (found["subject"], found["applied"] - found["recorded"]) == ("cybersecurity", 2)


async def test_only_a_whole_cluster_can_be_reconciled(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSMO_REGISTRY_DATABASE_URL", "sqlite+aiosqlite:///x.db")

    with pytest.raises(Invalid, match="QSMO_CATALOG_DATABASE_URL"):
        await reconcile.run(folder, repair=False, lost_file=None, as_json=False)


def test_a_backup_that_was_damaged_is_not_restored(folder: DataFolder, tmp_path: Path) -> None:
    copies.backup(folder, tmp_path / "backup")
    with (tmp_path / "backup" / "registry.db").open("r+b") as file:
        file.seek(50_000)
        file.write(b"x")

    with pytest.raises(Invalid, match=r"registry\.db is not what was backed up"):
        copies.restore(tmp_path / "backup", DataFolder(tmp_path / "new"), events=None)


def test_neither_a_backup_nor_an_installation_is_overwritten(folder: DataFolder, tmp_path: Path) -> None:
    copies.backup(folder, tmp_path / "backup")

    with pytest.raises(Invalid, match="exists already"):
        copies.backup(folder, tmp_path / "backup")
    with pytest.raises(Invalid, match=r"has a registry\.db already"):
        copies.restore(tmp_path / "backup", folder, events=None)
    with pytest.raises(Invalid, match="no backup"):
        copies.restore(folder.path, DataFolder(tmp_path / "new"), events=None)


def test_a_backup_waits_for_who_writes_and_leaves_nothing_half_done(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_PATIENCE_S", 0.1)
    with closing(sqlite3.connect(folder.path / "catalog.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unavailable, match="busy"):
            copies.backup(folder, tmp_path / "backup")

    assert not (tmp_path / "backup").exists()
    copies.backup(folder, tmp_path / "backup")
