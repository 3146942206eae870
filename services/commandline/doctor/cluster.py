"""A look at a cluster, as the environment of its services leads to it: their databases, bus, keys and one another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import httpx
from sqlalchemy import func, select, text

from services.commandline.doctor import configuration
from services.commandline.doctor.asking import Finding, clock, clocks, parked_events, ready, search, waiting_facts
from services.commandline.recovery.standing import FOLLOWERS, Follower, inbox, outbox
from services.gateway import tables as gateway
from shared.auth import JwksUrl
from shared.bus.kafka import KafkaBus
from shared.db import Database, migrate
from shared.kernel.errors import Invalid, QsmoError, Unavailable
from shared.service import SERVICES, kafka_bus
from shared.settings import ServiceSettings, database_url_of

ALL = tuple(configuration.KINDS)
_DEADLINE_S = 10.0
_MOVES_WITHIN_S = 3.0
_LAG_EVENTS = 10_000
_NOW = text("SELECT clock_timestamp()")


def is_named() -> bool:
    """Whether the environment names the database of any service."""
    return any(database_url_of(service) is not None for service in ALL)


async def findings(services: Sequence[str]) -> AsyncIterator[Finding]:
    """Of these services, all at once. Raises Invalid for a service there is not."""
    if unknown := [name for name in services if name not in ALL]:
        raise Invalid(f"There is no service {unknown[0]!r}; there are: {', '.join(ALL)}.")
    settings, said = configuration.read(services)
    for finding in said:
        yield finding
    looks = [look for name, each in settings.items() for look in (_database(name, each), _bus(name, each))]
    for found in await asyncio.gather(*looks, _keys(settings), _neighbours(settings)):
        for finding in found:
            yield finding


async def _looked(what: str, look: Callable[[list[Finding]], Awaitable[None]], *, remedy: str) -> list[Finding]:
    """What the look has found, and why it came no further if it did not."""
    found: list[Finding] = []
    try:
        async with asyncio.timeout(_DEADLINE_S):
            await look(found)
    except TimeoutError:
        found.append(Finding(what, f"no answer within {_DEADLINE_S:.0f} s", remedy))
    except Exception as error:  # noqa: BLE001 - whatever a server, its driver or an address can break is what is looked for
        found.append(Finding(what, _why(error), remedy))
    return found


def _why(error: Exception) -> str:
    """The kernel's errors say little of what the driver said."""
    cause = error.__cause__ if isinstance(error, QsmoError) and error.__cause__ else error
    cause = getattr(cause, "orig", None) or cause
    return (str(cause) or repr(cause)).splitlines()[0]


async def _database(name: str, settings: ServiceSettings) -> list[Finding]:
    async def look(found: list[Finding]) -> None:
        async with _opened(settings) as db:
            found.append(await _schema(name, db))
            async with db.reading() as tx:
                if tx.is_postgresql:  # SQLite is a file: no clock but this one
                    there: datetime = (await tx.execute(_NOW)).scalar_one()
                    found.append(clocks(f"clock of {name}'s database", there))
            if not found[0].remedy:
                found += await _records(name, db)

    remedy = f"Is the server up, and is QSMO_{name.upper()}_DATABASE_URL right?"
    return await _looked(f"database of {name}", look, remedy=remedy)


@asynccontextmanager
async def _opened(settings: ServiceSettings) -> AsyncIterator[Database]:
    db = Database(settings.current("database_url"), pool_size=2)
    try:
        yield db
    finally:
        await db.close()


async def _schema(name: str, db: Database) -> Finding:
    try:
        await migrate.check(db, package=f"services.{name}.migrations")
    except Unavailable as error:
        if error.__cause__ is not None:
            raise
        return Finding(f"schema of {name}", str(error), f"Run `qsmo migrate --service {name}`.")
    return Finding(f"schema of {name}", f"{await migrate.current(db)}")


async def _records(name: str, db: Database) -> list[Finding]:
    found = [await _parked(name, db)]
    if name in SERVICES:
        return [await _outbox(name, db), *found]
    async with db.reading() as tx:
        seq = (await tx.execute(select(gateway.feed_head.c.seq))).scalar_one()
    return [*found, Finding("feed", f"at seq {seq}; `qsmo audit verify` recomputes its chain")]


