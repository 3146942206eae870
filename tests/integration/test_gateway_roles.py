"""Who may do what at the gateway itself: every one of its routes, asked by every role, of one's own and what is another's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.builders import Harness, a_gateway

CALLERS: dict[str, tuple[str, ...]] = {
    "anybody": (),
    "owner": ("provider:x",),
    "provider": ("provider:x",),
    "omb": ("omb",),
    "board": ("board:council",),
    "coordinator": ("coordinator",),
    "qsmo": ("qsmo:cybersecurity",),
    "standards": ("standards:cybersecurity",),
    "agency": ("agency:070:sapoc",),
    "auditor": ("auditor",),
}
ALL = frozenset(CALLERS)
SIGNED_IN = ALL - {"anybody"}
OWNER = frozenset({"owner"})
WATCHERS = OWNER | {"coordinator", "auditor"}
# Who gets an answer. A route that is not here fails the test: nothing is open because nobody thought of it.
POLICY: dict[str, frozenset[str]] = {
    **dict.fromkeys(("show_area_overview", "show_agency_overview", "show_offering_overview", "show_regime"), ALL),
    **dict.fromkeys(("list_events", "place_events", "show_event", "export", "list_state_machines"), ALL),
    **dict.fromkeys(("show_audit_head", "list_checkpoints", "list_audit_keys", "show_proof"), ALL),
    **dict.fromkeys(("show_operation", "list_operation_rows", "show_test_clock"), ALL),
    "list_audit_trail": frozenset({"omb", "coordinator", "auditor"}),
    "start_fedramp_import": frozenset({"omb", "coordinator"}),
    "move_test_clock": frozenset({"omb", "coordinator"}),
    "list_parked_events_of_gateway": frozenset({"coordinator", "auditor"}),
    **dict.fromkeys(("retry_parked_events_of_gateway", "discard_parked_events_of_gateway"), frozenset({"coordinator"})),
    **dict.fromkeys(("create_webhook", "list_webhooks", "create_api_key", "list_api_keys"), SIGNED_IN),
    **dict.fromkeys(("show_webhook", "list_webhook_deliveries", "list_webhook_replays"), WATCHERS),
    **dict.fromkeys(("pause_webhook", "delete_webhook"), OWNER | {"coordinator"}),
    **dict.fromkeys(("change_webhook", "resume_webhook", "rotate_webhook_secret", "show_webhook_secrets"), OWNER),
    **dict.fromkeys(("ping_webhook", "redeliver", "replay_webhook"), OWNER),
    "show_api_key": WATCHERS,
    "rotate_api_key": OWNER,
    "revoke_api_key": OWNER | {"coordinator"},
}
# What is asked for is not there for anybody: to be let through to that is all these can show.
ABSENT = {
    "show_event", "show_proof", "show_operation", "list_operation_rows", "show_test_clock", "move_test_clock",
    "retry_parked_events_of_gateway", "discard_parked_events_of_gateway",
}  # fmt: skip
BODIES: dict[str, Any] = {
    "create_webhook": {"url": "https://receiver.example/hook"},
    "change_webhook": {"description": "changed"},
    "resume_webhook": {},
    "redeliver": {"seq": 1},
    "replay_webhook": {"from_seq": 1, "to_seq": 1},
    "create_api_key": {"name": "a key", "scopes": ["all:read"]},
    "move_test_clock": {"to": "2099-01-01T00:00:00Z"},
    "discard_parked_events_of_gateway": {"reason": "It was a test."},
}
UNSEEN = "0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"


class World:
    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.ids: dict[str, str] = {}

    async def own(self) -> None:
        """What the owner has, made anew."""
        async with self.harness.client("provider:x", subject="owner") as client:
            for kind, name in (("webhooks", "create_webhook"), ("api-keys", "create_api_key")):
                made = await client.post(f"/v1/{kind}", json=BODIES[name])
                assert made.status_code == 201, made.text
                self.ids[kind] = made.json()["id"]

    async def status(self, caller: str, operation: str, method: str, path: str) -> int:
        kind = path.split("/")[2]
        id = "1" if kind == "parked-events" else self.ids.get(kind, UNSEEN)
        path = re.sub(r"\{slug\}", "cybersecurity", re.sub(r"\{seq\}", "1", path))
        path = re.sub(r"\{\w*id\}", id, path) + ("?resource=events&format=ndjson" if operation == "export" else "")
        async with self.harness.client(*CALLERS[caller], subject=caller) as client:
            tag = (await client.get(f"/v1/{kind}/{id}")).headers.get("etag", '"1"') if kind in self.ids else '"1"'
            answer = await client.request(method, path, json=BODIES.get(operation), headers={"If-Match": tag})
        return answer.status_code


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with a_gateway(
        url,
        tmp_path,
        rate_per_s=0,
        rate_anonymous_per_s=0,
        webhooks_per_owner=200,
        api_keys_per_owner=200,
        compose_deadline_s=0.2,
    ) as harness:
        yield World(harness)


async def test_every_route_answers_those_whom_the_table_names_and_nobody_else(world: World) -> None:
    document = world.harness.app.openapi()
    routes = [(op["operationId"], m, path) for path, item in document["paths"].items() for m, op in item.items()]
    wrong = []
    for operation, method, path in routes:
        if operation == "stream_events":  # answers without end; what it shows is what `list_events` shows
            continue
        let_in = set()
        for caller in sorted(
            ALL, key=lambda name: (name == "owner", name != "anybody")
        ):  # the owner last: it may end what it has
            if caller == "anybody" or operation == "delete_webhook":
                await world.own()
            status = await world.status(caller, operation, method, path)
            assert status != 500, (operation, caller)
            if status not in ({401, 403} if operation in ABSENT else {401, 403, 404}):
                let_in.add(caller)
        if let_in != POLICY[operation]:
            wrong.append((operation, sorted(let_in ^ POLICY[operation])))

    assert dict(wrong) == {}
    assert POLICY.keys() == {operation for operation, *_ in routes} - {"stream_events"}
