from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from services.adoption import queries, tables
from shared.bus.port import Message
from shared.contracts.catalog import OfferingAuthorizationChanged, OfferingPublished, OfferingRetired
from shared.contracts.registry import OrganizationChanged
from tests.unit.adoption.builders import World, a_world, advanced, an_offering, an_organization, started


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def code_holders(world: World, value: str) -> list[str]:
    table = tables.known_codes
    async with world.db.reading() as tx:
        rows = await tx.rows(select(table.c.organization_id).where(table.c.value == value).order_by(table.c.organization_id))
    return [row["organization_id"] for row in rows]


async def test_an_organization_is_known_as_the_registry_last_told(world: World) -> None:
    await world.tell(an_organization("csd", ("subtier", "7099"), kind=OrganizationChanged, name="Renamed", parent_id="doi"))

    async with world.db.reading() as tx:
        known = (await queries.organizations_by_id(tx, ["csd"]))["csd"]
    assert (known.name, known.parent_id) == ("Renamed", "doi")
    assert await code_holders(world, "7099") == ["csd"]


async def test_a_code_that_is_taken_away_is_known_no_longer(world: World) -> None:
    await world.tell(an_organization("cisa", kind=OrganizationChanged, parent_id="dhs"))

    assert await code_holders(world, "7008") == []


async def test_a_code_that_moves_ends_at_the_new_organization_in_whatever_order_it_is_told(world: World) -> None:
    await world.tell(an_organization("new", ("subtier", "7008")))
    assert await code_holders(world, "7008") == ["cisa", "new"]

    await world.tell(an_organization("cisa", kind=OrganizationChanged, parent_id="dhs"))

    assert await code_holders(world, "7008") == ["new"]


async def test_many_facts_of_one_organization_in_one_batch_leave_the_last(world: World) -> None:
    changes = [an_organization("csd", ("subtier", f"70{n:02d}"), kind=OrganizationChanged, name=f"Name {n}") for n in range(30)]

    await world.tell(*changes)

    async with world.db.reading() as tx:
        assert (await queries.organizations_by_id(tx, ["csd"]))["csd"].name == "Name 29"
    assert (await code_holders(world, "7028"), await code_holders(world, "7029")) == ([], ["csd"])


async def test_what_is_delivered_twice_counts_once(world: World) -> None:
    deliveries = world.deliveries(an_organization("csd", kind=OrganizationChanged, name="Newer"))
    consumer = world.owner.consumers[0]
    await consumer.process(deliveries)
    await world.tell(an_organization("csd", kind=OrganizationChanged, name="Newest"))

    await consumer.process(deliveries)

    async with world.db.reading() as tx:
        assert (await queries.organizations_by_id(tx, ["csd"]))["csd"].name == "Newest"


async def test_an_offering_is_known_with_its_areas_as_the_catalog_last_told(world: World) -> None:
    await world.tell(an_offering("dns", kind=OfferingAuthorizationChanged, revision=2, focus_areas=("grants-management",)))
    begun = (await started(world)).json()

    assert (begun["offering_revision"], begun["focus_areas"]) == (2, ["grants-management"])
    assert len(await world.adoptions("&area=grants-management", "omb")) == 1
    assert await world.adoptions("&area=cybersecurity", "omb") == []


async def test_each_revision_is_known_however_many_are_told_of_at_once(world: World) -> None:
    told = [an_offering("dns", kind=OfferingPublished, status="published", revision=n, name=f"Name {n}") for n in (2, 3, 3)]

    await world.tell(*told)

    async with world.db.reading() as tx:
        rows = await tx.rows(select(tables.known_revisions).order_by(tables.known_revisions.c.revision))
    assert [(row["revision"], row["document"]["name"]) for row in rows] == [(2, "Name 2"), (3, "Name 3")]


async def test_an_adoption_of_an_offering_that_is_retired_goes_on(world: World) -> None:
    begun = await started(world)
    await world.tell(an_offering("dns", kind=OfferingRetired, status="retired", revision=1))

    moved = await advanced(world, begun)

    assert moved.status_code == 200


async def test_facts_arrive_over_the_bus_and_facts_of_adoption_leave_by_it(world: World) -> None:
    bus = world.api.connections.bus
    listening = await bus.subscribe(["qsmo.adoption"], group="listener", member="1")
    told = world.deliveries(an_organization("nasa", ("cgac", "080")), an_offering("soc"))
    await bus.publish([Message(topic=d.topic, key=d.key, value=d.value, headers=d.headers) for d in told])

    async with asyncio.timeout(10):
        while (answer := await started(world, agency="nasa", offering="soc", role="agency:080")).status_code != 201:
            await asyncio.sleep(0.02)
        while not (heard := await listening.fetch(max_messages=10, timeout_s=1)):
            pass
    await listening.close()

    assert [delivery.key for delivery in heard] == [answer.json()["id"]]
    assert heard[0].headers["ce_type"] == "qsmo.adoption.adoption.started.v1"
