"""What is rotated while a service runs: who it is at its database, from the file that says so."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registry.config import Settings
from shared.db import Database
from tests.support.servers import LOOPBACK, PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture
def users(postgres: PostgresServer) -> Iterator[tuple[str, str]]:
    """Two that may log in: one user before a rotation and one after it, as where passwords alternate between two."""
    pair = f"before_{uuid4().hex[:8]}", f"after_{uuid4().hex[:8]}"
    for user in pair:
        postgres.execute(f"CREATE ROLE {user} LOGIN")
    yield pair
    for user in pair:
        postgres.execute(f"DROP ROLE {user}")


async def test_new_connections_are_made_as_the_mounted_file_says_by_then(
    postgres: PostgresServer, users: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "qsmo_registry_database_url"
    monkeypatch.setenv("QSMO_SECRETS_DIR", str(tmp_path))
    urls = [f"postgresql+asyncpg://{user}:secret@{LOOPBACK}:{postgres.port}/postgres" for user in users]
    file.write_text(urls[0])
    settings = Settings()
    db = Database(settings.current("database_url"), url_now=partial(settings.current, "database_url"))
    try:
        assert await user_of(db) == users[0]
        file.write_text(urls[1] + "\n")
        assert await user_of(db) == users[0]  # the connection there is goes on

        await db.close()
        assert await user_of(db) == users[1]
    finally:
        await db.close()


async def user_of(db: Database) -> str:
    async with db.reading() as tx:
        return str((await tx.execute(text("SELECT current_user"))).scalar_one())


def test_what_the_environment_gives_stays_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSMO_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("QSMO_REGISTRY_DATABASE_URL", "sqlite+aiosqlite:///given.db")
    (tmp_path / "qsmo_registry_database_url").write_text("sqlite+aiosqlite:///mounted.db")

    assert Settings().current("database_url") == "sqlite+aiosqlite:///given.db"
