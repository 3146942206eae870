"""Change sets: a whole marketplace at once, tried or made; all faults told, and then nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from services.catalog import tables
from services.catalog.api.change_set_acts import ACTS, Op
from services.catalog.app import create_app
from services.catalog.config import Settings
from tests.support.apps import Api, an_api
from tests.unit.catalog.world import CYBER, QSMO, Registry, a_draft, a_published, values

PROVIDER = {"op": "register-provider", "ref": "acme", "body": {"name": "Acme", "kind": "commercial"}}
COVERED = [{"fibf_id": "CYB.010.010", "coverage": "yes"}]


def an_offering(ref: str = "soc", **more: Any) -> dict[str, Any]:
    body = {
        "code": ref,
        "name": ref.upper(),
        "kind": "service",
        "shelf": "recommended",
        "focus_areas": [CYBER],
        "provider_id": "#acme",
        "fibf_coverage": COVERED,
        **more,
    }
    return {"op": "draft-offering", "ref": ref, "body": body}


MARKETPLACE = [
    PROVIDER,
    an_offering(),
    {"op": "submit-offering", "id": "#soc"},
    an_offering("vdp"),
    {"op": "submit-offering", "id": "#vdp"},
]


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await Registry(api).open(CYBER)
        yield api


async def sent(api: Api, operations: list[dict[str, Any]], *roles: str, intent: str = "apply") -> httpx.Response:
    return await api.post("/v1/change-sets", {"intent": intent, "operations": operations}, *(roles or (QSMO,)))


async def facts(api: Api) -> int:
    async with api.app.state.context.db.reading() as tx:
        return int((await tx.execute(select(func.count()).select_from(tables.outbox))).scalar_one())


async def test_a_marketplace_is_made_at_once_and_one_fact_tells_each_change(api: Api) -> None:
    before = await facts(api)

    answer = await sent(api, MARKETPLACE)

    assert answer.status_code == 200, answer.text
    done = answer.json()["operations"]
    assert answer.json()["applied"] is True
    assert [(each["op"], each["ref"], each["version"]) for each in done] == [
        ("register-provider", "acme", 1),
        ("draft-offering", "soc", 1),
        ("submit-offering", None, 2),
        ("draft-offering", "vdp", 1),
        ("submit-offering", None, 2),
    ]
    assert await facts(api) - before == len(MARKETPLACE)
    shown = (await api.get(f"/v1/offerings/{done[1]['id']}", QSMO)).json()
    assert (shown["status"], shown["provider_id"]) == ("in_review", done[0]["id"])


async def test_what_is_tried_is_told_member_by_member_and_leaves_nothing(api: Api) -> None:
    await a_published(api)
    (found,) = (await api.get("/v1/offerings", QSMO)).json()["items"]
    whole = (await api.get(f"/v1/offerings/{found['id']}", QSMO)).json()
    before = await facts(api)
    renamed = values(name="Renamed")
    change = {"op": "change-offering", "id": found["id"], "version": whole["version"], "body": renamed}

    answer = await sent(api, [*MARKETPLACE[:2], change], intent="validate")

    assert answer.status_code == 200, answer.text
    assert (answer.json()["applied"], answer.headers["qsmo-validate-only"]) == (False, "true")
    told = answer.json()["operations"][2]
    named = {each["member"]: (each["before"], each["after"]) for each in told["changes"]}
    assert named["name"] == (whole["name"], "Renamed")
    assert told["version_before"] == whole["version"]
    made = {each["member"]: each["before"] for each in answer.json()["operations"][0]["changes"]}
    assert made["name"] is None
    assert await facts(api) == before
    assert (await api.get("/v1/providers?q=Acme", QSMO)).json()["items"] == []


async def test_every_fault_is_told_where_it_is_and_nothing_is_changed(api: Api) -> None:
    before = await facts(api)
    operations = [
        PROVIDER,
        an_offering(name="", color="red"),
        {"op": "submit-offering", "id": "#soc"},
        an_offering("vdp", provider_id="nobody"),
        an_offering("pdns", provider_id="#nobody"),
        {"op": "submit-offering"},
        {"op": "submit-offering", "id": "elsewhere"},
        {"op": "register-provider", "ref": "acme", "body": {"name": "Twice", "kind": "commercial"}},
        {"op": "suspend-offering", "id": "elsewhere", "version": 1, "body": {"reason": "A breach"}},
    ]

    answer = await sent(api, operations)

    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/operations/1/body/name", "string_too_short"),
        ("/operations/1/body/color", "extra_forbidden"),
        ("/operations/2/id", "rests-on-failed"),
        ("/operations/3/body/provider_id", "unknown-reference"),
        ("/operations/4/body/provider_id", "unknown-reference"),
        ("/operations/5/id", "missing"),
        ("/operations/6/version", "missing"),
        ("/operations/7/ref", "not-allowed"),
        ("/operations/8/id", "rests-on-failed"),
    ]
    assert answer.json()["detail"].startswith("8 of 9 operations")
    assert await facts(api) == before


async def test_a_stale_version_and_a_taken_code_are_faults_among_others(api: Api) -> None:
    draft = await a_draft(api)
    other = {"op": "submit-offering", "id": draft.json()["id"], "version": 7}

    answer = await sent(api, [PROVIDER, an_offering(draft.json()["code"]), other])

    faults = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
    assert [pointer for pointer, _ in faults] == ["/operations/1", "/operations/2"]
    assert faults[1][1] == "stale-version"


async def test_a_set_gives_nobody_more_than_the_single_routes_do(api: Api) -> None:
    for role, status in (("qsmo:grants-management", 422), ("agency:014:sapoc", 422), ("", 401)):
        answer = await api.post("/v1/change-sets", {"intent": "apply", "operations": MARKETPLACE}, *([role] if role else []))
        assert answer.status_code == status, (role, answer.text)
    assert (await api.get("/v1/offerings", QSMO)).json()["items"] == []


async def test_the_same_key_makes_a_set_once(api: Api) -> None:
    body = {"intent": "apply", "operations": MARKETPLACE}

    first = await api.post("/v1/change-sets", body, QSMO, **{"Idempotency-Key": "the-set-of-the-day"})
    again = await api.post("/v1/change-sets", body, QSMO, **{"Idempotency-Key": "the-set-of-the-day"})

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await api.get("/v1/offerings", QSMO)).json()["items"]) == 2


async def test_a_thing_that_was_there_goes_on_from_the_version_read(api: Api) -> None:
    draft = await a_draft(api, fibf_coverage=COVERED)
    id_ = draft.json()["id"]

    answer = await sent(
        api,
        [
            {"op": "submit-offering", "id": id_, "version": 1},
            {"op": "request-offering-changes", "id": id_, "body": {"reason": "Say more"}},
        ],
    )

    assert [each["version"] for each in answer.json()["operations"]] == [2, 3], answer.text
    assert (await api.get(f"/v1/offerings/{id_}", QSMO)).json()["version"] == 3


def test_every_operation_has_its_command() -> None:
    assert set(ACTS) == set(Op)
