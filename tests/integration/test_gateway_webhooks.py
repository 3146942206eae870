from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.gateway import tables
from services.gateway.webhooks import schedule
from tests.support.receiver import Received, Receiver, a_receiver
from tests.unit.gateway.builders import Harness, SetClock, a_gateway, an_event, append
from tests.unit.gateway.test_webhook_schedule import LONGEST_S

LOOPBACK = ["127.0.0.0/8"]
OPEN: dict[str, Any] = {"webhook_allow_http": True, "webhook_allowed_networks": LOOPBACK, "webhook_poll_s": 0.02}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def harness(database_url: str, tmp_path: Path, clock: SetClock) -> AsyncIterator[Harness]:
    async with a_gateway(database_url, tmp_path, clock=clock, **OPEN) as harness:
        yield harness


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as receiver:
        yield receiver


async def subscribed(client: httpx.AsyncClient, receiver: Receiver, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/webhooks", json={"url": receiver.url, "after": 0, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def act(client: httpx.AsyncClient, id: str, action: str, body: Any = None) -> httpx.Response:
    tag = (await client.get(f"/v1/webhooks/{id}")).headers["etag"]
    return await client.post(f"/v1/webhooks/{id}/{action}", json=body, headers={"If-Match": tag})


async def until(check: Callable[[], Awaitable[Any]], *, timeout_s: float = 15) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (found := await check()):
            await asyncio.sleep(0.01)
    return found


def answering(*statuses: int, **headers: str) -> Callable[[Received], tuple[int, dict[str, str], float]]:
    """One status after the other; the last for good."""
    left = list(statuses)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: (left.pop(0) if len(left) > 1 else left[0], named, 0.0)


# --- signatures


async def test_the_official_library_verifies_what_is_delivered(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb") as client:
        made = await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]})
        (secret,) = (await client.get(f"/v1/webhooks/{made['id']}/secrets")).json()["items"]
        event = an_event()
        await append(harness.gateway, event)
        await receiver.count(1)

    (received,) = receiver.got
    assert secret["secret"].startswith("whsec_")
    verified = Webhook(secret["secret"]).verify(received.body, received.headers)
    assert verified["id"] == event.id == received.headers["webhook-id"]
    assert verified["seq"] == 2
    assert received.headers["content-type"] == "application/cloudevents+json"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret["secret"]).verify(received.body.replace(b"open", b"shut"), received.headers)


async def test_the_public_key_verifies_v1a(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb") as client:
        made = await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]})
        await append(harness.gateway, an_event())
        await receiver.count(1)

    (received,) = receiver.got
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(made["public_key"].removeprefix("whpk_")))
    signatures = dict(part.split(",", 1) for part in received.headers["webhook-signature"].split(" "))
    content = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode() + received.body
    public.verify(base64.b64decode(signatures["v1a"]), content)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signatures["v1a"]), content + b" ")


async def test_a_rotation_keeps_two_secrets_live_until_the_overlap_ends(
    harness: Harness, receiver: Receiver, clock: SetClock
) -> None:
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        (old,) = (await client.get(f"/v1/webhooks/{id}/secrets")).json()["items"]

        assert (await act(client, id, "rotate-secret")).status_code == 200
        new, kept = (await client.get(f"/v1/webhooks/{id}/secrets")).json()["items"]
        again = await act(client, id, "rotate-secret")
        await append(harness.gateway, an_event())
        await receiver.count(1)
        for secret in (new, old):
            Webhook(secret["secret"]).verify(receiver.got[0].body, receiver.got[0].headers)

        clock.forward(hours=25)
        (only,) = (await client.get(f"/v1/webhooks/{id}/secrets")).json()["items"]
        await append(harness.gateway, an_event())
        await receiver.count(2)

    assert (kept["secret"], only["secret"]) == (old["secret"], new["secret"])
    assert (again.status_code, again.json()["type"]) == (409, "/problems/rotating")
    signature = receiver.got[1].headers["webhook-signature"]
    assert [part.split(",")[0] for part in signature.split(" ")] == ["v1", "v1a"]


