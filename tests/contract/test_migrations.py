from __future__ import annotations

from importlib import import_module

import pytest
from sqlalchemy import inspect, text

from shared.db import Database, migrate
from shared.db.revise import difference
from shared.kernel.cause import Cause
from shared.kernel.errors import Unavailable

SERVICES = ("registry", "catalog", "adoption", "gateway")


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_lead_to_exactly_the_tables_of_the_code(service: str, database_url: str) -> None:
    db = Database(database_url)
    try:
        assert await migrate.upgrade(db, package=f"services.{service}.migrations")
        assert not await migrate.upgrade(db, package=f"services.{service}.migrations"), "a second run finds nothing to do"
        metadata = import_module(f"services.{service}.tables").metadata
        async with db.transaction(Cause(actor="tests")) as tx:
            body, _ = await tx.connection.run_sync(difference, metadata)
        assert body == "pass", 'run `python -m shared.db.revise <service> "what changes"`'
    finally:
        await db.close()


async def test_a_database_without_the_newest_schema_is_not_ready(database_url: str) -> None:
    db = Database(database_url)
    try:
        with pytest.raises(Unavailable, match="qsmo migrate"):
            await migrate.check(db, package="services.registry.migrations")
    finally:
        await db.close()


async def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    db = Database(database_url)
    try:
        async with db.transaction(Cause(actor="tests")) as tx:
            await tx.execute(text("CREATE TABLE organizations (id INTEGER)"))  # in the way of the first schema

        with pytest.raises(Exception, match="organizations"):
            await migrate.upgrade(db, package="services.registry.migrations")

        async with db.reading() as tx:
            tables = await tx.connection.run_sync(lambda connection: inspect(connection).get_table_names())
        assert tables == ["organizations"]
    finally:
        await db.close()
