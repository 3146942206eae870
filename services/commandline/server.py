"""The HTTP API of this installation: over the network when it is served, in this process when it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from getpass import getuser

import httpx

from services.installation import DataFolder

_TIMEOUT = httpx.Timeout(60.0, write=600.0)


@asynccontextmanager
async def api(folder: DataFolder) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway, signed in as a coordinator who speaks for OMB (development issuer)."""
    url = folder.served_at()
    if url is not None:
        async with httpx.AsyncClient(base_url=url, headers=_signed_in(folder), timeout=_TIMEOUT) as client:
            yield client
        return
    from services.embedded import embedded  # noqa: PLC0415 - all four services: only for whoever has no server to ask

    async with embedded(folder) as gateway:
        transport = httpx.ASGITransport(gateway, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://embedded", headers=_signed_in(folder), timeout=_TIMEOUT
        ) as client:
            yield client


def _signed_in(folder: DataFolder) -> dict[str, str]:
    token = folder.issuer.token(subject=f"cli:{getuser()}", roles=["coordinator", "omb"])
    return {"Authorization": f"Bearer {token}"}
