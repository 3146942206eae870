from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from services.gateway import tables
from services.gateway.audit import ChainReport, verify_chain
from services.gateway.chain import link
from services.gateway.consumers.feed import FeedWriter
from services.gateway.feed.live import Live
from services.gateway.feed.reading import FeedReader
from services.gateway.feed.view import Filters, View
from shared.auth import ANONYMOUS
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Message
from shared.contracts.envelope import Event
from shared.db import Database, Transaction
from shared.inbox import Consumer
from shared.kernel.cause import Cause
from tests.unit.gateway.builders import Harness, a_gateway, an_event, an_organization, append, deliveries

feed, head = tables.feed, tables.feed_head
EVENTS = 60


@pytest.fixture
async def harness(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with a_gateway(database_url, tmp_path) as harness:
        yield harness


async def in_transaction(db: Database, work: Callable[[Transaction], Any]) -> None:
    async with db.transaction(Cause(actor="tests")) as tx:
        await work(tx)


async def test_two_writers_at_once_leave_no_gap_and_no_fork(harness: Harness, database_url: str) -> None:
    other = Database(database_url)
    try:

        async def write(db: Database, batches: int, seed: int) -> None:
            chance = random.Random(seed)
            writer = FeedWriter(Live(FeedReader(db)))
            for _ in range(batches):
                async with db.transaction(Cause(actor="tests")) as tx:
                    await asyncio.sleep(chance.random() / 200)
                    await writer.append(tx, [an_event() for _ in range(chance.randint(1, 9))])
                    await asyncio.sleep(chance.random() / 200)

        async with asyncio.TaskGroup() as group:
            for seed, db in enumerate((harness.gateway.db, other, harness.gateway.db, other)):
                group.create_task(write(db, 15, seed))

        report = await verify_chain(other)
        await harness.gateway.live.catch_up()
        assert report == ChainReport(ok=True, events=harness.gateway.live.last)
        assert report.events >= 60
    finally:
        await other.close()


async def test_what_a_redelivered_batch_brings_again_is_appended_once(harness: Harness) -> None:
    events = [an_event(subject="a", aggregate_version=n) for n in (1, 2, 3)]
    await harness.gateway.consumer.process(deliveries(events[:2]))
    await harness.gateway.consumer.process(deliveries(events))

    assert (await harness.gateway.reader.head()).seq == 3


async def test_facts_of_two_services_about_the_same_slug_are_both_on_the_feed(harness: Harness) -> None:
    area = {"focus_area": "cybersecurity", "title": "Cybersecurity", "services": []}
    of_registry = an_event(
        type="qsmo.registry.focus_area.registered.v1", source="/registry", subject="cybersecurity", data=area
    )
    of_catalog = an_event(subject="cybersecurity")

    await harness.gateway.consumer.process(deliveries([of_registry]))
    await harness.gateway.consumer.process(deliveries([of_catalog]))

    assert (await harness.gateway.reader.head()).seq == 2


@pytest.mark.parametrize("broken", [{"data": b"{"}, {"data": b"[]"}, {"type": "qsmo.catalog.new\nline.v1"}])
async def test_an_event_that_readers_could_not_parse_is_parked_and_the_others_pass(
    harness: Harness, broken: dict[str, Any]
) -> None:
    await harness.gateway.consumer.process(deliveries([an_event(), an_event(**broken), an_event()]))

    assert (await harness.gateway.reader.head()).seq == 2
    assert (await verify_chain(harness.gateway.db)).ok


async def test_facts_come_from_the_bus_to_a_waiting_reader(database_url: str, tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "events.db")
    await bus.start()
    try:
        async with a_gateway(database_url, tmp_path, bus=bus) as harness, harness.client() as client:
            waiting = asyncio.create_task(client.get("/v1/events", params={"wait": 20}))
            await asyncio.sleep(0.2)
            event = an_event(source="/registry", type="qsmo.registry.policy.recorded.v1")
            await bus.publish([Message(topic=event.topic, key=event.subject, value=event.data, headers=event.headers())])
            page = (await waiting).json()
    finally:
        await bus.close()

    assert [(item["seq"], item["id"]) for item in page["items"]] == [(1, event.id)]


# --- the chain


def _rehash(rows: list[Any], position: int, **columns: Any) -> dict[str, Any]:
    row = {**rows[position], **columns}
    return {**row, "hash": link(row["prev_hash"], row["seq"], row["event"].encode())}


async def _edit(tx: Transaction, at: int, /, **columns: Any) -> None:
    await tx.execute(update(feed).where(feed.c.seq == at).values(**columns))


async def _swap(tx: Transaction, one: int, two: int) -> None:
    for source, target in ((one, -1), (two, one), (-1, two)):
        await _edit(tx, source, seq=target)


TAMPERING: dict[str, Callable[[Transaction, list[Any], int], Any]] = {
    "event": lambda tx, rows, n: _edit(tx, n, event=rows[n - 1]["event"].replace("Cybersecurity", "Cyber")),
    "event and hash": lambda tx, rows, n: _edit(
        tx, n, **_rehash(rows, n - 1, event=rows[n - 1]["event"].replace('"subject":"', '"subject":"x'))
    ),
    "hash": lambda tx, _, n: _edit(tx, n, hash="f" * 64),
    "prev_hash": lambda tx, _, n: _edit(tx, n, prev_hash="f" * 64),
    "type": lambda tx, _, n: _edit(tx, n, type="qsmo.catalog.marketplace.closed.v1"),
    "topic": lambda tx, _, n: _edit(tx, n, source_topic="qsmo.registry"),
    "subject": lambda tx, _, n: _edit(tx, n, subject="someone else"),
    "event_id": lambda tx, _, n: _edit(tx, n, event_id="00000000-0000-7000-8000-000000000000"),
    "time": lambda tx, _, n: _edit(tx, n, time="2026-01-05T12:00:00.000001Z"),
    "actor": lambda tx, _, n: _edit(tx, n, actor="nobody"),
    "visibility": lambda tx, _, n: _edit(tx, n, visibility="restricted"),
    "focus area": lambda tx, _, n: _edit(tx, n, focus_area="cybersecurity"),
    "agency": lambda tx, _, n: _edit(tx, n, agency="somewhere"),
    "deletion": lambda tx, _, n: tx.execute(delete(feed).where(feed.c.seq == n)),
    "truncation": lambda tx, _, n: tx.execute(delete(feed).where(feed.c.seq >= n)),
    "swap": lambda tx, _, n: _swap(tx, n, n + 1),
    "number": lambda tx, _, n: _edit(tx, n, seq=n + 10_000),
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_any_tampering_is_found_at_its_seq(harness: Harness, kind: str) -> None:
    db = harness.gateway.db
    await append(harness.gateway, *(an_event() for _ in range(EVENTS)))
    assert await verify_chain(db) == ChainReport(ok=True, events=EVENTS)
    async with db.reading() as tx:
        rows = [dict(row) for row in await tx.rows(select(feed).order_by(feed.c.seq))]

    for seq in (1, EVENTS - 1, random.randint(2, EVENTS - 2)):
        await in_transaction(db, lambda tx, seq=seq: TAMPERING[kind](tx, rows, seq))  # type: ignore[misc]
        report = await verify_chain(db)
        assert (report.ok, report.first_bad_seq) == (False, seq), report
        assert report.reason
        await in_transaction(db, lambda tx: tx.execute(delete(feed)))
        await in_transaction(db, lambda tx: tx.execute(insert(feed), rows))

    assert (await verify_chain(db)).ok


@pytest.mark.parametrize(
    ("values", "first_bad"),
    [({"seq": EVENTS + 1}, EVENTS + 1), ({"seq": EVENTS - 1}, EVENTS - 1), ({"hash": "f" * 64}, EVENTS)],
)
async def test_a_head_that_disagrees_is_found(harness: Harness, values: dict[str, Any], first_bad: int) -> None:
    await append(harness.gateway, *(an_event() for _ in range(EVENTS)))
    await in_transaction(harness.gateway.db, lambda tx: tx.execute(update(head).values(**values)))

    report = await verify_chain(harness.gateway.db)

    assert (report.ok, report.first_bad_seq) == (False, first_bad)


async def test_rows_beyond_the_head_are_found(harness: Harness) -> None:
    await append(harness.gateway, *(an_event() for _ in range(EVENTS)))
    async with harness.gateway.db.reading() as tx:
        before = await tx.row(select(feed.c.hash).where(feed.c.seq == EVENTS - 1))
    assert before is not None
    await in_transaction(harness.gateway.db, lambda tx: tx.execute(update(head).values(seq=EVENTS - 1, hash=before["hash"])))

    assert (await verify_chain(harness.gateway.db)).first_bad_seq == EVENTS


async def test_an_empty_feed_holds(harness: Harness) -> None:
    assert await verify_chain(harness.gateway.db) == ChainReport(ok=True, events=0)


# --- reading


async def test_a_page_gives_the_cursor_for_the_next_until_the_head(harness: Harness) -> None:
    await append(harness.gateway, *(an_event() for _ in range(25)))
    seen, after = [], 0
    async with harness.client() as client:
        while True:
            page = (await client.get("/v1/events", params={"after": after, "limit": 10})).json()
            seen += [item["seq"] for item in page["items"]]
            if page["next_after"] == after:
                break
            after = page["next_after"]
        one = (await client.get("/v1/events/7")).json()
        beyond = await client.get("/v1/events/26")

    assert seen == list(range(1, 26))
    assert one["seq"] == 7
    assert beyond.status_code == 404


async def test_a_long_poll_wakes_when_something_is_appended_and_else_ends_in_time(harness: Harness) -> None:
    async with harness.client() as client:
        begun = time.monotonic()
        empty = (await client.get("/v1/events", params={"wait": 0.3})).json()
        waited = time.monotonic() - begun

        waiting = asyncio.create_task(client.get("/v1/events", params={"wait": 20}))
        await asyncio.sleep(0.2)
        begun = time.monotonic()
        await append(harness.gateway, an_event())
        page = (await waiting).json()

    assert empty == {"items": [], "next_after": 0, "head": 0}
    assert 0.25 < waited < 2
    assert [item["seq"] for item in page["items"]] == [1]
    assert time.monotonic() - begun < 1


async def test_a_reader_learns_of_what_another_process_appended(harness: Harness, database_url: str) -> None:
    other = Database(database_url)
    try:
        async with harness.client() as client:
            waiting = asyncio.create_task(client.get("/v1/events", params={"wait": 20}))
            await asyncio.sleep(0.2)
            async with other.transaction(Cause(actor="tests")) as tx:
                await FeedWriter(Live(FeedReader(other))).append(tx, [an_event()])
            async with asyncio.timeout(2):
                page = (await waiting).json()
    finally:
        await other.close()

    assert [item["seq"] for item in page["items"]] == [1]


async def test_stopping_ends_long_polls(harness: Harness) -> None:
    async with harness.client() as client:
        waiting = asyncio.create_task(client.get("/v1/events", params={"wait": 20}))
        await asyncio.sleep(0.2)
        harness.app.state.closing.set()
        async with asyncio.timeout(2):
            assert (await waiting).json()["items"] == []


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "limit=0", "limit=1001", "wait=26", "type=a%20b", "after=9223372036854775808"]
)
async def test_a_cursor_or_parameter_that_cannot_be_is_400(harness: Harness, query: str) -> None:
    async with harness.client() as client:
        answer = await client.get(f"/v1/events?{query}")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_cursor_beyond_the_head_is_not_valid(harness: Harness) -> None:
    async with harness.client() as client:
        page = await client.get("/v1/events?after=1")
        stream = await client.get("/v1/events/stream", headers={"Last-Event-ID": "99"})

    assert (page.status_code, stream.status_code) == (422, 422)
    assert page.json()["errors"][0]["pointer"] == "query:after"
    assert stream.json()["errors"][0]["pointer"] == "header:Last-Event-ID"


