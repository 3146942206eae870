"""The services behind the gateway, one client each: over HTTP in the cluster, in this process when embedded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from services.gateway.http1 import Broken, Opened, RawHeaders, Transport
from shared import telemetry
from shared.contracts.envelope import instant
from shared.kernel.errors import Unavailable
from shared.kernel.time import Clock

__all__ = ["Answer", "Circuit", "RawHeaders", "Upstream", "UpstreamAway"]


class UpstreamAway(Unavailable):
    """A service cannot be reached or does not answer in time; `since` is when that was first noticed."""

    def __init__(self, service: str, since: datetime, reason: str) -> None:
        super().__init__(f"The {service} service is not available ({reason}), since {instant(since)}.", retry_after_s=2)
        self.service = service
        self.since = since

    def as_section(self) -> dict[str, Any]:
        """What stands in a composed answer in place of what is missing."""
        return {"unavailable": {"service": self.service, "since": instant(self.since)}}


@dataclass(frozen=True, slots=True)
class Answer:
    """An upstream answer, read whole."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return orjson.loads(self.body)


async def _on_its_way(chunks: AsyncIterator[bytes], deadline: asyncio.Timeout, seconds: float) -> AsyncIterator[bytes]:
    """A request body; the deadline runs only while the service has to take or answer it."""
    now = asyncio.get_running_loop().time
    deadline.reschedule(None)
    async for chunk in chunks:
        deadline.reschedule(now() + seconds)
        yield chunk
        deadline.reschedule(None)
    deadline.reschedule(now() + seconds)


class Circuit:
    """Open for a moment after so many failures in a row: who waits for a deadline again and again helps nobody."""

    def __init__(self, *, failures_max: int = 5, open_s: float = 1.0) -> None:
        self._failures_max = failures_max
        self._open_s = open_s
        self._failures = 0
        self._opened_at = float("-inf")

    @property
    def is_open(self) -> bool:
        return self._failures >= self._failures_max and time.monotonic() - self._opened_at < self._open_s

    def failed(self) -> None:
        self._failures += 1
        self._opened_at = time.monotonic()

    def succeeded(self) -> None:
        self._failures = 0


class Upstream:
    """Calls one service. Nothing is retried; every wait has a deadline; `down_since` remembers when it went away."""

    def __init__(
        self,
        service: str,
        *,
        transport: Transport,
        clock: Clock,
        deadline_s: float,
        circuit: Circuit | None = None,
    ) -> None:
        self.service = service
        self.down_since: datetime | None = None
        self._transport = transport
        self._clock = clock
        self._deadline_s = deadline_s
        self._circuit = circuit or Circuit()

    async def open(
        self, method: str, target: bytes, *, headers: RawHeaders, body: AsyncIterator[bytes] | None = None
    ) -> Opened:
        """The answer's head; the caller reads it with `part` and closes it. `target`: raw path and query.

        Raises UpstreamAway.
        """
        if self._circuit.is_open:
            raise self.away("it failed several times just now")
        try:
            async with asyncio.timeout(self._deadline_s) as deadline:
                sent = None if body is None else _on_its_way(body, deadline, self._deadline_s)
                opened = await self._transport.open(method, target, headers=headers, body=sent)
        except TimeoutError as err:
            self._circuit.failed()
            raise self.away(f"it gave no answer within {self._deadline_s:g} s") from err
        except Broken as err:
            self._circuit.failed()
            raise self.away(_reason(err)) from err
        self._circuit.succeeded()
        self.down_since = None
        return opened

    async def part(self, opened: Opened) -> bytes | None:
        """What has come of the answer's body since; None at its end. Raises UpstreamAway when it stops in the middle."""
        try:
            if opened.is_at_hand:
                return await opened.part()
            async with asyncio.timeout(self._deadline_s):
                return await opened.part()
        except TimeoutError as err:
            raise self.away("it stopped in the middle of an answer") from err
        except Broken as err:
            raise self.away(_reason(err)) from err

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        authorization: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
        body: AsyncIterator[bytes] | None = None,
    ) -> Answer:
        """A whole answer, whatever its status. Absent (None) parameters are left out. Raises UpstreamAway."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        target = path + (f"?{urlencode(given)}" if given else "")
        named: RawHeaders = [(b"accept", b"application/json"), *_ids(), *headers]
        if authorization is not None:
            named.append((b"authorization", authorization.encode("latin-1")))
        if body is not None:
            named.append((b"transfer-encoding", b"chunked"))
        opened = await self.open(method, target.encode(), headers=named, body=body)
        try:
            parts = []
            while (part := await self.part(opened)) is not None:
                parts.append(part)
        finally:
            await opened.close()
        return Answer(opened.status, b"".join(parts))

    async def get(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        authorization: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> Answer:
        return await self.call("GET", path, params=params, authorization=authorization, headers=headers)

    def away(self, reason: str) -> UpstreamAway:
        """An error to raise; remembers since when."""
        self.down_since = self.down_since or self._clock()
        return UpstreamAway(self.service, self.down_since, reason)

    def too_late(self, deadline_s: float) -> UpstreamAway:
        """As `away`, for who would not wait longer."""
        self._circuit.failed()
        return self.away(f"no answer within {deadline_s:g} s")

    async def close(self) -> None:
        await self._transport.close()


def _reason(error: Broken) -> str:
    return "the connection broke" if error.reached else "it cannot be reached"


def _ids() -> RawHeaders:
    """The request at hand goes on under the same ids."""
    pairs = ((b"x-request-id", telemetry.correlation_id()), (b"traceparent", telemetry.traceparent()))
    return [(name, value.encode()) for name, value in pairs if value]
