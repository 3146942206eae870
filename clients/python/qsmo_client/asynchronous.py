"""The client for asyncio: the same as `blocking`, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx

from qsmo_client.answers import Resource, href_of, resource_of
from qsmo_client.events import Event, Following, Frames, How
from qsmo_client.exchange import Call, Credentials, Exchange, Flow, Pause, params_of
from qsmo_client.problems import Problem, Unreachable, problem_of

_OPERATION_POLL_S = 0.5


class AsyncClient:
    """One caller of one gateway; for one event loop."""

    def __init__(
        self,
        url: str,
        *,
        token: str | Credentials | None = None,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`token`: a bearer token, or what gives one for each request. `retries`: attempts after the first."""
        self._exchange = Exchange(token=token, api_key=api_key, retries=retries)
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout_s, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def written(self) -> str:
        """What this client has written, to be set on another one that must see it."""
        return self._exchange.written

    @written.setter
    def written(self, token: str) -> None:
        self._exchange.written = token

    async def get(self, path: str, *, known: Resource | None = None, **params: Any) -> Resource:
        """`known`: what was read before; it comes back when it still holds."""
        headers = {"If-None-Match": known.etag} if known is not None and known.etag else {}
        answer = await self.answered(Call(method="GET", path=path, params=params_of(params), headers=headers))
        return known if known is not None and answer.status_code == 304 else resource_of(answer)

    async def items(self, path: str, **params: Any) -> AsyncIterator[Resource]:
        """Everything on a list, page after page."""
        cursor: str | None = None
        while True:
            page = await self.get(path, **{**params, "cursor": cursor} if cursor else params)
            for item in page["items"]:
                yield Resource(item)
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def post(
        self, path: str, body: Any = None, *, etag: str | None = None, key: str | None = None, **params: Any
    ) -> Resource:
        """`key`: an Idempotency-Key of the caller's own, which also holds across restarts of the caller."""
        return await self._write("POST", path, body, etag=etag, key=key, params=params)

    async def put(self, path: str, body: Any, *, etag: str | None = None, key: str | None = None, **params: Any) -> Resource:
        return await self._write("PUT", path, body, etag=etag, key=key, params=params)

    async def patch(self, path: str, body: Any, *, etag: str | None = None, key: str | None = None, **params: Any) -> Resource:
        return await self._write("PATCH", path, body, etag=etag, key=key, params=params)

    async def delete(self, path: str, *, etag: str | None = None, key: str | None = None, **params: Any) -> Resource:
        return await self._write("DELETE", path, None, etag=etag, key=key, params=params)

    async def act(self, on: Resource, action: str, body: Any = None, *, key: str | None = None, **params: Any) -> Resource:
        """One of the `_actions` of a representation. Raises ValueError when it names no such action."""
        return await self.post(href_of(on, action), {} if body is None else body, etag=on.etag, key=key, **params)

    async def upload(self, kind: str, content: bytes, **params: Any) -> Resource:
        """Import a file; the operation that comes back goes on by itself, see `finished`."""
        call = Call(
            method="POST",
            path=f"/v1/imports/{kind}",
            params=params_of(params),
            content=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        return resource_of(await self.answered(call))

    async def finished(self, operation: Mapping[str, Any], *, poll_s: float = _OPERATION_POLL_S) -> Resource:
        """The operation when it runs no more."""
        while True:
            found = await self.get(f"/v1/operations/{operation['id']}")
            if found["status"] != "running":
                return found
            await asyncio.sleep(poll_s)

    def events(
        self,
        *,
        after: int | None = None,
        types: Sequence[str] = (),
        how: How = "stream",
        give_up_after_s: float | None = None,
        **filters: Any,
    ) -> AsyncEventIterator:
        """Every fact after the seq `after` (without it: from now on), each once and in order, across cut connections.

        `how`: "stream" and "poll" never end, "once" ends at the head. Filters: `focus_area`, `subject`, `agency`.
        Raises Problem for what does not pass by itself; Unreachable after `give_up_after_s` of silence, if that is given.
        """
        place = Following(after=after, types=types, filters=filters, how=how, give_up_after_s=give_up_after_s)
        return AsyncEventIterator(self, place)

    async def _write(
        self, method: str, path: str, body: Any, *, etag: str | None, key: str | None, params: Mapping[str, Any]
    ) -> Resource:
        headers = {name: value for name, value in (("If-Match", etag), ("Idempotency-Key", key)) if value is not None}
        return resource_of(
            await self.answered(Call(method=method, path=path, params=params_of(params), json=body, headers=headers))
        )

    async def answered(self, call: Call) -> httpx.Response:
        """Anything that the methods above have no words for. Raises Problem, Unreachable."""
        return await self._driven(self._exchange.until_answered(call))

    async def opened(self, call: Call) -> httpx.Response:
        """One attempt whose answer is still to be read, and to be closed. Raises httpx.TransportError."""
        return await self._http.send(self._request(replace(call, headers=self._exchange.headers(call))), stream=True)

    async def _driven(self, flow: Flow) -> httpx.Response:
        try:
            step = next(flow)
            while True:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    step = flow.send(None)
                    continue
                try:
                    answer = await self._http.send(self._request(step))
                except httpx.TransportError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as done:
            response: httpx.Response = done.value
            return response

    def _request(self, call: Call) -> httpx.Request:
        timeout = httpx.Timeout(self._http.timeout.connect, read=call.read_timeout_s or self._http.timeout.read)
        return self._http.build_request(
            call.method,
            call.path,
            params=call.params,
            json=call.json,
            content=call.content,
            headers=dict(call.headers),
            timeout=timeout,
        )


class AsyncEventIterator:
    """Facts as they come. `cursor` is the seq to go on after: keep it when what it stands for has been dealt with."""

    def __init__(self, client: AsyncClient, place: Following) -> None:
        self._client = client
        self._place = place
        self._events = self._pages() if place.how != "stream" else self._streams()

    @property
    def cursor(self) -> int | None:
        return self._place.cursor

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection at once."""
        await self._events.aclose()

    async def _pages(self) -> AsyncGenerator[Event, None]:
        await self._begin()
        while not self._place.is_done:
            try:
                page = await self._client.answered(self._place.page_call())
            except (Problem, Unreachable) as reason:
                await asyncio.sleep(self._place.pause_s(reason))
            else:
                for event in self._place.page(page):
                    yield event

    async def _begin(self) -> None:
        while self._place.cursor is None:
            try:
                self._place.cursor = (await self._client.answered(self._place.head_call())).json()["head"]
            except (Problem, Unreachable) as reason:
                await asyncio.sleep(self._place.pause_s(reason))

    async def _streams(self) -> AsyncGenerator[Event, None]:
        await self._begin()
        while True:
            reason: Problem | httpx.TransportError | None = None
            try:
                async with aclosing(self._stream()) as stream:
                    async for event in stream:
                        yield event
            except (Problem, httpx.TransportError) as error:
                reason = error
            await asyncio.sleep(self._place.pause_s(reason))

    async def _stream(self) -> AsyncGenerator[Event, None]:
        response, frames = await self._client.opened(self._place.stream_call()), Frames()
        try:
            if response.is_error:
                await response.aread()
                raise problem_of(response)
            async for piece in response.aiter_raw():
                self._place.heard()
                for event in frames.take(piece):
                    yield self._place.took(event)
        finally:
            await response.aclose()