async def _outbox(name: str, db: Database) -> Finding:
    c = outbox.c
    async with db.reading() as tx:
        waits = select(func.count().label("facts"), func.min(c.recorded_at).label("oldest")).where(c.published_at.is_(None))
        row = (await tx.execute(waits)).one()
        age_s = (tx.at - row.oldest).total_seconds() if row.oldest else 0.0
    return waiting_facts(f"outbox of {name}", age_s, count=row.facts)


async def _parked(name: str, db: Database) -> Finding:
    c = inbox.parked.c
    waits = c.resolved_at.is_(None)
    async with db.reading() as tx:
        count = (await tx.execute(select(func.count()).select_from(inbox.parked).where(waits))).scalar_one()
        reason = (await tx.execute(select(c.reason).where(waits).order_by(c.id).limit(1))).scalar_one_or_none()
    return parked_events(name, reason, count=count)


async def _bus(name: str, settings: ServiceSettings) -> list[Finding]:
    async def look(found: list[Finding]) -> None:
        async with kafka_bus(settings, service="doctor") as bus:
            await bus.ping()
            found.append(Finding(f"bus of {name}", f"reached at {settings.bus_url}"))
            found += [await _lag(bus, each) for each in FOLLOWERS if each.service == name]

    if not (settings.works and settings.bus_url):
        return []
    remedy = f"Is Kafka up, and QSMO_{name.upper()}_BUS_URL right? Services make the topics when they start."
    return await _looked(f"bus of {name}", look, remedy=remedy)


async def _lag(bus: KafkaBus, follower: Follower) -> Finding:
    """Few records that nobody reads are worse than many that somebody does."""
    what = f"consumer {follower.consumer}"
    before = await bus.standing(follower.topics, group=follower.consumer)
    if not before.waiting:
        return Finding(what, "has read everything")
    await asyncio.sleep(_MOVES_WITHIN_S)
    now = await bus.standing(follower.topics, group=follower.consumer)
    if now.waiting and now.read == before.read:
        said = f"{now.waiting} records wait, none was read for {_MOVES_WITHIN_S:.0f} s"
        return Finding(
            what, said, f"Is a process of {follower.service} up that works (ROLE)? See its log for `consumer_waits`."
        )
    remedy = "More wait than it soon reads: add replicas (docs/operations.md, Scale)." if now.waiting > _LAG_EVENTS else ""
    return Finding(what, f"{now.waiting} records wait, it reads on", remedy)


async def _keys(settings: Mapping[str, ServiceSettings]) -> list[Finding]:
    found = []
    has_no_keys = "gateway" in settings and not settings["gateway"].current("signing_key")
    for field in ("jwks_url",) if has_no_keys else ("jwks_url", "gateway_jwks_url"):
        for url in sorted({getattr(each, field) for each in settings.values()} - {""}):
            remedy = f"Is whoever publishes them up, and is {field.upper()} right? Nobody can sign in without."
            found += await _looked(f"keys at {url}", _reading(url), remedy=remedy)
    return found


def _reading(url: str) -> Callable[[list[Finding]], Awaitable[None]]:
    async def look(found: list[Finding]) -> None:
        async with httpx.AsyncClient() as client:
            try:
                await JwksUrl(url, client=client).key("")
            except KeyError:  # of no such name; the others were read
                found.append(Finding(f"keys at {url}", "can be read"))

    return look


async def _neighbours(settings: Mapping[str, ServiceSettings]) -> list[Finding]:
    """The services where the gateway looks for them."""
    found = []
    for name in SERVICES if "gateway" in settings else ():
        if url := getattr(settings["gateway"], f"{name}_url"):
            remedy = f"Is {name} up, and is QSMO_GATEWAY_{name.upper()}_URL right?"
            found += await _looked(f"{name} at {url}", _answering(name, url), remedy=remedy)
    return found


def _answering(name: str, url: str) -> Callable[[list[Finding]], Awaitable[None]]:
    async def look(found: list[Finding]) -> None:
        async with httpx.AsyncClient(base_url=url) as client:
            found.append(await ready(client, f"{name} at {url}"))
            found.append(await clock(client, f"clock of {name}"))
            if name == "catalog":
                found.append(await search(client))

    return look
