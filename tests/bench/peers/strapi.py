"""Strapi 5 in production over PostgreSQL, with an API token: `strapi/` is a project as its own generator lays one out.

Its pages for administrators are not built, drafts are off for the content type (which saves it a join), telemetry is off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from services.catalog.domain.content import Content
from tests.bench.peers.installing import installed, serving
from tests.bench.peers.items import COLUMNS, Peer, plain, server_pid
from tests.support.servers import PostgresServer, free_port

_SECRETS = ("ADMIN_JWT_SECRET", "API_TOKEN_SALT", "TRANSFER_TOKEN_SALT", "JWT_SECRET")
_NPM = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")


class Strapi(Peer):
    def created(self, code: str, content: Content) -> dict[str, Any]:
        return {"data": plain(code, content)}


@asynccontextmanager
async def strapi(postgres: PostgresServer, folder: Path, contents: Sequence[Content]) -> AsyncIterator[Peer]:
    project = installed("strapi", lambda _: [_NPM])
    name, port, token = f"strapi_{uuid4().hex}", free_port(), folder / "strapi.token"
    url = postgres.create_database(name).replace("+asyncpg", "")
    settings = {secret: uuid4().hex for secret in _SECRETS} | {
        "NODE_ENV": "production",
        "STRAPI_TELEMETRY_DISABLED": "true",
        "PORT": str(port),
        "APP_KEYS": f"{uuid4().hex},{uuid4().hex}",
        "ENCRYPTION_KEY": uuid4().hex,
        "DATABASE_URL": url,
        "TOKEN_FILE": str(token),
    }
    command, log = ("node", project / "node_modules/@strapi/strapi/bin/strapi.js", "start"), folder / "strapi.log"
    with serving(command, url=f"http://127.0.0.1:{port}/_health", cwd=project, log=log, **settings) as pid:
        ids = await _filled(url, contents)
        yield Strapi(
            port=port,
            pids=(pid, server_pid(postgres)),
            credential=f"Authorization: Bearer {token.read_text()}",
            ids=ids,
            list="/api/items?pagination[pageSize]=20",
            item="/api/items/{}",
            search="/api/items?_q={}&pagination[pageSize]=20",
            create="/api/items",
        )
    postgres.drop_database(name)


async def _filled(url: str, contents: Sequence[Content]) -> list[str]:
    ids = [f"bench{n:019}" for n in range(len(contents))]
    rows = [(id_, *plain(f"c-{n:07}", content).values()) for n, (id_, content) in enumerate(zip(ids, contents, strict=True))]
    connection = await asyncpg.connect(url)
    await connection.copy_records_to_table("items", records=rows, columns=["document_id", *COLUMNS])
    await connection.execute("UPDATE items SET created_at = now(), updated_at = now(), published_at = now()")
    await connection.execute("VACUUM ANALYZE items")
    await connection.close()
    return ids
