"""The real files, where they are at hand (QSMO_REAL_DATA); the same rules on small samples are unit tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from services.registry import tables
from services.registry.app import create_app
from services.registry.config import Settings
from services.registry.domain.names import normalize
from services.registry.importers import starting
from tests.support.apps import Api, an_api
from tests.support.real_data import REAL_DATA, needs_real_data


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await starting.load(api.app.state.context.db)
        yield api


async def imported(api: Api, kind: str, content: bytes, *, query: str = "") -> dict[str, Any]:
    """The operation when it has ended."""
    headers = api.headers("coordinator", "omb")
    operation = (await api.client.post(f"/v1/imports/{kind}{query}", content=content, headers=headers)).json()
    async with asyncio.timeout(60):
        while operation["status"] == "running":
            await asyncio.sleep(0.02)
            operation = (await api.get(f"/v1/operations/{operation['id']}")).json()
    return dict(operation)


def counts(operation: dict[str, Any]) -> dict[str, int]:
    (section,) = operation["sections"].values()
    assert section["read"] == sum(value for name, value in section.items() if name != "read")
    return {name: value for name, value in section.items() if value}


def agencies(file: str) -> bytes:
    found = orjson.loads((REAL_DATA / "fedramp" / file).read_bytes())["data"]["Agencies"]
    rows = ({"section": "agencies", "number": n, "data": agency} for n, agency in enumerate(found, start=1))
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


@needs_real_data
async def test_the_designation_history_is_accounted_for_and_a_second_import_changes_nothing(api: Api) -> None:
    content = (REAL_DATA / "ussm" / "qsmo-designation-history.csv").read_bytes()

    first = counts(await imported(api, "designations", content))
    second = counts(await imported(api, "designations", content))

    assert first == {"read": 403, "created": 5, "unchanged": 398}
    assert second == {"read": 403, "unchanged": 403}


@needs_real_data
async def test_agency_codes_names_and_fedramp_ids_meet_in_the_same_organizations(api: Api) -> None:
    codes = (REAL_DATA / "agencies" / "agency_codes-2024-11-20.csv").read_bytes()
    names = (REAL_DATA / "dotgov" / "current-federal-2024-12-20.csv").read_bytes()

    assert counts(await imported(api, "organizations", codes))["read"] == 1_531
    assert counts(await imported(api, "organizations", codes)) == {"read": 1_531, "unchanged": 1_531}
    first = counts(await imported(api, "dotgov", names))
    again = counts(await imported(api, "dotgov", names))
    assert first["read"] == again["read"] == 1_373
    assert first["parked"] == again["parked"]
    assert again.get("updated", 0) == 0
    fedramp = counts(await imported(api, "fedramp", agencies("marketplace-2025-01-20.json")))
    assert fedramp["read"] == 231
    assert fedramp["updated"] > 160
    repeated = counts(await imported(api, "fedramp", agencies("marketplace-2025-01-20.json")))
    assert repeated["unchanged"] == fedramp["updated"] + fedramp.get("unchanged", 0)
    homeland = (await api.get("/v1/organizations/by-key/fedramp/22-002")).json()
    assert homeland["id"] == (await api.get("/v1/organizations/by-key/cgac/070")).json()["id"]


async def test_a_resolved_review_makes_the_outside_id_known(api: Api) -> None:
    row = {"section": "agencies", "number": 1, "data": {"id": "22-999", "parent": "Dept. of Homely Security", "sub": ""}}
    assert counts(await imported(api, "fedramp", orjson.dumps(row))) == {"read": 1, "parked": 1}
    (review,) = (await api.get("/v1/match-reviews?status=open")).json()["items"]
    first_candidate = review["candidates"][0]
    shown = await api.get(f"/v1/match-reviews/{review['id']}", "coordinator")

    resolved = await api.post(
        f"/v1/match-reviews/{review['id']}/resolve",
        {"organization_id": first_candidate["organization_id"]},
        "coordinator",
        etag=shown.headers["etag"],
    )

    assert first_candidate["name"] == "Department of Homeland Security"
    assert resolved.json()["status"] == "resolved"
    assert (await api.get("/v1/organizations/by-key/fedramp/22-999")).json()["name"] == "Department of Homeland Security"
    assert counts(await imported(api, "fedramp", orjson.dumps(row))) == {"read": 1, "unchanged": 1}


async def test_a_dismissed_name_is_refused_with_the_reason(api: Api) -> None:
    row = {"section": "agencies", "number": 1, "data": {"id": "22-998", "parent": "A Band of Merry Folk", "sub": ""}}
    await imported(api, "fedramp", orjson.dumps(row))
    (review,) = (await api.get("/v1/match-reviews?status=open")).json()["items"]

    await api.post(
        f"/v1/match-reviews/{review['id']}/dismiss", {"reason": "no agency"}, "coordinator", etag=f'"{review["version"]}"'
    )

    operation = await imported(api, "fedramp", orjson.dumps(row))
    assert counts(operation) == {"read": 1, "refused": 1}
    (report,) = (await api.get(f"/v1/operations/{operation['id']}/rows")).json()["items"]
    assert "no agency" in report["reason"]


async def test_pseudo_agencies_are_refused_by_name(api: Api) -> None:
    row = {"section": "agencies", "number": 1, "data": {"id": "22-001", "parent": "Legacy JAB Authorization", "sub": ""}}

    operation = await imported(api, "fedramp", orjson.dumps(row))

    assert counts(operation) == {"read": 1, "refused": 1}
    (report,) = (await api.get(f"/v1/operations/{operation['id']}/rows")).json()["items"]
    assert "'Legacy JAB Authorization'" in report["reason"]


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("organizations", b"", "empty"),
        ("organizations", b"a,b\n1,2\n", "'CGAC AGENCY CODE'"),
        ("organizations", b"PK\x03\x04zip", "ZIP archive"),
        ("organizations", b"\x1f\x8bgzip", "gzip archive"),
        ("dotgov", b"Agency\n\xff\xfe\n", "UTF-8"),
        ("designations", b'date,commit,file,name,phase,agency,services\n2020-01-01,"cut', "cut off"),
        ("fedramp", b'{"section": "agencies"}', "Line 1"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why_and_changes_nothing(api: Api, kind: str, content: bytes, says: str) -> None:
    operation = await imported(api, kind, content)

    assert operation["status"] == "failed"
    assert says in operation["detail"]
    assert operation["sections"] == {}


async def test_an_import_can_be_looked_at_first(api: Api) -> None:
    row = {"section": "agencies", "number": 1, "data": {"id": "22-002", "parent": "Department of Homeland Security", "sub": ""}}

    dry = counts(await imported(api, "fedramp", orjson.dumps(row), query="?validate_only=true"))

    assert dry == {"read": 1, "updated": 1}
    assert (await api.get("/v1/organizations/by-key/fedramp/22-002")).status_code == 404


async def test_importing_is_for_coordinators(api: Api) -> None:
    assert (await api.client.post("/v1/imports/dotgov", content=b"x")).status_code == 401
    refused = await api.client.post("/v1/imports/dotgov", content=b"x", headers=api.headers("agency:070:sapoc"))
    unknown = await api.client.post("/v1/imports/tarot", content=b"x", headers=api.headers("coordinator"))
    assert refused.status_code == 403
    assert unknown.status_code == 404
    assert "organizations" in unknown.json()["detail"]


REGISTER = """{"title": "Senior Accountable Points of Contact", "agencies": [
  {"agency": "Department of Homeland Security", "sapoc": "Somebody Else 2", "title": "Chief of Staff",},
  {"agency": "General Services Administration", "sapoc": "TBD", "title": "TBD"},
  {"agency": "Department of Peace", "sapoc": "TBD", "title": "TBD"},
]}"""


async def vacancies(api: Api) -> list[str]:
    found = (await api.get("/v1/vacancies?limit=200")).json()["items"]
    return [item["organization_name"] for item in found if item["kind"] == "sapoc"]


async def test_the_sapoc_register_fills_and_vacates_posts_and_tells_what_it_mended(api: Api) -> None:
    operation = await imported(api, "sapoc", REGISTER.encode())
    again = await imported(api, "sapoc", REGISTER.encode())

    assert counts(operation) == {"read": 3, "created": 2, "parked": 1}
    assert counts(again) == {"read": 3, "unchanged": 2, "parked": 1}
    told = (await api.get(f"/v1/operations/{operation['id']}/rows")).json()["items"]
    waits = "'Department of Peace' fits no organization with certainty; it waits in a match review."
    assert [(row["number"], row["result"], row["reason"]) for row in told] == [
        (1, "created", "Repaired: a trailing comma; stray digits in the name."),
        (3, "parked", f"{waits} Repaired: a trailing comma."),
    ]
    held = {post["holder_name"] for post in (await api.get("/v1/posts?kind=sapoc", "auditor")).json()["items"]}
    assert held == {"Somebody Else", None}
    assert await vacancies(api) == ["General Services Administration"]


async def test_a_row_of_the_register_goes_on_when_its_agency_is_recognized(api: Api) -> None:
    await imported(api, "sapoc", REGISTER.encode())
    (review,) = (await api.get("/v1/match-reviews?status=open")).json()["items"]
    peace = await api.post("/v1/organizations", {"name": "Office of Peace", "kind": "department"}, "coordinator")
    resolved = {"organization_id": peace.json()["id"]}
    await api.post(f"/v1/match-reviews/{review['id']}/resolve", resolved, "coordinator", etag=f'"{review["version"]}"')

    later = await imported(api, "sapoc", REGISTER.replace("TBD", "A Person").encode())

    assert counts(later) == {"read": 3, "created": 1, "updated": 1, "unchanged": 1}
    assert await vacancies(api) == []
    post = (await api.get(f"/v1/posts/sapoc:{peace.json()['id']}", "auditor")).json()
    assert (post["state"], post["history"][0]["source"]) == ("filled", "SAPOC register, row 3")


@needs_real_data
async def test_the_real_register_lists_the_real_vacancies(api: Api) -> None:
    codes = (REAL_DATA / "agencies" / "agency_codes-2024-11-20.csv").read_bytes()
    content = (REAL_DATA / "ussm" / "sapoc.json").read_bytes()
    await imported(api, "organizations", codes)

    first = counts(await imported(api, "sapoc", content))
    second = counts(await imported(api, "sapoc", content))

    assert first == {"read": 25, "created": 24, "duplicate": 1}
    assert second == {"read": 25, "unchanged": 24, "duplicate": 1}
    assert len(await vacancies(api)) == 11


def truth(name: str) -> Any:
    return orjson.loads((Path(__file__).parents[1] / "unit" / "registry" / f"truth_{name}.json").read_bytes())


async def open_reviews(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await api.get(f"/v1/match-reviews?status=open&limit=200{cursor}")).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def id_of(api: Api, code: str | None) -> str | None:
    scheme, _, value = (code or ":").partition(":")
    answer = await api.get(f"/v1/organizations/by-key/{scheme}/{value}")
    return str(answer.json()["id"]) if answer.is_success else None


@needs_real_data
async def test_the_real_lists_match_without_one_wrong_and_what_waits_has_its_organization_in_sight(api: Api) -> None:
    """At least 80 of the 87 FedRAMP parents and 125 of the 149 .gov agencies, against truth labelled by hand."""
    await imported(api, "organizations", (REAL_DATA / "agencies" / "agency_codes-2024-11-20.csv").read_bytes())
    await imported(api, "dotgov", (REAL_DATA / "dotgov" / "current-federal-2024-12-20.csv").read_bytes())
    await imported(api, "fedramp", agencies("marketplace-2025-01-20.json"))
    waiting = {(review["name"], review["parent_name"]): review for review in await open_reviews(api)}
    fedramp, dotgov, among = (truth(name) for name in ("fedramp", "dotgov", "candidates"))

    given = orjson.loads((REAL_DATA / "fedramp" / "marketplace-2025-01-20.json").read_bytes())["data"]["Agencies"]
    parents = {" ".join(agency["parent"].split()): agency["id"] for agency in reversed(given) if not agency["sub"]}
    matched = {name: found for name, id in parents.items() if (found := await id_of(api, f"fedramp:{id}"))}
    wrong = {name for name, found in matched.items() if found != await id_of(api, fedramp[name])}
    called = {name: await named(api, name) for name in dotgov}
    known = {name: ids[0] for name, ids in called.items() if len(ids) == 1}
    wrong |= {name for name, found in known.items() if found != await id_of(api, dotgov[name])}
    labelled = [(waiting[t["name"], t["parent"]], t["code"]) for t in among if (t["name"], t["parent"]) in waiting]
    ranks = [await id_of(api, code) in [c["organization_id"] for c in review["candidates"][:3]] for review, code in labelled]

    print(f"\n{len(matched)} of {len(parents)} FedRAMP parents, {len(known)} of {len(dotgov)} .gov agencies,")
    print(f"{sum(ranks)} of {len(ranks)} labelled reviews of {len(waiting)} waiting have it among the first three")
    assert wrong == set()
    assert len(matched) >= 80
    assert len(known) >= 125
    assert sum(ranks) / len(ranks) >= 0.9


async def named(api: Api, name: str) -> list[str]:
    """The organizations that the name leads to."""
    async with api.app.state.context.db.reading() as tx:
        table = tables.organization_names
        rows = await tx.rows(select(table.c.organization_id).where(table.c.normalized == normalize(name)))
    return [row["organization_id"] for row in rows]