async def test_secrets_stand_sealed_in_the_database_and_in_no_answer_but_their_own(
    harness: Harness, receiver: Receiver
) -> None:
    async with harness.client("omb") as client:
        body = {"url": receiver.url}
        first = await client.post("/v1/webhooks", json=body, headers={"Idempotency-Key": "k1"})
        again = await client.post("/v1/webhooks", json=body, headers={"Idempotency-Key": "k1"})
        (secret,) = (await client.get(f"/v1/webhooks/{first.json()['id']}/secrets")).json()["items"]
    async with harness.gateway.db.reading() as tx:
        row = await tx.row(select(tables.webhooks))
        kept = await tx.row(select(tables.idempotency))

    plain = secret["secret"].removeprefix("whsec_")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert plain not in str(dict(row or {})) + str(dict(kept or {})) + first.text


# --- order, retries, giving up


async def test_events_come_in_order_and_a_failing_one_holds_back_those_after_it(
    harness: Harness, receiver: Receiver, clock: SetClock
) -> None:
    receiver.answer = answering(204, 500, 503, 204)
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, *(an_event() for _ in range(4)))
        await receiver.until([2, 3])
        await until(lambda: _failures(client, id, 1))
        await asyncio.sleep(0.2)
        assert receiver.seqs == [2, 3]

        clock.forward(seconds=LONGEST_S[0])
        await receiver.until([2, 3, 3])
        await until(lambda: _failures(client, id, 2))
        clock.forward(seconds=LONGEST_S[1])
        await receiver.until([2, 3, 3, 3, 4, 5])
        shown = await until(lambda: _delivered(client, id, 5))
        log = (await client.get(f"/v1/webhooks/{id}/deliveries")).json()["items"]
        failed = (await client.get(f"/v1/webhooks/{id}/deliveries?delivered=false&seq=3&limit=1")).json()

    assert shown["delivered_seq"] == 5
    assert [(a["seq"], a["attempt"], a["status"], a["delivered"]) for a in log] == [
        (2, 1, 204, True),
        (3, 1, 500, False),
        (3, 2, 503, False),
        (3, 3, 204, True),
        (4, 1, 204, True),
        (5, 1, 204, True),
    ]
    assert len({a["message_id"] for a in log if a["seq"] == 3}) == 1
    assert (failed["items"][0]["attempt"], bool(failed["next_cursor"])) == (1, True)


async def _delivered(client: httpx.AsyncClient, id: str, seq: int) -> dict[str, Any] | None:
    shown: dict[str, Any] = (await client.get(f"/v1/webhooks/{id}")).json()
    return shown if shown["delivered_seq"] == seq else None


async def _failures(client: httpx.AsyncClient, id: str, count: int) -> dict[str, Any] | None:
    shown: dict[str, Any] = (await client.get(f"/v1/webhooks/{id}")).json()
    return shown if shown["failures"] == count else None


async def test_a_receiver_that_asks_for_time_gets_it(harness: Harness, receiver: Receiver, clock: SetClock) -> None:
    receiver.answer = answering(429, 204, retry_after="3600")
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, an_event())
        await until(lambda: _failures(client, id, 1))
        clock.forward(minutes=59)
        await asyncio.sleep(0.2)
        assert len(receiver.got) == 1
        clock.forward(minutes=2)
        await receiver.count(2)


@pytest.mark.parametrize(("status", "headers"), [(301, {"location": "http://127.0.0.1:1/"}), (404, {}), (500, {})])
async def test_what_is_not_2xx_is_not_delivered_and_redirects_are_not_followed(
    harness: Harness, receiver: Receiver, status: int, headers: dict[str, str]
) -> None:
    receiver.answer = lambda _: (status, headers, 0.0)
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, an_event())
        shown = await until(lambda: _failures(client, id, 1))
        (logged,) = (await client.get(f"/v1/webhooks/{id}/deliveries")).json()["items"]

    assert (logged["status"], logged["delivered"], shown["delivered_seq"]) == (status, False, 0)


async def test_a_receiver_that_does_not_answer_is_given_up_in_time(database_url: str, tmp_path: Path) -> None:
    async with (
        a_receiver() as receiver,
        a_gateway(database_url, tmp_path, **OPEN, webhook_timeout_s=0.2) as harness,
        harness.client("omb") as client,
    ):
        receiver.answer = lambda _: (204, {}, 5.0)
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, an_event())
        await until(lambda: _failures(client, id, 1), timeout_s=3)
        (logged,) = (await client.get(f"/v1/webhooks/{id}/deliveries")).json()["items"]

    assert logged["error"] == "no answer within 0.2 s"
    assert logged["duration_ms"] < 1_000


