"""The client for code that waits."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx

from qsmo_client.answers import Resource, href_of, resource_of
from qsmo_client.events import Event, Following, Frames, How
from qsmo_client.exchange import Call, Credentials, Exchange, Flow, Pause, params_of
from qsmo_client.problems import Problem, Unreachable, problem_of

_OPERATION_POLL_S = 0.5


class Client:
    """One caller of one gateway; safe to share between threads as httpx's client is."""

    def __init__(
        self,
        url: str,
        *,
        token: str | Credentials | None = None,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 4,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`token`: a bearer token, or what gives one for each request. `retries`: attempts after the first."""
        self._exchange = Exchange(token=token, api_key=api_key, retries=retries)
        self._http = httpx.Client(base_url=url, timeout=timeout_s, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    @property
    def written(self) -> str:
        """What this client has written, to be set on another one that must see it."""
        return self._exchange.written

    @written.setter
    def written(self, token: str) -> None:
        self._exchange.written = token

    def get(self, path: str, *, known: Resource | None = None, **params: Any) -> Resource:
        """`known`: what was read before; it comes back when it still holds."""
        headers = {"If-None-Match": known.etag} if known is not None and known.etag else {}
        answer = self.answered(Call(method="GET", path=path, params=params_of(params), headers=headers))
        return known if known is not None and answer.status_code == 304 else resource_of(answer)

    def items(self, path: str, **params: Any) -> Iterator[Resource]:
        """Everything on a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, **{**params, "cursor": cursor} if cursor else params)
            yield from map(Resource, page["items"])
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def post(self, path: str, body: Any = None, *, etag: str | None = None, key: str | None = None, **params: Any) -> Resource:
        """`key`: an Idempotency-Key of the caller's own, which also holds across restarts of the caller."""
        return self._write("POST", path, body, etag=etag, key=key, params=params)

    def put(self, path: str, body: Any, *, etag: str | None = None, key: str | None = None, **params: Any) -> Resource:
        return self._write("PUT", path, body, etag=etag, key=key, params=params)

    def patch(self, path: str, body: Any, *, etag: str | None = None, key: str | None = None, **params: Any) -> Resource:
        return self._write("PATCH", path, body, etag=etag, key=key, params=params)

    def delete(self, path: str, *, etag: str | None = None, key: str | None = None, **params: Any) -> Resource:
        return self._write("DELETE", path, None, etag=etag, key=key, params=params)

    def act(self, on: Resource, action: str, body: Any = None, *, key: str | None = None, **params: Any) -> Resource:
        """One of the `_actions` of a representation. Raises ValueError when it names no such action."""
        return self.post(href_of(on, action), {} if body is None else body, etag=on.etag, key=key, **params)

    def upload(self, kind: str, content: bytes, **params: Any) -> Resource:
        """Import a file; the operation that comes back goes on by itself, see `finished`."""
        call = Call(
            method="POST",
            path=f"/v1/imports/{kind}",
            params=params_of(params),
            content=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        return resource_of(self.answered(call))

    def finished(self, operation: Mapping[str, Any], *, poll_s: float = _OPERATION_POLL_S) -> Resource:
        """The operation when it runs no more."""
        while True:
            found = self.get(f"/v1/operations/{operation['id']}")
            if found["status"] != "running":
                return found
            time.sleep(poll_s)

    def events(
        self,
        *,
        after: int | None = None,
        types: Sequence[str] = (),
        how: How = "stream",
        give_up_after_s: float | None = None,
        **filters: Any,
    ) -> EventIterator:
        """Every fact after the seq `after` (without it: from now on), each once and in order, across cut connections.

        `how`: "stream" and "poll" never end, "once" ends at the head. Filters: `focus_area`, `subject`, `agency`.
        Raises Problem for what does not pass by itself; Unreachable after `give_up_after_s` of silence, if that is given.
        """
        place = Following(after=after, types=types, filters=filters, how=how, give_up_after_s=give_up_after_s)
        return EventIterator(self, place)

    def _write(
        self, method: str, path: str, body: Any, *, etag: str | None, key: str | None, params: Mapping[str, Any]
    ) -> Resource:
        headers = {name: value for name, value in (("If-Match", etag), ("Idempotency-Key", key)) if value is not None}
        return resource_of(self.answered(Call(method=method, path=path, params=params_of(params), json=body, headers=headers)))

    def answered(self, call: Call) -> httpx.Response:
        """Anything that the methods above have no words for. Raises Problem, Unreachable."""
        return self._driven(self._exchange.until_answered(call))

    def opened(self, call: Call) -> httpx.Response:
        """One attempt whose answer is still to be read, and to be closed. Raises httpx.TransportError."""
        return self._http.send(self._request(replace(call, headers=self._exchange.headers(call))), stream=True)

    def _driven(self, flow: Flow) -> httpx.Response:
        try:
            step = next(flow)
            while True:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    step = flow.send(None)
                    continue
                try:
                    answer = self._http.send(self._request(step))
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


class EventIterator:
    """Facts as they come. `cursor` is the seq to go on after: keep it when what it stands for has been dealt with."""

    def __init__(self, client: Client, place: Following) -> None:
        self._client = client
        self._place = place
        self._events = self._pages() if place.how != "stream" else self._streams()

    @property
    def cursor(self) -> int | None:
        return self._place.cursor

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection at once."""
        self._events.close()

    def _pages(self) -> Generator[Event, None, None]:
        self._begin()
        while not self._place.is_done:
            try:
                page = self._client.answered(self._place.page_call())
            except (Problem, Unreachable) as reason:
                time.sleep(self._place.pause_s(reason))
            else:
                yield from self._place.page(page)

    def _begin(self) -> None:
        while self._place.cursor is None:
            try:
                self._place.cursor = self._client.answered(self._place.head_call()).json()["head"]
            except (Problem, Unreachable) as reason:
                time.sleep(self._place.pause_s(reason))

    def _streams(self) -> Generator[Event, None, None]:
        self._begin()
        while True:
            reason: Problem | httpx.TransportError | None = None
            try:
                yield from self._stream()
            except (Problem, httpx.TransportError) as error:
                reason = error
            time.sleep(self._place.pause_s(reason))

    def _stream(self) -> Generator[Event, None, None]:
        response, frames = self._client.opened(self._place.stream_call()), Frames()
        try:
            if response.is_error:
                response.read()
                raise problem_of(response)
            for piece in response.iter_raw():
                self._place.heard()
                for event in frames.take(piece):
                    yield self._place.took(event)
        finally:
            response.close()
