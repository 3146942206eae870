"""The server's side of the door's bench, each in a process of its own.

`upstream`: a Starlette route that answers as the services do; it is also what the gateway is compared with. `gateway PORT`: a
gateway over it, that keeps pages or (`gateway PORT 0`) does not. Prints its port; `cpu` on standard input prints CPU seconds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.api import pages as api_pages
from services.gateway.app import create_app
from services.gateway.config import Settings
from services.gateway.door import pages as door_pages
from services.gateway.pages.sections import OFFERING
from shared.process import tune_interpreter
from shared.web.draining import Draining
from shared.web.server import AtOnce
from tests.unit.gateway.builders import SIGNING_KEY, connections_for

SECTION = b'{"id":"01a2095a-3b65-7dc0-b308-54cfbb69e6e6","text":"' + b"x" * 1_500 + b'"}'
# What a page of three sections comes to.
PAGE = b'{"id":"x","offering":%b,"revisions":%b,"adoptions":%b,"missing":[]}' % (SECTION, SECTION, SECTION)


async def section(request: Request) -> Response:
    return Response(SECTION, media_type="application/json")


async def page(request: Request) -> Response:
    return Response(PAGE, media_type="application/json")


def upstream() -> Any:
    return Starlette(routes=[Route("/page/{id}", page), Route("/{rest:path}", section)])


def gateway(folder: Path, port: int, fresh_s: float) -> Any:
    route: Any = api_pages
    route.OFFERING = door_pages._KINDS["offerings"] = replace(OFFERING, sections=OFFERING.sections[:3])
    connections, issuer = connections_for(folder)
    values = {
        "database_url": f"sqlite+aiosqlite:///{folder}/gateway.db",
        "migrate": True,
        "signing_key": SIGNING_KEY,
        "rate_anonymous_per_s": 1_000_000,
        "rate_anonymous_burst": 1_000_000,
        "page_fresh_s": fresh_s,
        **{f"{service}_url": f"http://127.0.0.1:{port}" for service in ("registry", "catalog", "adoption")},
    }
    app = create_app(Settings.model_validate(values), connections=connections, development_issuer=issuer)
    return Draining(app, seconds=0)  # as in the cluster


async def served(app: Any) -> None:
    inner = getattr(app, "_app", app)
    async with inner.router.lifespan_context(inner):
        await listening(app)


async def listening(app: Any) -> None:
    """Until standard input ends; what an app begins with has been done."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical", access_log=False, ws="none", http=AtOnce)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    tune_interpreter()  # as both shapes of the system do; the route compared with has the same
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(time.process_time(), flush=True)
    server.should_exit = server.force_exit = True
    await task


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        uvloop.run(served(upstream()))
    else:
        with tempfile.TemporaryDirectory() as name:
            uvloop.run(served(gateway(Path(name), int(sys.argv[2]), float(sys.argv[3]))))
