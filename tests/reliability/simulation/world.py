"""The whole embedded system in one thread and one seed: written to, killed, started again, and then reconciled."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson

from services.adoption.app import create_app as adoption_app
from services.adoption.config import Settings as AdoptionSettings
from services.catalog.app import create_app as catalog_app
from services.catalog.config import Settings as CatalogSettings
from services.gateway import context as gateway_context
from services.gateway.audit import verify_chain
from services.gateway.config import Settings as GatewaySettings
from services.registry.app import create_app as registry_app
from services.registry.config import Settings as RegistrySettings
from shared.auth import AUDIENCE, DEV_ISSUER, DevelopmentIssuer, Verifier
from shared.bus.port import Message
from shared.kernel.errors import Unavailable
from tests.reliability.simulation.disk import DISK, remember_statements
from tests.reliability.simulation.loop import NothingLeft, ProcessKilled, SimulatedLoop
from tests.reliability.simulation.wire import SimulatedBus

OWNERS = ("registry", "catalog", "adoption")
SERVICES = (*OWNERS, "gateway")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
WRITERS = 3
WRITES_PER_WRITER = 5
CHANGES_PER_ORGANIZATION = 2
KILLS_MAX = 3
STEPS_BETWEEN_KILLS = (50, 4_000)
SETTLED_WITHIN_S = 300.0
STEPS_BETWEEN_CANCELLATIONS = 1_000
_OVERSLEPT_S = 3_600.0


class Apps:
    """The owners' applications on one folder, made once: a life of the process is their lifespan on the bus of that life."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issuer = DevelopmentIssuer(folder / "issuer.key")
        self.now: Callable[[], datetime] = lambda: BEGINNING
        verifier = Verifier(issuer=DEV_ISSUER, audience=AUDIENCE, keys=self.issuer)
        self.connections: Any = SimpleNamespace(bus=None, verifier=verifier, clock=self.clock)
        options: Any = {"connections": self.connections, "clock": self.clock}
        self.owners = {
            "registry": registry_app(RegistrySettings(database_url=self.url("registry"), member="0"), **options),
            "catalog": catalog_app(CatalogSettings(database_url=self.url("catalog"), member="0"), **options),
            "adoption": adoption_app(AdoptionSettings(database_url=self.url("adoption"), member="0"), **options),
        }
        self.gateway = GatewaySettings(database_url=self.url("gateway"), member="0")

    def clock(self) -> datetime:
        return self.now()

    def url(self, service: str) -> Any:
        return f"sqlite+simulated:///{self.folder / service}.db"


