"""What `qsmo replay` finds in read models that are not what facts make of them, and mends while they are served."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Executable, delete, select, update

from services.adoption import tables
from services.adoption.consumers import follow_organizations
from services.commandline.recovery import replay
from services.commandline.recovery.comparing import Owned, look, mend
from services.commandline.recovery.models import MODELS
from services.commandline.recovery.opened import Installation
from services.commandline.recovery.shadow import Source, a_shadow
from services.commandline.recovery.standing import FOLLOWERS
from services.embedded import embedded
from services.installation import DataFolder
from shared.bus.port import Message
from shared.contracts.envelope import Event
from shared.contracts.fact import Fact
from shared.contracts.registry import OrganizationChanged
from shared.kernel.cause import Cause
from shared.kernel.errors import Invalid, RuleViolation
from tests.reliability.load import Books, Journal, books, write_until
from tests.unit.adoption.builders import World, a_world, an_organization

_CAUSE = Cause(actor="tester")
_ADOPTION = next(each for each in FOLLOWERS if each.service == "adoption")
_OF_ORGANIZATIONS = MODELS["adoption"][:2]


@asynccontextmanager
async def served(folder: DataFolder) -> AsyncIterator[tuple[httpx.AsyncClient, Books]]:
    """With its starter data, all of which has arrived."""
    headers = {"Authorization": f"Bearer {folder.issuer.token(subject='tester', roles=['coordinator'])}"}
    async with embedded(folder) as gateway, books(folder.database_url) as book:
        await book.settled()
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://embedded", headers=headers) as client:
            yield client, book


@asynccontextmanager
async def writes(client: httpx.AsyncClient) -> AsyncIterator[Journal]:
    stop, journal = asyncio.Event(), Journal()
    writer = asyncio.create_task(write_until(stop, client, journal, "replay", pause_s=0.02))
    try:
        yield journal
    finally:
        stop.set()
        await writer


def change(folder: DataFolder, name: str, *statements: str) -> None:
    with closing(sqlite3.connect(folder.path / f"{name}.db", timeout=30)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


async def test_what_was_damaged_is_named_and_mended_while_writes_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DataFolder(tmp_path / "data")

    async def said(*, status: int, apply: bool = False, source: Source = "bus") -> list[str]:
        assert await replay.run(folder, service="catalog", model=None, source=source, apply=apply) == status
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("catalog: ")]

    async with served(folder) as (client, book), writes(client) as journal:
        (line,) = await said(status=0)
        assert line.endswith(" 0 differ.")
        (other,) = await book.rows("catalog", "SELECT id, name FROM organizations ORDER BY id LIMIT 1")
        change(
            folder,
            "catalog",
            "DELETE FROM focus_areas WHERE id = 'cybersecurity'",
            f"UPDATE organizations SET name = 'Another', parent_id = 'x' WHERE id = '{other['id']}'",
            "INSERT INTO designations VALUES ('nobody', 'cybersecurity', 's', NULL, 'revoked', '2020-01-01', NULL)",
        )
        damage = [
            "catalog: missing: focus_areas cybersecurity",
            f"catalog: different: organizations {other['id']} in name, parent_id",
            "catalog: superfluous: designations nobody",
        ]
        before = len(journal.acknowledged)
        assert sorted((await said(status=1, source="outboxes"))[:-1]) == sorted(damage)
        assert sorted((await said(status=0, apply=True))[:-1]) == sorted(f"{line}, written" for line in damage)
        assert len(journal.acknowledged) > before

        assert len(await said(status=0)) == 1
        (mended,) = await book.rows("catalog", f"SELECT name FROM organizations WHERE id = '{other['id']}'")
        assert mended["name"] == other["name"]


async def test_without_the_first_facts_it_refuses_and_reads_them_where_they_were_recorded(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    async with served(folder):
        change(folder, "events", "DELETE FROM record WHERE position IN (SELECT position FROM record ORDER BY position LIMIT 3)")

        with pytest.raises(RuleViolation, match="does not reach back to the start"):
            await replay.run(folder, service="adoption", model=None, source="bus", apply=True)
        assert await replay.run(folder, service="adoption", model=None, source="outboxes", apply=False) == 0


async def test_every_row_belongs_to_an_object_that_was_told_of(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    async with served(folder) as (_, book):
        for service, model in [(service, model) for service, models in MODELS.items() for model in models]:
            rows = await book.rows(service, f"SELECT {model.owner} AS owner FROM {model.table.name}")
            heard = {row["subject"] for row in await book.rows(service, "SELECT subject FROM inbox")}
            assert {f"{model.topic}:{row['owner']}" for row in rows} <= heard, model.table.name


def test_every_table_of_what_others_told_is_a_model() -> None:
    known = {name for name in tables.metadata.tables if name.startswith("known_")}

    assert {model.table.name for model in MODELS["adoption"]} == known


@pytest.mark.parametrize(("service", "model"), [("registry", None), ("catalog", "providers")])
async def test_what_is_no_read_model_is_not_replayed(service: str, model: str | None, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="there are"):
        await replay.run(DataFolder(tmp_path), service=service, model=model, source="bus", apply=False)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        for version, id_ in enumerate(("a", "b", "c")):
            await told(world, an_organization(id_, ("cgac", f"90{version}")))
        yield world


async def told(world: World, *facts: Fact) -> None:
    """On the bus, so that they can be read again, and applied."""
    deliveries = world.deliveries(*facts)
    messages = [Message(topic=d.topic, key=d.key, value=d.value, headers=d.headers) for d in deliveries]
    assert all(await world.api.connections.bus.publish(messages))
    await world.owner.consumers[0].process(deliveries)


def owned(*ids: str) -> set[Owned]:
    return {(model, id_) for model in _OF_ORGANIZATIONS for id_ in ids}


async def damage(world: World, *statements: Executable) -> None:
    async with world.db.transaction(_CAUSE) as tx:
        for statement in statements:
            await tx.execute(statement)


async def test_an_object_that_moved_on_since_it_was_looked_at_is_left_alone(world: World) -> None:
    organizations, codes = tables.known_organizations, tables.known_codes
    await damage(
        world,
        delete(codes).where(codes.c.organization_id == "a"),
        update(organizations).where(organizations.c.id == "b").values(name="Wrong"),
    )
    async with a_shadow(_ADOPTION, ["qsmo.registry"], source="bus") as shadow:
        await shadow.follow(Installation({}, world.api.connections.bus))
        found = await look(world.db, shadow, _OF_ORGANIZATIONS, only=owned("a", "b", "c"))
        await told(world, an_organization("b", kind=OrganizationChanged, name="Newer"))
        mended = {place[1]: await mend(world.db, _ADOPTION, place, each) for place, each in found.differences.items()}
        after = await look(world.db, shadow, _OF_ORGANIZATIONS, only=owned("a", "b", "c"))

    assert mended == {"a": True, "b": False}
    assert (after.differences, {owner for _, owner in after.moved}) == ({}, {"b"})


async def test_a_consumer_that_is_at_work_on_an_object_is_waited_for(world: World) -> None:
    codes, positions = tables.known_codes, tables.inbox.positions
    await damage(world, delete(codes).where(codes.c.organization_id == "b"))
    (delivery,) = world.deliveries(an_organization("b", ("cgac", "999"), kind=OrganizationChanged))
    event = Event.from_headers(delivery.headers, delivery.value)
    async with a_shadow(_ADOPTION, ["qsmo.registry"], source="bus") as shadow:
        await shadow.follow(Installation({}, world.api.connections.bus))
        ((place, differences),) = (await look(world.db, shadow, _OF_ORGANIZATIONS, only=owned("b"))).differences.items()
        async with world.db.transaction(_CAUSE) as tx:
            await follow_organizations(tx, [event])
            mending = asyncio.create_task(mend(world.db, _ADOPTION, place, differences))
            await asyncio.sleep(0.3)
            of_it = positions.c.subject == "qsmo.registry:b"
            await tx.execute(update(positions).where(of_it).values(version=event.aggregate_version))
        assert not await mending

    async with world.db.reading() as tx:
        kept = (await tx.execute(select(codes.c.value).where(codes.c.organization_id == "b"))).scalars()
        assert list(kept) == ["999"]
