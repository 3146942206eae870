"""Alembic per service: `upgrade` brings a database to the newest schema, once, under a lock."""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from shared.db.database import Database
from shared.kernel.cause import Cause

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('qsmo:migrate', 0))")


async def upgrade(db: Database, *, package: str) -> bool:
    """Apply what `<package>/versions` has and the database lacks; returns whether there was any. All or nothing."""
    script = await asyncio.to_thread(_script, package)
    async with db.transaction(Cause(actor="system:migrate")) as tx:
        if tx.is_postgresql:
            await tx.execute(_LOCK)
        return await tx.connection.run_sync(_upgrade, script)


def _script(package: str) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(str(resources.files(package)))))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection, script: ScriptDirectory) -> bool:
    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001 - what Alembic's own `upgrade` command calls

    context = MigrationContext.configure(connection, opts={"fn": steps, "transactional_ddl": False})
    if set(context.get_current_heads()) == set(script.get_heads()):
        return False
    with Operations.context(context):
        context.run_migrations()
    return True
