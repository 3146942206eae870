"""The two adapters as the conformance suite sees them: a log to which any number of processes connect."""

from __future__ import annotations

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus, KafkaSettings
from shared.bus.port import Bus

EXPIRY_S = 1.5
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Broker(ABC):
    """Where a log lives; `name` and `place` say the same to another process."""

    name: ClassVar[str]
    place: str
    expiry_s: float = EXPIRY_S

    @abstractmethod
    def connect(self) -> Bus: ...


class EmbeddedBroker(Broker):
    name = "embedded"

    def connect(self) -> EmbeddedBus:
        return EmbeddedBus(Path(self.place), expiry_s=self.expiry_s)


class KafkaBroker(Broker):
    name = "kafka"

    def connect(self) -> KafkaBus:
        return KafkaBus(KafkaSettings(bootstrap=self.place, client_id="suite", timeout_s=6, session_timeout_s=self.expiry_s))


BROKERS: dict[str, type[Broker]] = {broker.name: broker for broker in (EmbeddedBroker, KafkaBroker)}


@asynccontextmanager
async def opened(broker: Broker) -> AsyncIterator[Bus]:
    bus = broker.connect()
    await bus.start()
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def process(broker: Broker, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `bus_process` on this log, killed at the end if it has not ended itself."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contract.bus_process",
        broker.name,
        broker.place,
        str(broker.expiry_s),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def line_of(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    async with asyncio.timeout(20):
        return (await child.stdout.readline()).decode().strip()
