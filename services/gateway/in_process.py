"""A service in this same process, asked as over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from starlette.types import ASGIApp

from services.gateway.http1 import Broken, RawHeaders


class _Stream(httpx.AsyncByteStream):
    def __init__(self, body: AsyncIterator[bytes] | None) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._body is not None:
            async for chunk in self._body:
                yield chunk


class _Answered:
    def __init__(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._response = response
        self._parts = response.stream.__aiter__()
        self.status = response.status_code
        self.headers: RawHeaders = response.headers.raw

    @property
    def is_at_hand(self) -> bool:
        return False

    @property
    def is_over(self) -> bool:
        return False

    async def part(self) -> bytes | None:
        try:
            return await anext(self._parts, None)
        except httpx.TransportError as err:
            raise Broken(str(err)) from err

    async def close(self) -> None:
        await self._response.aclose()


class InProcess:
    """httpx's transport for ASGI apps, which runs no lifespan and answers an app's fault with 500."""

    def __init__(self, app: ASGIApp, *, name: str) -> None:
        self._base = httpx.URL(f"http://{name}")
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def open(self, method: str, target: bytes, *, headers: RawHeaders, body: AsyncIterator[bytes] | None) -> _Answered:
        """As `services.gateway.http1.Transport.open`."""
        url = self._base.copy_with(raw_path=target)
        request = httpx.Request(method, url, headers=[(b"host", url.netloc), *headers], stream=_Stream(body))
        try:
            return _Answered(await self._transport.handle_async_request(request))
        except httpx.TransportError as err:
            raise Broken(str(err)) from err

    async def close(self) -> None:
        await self._transport.aclose()