async def test_410_disables_at_once_and_resuming_skips_nothing(harness: Harness, receiver: Receiver) -> None:
    receiver.answer = answering(410, 204)
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, an_event(), an_event())
        shown = await until(lambda: _status(client, id, "disabled"))
        events = (await client.get("/v1/events?type=qsmo.gateway.webhook.disabled")).json()["items"]
        assert (await act(client, id, "resume")).status_code == 200
        await receiver.until([2, 2, 3])

    assert "410" in shown["reason"]
    assert [(event["subject"], event["data"]["after"], event["actor"]) for event in events] == [(id, 0, "system:webhooks")]


async def _status(client: httpx.AsyncClient, id: str, status: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = (await client.get(f"/v1/webhooks/{id}")).json()
    return shown if shown["status"] == status else None


async def test_five_days_of_failure_disable_it_as_a_fact(harness: Harness, receiver: Receiver, clock: SetClock) -> None:
    receiver.answer = answering(500)
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, an_event())
        began = clock.at
        attempts = 0
        while (shown := (await client.get(f"/v1/webhooks/{id}")).json())["status"] == "active":
            attempts += 1
            await receiver.count(attempts)
            await until(lambda count=attempts: _tried(client, id, count))  # type: ignore[misc]
            clock.forward(seconds=LONGEST_S[min(attempts, len(LONGEST_S)) - 1])
        events = (await client.get("/v1/events?type=qsmo.gateway.webhook.disabled")).json()["items"]

    assert timedelta(days=5) <= clock.at - began <= timedelta(days=8)
    assert "every attempt since" in shown["reason"]
    assert len(events) == 1
    assert attempts >= len(schedule.DELAYS_S)


async def _tried(client: httpx.AsyncClient, id: str, count: int) -> bool:
    shown = (await client.get(f"/v1/webhooks/{id}")).json()
    return bool(shown["failures"] == count) or shown["status"] == "disabled"


# --- nothing lost


async def test_an_abrupt_end_at_any_time_loses_and_skips_nothing(database_url: str, tmp_path: Path) -> None:
    """Stopping cancels deliveries in the middle; what was not recorded comes again, in order."""
    chance = random.Random(20260107)
    total = 150
    async with a_receiver() as receiver:
        receiver.answer = lambda _: (204, {}, chance.random() / 200)
        async with a_gateway(database_url, tmp_path, **OPEN) as harness, harness.client("omb") as client:
            await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]})
            await append(harness.gateway, *(an_event() for _ in range(total)))
            await receiver.count(10)
        while not receiver.seqs or receiver.seqs[-1] != total + 1:
            async with a_gateway(database_url, tmp_path, **OPEN):
                await asyncio.sleep(chance.random() / 4)

    firsts = list(dict.fromkeys(receiver.seqs))
    assert firsts == list(range(2, total + 2))
    assert all(later - earlier <= 1 for earlier, later in zip(receiver.seqs, receiver.seqs[1:], strict=False))


async def test_of_two_replicas_one_delivers(postgres: Any, tmp_path: Path) -> None:
    url = postgres.create_database("webhook_replicas")
    try:
        async with (
            a_receiver() as receiver,
            a_gateway(url, tmp_path, **OPEN) as one,
            a_gateway(url, tmp_path, **OPEN) as other,
            one.client("omb") as client,
        ):
            await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]})
            for _ in range(20):
                await append(one.gateway, an_event())
                await append(other.gateway, an_event())
            await receiver.until(range(2, 42))
            await asyncio.sleep(0.3)
            assert receiver.seqs == list(range(2, 42))
    finally:
        postgres.drop_database("webhook_replicas")


# --- who sees what


async def test_a_subscription_is_told_only_what_its_owner_may_see(harness: Harness) -> None:
    async with a_receiver() as narrow, a_receiver() as wide:
        async with harness.client("qsmo:cybersecurity", subject="q") as client:
            await subscribed(client, narrow)
        async with harness.client("auditor", subject="a") as client:
            await subscribed(client, wide)
        await append(
            harness.gateway,
            an_event(visibility="restricted", focus_area="cybersecurity"),
            an_event(visibility="restricted", focus_area="acquisition"),
            an_event(visibility="federal"),
            an_event(),
        )
        await narrow.until([3, 5, 6])
        await wide.until([1, 2, 3, 4, 5, 6])


