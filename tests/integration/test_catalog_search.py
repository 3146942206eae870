"""Search over HTTP: current within a moment, and nothing in it that the caller may not see."""

from __future__ import annotations

import asyncio
import csv
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import insert

from services.catalog import tables
from services.catalog.app import create_app
from services.catalog.config import Settings
from shared.db import Database
from shared.kernel.cause import Cause
from tests.support import offerings
from tests.support.apps import Api, an_api
from tests.support.offerings import a_content, an_offering
from tests.unit.catalog.test_fibf import a_capability, a_lifecycle
from tests.unit.catalog.world import CYBER, GRANTS, QSMO, Registry, a_draft, a_provider, a_published, a_vehicle, act, revise

CURRENT_S = 1.0


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await Registry(api).open(CYBER, GRANTS)
        yield api


async def page(api: Api, query: str, *roles: str) -> Any:
    """As soon as the index has read every fact."""
    async with asyncio.timeout(10):
        while True:
            answer = await api.get(f"/v1/search/offerings{query}", *roles)
            if answer.status_code != 503 and answer.headers.get("x-index-lag", "0") == "0":
                return answer
            await asyncio.sleep(0.02)


async def codes(api: Api, query: str, *roles: str) -> list[str]:
    answer = await page(api, query, *roles)
    assert answer.status_code == 200, answer.text
    return [hit["offering"]["code"] for hit in answer.json()["items"]]


async def codes_and_lag(api: Api) -> tuple[list[str], int]:
    """As the index is now."""
    answer = await api.get("/v1/search/offerings")
    return [hit["offering"]["code"] for hit in answer.json()["items"]], int(answer.headers["x-index-lag"])


async def test_what_is_published_is_found_within_a_second(api: Api) -> None:
    await codes(api, "")
    took = []
    for number in range(10):
        await a_published(api, code=f"code-{number}", name=f"Ledger {number}")
        began = time.monotonic()
        while f"code-{number}" not in [
            h["offering"]["code"] for h in (await api.get("/v1/search/offerings?q=ledger")).json()["items"]
        ]:
            assert time.monotonic() - began < CURRENT_S
            await asyncio.sleep(0.005)
        took.append(time.monotonic() - began)

    assert max(took) < CURRENT_S


async def test_a_change_of_an_offering_or_its_provider_is_found(api: Api) -> None:
    provider = await a_provider(api, "Alpha Works")
    offering_id = await a_published(api, provider_id=provider)
    assert await codes(api, "?q=alpha") == ["vdp"]

    await revise(api, offering_id, name="Mail guard", provider_id=provider)
    etag = (await api.get(f"/v1/providers/{provider}")).headers["etag"]
    await api.put(f"/v1/providers/{provider}", {"name": "Beta Works", "kind": "commercial"}, "coordinator", etag=etag)

    assert await codes(api, "?q=alpha") == []
    assert await codes(api, "?q=mail") == await codes(api, "?q=beta") == ["vdp"]
    await act(api, offering_id, "suspend", body={"reason": "For a test"})
    assert await codes(api, '?filter=status = "suspended"') == ["vdp"]


async def test_what_an_offering_names_may_be_known_later(api: Api) -> None:
    await a_published(api, vehicles=["GSA MAS"], fibf_coverage=[{"fibf_id": "FFM.010.010.011", "coverage": "yes"}])
    assert await codes(api, "") == ["vdp"]

    await a_vehicle(api)
    assert await codes(api, '?filter=vehicle_kind = "mas_sin"') == ["vdp"]

    capability = a_capability(**{"Business Capability Statement": "Reconciles zebras"})
    answer = await api.client.post(
        "/v1/imports/standards", content=orjson.dumps(a_lifecycle(capability)), headers=api.headers("standards:x")
    )
    async with asyncio.timeout(10):
        while (await api.get(f"/v1/operations/{answer.json()['id']}")).json()["status"] == "running":
            await asyncio.sleep(0.02)
    assert await codes(api, "?q=zebras") == ["vdp"]


