"""Alembic per service: `upgrade` brings a database to the newest schema, once, under a lock."""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from shared.db.database import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import Unavailable

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('qsmo:migrate', 0))")


async def upgrade(db: Database, *, package: str) -> bool:
    """Apply what `<package>/versions` has and the database lacks; returns whether there was any. All or nothing."""
    if _reaches(await current(db), newest(package)):
        return False
    script = await asyncio.to_thread(_script, package)
    async with db.transaction(Cause(actor="system:migrate")) as tx:
        if tx.is_postgresql:
            await tx.execute(_LOCK)
        return await tx.connection.run_sync(_upgrade, script)


async def check(db: Database, *, package: str) -> None:
    """Raises Unavailable when the database lacks revisions of this package."""
    if not _reaches(at := await current(db), newest(package)):
        raise Unavailable(
            f"The database is at schema {at or 'none'}, this version needs {newest(package)}: run `qsmo migrate`."
        )


def _reaches(at: str | None, needed: str) -> bool:
    """Also when a later version has been here: migrations only add, so what it made holds what this version needs."""
    return at is not None and at >= needed


async def current(db: Database) -> str | None:
    """The revision that the database is at; None when it is empty."""
    async with db.reading() as tx:
        if not await tx.connection.run_sync(lambda connection: inspect(connection).has_table("alembic_version")):
            return None
        found: str | None = await tx.connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def newest(package: str) -> str:
    """Revisions are numbered and linear (`0001_initial.py`), so the last file says it without loading Alembic."""
    return max(path.name.partition("_")[0] for path in _folder(package).glob("versions/[0-9]*.py"))


def _folder(package: str) -> Path:
    return Path(str(resources.files(package)))


def _script(package: str) -> ScriptDirectory:
    from alembic.config import Config  # noqa: PLC0415 - 8 MB that a service on its newest schema need not load
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_folder(package)))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection, script: ScriptDirectory) -> bool:
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.operations import Operations  # noqa: PLC0415

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001 - what Alembic's own `upgrade` command calls

    context = MigrationContext.configure(connection, opts={"fn": steps, "transactional_ddl": False})
    if _reaches(context.get_current_revision(), str(script.get_current_head())):
        return False  # somebody else did it while this one waited for the lock
    with Operations.context(context):
        context.run_migrations()
    return True
