"""One attempt to deliver: a POST that follows nothing, trusts nothing and ends in time."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpcore

from services.gateway.webhooks.guard import AddressRefused, Guard, PinnedNetwork

_CONNECT_S = 5.0
_ANSWER_BYTES_MAX = 65_536
_RETRY_AFTER_MAX_S = 86_400.0
_FIXED = [(b"content-type", b"application/cloudevents+json"), (b"user-agent", b"qsmo-webhooks/1"), (b"accept", b"*/*")]
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`status` is None when there was no answer; then `error` says why."""

    status: int | None
    error: str | None
    duration_ms: int
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Keeps connections to receivers for a moment; each was checked when it was made."""

    def __init__(self, guard: Guard, *, timeout_s: float, connections: int = 64, tls: ssl.SSLContext | None = None) -> None:
        self._timeout_s = timeout_s
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=10.0,
            network_backend=PinnedNetwork(guard),
        )

    async def post(self, url: str, *, headers: Iterable[tuple[bytes, bytes]], body: bytes, at: datetime) -> Outcome:
        """Never raises for what a receiver does."""
        begun = time.perf_counter()
        status, error, retry_after = None, None, None
        try:
            async with asyncio.timeout(self._timeout_s):
                status, retry_after = await self._exchange(url, [*_FIXED, *headers], body)
        except TimeoutError:
            error = f"no answer within {self._timeout_s:g} s"
        except AddressRefused as refused:
            error = str(refused)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as failure:
            error = f"{type(failure).__name__}: {failure}"[:300]
        except (OSError, ssl.SSLError, httpcore.UnsupportedProtocol) as failure:
            error = f"the connection failed: {failure}"[:300]
        duration_ms = round((time.perf_counter() - begun) * 1_000)
        return Outcome(status=status, error=error, duration_ms=duration_ms, retry_after_s=_seconds(retry_after, at=at))

    async def _exchange(self, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, str | None]:
        """Status and Retry-After; the body is read only to have the connection back."""
        timeouts = {"connect": _CONNECT_S, "pool": self._timeout_s, "read": self._timeout_s, "write": self._timeout_s}
        request = httpcore.Request(
            "POST", url, headers=_with_length(url, headers, body), content=body, extensions={"timeout": timeouts}
        )
        response = await self._pool.handle_async_request(request)
        try:
            taken = 0
            async for part in response.aiter_stream():
                taken += len(part)
                if taken > _ANSWER_BYTES_MAX:
                    break
        finally:
            await response.aclose()
        return response.status, next((v.decode("latin-1") for k, v in response.headers if k.lower() == b"retry-after"), None)

    async def close(self) -> None:
        await self._pool.aclose()


def _with_length(url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> list[tuple[bytes, bytes]]:
    target = httpcore.URL(url)
    host = b"[" + target.host + b"]" if b":" in target.host else target.host
    netloc = host if target.port is None else host + b":%d" % target.port
    return [(b"host", netloc), (b"content-length", b"%d" % len(body)), *headers]


def _seconds(retry_after: str | None, *, at: datetime) -> float | None:
    """Seconds or a date, as RFC 9110 §10.2.3 has it; None for anything else."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after), _RETRY_AFTER_MAX_S)
    try:
        return min(max(0.0, (parsedate_to_datetime(retry_after) - at).total_seconds()), _RETRY_AFTER_MAX_S)
    except (ValueError, TypeError):
        return None
