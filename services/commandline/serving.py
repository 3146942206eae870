"""`qsmo serve`."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import uvicorn

from services.embedded import DataFolder, embedded
from shared import telemetry

_GRACE_S = 5


async def serve(folder: DataFolder, *, host: str, port: int, starter: bool) -> None:
    """Until SIGINT or SIGTERM. Raises DataInUse."""
    telemetry.configure_logging(level="WARNING", json=not sys.stderr.isatty())
    url = f"http://{host}:{port}"
    async with embedded(folder, url=url, starter=starter) as gateway:
        config = uvicorn.Config(
            gateway,
            host=host,
            port=port,
            lifespan="off",
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_S,
            server_header=False,
        )
        server = _Server(config, gateway, greeting=_greeting(folder, url))
        await server.serve()


class _Server(uvicorn.Server):
    """Greets when it listens; ends the event streams as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, gateway: Any, *, greeting: str) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._greeting = greeting

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._greeting, flush=True)  # noqa: T201 - what `make run` promises to say

    def handle_exit(self, sig: int, frame: Any) -> None:
        asyncio.get_running_loop().call_soon_threadsafe(self._gateway.state.closing.set)
        super().handle_exit(signal.SIGTERM if sig == signal.SIGINT else sig, frame)


def _greeting(folder: DataFolder, url: str) -> str:
    token = folder.issuer.token(subject="developer", roles=["omb", "coordinator"])
    return (
        f"QSMO Marketplace Platform is ready.\n\n"
        f"  Start page     {url}/\n"
        f"  API document   {url}/docs\n"
        f"  Live events    {url}/v1/events/stream\n"
        f"  Data           {folder.path.resolve()}\n\n"
        f"A token for OMB and the coordinator, good for 12 hours (others: .venv/bin/qsmo token --role …):\n\n{token}\n"
    )