async def test_filters_facets_and_pages_over_http(api: Api) -> None:
    provider = await a_provider(api, "Example Corporation")
    for number in range(5):
        shelf = "mandated" if number % 2 else "recommended"
        await a_published(api, code=f"c{number}", name=f"Ledger {number}", shelf=shelf, provider_id=provider)

    first = (await page(api, "?sort=name&limit=2&facets=shelf,area,provider&filter=area = cybersecurity")).json()
    second = (await page(api, f"?sort=name&limit=2&filter=area = cybersecurity&cursor={first['next_cursor']}")).json()

    assert first["count"] == 5
    shelves = [("recommended", 3), ("mandated", 2)]
    assert first["facets"]["shelf"] == [{"value": value, "count": count, "label": None} for value, count in shelves]
    assert first["facets"]["provider"] == [{"value": provider, "count": 5, "label": "Example Corporation"}]
    assert [h["offering"]["code"] for h in (*first["items"], *second["items"])] == ["c0", "c1", "c2", "c3"]
    assert await codes(api, "?filter=shelf in (mandated) and not covers = CYB.060.030") == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?filter=colour = red", "query:filter"),
        ("?filter=", "query:filter"),
        ("?facets=colour", "query:facets"),
        ("?cursor=abc", "query:cursor"),
        ("?cursor=W10", "query:cursor"),
        ("?limit=101", "query:limit"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(api: Api, query: str, pointer: str) -> None:
    answer = await page(api, query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_words_of_the_question_are_marked_where_they_are(api: Api) -> None:
    await a_published(api, name="Reports of vulnerabilities", summary="A place for vulnerability reports")
    (hit,) = (await page(api, "?q=vulnerability")).json()["items"]

    marked = {name: [hit["offering"][name][s["start"] : s["end"]] for s in spans] for name, spans in hit["highlights"].items()}
    assert marked == {"name": ["vulnerabilities"], "summary": ["vulnerability"]}


async def test_nothing_federal_or_of_a_draft_is_reachable_by_search(api: Api) -> None:
    secret = "zebracostmethod"
    await a_published(api, cost_method=secret, satisfaction=secret)
    await a_draft(api, code="hidden", name="Zebradraft")
    paths = (
        f"/v1/search/offerings?q={secret}",
        "/v1/search/offerings?q=zebradraft",
        "/v1/search/offerings?filter=status = draft",
        "/v1/search/offerings?facets=status",
        "/v1/search/suggestions?q=zebra",
    )

    await codes(api, "")
    for path in paths:
        for roles in ((), ("provider:x",), (f"qsmo:{GRANTS}",)):
            text = (await api.get(path, *roles)).text
            assert "hidden" not in text, path
            assert "Zebradraft" not in text, path
            assert '"draft"' not in text, path
            assert secret not in text, path
    assert await codes(api, "?q=zebradraft", QSMO) == ["hidden"]
    suggested = await api.get("/v1/search/suggestions?q=zebra", QSMO)
    assert (suggested.json()["items"][0]["name"], suggested.headers["x-index-lag"]) == ("Zebradraft", "0")


async def test_offerings_are_compared_side_by_side_also_as_csv(api: Api) -> None:
    first = await a_published(api, code="a", name="=Alpha", cost_method="fee for service")
    more = [{"fibf_id": "CYB.060.030", "coverage": "yes_by_go_live"}, {"fibf_id": "CYB.010.010", "coverage": "no"}]
    second = await a_published(api, code="b", name="Beta", fibf_coverage=more, onboarding_days=30)
    path = f"/v1/search/comparison?id={second}&id={first}"

    shown = (await api.get(path)).json()
    table = await api.get(f"{path}&format=csv")

    assert [each["name"] for each in shown["offerings"]] == ["Beta", "=Alpha"]
    assert {row["key"]: row["values"] for row in shown["coverage"]} == {
        "CYB.010.010": ["no", None],
        "CYB.060.030": ["yes_by_go_live", "yes"],
    }
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[0] == ",Beta,'=Alpha"
    assert "fee for service" not in table.text
    assert "fee for service" in (await api.get(path, "agency:070:cio")).text
    assert (await api.get(f"{path}&id=nobody")).status_code == 404


async def test_as_many_are_compared_as_a_page_has(api: Api) -> None:
    chance = random.Random(1)
    async with api.app.state.context.db.transaction(Cause(actor="tester", correlation_id="c-1")) as tx:
        await offerings.add(tx, [an_offering(f"o{n}", a_content(chance)) for n in range(100)])
    path = "/v1/search/comparison?" + "&".join(f"id=o{n}" for n in range(100))

    compared, too_many = await api.get(path), await api.get(f"{path}&id=o100")

    assert compared.status_code == 200, compared.text
    assert [each["id"] for each in compared.json()["offerings"]] == [f"o{n}" for n in range(100)]
    assert all(len(row["values"]) == 100 for row in compared.json()["coverage"])
    assert too_many.status_code == 400


async def test_a_process_that_starts_builds_its_index_from_the_tables(database_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database_url, migrate=True)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path / "one") as api:
        await Registry(api).open(CYBER)
        await a_published(api)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path / "two") as api:
        assert await codes(api, "?q=vulnerability") == ["vdp"]