@dataclass
class Writer:
    """One client's place in its work; it outlives the system."""

    name: int
    done: int = 0
    id: str = ""
    etag: str = ""
    version: int = 0
    unknown: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a seed came to. `faults` are what was found wrong, empty when all is well."""

    seed: int
    digest: str
    steps: int
    kills: int
    writes: int
    unknown: int
    lost: int
    duplicated: int
    reordered: int
    lag_max: int
    recoveries_s: tuple[float, ...]
    faults: tuple[str, ...]


class World:
    """`run` once. All randomness, also that of ids, is drawn from the seed."""

    def __init__(self, seed: int, apps: Apps, templates: Path) -> None:
        self.seed = seed
        self.apps = apps
        self.folder = folder = apps.folder
        apps.now = self.clock
        self.chance = random.Random(seed)
        self.fault_rate = self.chance.choice((0.0, 0.01, 0.05))
        self.disk_fault_rate = self.chance.choice((0.0, 0.0, 0.005))
        self.skew_s = 0.0
        self.now_s = 0.0
        self.steps = 0
        self.kills = 0
        self.dying = False
        self.lag_max = 0
        self.killed_at: float | None = None
        self.recoveries_s: list[float] = []
        self.writers = [Writer(name) for name in range(WRITERS)]
        self.loop: SimulatedLoop | None = None
        for left in folder.glob("*.db*"):
            left.unlink()
        for service in SERVICES:
            shutil.copyfile(templates / f"{service}.db", folder / f"{service}.db")

    def wall_s(self) -> float:
        now = self.now_s if self.loop is None else self.loop.now_s
        return BEGINNING.timestamp() + now + self.skew_s

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.wall_s(), UTC)

    def run(self) -> Result:
        with self._nature():
            while self._killed():
                self.kills += 1
                self.now_s += self.chance.random()
        return self._reconciled()

    def _is_dying(self) -> bool:
        return self.dying

    @contextlib.contextmanager
    def _nature(self) -> Any:
        """Ids and stopwatches of this process are the world's as long as this lasts."""
        kept = os.urandom, time.time_ns, time.monotonic
        os.urandom = self.chance.randbytes  # the same for every use here
        time.time_ns = lambda: int(self.wall_s() * 1e9)
        time.monotonic = lambda: self.now_s if self.loop is None else self.loop.now_s
        try:
            yield
        finally:
            os.urandom, time.time_ns, time.monotonic = kept

    def _killed(self) -> bool:
        """One life of the process; False when it ended with everything settled."""
        limit = self.chance.randint(*STEPS_BETWEEN_KILLS) if self.kills < KILLS_MAX else None
        self.skew_s = self.chance.choice((0.0, 0.0, _OVERSLEPT_S, -_OVERSLEPT_S))
        random.seed(f"{self.seed}/{self.kills}")
        self.dying = False
        DISK.begin(self.disk_fault_rate)
        self.loop = loop = SimulatedLoop(self.chance, now_s=self.now_s, killed_after=limit)
        asyncio.set_event_loop(loop)
        main = loop.create_task(self._live())
        try:
            loop.run_until_complete(main)
        except (ProcessKilled, Unavailable):  # who cannot start, ends, and is started again
            self.killed_at = loop.now_s
            return True
        finally:
            self._unwind(loop)
        return False

    def _unwind(self, loop: SimulatedLoop) -> None:
        """Ends what is left of the process, which has no disk any more and so can do nothing."""
        DISK.power_off()
        self.steps += loop.steps
        self.now_s = loop.now_s
        loop.set_exception_handler(lambda *_: None)
        self.dying, chance = True, self.chance.getstate()  # what the dead do must not change what comes after them
        while tasks := [task for task in loop.tasks if not task.done()]:
            for task in tasks:  # again and again: an error may take the place of a cancellation
                task.cancel()
            loop.killed_after = loop.steps + STEPS_BETWEEN_CANCELLATIONS
            with contextlib.suppress(ProcessKilled, NothingLeft):
                loop.run_until_complete(asyncio.wait(tasks))
        loop.close()
        asyncio.set_event_loop(None)
        self.chance.setstate(chance)
        self.loop = None

    async def _live(self) -> None:
        async with self._system() as (client, bus, gateway):
            async with asyncio.TaskGroup() as group:
                for writer in self.writers:
                    group.create_task(self._write(client, writer))
                if self.chance.random() < 0.3:
                    group.create_task(self._stray(bus))
            DISK.fault_rate = bus.fault_rate = 0.0
            await self._settled(gateway)
            assert self.loop is not None
            self.loop.killed_after = None
            self.chain_holds = (await verify_chain(gateway.db)).ok

    @asynccontextmanager
    async def _system(self) -> AsyncIterator[tuple[httpx.AsyncClient, SimulatedBus, gateway_context.Gateway]]:
        async with AsyncExitStack() as stack:
            path = self.folder / "events.db"
            bus = SimulatedBus(path, chance=self.chance, fault_rate=self.fault_rate, clock=self.wall_s)
            await bus.start()
            stack.push_async_callback(bus.close)
            self.apps.connections.bus = bus
            apps = self.apps.owners
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            gateway = gateway_context.build(
                self.apps.gateway, self.apps.connections, services=apps, development_issuer=None, closing=asyncio.Event()
            )
            for db in (*(app.state.context.db for app in apps.values()), gateway.db):
                remember_statements(db)
            stack.push_async_callback(gateway.stop)
            await gateway.start()
            transport = httpx.ASGITransport(apps["registry"], raise_app_exceptions=False)
            yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://r")), bus, gateway

    async def _write(self, client: httpx.AsyncClient, writer: Writer) -> None:
        """Every write is tried under its key until it is answered; what a kill interrupts is tried again after it."""
        token = self.apps.issuer.token(subject=f"writer-{writer.name}", roles=["coordinator"])
        while writer.done < WRITES_PER_WRITER:
            await asyncio.sleep(self.chance.random() * 0.05)
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"write-{writer.name}-{writer.done}"}
            begins = writer.done % (CHANGES_PER_ORGANIZATION + 1) == 0
            body = {"name": f"office {writer.name}", "kind": "office", "abbreviation": f"V{writer.done}"}
            if self.dying:
                return
            writer.unknown += 1
            if begins:
                answer = await client.post("/v1/organizations", json=body, headers=headers)
            else:
                headers["If-Match"] = writer.etag
                answer = await client.put(f"/v1/organizations/{writer.id}", json=body, headers=headers)
            if self._is_dying():
                return
            if answer.status_code >= 500:
                continue
            writer.unknown -= 1
            assert answer.status_code in {200, 201}, answer.text
            writer.done += 1
            writer.id, writer.etag = answer.json()["id"], answer.headers["etag"]
            writer.acknowledged[writer.id] = writer.acknowledged.get(writer.id, 0) + 1
            if self.killed_at is not None and self.loop is not None:
                self.recoveries_s.append(self.loop.now_s - self.killed_at)
                self.killed_at = None

    async def _stray(self, bus: SimulatedBus) -> None:
        """Somebody else writes to the topic what is no event, under the key of nobody."""
        await asyncio.sleep(self.chance.random())
        with contextlib.suppress(Unavailable):
            await bus.publish([Message(topic="qsmo.registry", key="stray", value=b"\xff", headers={})])

    async def _settled(self, gateway: gateway_context.Gateway) -> None:
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while True:
                recorded = sum(_one(self.folder / f"{name}.db", "SELECT count(*) FROM outbox") for name in OWNERS)
                fed = _one(self.folder / "gateway.db", "SELECT count(*) FROM feed")
                heard = _one(self.folder / "adoption.db", "SELECT coalesce(sum(version), 0) FROM inbox")
                self.lag_max = max(self.lag_max, recorded - fed)
                if recorded == fed == heard:
                    return
                await asyncio.sleep(0.25)

    def _reconciled(self) -> Result:
        feed = [
            (seq, orjson.loads(event))
            for seq, event in _all(self.folder / "gateway.db", "SELECT seq, event FROM feed ORDER BY seq")
        ]
        on_record = dict(_all(self.folder / "registry.db", "SELECT id, version FROM organizations"))
        known = {row[0] for row in _all(self.folder / "adoption.db", "SELECT id FROM known_organizations")}
        acknowledged = {id: version for writer in self.writers for id, version in writer.acknowledged.items()}
        versions: dict[str, list[int]] = {}
        for _, event in feed:
            versions.setdefault(event["subject"], []).append(event["aggregateversion"])
        lost = [
            id for id, version in acknowledged.items() if on_record.get(id, 0) < version or len(versions.get(id, [])) < version
        ]
        duplicated = sum(len(found) - len(set(found)) for found in versions.values()) + len(
            on_record.keys() - acknowledged.keys()
        )
        reordered = sum(later < earlier for found in versions.values() for earlier, later in pairwise(found))
        parked = [_one(self.folder / f"{name}.db", "SELECT count(*) FROM parked_events") for name in ("adoption", "gateway")]
        checks = {
            "an acknowledged write is lost": not lost,
            "something took effect twice": not duplicated,
            "an aggregate's facts are out of order": not reordered,
            "the registry and what was acknowledged differ": on_record == acknowledged,
            "the feed has gaps": [seq for seq, _ in feed] == list(range(1, len(feed) + 1)),
            "the feed's versions are not those of the registry": all(
                versions.get(id) == list(range(1, version + 1)) for id, version in on_record.items()
            ),
            "adoption knows other organizations": known == set(on_record),
            "a stray record is parked twice, or an event is parked": max(parked) <= 1,
            "the log is out of order": self._log_holds(),
            "the chain is broken": self.chain_holds,
        }
        return Result(
            seed=self.seed,
            digest=hashlib.sha256(repr((versions, self.steps, self.now_s)).encode()).hexdigest()[:16],
            steps=self.steps,
            kills=self.kills,
            writes=sum(writer.done for writer in self.writers),
            unknown=sum(writer.unknown for writer in self.writers),
            lost=len(lost),
            duplicated=duplicated,
            reordered=reordered,
            lag_max=self.lag_max,
            recoveries_s=tuple(self.recoveries_s),
            faults=tuple(words for words, holds in checks.items() if not holds),
        )

    def _log_holds(self) -> bool:
        """Per key every version appears first behind the one before it; repetitions come later."""
        newest: dict[str, int] = {}
        for key, headers in _all(self.folder / "events.db", "SELECT key, headers FROM record ORDER BY position"):
            version = int(orjson.loads(headers).get("ce_aggregateversion", 0))
            if version > newest.get(key, 0) + 1:
                return False
            newest[key] = max(version, newest.get(key, 0))
        return True


def _all(path: Path, statement: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def _one(path: Path, statement: str) -> int:
    return int(_all(path, statement)[0][0])