async def test_filters_narrow_pages_and_pass_over_the_rest(harness: Harness) -> None:
    opened = an_event(focus_area="cybersecurity", subject="one")
    listed = an_event(type="qsmo.catalog.offering.listed.v1", agency="agency-1")
    retired = an_event(type="qsmo.catalog.offering.retired.v1", focus_area="grants-management")
    other = an_event(type="qsmo.catalog.offerings.counted.v1")
    await append(harness.gateway, opened, listed, retired, other)

    async with harness.client() as client:

        async def seqs(query: str) -> list[int]:
            page = (await client.get(f"/v1/events?{query}")).json()
            assert page["next_after"] == 4
            return [item["seq"] for item in page["items"]]

        assert await seqs("type=qsmo.catalog.offering") == [2, 3]
        assert await seqs("type=qsmo.catalog.offering.listed.v1&type=qsmo.catalog.marketplace") == [1, 2]
        assert await seqs("type=qsmo.CATALOG.offering") == []
        assert await seqs("focus_area=cybersecurity") == [1]
        assert await seqs("subject=one") == [1]
        assert await seqs("agency=agency-1") == [2]


@pytest.mark.parametrize(
    ("text", "seqs"),
    [
        ("focus_area = cybersecurity", [1, 5]),
        ("focus_area != cybersecurity", [2, 3, 4]),
        ("type = qsmo.catalog.offering and not agency = agency-1", [3]),
        ("type in (qsmo.catalog.offering, qsmo.registry)", [2, 3, 5]),
        ("source = catalog and (subject = one or seq > 3)", [1, 4]),
        ('source = "/registry"', [5]),
        ("time >= 2026-01-06 or seq = 2", [2, 5]),
        ("not (actor = someone and visibility = public)", [5]),
        ("focus_area = 'x'", None),
        ("data = 1", None),
        ("type > qsmo", None),
    ],
)
async def test_a_filter_is_the_same_on_pages_live_and_at_replay(harness: Harness, text: str, seqs: list[int] | None) -> None:
    await append(
        harness.gateway,
        an_event(focus_area="cybersecurity", subject="one"),
        an_event(type="qsmo.catalog.offering.listed.v1", agency="agency-1"),
        an_event(type="qsmo.catalog.offering.retired.v1", focus_area="grants-management"),
        an_event(type="qsmo.catalog.offerings.counted.v1"),
        an_event(
            source="/registry",
            type="qsmo.registry.policy.issued.v1",
            focus_area="cybersecurity",
            time="2026-01-06T00:00:00.000000Z",
            actor="another",
        ),
    )
    async with harness.client() as client:
        page = await client.get("/v1/events", params={"filter": text})
        narrow = [await client.get("/v1/events", params={"filter": text, "limit": 1, "after": n}) for n in range(5)]

    if seqs is None:
        assert (page.status_code, page.json()["errors"][0]["pointer"]) == (400, "query:filter")
        assert page.json()["errors"][0]["detail"].startswith("At character ")
        return
    assert [item["seq"] for item in page.json()["items"]] == seqs
    found = [item["seq"] for answer in narrow for item in answer.json()["items"]]
    assert found == [next(seq for seq in seqs if seq > n) for n in range(5) if n < seqs[-1]]
    view = View(ANONYMOUS, Filters(filter=text))
    live = await harness.gateway.live.chunk(view, 0)
    harness.gateway.live._ring.clear()
    harness.gateway.live._chunks.clear()
    replayed = await harness.gateway.live.chunk(view, 0)
    assert live.frames == replayed.frames
    assert re.findall(rb"^id: (\d+)$", live.frames, re.MULTILINE) == [b"%d" % seq for seq in seqs]