async def test_filters_are_those_of_the_event_api(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb") as client:
        filters = {"types": ["qsmo.catalog.offering"], "filter": "not focus_area != cybersecurity"}
        made = await subscribed(client, receiver, filters=filters)
        none = await client.post("/v1/webhooks", json={"url": receiver.url, "filters": {"filter": "focus_area ~ x"}})
        offering = "qsmo.catalog.offering.listed.v1"
        await append(
            harness.gateway,
            an_event(focus_area="cybersecurity"),
            an_event(type=offering),
            an_event(type=offering, focus_area="cybersecurity"),
        )
        await receiver.until([4])

    assert made["filters"]["filter"] == filters["filter"]
    assert (none.status_code, none.json()["errors"][0]["pointer"]) == (422, "/filters/filter")
    assert none.json()["errors"][0]["detail"].startswith("At character 12: this is no filter.")


async def test_others_do_not_learn_of_a_webhook_and_watchers_may_not_change_it(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb", subject="owner") as client:
        id = (await subscribed(client, receiver))["id"]
    async with harness.client() as public:
        assert (await public.post("/v1/webhooks", json={"url": receiver.url})).status_code == 401
        assert (await public.get("/v1/webhooks")).status_code == 401
        assert (await public.get(f"/v1/webhooks/{id}")).status_code == 401
    async with harness.client("omb", subject="other") as other:
        assert (await other.get("/v1/webhooks?everybody=true")).json()["items"] == []
        for path in ("", "/secrets", "/deliveries", "/replays"):
            assert (await other.get(f"/v1/webhooks/{id}{path}")).status_code == 404
        for action, body in (("ping", None), ("redeliver", {"seq": 1}), ("pause", None)):
            answer = await other.post(f"/v1/webhooks/{id}/{action}", json=body, headers={"If-Match": '"1"'})
            assert answer.status_code == 404
    async with harness.client("coordinator", subject="watcher") as watcher:
        listed = (await watcher.get("/v1/webhooks?everybody=true")).json()["items"]
        assert [item["id"] for item in listed] == [id]
        assert (await watcher.get(f"/v1/webhooks/{id}/secrets")).status_code == 403
        assert (await act(watcher, id, "rotate-secret")).status_code == 403
        paused = await act(watcher, id, "pause")
        assert (paused.status_code, paused.json()["status"]) == (200, "paused")
        assert (await act(watcher, id, "resume")).status_code == 403


# --- looking after it


async def test_each_change_is_a_fact_and_needs_the_version_that_was_read(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["none"]}))["id"]
        path = f"/v1/webhooks/{id}"
        change = {"description": "mine", "filters": {"types": ["qsmo.registry"]}}
        assert (await client.patch(path, json=change)).status_code == 428
        assert (await client.patch(path, json=change, headers={"If-Match": '"7"'})).status_code == 412
        changed = await client.patch(path, json=change, headers={"If-Match": '"1"'})
        refused = await act(client, id, "resume")
        paused = await act(client, id, "pause")
        again = await act(client, id, "pause")
        await act(client, id, "resume", {"after": 1})
        resumed = (await client.get(path)).json()
        beyond = await act(client, id, "pause")
        beyond = await act(client, id, "resume", {"after": 99})
        stale = await client.delete(path, headers={"If-Match": '"1"'})
        gone = await client.delete(path, headers={"If-Match": (await client.get(path)).headers["etag"]})
        facts = (await client.get("/v1/events?type=qsmo.gateway")).json()["items"]
        after = await client.get(path)

    assert (changed.json()["description"], changed.json()["filters"]["types"]) == ("mine", ["qsmo.registry"])
    assert refused.status_code == 409
    assert refused.json()["allowed_actions"] == ["pause", "disable"]
    assert paused.json()["_actions"][0] | {"href": ""} == {
        "action": "pause",
        "href": "",
        "possible": False,
        "missing": ["the webhook is paused"],
    }
    assert again.json()["type"] == "/problems/transition-not-allowed"
    assert resumed["status"] == "active"
    assert (beyond.status_code, beyond.json()["errors"][0]["pointer"]) == (422, "/after")
    assert (stale.status_code, gone.status_code, after.status_code) == (412, 200, 404)
    assert [fact["type"].split(".")[3] for fact in facts] == ["created", "changed", "paused", "resumed", "paused", "deleted"]
    assert [fact["aggregateversion"] for fact in facts] == [1, 2, 3, 4, 5, 6]
    assert "/hook" not in str([fact["data"] for fact in facts])


