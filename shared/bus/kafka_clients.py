"""How every Kafka client of this process is made, and its errors told in the terms of the port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from shared.bus.port import BusUnavailable
from shared.kernel.cancelling import is_cancelled

CLOSE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """How to be let in. TLS is used by the two protocols that say so; a client certificate is optional.

    Files are read, and a password that is a function is asked for, at each client that is made: both may be rotated.
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: str | Callable[[], str] | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            options["ssl_context"] = create_ssl_context(
                cafile=self.ca_file, certfile=self.certificate_file, keyfile=self.key_file
            )
        if self.protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password() if callable(self.password) else self.password
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """`timeout_s` bounds every call; a silent member loses its partitions after `session_timeout_s`."""

    bootstrap: str
    client_id: str
    security: KafkaSecurity = KafkaSecurity()
    replication_factor: int = -1
    timeout_s: float = 30.0
    session_timeout_s: float = 10.0

    def client_options(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.bootstrap,
            "client_id": self.client_id,
            # A request sent to a broker that hangs must fail, and be tried elsewhere, within our own deadline.
            "request_timeout_ms": int(self.timeout_s * 1000 / 3),
            **self.security.options(),
        }


@contextlib.asynccontextmanager
async def deadline(seconds: float, doing: str) -> AsyncIterator[None]:
    """Turns what the client raises, and time that ran out, into BusUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as err:
        raise BusUnavailable(f"Kafka did not answer within {seconds:g} s: {doing}") from err
    except (KafkaError, OSError) as err:
        raise BusUnavailable(f"Kafka failed at {doing}: {err}") from err


async def quietly(closing: Awaitable[object]) -> bool:
    """Awaits a close that may fail or hang; says whether it ended."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await closing
    except (TimeoutError, KafkaError, OSError):
        return False
    except asyncio.CancelledError:
        # The client awaits requests that it has cancelled itself (aiokafka 0.14, `Fetcher.close`).
        if is_cancelled():
            raise
        return False
    return True
