"""`python -m shared.db.revise registry "what changes"`: writes the next migration by comparing tables with migrations."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from importlib import import_module, resources
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from shared.db import migrate
from shared.db.database import Database
from shared.db.types import Document, UtcDateTime
from shared.kernel.cause import Cause

_HEADER = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

{imports}
revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {body}
'''


async def revise(service: str, message: str) -> Path | None:
    """The new file, or None when the migrations lead to the tables already."""
    package = f"services.{service}.migrations"
    metadata: MetaData = import_module(f"services.{service}.tables").metadata
    folder = Path(str(resources.files(package))) / "versions"
    files = sorted(folder.glob("[0-9]*.py"))
    with tempfile.TemporaryDirectory() as scratch:
        db = Database(f"sqlite+aiosqlite:///{scratch}/empty.db")
        try:
            if files:
                await migrate.upgrade(db, package=package)
            async with db.transaction(Cause(actor="system:revise")) as tx:
                body, imports = await tx.connection.run_sync(difference, metadata)
        finally:
            await db.close()
    if body == "pass":
        return None
    revision = f"{len(files) + 1:04}"
    path = folder / f"{revision}_{re.sub(r'[^a-z0-9]+', '_', message.casefold()).strip('_')}.py"
    down = repr(files[-1].name.partition("_")[0]) if files else None
    path.write_text(_HEADER.format(message=message, imports=imports, revision=revision, down=down, body=body))
    return path


def difference(connection: Connection, metadata: MetaData) -> tuple[str, str]:
    """The body of an upgrade from what the database has to `metadata` ("pass" when equal), and its imports."""
    imports: set[str] = set()
    context = MigrationContext.configure(connection, opts={"compare_type": False, "target_metadata": metadata})
    operations = produce_migrations(context, metadata).upgrade_ops
    if operations is None or operations.is_empty():
        return "pass", ""
    code = render_python_code(operations, render_item=_render(imports), migration_context=context)
    body = "\n".join(line for line in code.splitlines() if not line.strip().startswith("# ###"))
    return body.strip(), "".join(f"{line}\n" for line in sorted(imports))


def _render(imports: set[str]) -> Any:
    def render(kind: str, item: Any, _context: Any) -> str | bool:
        if kind == "type" and isinstance(item, UtcDateTime):
            imports.add("from shared.db import Document, UtcDateTime")
            return "UtcDateTime()"
        if kind == "type" and item is Document:
            imports.add("from shared.db import Document, UtcDateTime")
            return "Document"
        return False

    return render


if __name__ == "__main__":
    written = asyncio.run(revise(sys.argv[1], " ".join(sys.argv[2:])))
    print(written or "The migrations lead to the tables already.")  # noqa: T201 - a developer's tool
