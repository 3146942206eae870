"""Databases at a service's newest schema, migrated once and then copied for each test."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from shared.db import Database
from shared.db.migrate import upgrade
from tests.support.servers import PostgresServer

_OF_A_SERVICE = re.compile(r"test_(registry|catalog|adoption)_")


def service_of(module: str) -> str | None:
    """The service that a test module is about, by its name."""
    found = _OF_A_SERVICE.search(module)
    return found[1] if found else None


class Templates:
    """Made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._on_server: dict[str, str] = {}

    def sqlite(self, service: str, path: Path) -> str:
        """The URL of a copy at `path`."""
        template = self._folder / f"{service}.db"
        if not template.exists():
            _migrated(f"sqlite+aiosqlite:///{template}", service)
        shutil.copyfile(template, path)
        return f"sqlite+aiosqlite:///{path}"

    def postgres(self, service: str, name: str, server: PostgresServer) -> str:
        """The URL of a copy called `name`."""
        if service not in self._on_server:
            template = f"template_{service}"
            _migrated(server.create_database(template), service)
            self._on_server[service] = template
        return server.create_database(name, template=self._on_server[service])


def _migrated(url: str, service: str) -> None:
    async def migrate() -> None:
        db = Database(url)
        try:
            await upgrade(db, package=f"services.{service}.migrations")
        finally:
            await db.close()

    with asyncio.Runner() as runner:
        runner.run(migrate())
