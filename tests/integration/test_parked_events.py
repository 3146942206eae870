"""Parked events over HTTP: what stands still, and what an operator decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from shared.bus.port import Message
from shared.contracts.registry import FocusAreaRegistered
from tests.support.apps import Api, an_api
from tests.support.tally import an_event

PARKED = "/v1/parked-events/catalog"
_PATIENCE_S = 10.0


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as made:
        yield made


async def parked(api: Api, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            items: list[dict[str, Any]] = (await api.get(PARKED, "coordinator")).json()["items"]
            if len(items) == count:
                return items
            await asyncio.sleep(0.02)


async def poison(api: Api, subject: str, version: int, value: bytes) -> None:
    event = an_event(subject, version)
    headers = {**event.headers(), "ce_type": FocusAreaRegistered.TYPE}
    await api.connections.bus.publish([Message(topic="qsmo.registry", key=subject, headers=headers, value=value)])


async def test_what_cannot_be_applied_is_listed_with_the_reason(api: Api) -> None:
    await poison(api, "broken", 1, b"{}")
    await poison(api, "broken", 2, b"{}")

    first, second = await parked(api, 2)
    assert (first["topic"], first["subject"], first["version"]) == ("qsmo.registry", "broken", 1)
    assert "Field required" in first["reason"]
    assert "behind a parked event" in second["reason"]
    found = (await api.get(f"{PARKED}?filter=version > 1&count=true&fields=version", "coordinator")).json()
    assert found == {"items": [{"id": second["id"], "version": 2}], "next_cursor": None, "count": 1}


async def test_retrying_what_still_fails_says_so_and_leaves_it_parked(api: Api) -> None:
    await poison(api, "broken", 1, b"{}")
    (event,) = await parked(api, 1)

    answer = await api.post(f"{PARKED}/{event['id']}/retry", {}, "coordinator")

    assert answer.status_code == 409
    assert "nothing was" in answer.json()["detail"]
    await parked(api, 1)


async def test_discarding_needs_a_reason_and_takes_the_whole_aggregate(api: Api) -> None:
    await poison(api, "broken", 1, b"{}")
    await poison(api, "broken", 2, b"{}")
    event, _ = await parked(api, 2)

    silent = await api.post(f"{PARKED}/{event['id']}/discard", {}, "coordinator")
    answer = await api.post(f"{PARKED}/{event['id']}/discard", {"reason": "A test of the producer."}, "coordinator")
    again = await api.post(f"{PARKED}/{event['id']}/discard", {"reason": "A test of the producer."}, "coordinator")

    assert silent.status_code == 422
    assert answer.json() == {"topic": "qsmo.registry", "subject": "broken", "events": 2}
    assert again.status_code == 404
    await parked(api, 0)


async def test_a_record_that_is_no_event_is_parked_once_and_can_be_discarded(api: Api) -> None:
    stray = Message(topic="qsmo.registry", key="stray", headers={}, value=b"\xff\x00")
    await api.connections.bus.publish([stray, stray])
    (event,) = await parked(api, 1)

    retried = await api.post(f"{PARKED}/{event['id']}/retry", {}, "coordinator")
    discarded = await api.post(f"{PARKED}/{event['id']}/discard", {"reason": "Not ours."}, "coordinator")

    assert retried.status_code == 409
    assert discarded.json()["events"] == 1


@pytest.mark.parametrize(
    ("roles", "reading", "deciding"),
    [
        ((), 401, 401),
        (("agency:7000:sapoc",), 403, 403),
        (("qsmo:cybersecurity",), 403, 403),
        (("auditor",), 200, 403),
        (("coordinator",), 200, 404),
    ],
)
async def test_who_may_read_and_decide(api: Api, roles: tuple[str, ...], reading: int, deciding: int) -> None:
    assert (await api.get(PARKED, *roles)).status_code == reading
    assert (await api.post(f"{PARKED}/1/retry", {}, *roles)).status_code == deciding
    assert (await api.post(f"{PARKED}/1/discard", {"reason": "Who may?"}, *roles)).status_code == deciding
