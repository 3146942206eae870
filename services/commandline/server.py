"""The HTTP API of this installation: over the network when it is served, in this process when it is not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from getpass import getuser

import httpx

from services.installation import DataFolder
from shared import telemetry
from shared.kernel.errors import Unavailable

_TIMEOUT = httpx.Timeout(60.0, write=600.0)
_STARTING_S = 30.0
_POLL_S = 0.2


@asynccontextmanager
async def api(folder: DataFolder) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway, signed in as a coordinator who speaks for OMB (development issuer).

    Raises Unavailable when a server has the folder and does not answer.
    """
    url = folder.served_at()
    if url is not None:
        async with httpx.AsyncClient(base_url=url, headers=_signed_in(folder), timeout=_TIMEOUT) as client:
            await _listening(client)
            yield client
        return
    from services.embedded import embedded  # noqa: PLC0415 - all four services: only for whoever has no server to ask

    telemetry.configure_logging(level="WARNING", json=not sys.stderr.isatty())  # standard output is for what was asked for
    async with embedded(folder) as gateway:
        transport = httpx.ASGITransport(gateway, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://embedded", headers=_signed_in(folder), timeout=_TIMEOUT
        ) as client:
            yield client


async def _listening(client: httpx.AsyncClient) -> None:
    """A server takes the folder before it listens."""
    try:
        async with asyncio.timeout(_STARTING_S):
            while True:
                try:
                    await client.get("/livez")
                    return
                except httpx.TransportError:
                    await asyncio.sleep(_POLL_S)
    except TimeoutError as err:
        raise Unavailable(f"The server of this data folder does not answer at {client.base_url}.") from err


def _signed_in(folder: DataFolder) -> dict[str, str]:
    token = folder.issuer.token(subject=f"cli:{getuser()}", roles=["coordinator", "omb"])
    return {"Authorization": f"Bearer {token}"}
