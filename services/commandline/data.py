"""`qsmo export` and `qsmo migrate`."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from services.commandline.server import api
from services.installation import DataFolder
from shared.db import Database
from shared.db.migrate import upgrade
from shared.kernel.errors import Invalid
from shared.settings import database_url_of

_PAGE = 1_000
SERVICES = ("registry", "catalog", "adoption", "gateway")


async def export(folder: DataFolder, *, after: int, output: Path | None) -> int:
    """Every event of the feed that the caller may see, from `after` to the head."""
    file = sys.stdout.buffer if output is None else output.open("wb")
    try:
        async with api(folder) as client:
            while True:
                answer = await client.get("/v1/events", params={"after": after, "limit": _PAGE})
                page = orjson.loads(answer.content)
                if not answer.is_success:
                    raise Invalid(page["detail"])
                file.writelines(orjson.dumps(event) + b"\n" for event in page["items"])
                if page["next_after"] == after:
                    return 0
                after = page["next_after"]
    finally:
        if output is not None:
            file.close()


async def migrate(folder: DataFolder, *, services: list[str] | None) -> None:
    """Raises Invalid for a service there is not."""
    for service in services or SERVICES:
        if service not in SERVICES:
            raise Invalid(f"There is no service {service!r}; there are: {', '.join(SERVICES)}.")
        url = database_url_of(service)
        if url is None:
            folder.path.mkdir(parents=True, exist_ok=True)
        db = Database(url or folder.database_url(service))
        try:
            package = f"services.{service}.migrations"
            changed = await upgrade(db, package=package)
        finally:
            await db.close()
        sys.stdout.write(f"{service}: {'migrated to' if changed else 'is at'} the newest schema\n")