@pytest.mark.postgres
async def test_a_fact_whose_transaction_commits_late_is_not_missed(api: Api) -> None:
    """Its place in the outbox was taken before those that the index has read already."""
    if not api.app.state.context.settings.database_url.get_secret_value().startswith("postgresql"):
        pytest.skip("SQLite has one writer at a time: nothing commits late")
    early = await a_published(api, code="early", name="Early ledger")
    await codes(api, "")
    db: Database = api.app.state.context.db
    row = {
        "event_id": "late", "topic": "qsmo.catalog", "key": early, "aggregate_version": 99, "headers": {}, "payload": "{}",
        "published_at": None,
    }  # fmt: skip

    async with db.transaction(Cause(actor="slow")) as tx:
        await tx.execute(insert(tables.outbox), {**row, "recorded_at": tx.at, "published_at": tx.at})
        await tx.execute(tables.offerings.update().where(tables.offerings.c.id == early).values(code="changed"))
        await a_published(api, code="next", name="Next ledger")
        async with asyncio.timeout(30):
            found, behind = await codes_and_lag(api)
            while "next" not in found or behind > 1:
                await asyncio.sleep(0.02)
                found, behind = await codes_and_lag(api)

    assert behind == 1
    assert await codes(api, "?q=changed") == ["changed"]


async def test_the_catalog_is_exported_as_far_as_the_caller_sees_in_three_formats(api: Api) -> None:
    for number in range(3):
        await a_published(api, code=f"c{number}", name=f"=Ledger {number}", cost_method="zebracost")
    await a_draft(api, code="hidden")

    async def exported(format_: str, *roles: str) -> str:
        answer = await api.get(f"/v1/catalog/export?format={format_}", *roles)
        assert answer.status_code == 200, answer.text
        return answer.text

    lines = [orjson.loads(line) for line in (await exported("ndjson")).splitlines()]
    table = list(csv.DictReader((await exported("csv")).splitlines()))
    catalog = orjson.loads(await exported("dcat-us"))

    assert [line["code"] for line in lines] == [row["code"] for row in table] == ["c0", "c1", "c2"]
    assert [service["identifier"]["notation"] for service in catalog["service"]] == ["c0", "c1", "c2"]
    assert (table[0]["name"], table[0]["covers"]) == ("'=Ledger 0", "CYB.060.030")
    assert [standard["title"] for standard in catalog["service"][0]["conformsTo"]] == ["CYB.060.030"]
    for format_ in ("ndjson", "csv", "dcat-us"):
        assert "zebracost" not in await exported(format_, "provider:x")
        assert "hidden" in await exported(format_, QSMO)
    assert "zebracost" in await exported("ndjson", "agency:070:cio")