# --- visibility

CALLERS: dict[str, tuple[tuple[str, ...], list[int]]] = {
    "public": ((), [1, 2, 3, 8]),
    "provider": (("provider:acme",), [1, 2, 3, 8]),
    "auditor": (("auditor",), [1, 2, 3, 4, 5, 6, 7, 8]),
    "qsmo of the area": (("qsmo:cybersecurity",), [1, 2, 3, 4, 5, 8]),
    "qsmo of another": (("qsmo:acquisition",), [1, 2, 3, 4, 8]),
    "the department": (("agency:070:cio",), [1, 2, 3, 4, 6, 7, 8]),
    "the component": (("agency:7008",), [1, 2, 3, 4, 7, 8]),
    "another department": (("agency:097:head",), [1, 2, 3, 4, 8]),
}


def mixed_events() -> list[Event]:
    return [
        an_organization("dhs", code="070"),
        an_organization("cisa", code="7008", parent_id="dhs"),
        an_event(),
        an_event(visibility="federal"),
        an_event(visibility="restricted", focus_area="cybersecurity"),
        an_event(visibility="restricted", agency="dhs"),
        an_event(visibility="restricted", agency="cisa"),
        an_event(),
    ]


@pytest.mark.parametrize("caller", CALLERS)
async def test_what_a_caller_may_not_see_is_hidden_at_live_and_at_replay_alike(harness: Harness, caller: str) -> None:
    roles, visible = CALLERS[caller]
    async with harness.client(*roles) as client:
        live: list[int] = []

        async def follow() -> None:
            after = 0
            while after < 8:
                page = (await client.get("/v1/events", params={"after": after, "wait": 10})).json()
                live.extend(item["seq"] for item in page["items"])
                after = page["next_after"]

        following = asyncio.create_task(follow())
        for event in mixed_events():
            await append(harness.gateway, event)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(15):
            await following

        replayed = [item["seq"] for item in (await client.get("/v1/events")).json()["items"]]
        singly = [seq for seq in range(1, 9) if (await client.get(f"/v1/events/{seq}")).is_success]

    assert live == replayed == singly == visible


