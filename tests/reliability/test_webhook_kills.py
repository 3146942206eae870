"""Webhooks survive kill -9: every fact arrives, in order, however often the process dies."""

from __future__ import annotations

import asyncio
import os
import random
from itertools import pairwise
from pathlib import Path

import httpx

from tests.reliability.ledger import PART, Outcome
from tests.support.installation import an_installation
from tests.support.receiver import a_receiver

KILLS = max(4, int(os.environ.get("QSMO_KILLS", "4")) // 25)
FACTS = 25 * KILLS


async def test_killing_the_process_loses_and_skips_no_delivery(tmp_path: Path) -> None:
    chance = random.Random(20260108 + PART)
    with an_installation(tmp_path) as installation:
        async with a_receiver() as receiver:
            receiver.answer = lambda _: (204, {}, chance.random() / 50)
            headers = installation.headers("omb")
            async with httpx.AsyncClient(base_url=installation.url, headers=headers, timeout=30) as client:
                body = {"url": receiver.url, "after": 0, "filters": {"types": ["qsmo.registry.policy"]}}
                assert (await client.post("/v1/webhooks", json=body)).status_code == 201
                for n in range(FACTS):
                    policy = {"id": f"policy-{n}", "title": "x", "issuer": "OMB", "issued_on": "2019-04-26"}
                    assert (await client.post("/v1/policies", json=policy)).status_code == 201
            for _ in range(KILLS):
                await asyncio.sleep(chance.random() / 2)
                await asyncio.to_thread(installation.kill)
                await asyncio.to_thread(installation.start)
            wanted = [e["seq"] for e in installation.get("/v1/events", type="qsmo.registry.policy", limit=1000)["items"]]
            async with asyncio.timeout(60):
                while wanted[-1] not in receiver.seqs:
                    await asyncio.sleep(0.05)

    assert len(wanted) >= FACTS
    assert list(dict.fromkeys(receiver.seqs)) == wanted
    place = {seq: n for n, seq in enumerate(wanted)}
    steps = [place[later] - place[earlier] for earlier, later in pairwise(receiver.seqs)]
    assert set(steps) <= {0, 1}, "after a kill the event at hand comes again, and none before it"
    assert steps.count(0) <= KILLS
    Outcome(
        name="kill -9 of the process that delivers webhooks (unknown: delivered again, as the one at hand)",
        counted={"kills": KILLS},
        writes=len(wanted),
        lost=len(set(wanted) - set(receiver.seqs)),
        unknown=steps.count(0),
    ).told()
