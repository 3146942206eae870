"""`qsmo serve`."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from services.commandline.modes import Modes
from services.embedded import embedded
from services.installation import DataFolder
from shared import telemetry, tracing
from shared.process import tune_interpreter
from shared.web.server import AtOnce

_GRACE_S = 5
_SWITCH_S = 0.0005
_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


async def serve(folder: DataFolder, *, host: str, port: int, starter: bool) -> None:
    """Until SIGINT or SIGTERM. Raises DataInUse."""
    telemetry.configure_logging(level="WARNING", json=not sys.stderr.isatty())
    _share_memory()
    url = f"http://{host}:{port}"
    exporting = tracing.exporting("qsmo", endpoint=os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
    async with exporting, embedded(folder, url=url, starter=starter) as gateway:
        modes = Modes(gateway, folder, url=url, starter=starter)
        config = uvicorn.Config(
            modes,
            host=host,
            port=port,
            lifespan="off",
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_S,
            server_header=False,
            http=AtOnce,
        )
        server = _Server(config, modes, greeting=_greeting(folder, url))
        try:
            await server.serve()
        finally:
            await modes.close()


def _share_memory() -> None:
    """Before threads are started: glibc would keep what each of thirty has freed for that thread alone, 130 MB in an import."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


class _Server(uvicorn.Server):
    """Greets when it listens; ends the event streams as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, modes: Modes, *, greeting: str) -> None:
        super().__init__(config)
        self._modes = modes
        self._greeting = greeting

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._greeting, flush=True)  # noqa: T201 - what `make run` promises to say
            tune_interpreter()
            # SQLite's executemany takes the interpreter lock for every row: at the default 5 ms it would wait that long each
            # time the event loop is busy.
            sys.setswitchinterval(_SWITCH_S)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Instead of uvicorn's, which raises the signal again and so ends the process before it has tidied up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self._modes.end_streams()
        self.force_exit = self.should_exit  # asked twice: do not wait for requests
        self.should_exit = True


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
