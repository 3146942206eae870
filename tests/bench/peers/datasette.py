"""Datasette as shipped, over its own store (SQLite only), with a signed cookie; its full-text search does not rank.

It is asked neither for facets to suggest, which take it most of a second, nor for a count, which our lists do not tell.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from services.catalog.domain.content import Content
from tests.bench.peers.installing import installed, serving
from tests.bench.peers.items import COLUMNS, Peer, plain
from tests.support.servers import free_port

_PLAIN = "_size=20&_nocount=1&_nosuggest=1&_shape=objects"
_UV = Path(sys.executable).parent / "uv"
_SIGNED = (
    "import sys; from itsdangerous import URLSafeSerializer as S; print(S(sys.argv[1], 'actor').dumps({'a': {'id': 'bench'}}))"
)


def _installing(folder: Path) -> list[Sequence[str | Path]]:
    python = folder / "venv/bin/python"
    return [
        (_UV, "venv", "--quiet", "--relocatable", "--python", sys.executable, folder / "venv"),
        (_UV, "pip", "install", "--quiet", "--python", python, "-r", folder / "requirements.txt"),
    ]


@contextmanager
def datasette(folder: Path, contents: Sequence[Content]) -> Iterator[Peer]:
    binaries = installed("datasette", _installing) / "venv/bin"
    port, secret = free_port(), uuid4().hex
    metadata = folder / "metadata.json"
    metadata.write_text(json.dumps({"allow": {"id": "bench"}}))
    ids = _filled(folder / "catalog.db", contents)
    signed = subprocess.run([binaries / "python", "-c", _SIGNED, secret], capture_output=True, text=True, check=True).stdout
    command = (
        binaries / "python",
        "-m",
        "datasette",
        "serve",
        folder / "catalog.db",
        "--port",
        str(port),
        "--metadata",
        metadata,
    )
    log = folder / "datasette.log"
    with serving(command, url=f"http://127.0.0.1:{port}/", cwd=folder, log=log, DATASETTE_SECRET=secret) as pid:
        yield Peer(
            port=port,
            pids=(pid,),
            credential=f"Cookie: ds_actor={signed.strip()}",
            ids=ids,
            list=f"/catalog/items.json?{_PLAIN}",
            item="/catalog/items/{}.json",
            search=f"/catalog/items.json?_search={{}}&{_PLAIN}",
        )


def _filled(path: Path, contents: Sequence[Content]) -> list[str]:
    rows = [tuple(plain(f"c-{n:07}", content).values()) for n, content in enumerate(contents)]
    connection = sqlite3.connect(path)
    columns = ", ".join(f"{name} TEXT{' PRIMARY KEY' if name == 'code' else ''}" for name in COLUMNS)
    connection.execute(f"CREATE TABLE items ({columns})")
    connection.executemany(f"INSERT INTO items VALUES ({', '.join('?' * len(COLUMNS))})", rows)
    connection.execute("CREATE VIRTUAL TABLE items_fts USING fts5 (name, summary, description, content='items')")
    connection.execute("INSERT INTO items_fts (items_fts) VALUES ('rebuild')")
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()
    return [row[0] for row in rows]