async def test_the_places_of_events_are_told_to_who_knows_their_ids_and_nothing_else_of_them(harness: Harness) -> None:
    events = [an_event(visibility=level) for level in ("public", "federal", "restricted")]
    await append(harness.gateway, *events)
    asked = {"id": [*(each.id for each in reversed(events)), "unheard-of", events[0].id]}

    async with harness.client() as client:
        found = await client.get("/v1/events/places", params=asked)
        none = await client.get("/v1/events/places")

    assert found.json() == {
        "items": [{"id": each.id, "seq": seq} for seq, each in ((3, events[2]), (2, events[1]), (1, events[0]))]
    }
    assert none.status_code == 400


async def test_a_new_parent_shows_its_people_what_is_below(harness: Harness) -> None:
    await append(harness.gateway, an_organization("cisa", code="7008"), an_event(visibility="restricted", agency="cisa"))
    async with harness.client("agency:070") as client:
        before = (await client.get("/v1/events/2")).status_code
        await append(harness.gateway, an_organization("dhs", code="070"))
        moved = an_organization("cisa", code="7008", parent_id="dhs")
        await append(harness.gateway, moved)
        after = (await client.get("/v1/events/2")).status_code

    assert (before, after) == (404, 200)


async def test_the_audit_trail_is_for_those_who_check_and_shows_the_chain(harness: Harness) -> None:
    await append(harness.gateway, an_event(actor="ann"), an_event(actor="bob", subject="thing"), an_event(actor="ann"))
    async with harness.client() as client:
        assert (await client.get("/v1/audit")).status_code == 401
        top = (await client.get("/v1/audit/head")).json()
    async with harness.client("qsmo:cybersecurity") as client:
        assert (await client.get("/v1/audit")).status_code == 403
    async with harness.client("auditor") as client:
        every = (await client.get("/v1/audit")).json()
        anns = (await client.get("/v1/audit", params={"actor": "ann", "limit": 1})).json()
        things = (await client.get("/v1/audit", params={"subject": "thing"})).json()

    assert [item["seq"] for item in every["items"]] == [1, 2, 3]
    assert every["items"][1]["prev_hash"] == every["items"][0]["hash"]
    assert top == {"seq": 3, "hash": every["items"][-1]["hash"]}
    assert ([item["seq"] for item in anns["items"]], anns["next_after"]) == ([1], 1)
    assert ([item["seq"] for item in things["items"]], things["next_after"]) == ([2], 3)


async def test_the_writer_and_the_consumer_agree_on_how_much_was_heard(harness: Harness) -> None:
    consumer: Consumer = harness.gateway.consumer
    await consumer.process(deliveries([an_event(subject="a"), an_event(subject="a", aggregate_version=2), an_event()]))
    async with harness.gateway.db.reading() as tx:
        appended = (await tx.execute(select(func.count()).select_from(feed))).scalar_one()

    assert appended == (await harness.gateway.progress())["heard"] == 3