async def test_a_pause_loses_nothing(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, an_event())
        await receiver.until([2])
        await act(client, id, "pause")
        await append(harness.gateway, an_event(), an_event())
        await asyncio.sleep(0.2)
        assert receiver.seqs == [2]
        await act(client, id, "resume")
        await receiver.until([2, 4, 5])


async def test_a_ping_says_what_came_of_it_even_while_paused(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await act(client, id, "pause")
        (secret,) = (await client.get(f"/v1/webhooks/{id}/secrets")).json()["items"]
        good = (await client.post(f"/v1/webhooks/{id}/ping")).json()
        receiver.answer = answering(500)
        bad = (await client.post(f"/v1/webhooks/{id}/ping")).json()
        log = (await client.get(f"/v1/webhooks/{id}/deliveries")).json()["items"]

    assert (good["delivered"], good["status"], bad["delivered"], bad["status"]) == (True, 204, False, 500)
    pinged = Webhook(secret["secret"]).verify(receiver.got[0].body, receiver.got[0].headers)
    assert pinged["type"] == "qsmo.gateway.webhook.pinged.v1"
    assert [(a["cause"], a["seq"], a["delivered"]) for a in log] == [("ping", None, True), ("ping", None, False)]


async def test_one_event_or_a_range_is_delivered_again_beside_what_is_new(harness: Harness, receiver: Receiver) -> None:
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, *(an_event() for _ in range(5)))
        await receiver.until([2, 3, 4, 5, 6])

        one = await client.post(f"/v1/webhooks/{id}/redeliver", json={"seq": 3})
        await receiver.until([2, 3, 4, 5, 6, 3])
        await client.post(f"/v1/webhooks/{id}/replay", json={"from_seq": 1, "to_seq": 4})
        await receiver.until([2, 3, 4, 5, 6, 3, 2, 3, 4])
        done = await until(lambda: _replays_done(client, id, 2))
        wrong = await client.post(f"/v1/webhooks/{id}/replay", json={"from_seq": 4, "to_seq": 99})

    assert one.status_code == 202
    assert [(r["from_seq"], r["to_seq"], r["done_seq"]) for r in done] == [(1, 4, 4), (3, 3, 3)]
    assert receiver.got[1].headers["webhook-id"] == receiver.got[5].headers["webhook-id"]
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/to_seq")


async def _replays_done(client: httpx.AsyncClient, id: str, count: int) -> list[dict[str, Any]] | None:
    items: list[dict[str, Any]] = (await client.get(f"/v1/webhooks/{id}/replays")).json()["items"]
    return items if len(items) == count and all(item["status"] == "done" for item in items) else None


async def test_a_replay_that_keeps_failing_ends_and_says_where(harness: Harness, receiver: Receiver, clock: SetClock) -> None:
    async with harness.client("omb") as client:
        id = (await subscribed(client, receiver, filters={"types": ["qsmo.catalog"]}))["id"]
        await append(harness.gateway, an_event())
        await receiver.until([2])
        receiver.answer = answering(500)
        await client.post(f"/v1/webhooks/{id}/redeliver", json={"seq": 2})

        async def failed() -> Any:
            clock.forward(hours=6)
            (item,) = (await client.get(f"/v1/webhooks/{id}/replays")).json()["items"]
            return item if item["status"] == "failed" else None

        item = await until(failed)

    assert item["detail"] == "seq 2: HTTP 500"


async def test_an_owner_has_no_more_than_the_limit(database_url: str, tmp_path: Path, receiver: Receiver) -> None:
    async with a_gateway(database_url, tmp_path, **OPEN, webhooks_per_owner=1) as harness, harness.client("omb") as client:
        await subscribed(client, receiver)
        refused = await client.post("/v1/webhooks", json={"url": receiver.url})

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-many-webhooks")


async def test_without_a_key_of_the_installation_webhooks_say_what_to_do(sqlite_url: str, tmp_path: Path) -> None:
    async with a_gateway(sqlite_url, tmp_path, signing_key="") as harness, harness.client("omb") as client:
        answer = await client.post("/v1/webhooks", json={"url": "https://receiver.example.gov/"})
        ready = await client.get("/readyz")

    assert (answer.status_code, ready.status_code) == (503, 200)
    assert "QSMO_GATEWAY_SIGNING_KEY" in answer.json()["detail"]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'own.db'}"
