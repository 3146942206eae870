"""Hundreds of changes of the same services at once: the database decides, and the feed tells what it decided."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import Api
from tests.support.plans import BASIS, a_content
from tests.support.registry import a_registry, an_organization
from tests.support.replay import designations_after, designations_in_table

CALLS = 500
SERVICES = ("dns-resolver", "soc-standardization", "vulnerability-management")
ACTIONS = ("designate", "transfer", "revoke")


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with a_registry(database_url, tmp_path, services=SERVICES) as api:
        yield api


async def pre_designate(api: Api, service: str, lead: str) -> int:
    body = {"focus_area": "cybersecurity", "service": service, "organization_id": lead, "effective_on": "2020-04-27"}
    return (await api.post("/v1/designations/pre-designate", {**body, **BASIS}, "omb")).status_code


async def live(api: Api, service: str) -> list[Any]:
    """Asks again when the service says that it has too many at the door."""
    path = f"/v1/designations?area=cybersecurity&service={service}&limit=200"
    while (listed := await api.get(path)).status_code == 503:
        await asyncio.sleep(float(listed.headers["retry-after"]))
    return [found for found in listed.json()["items"] if found["status"] != "ended"]


class Storm:
    """One call of each kind on each service in turn; what is ended is begun again, so that there is something to fight for."""

    def __init__(self, api: Api, offices: list[str]) -> None:
        self.api, self.offices = api, offices
        self.answers: Counter[tuple[str, int]] = Counter()

    async def call(self, n: int, gate: asyncio.Semaphore) -> None:
        service, action = SERVICES[n % 3], ACTIONS[n // 3 % 3]
        async with gate:
            found = await live(self.api, service)
            if found:
                await self._change(found[0], action, to=self.offices[n % len(self.offices)])
            if action == "revoke" or not found:
                self.answers["pre-designate", await pre_designate(self.api, service, self.offices[0])] += 1

    async def _change(self, found: Any, action: str, *, to: str) -> None:
        body = {"effective_on": "2020-04-27", "reason": "a reason", **BASIS}
        given = {**body, "organization_id": to} if action == "transfer" else body
        path = f"/v1/designations/{found['id']}/{action}"
        answer = await self.api.post(path, given, "omb", etag=f'"{found["version"]}"')
        self.answers[action, answer.status_code] += 1


async def designation_facts(api: Api, wanted: int) -> list[tuple[str, bytes]]:
    """What a consumer that begins with the first record hears, until it has heard as many facts as changes were made."""
    subscription = await api.connections.bus.subscribe(["qsmo.registry"], group="replay", member="0")
    heard: list[tuple[str, bytes]] = []
    async with asyncio.timeout(30):
        while sum(kind.startswith("qsmo.registry.designation.") for kind, _ in heard) < wanted:
            records = await subscription.fetch(max_messages=500, timeout_s=1)
            heard += [(record.headers["ce_type"], record.value) for record in records]
    heard += [(r.headers["ce_type"], r.value) for r in await subscription.fetch(max_messages=500, timeout_s=0.5)]
    await subscription.close()
    return heard


@pytest.mark.timeout(240)
async def test_500_concurrent_changes_leave_one_live_designation_per_service_and_a_feed_that_replays(api: Api) -> None:
    dhs = await an_organization(api, "DHS")
    offices = [await an_organization(api, f"office {n}", parent_id=dhs) for n in range(3)]
    await api.plans.seats("cio", "cfo", "dhs", organization_id=dhs)
    await api.plans.approved(dhs, a_content(offices[0], *SERVICES))
    for service in SERVICES:
        assert await pre_designate(api, service, offices[0]) == 201
    storm = Storm(api, offices)

    # In one breath nearly all come too late; through a narrow gate they take turns.
    for calls, at_once in ((CALLS, CALLS), (CALLS // 2, 12)):
        gate = asyncio.Semaphore(at_once)
        async with asyncio.TaskGroup() as group:
            for n in range(calls):
                group.create_task(storm.call(n, gate))
    for service in SERVICES:
        if not await live(api, service):
            assert await pre_designate(api, service, offices[0]) == 201

    answers = storm.answers
    assert {status for _, status in answers} <= {200, 201, 409, 412, 503}, answers
    assert sum(answers[action, 200] + answers[action, 201] for action in ACTIONS) > 20, answers
    assert sum(count for (_, status), count in answers.items() if status in {409, 412}) > 100, "they do not meet"
    for service in SERVICES:
        assert len(await live(api, service)) == 1, service
    async with api.app.state.context.db.reading() as tx:
        table = await designations_in_table(tx)
    replayed = designations_after(await designation_facts(api, sum(found["version"] for found in table.values())))
    assert replayed == table
