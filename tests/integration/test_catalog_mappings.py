"""Business functions of a register, mapped to areas and standards by a table that people review."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.importers import fibf, oscal
from services.catalog.store.mappings import shipped
from tests.integration.test_catalog_imports import given, imported, listed
from tests.support.apps import Api, an_api
from tests.support.real_data import REAL_DATA, needs_real_data
from tests.unit.catalog.test_fedramp_product import a_product
from tests.unit.catalog.world import CYBER, GRANTS, Registry, a_vehicle, act, recorded_types, revise

CONTACT = "fedramp-contact-center"
UNHEARD = "Quantum Ledgers"
PROPOSAL = {"focus_area": CYBER, "standards": ["nist-csf"], "reason": "It answers incidents."}


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await Registry(api).open(CYBER, GRANTS)
        yield api


async def decide(
    api: Api, action: str, *roles: str, id: str = CONTACT, body: Any = None, subject: str = "reviewer"
) -> httpx.Response:
    """With the ETag of the newest version."""
    seen = await api.get(f"/v1/function-mappings/{id}")
    headers = {**api.headers(*(roles or ("coordinator",)), subject=subject), "If-Match": seen.headers["etag"]}
    return await api.client.post(f"/v1/function-mappings/{id}/{action}", json=body, headers=headers)


async def proposed(api: Api, *, id: str = CONTACT, **more: Any) -> dict[str, Any]:
    answer = await decide(api, "propose", id=id, body={**PROPOSAL, **more}, subject="proposer")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def confirmed(api: Api, *, id: str = CONTACT, **more: Any) -> dict[str, Any]:
    await proposed(api, id=id, **more)
    answer = await decide(api, "confirm", id=id)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_table_comes_with_every_function_decided_and_why(api: Api) -> None:
    items = (await api.get("/v1/function-mappings")).json()["items"]

    assert len(items) == len(shipped()) > 30
    assert {item["status"] for item in items} == {"confirmed"}
    assert all(item["reason"] and item["decided_by"] == "the release" for item in items)
    grants = next(item for item in items if item["term"] == "Grant Management")
    assert grants["effect"] == {"focus_area": GRANTS, "standards": ["fibf-grm"]}


async def test_an_import_places_offerings_by_what_is_confirmed(api: Api) -> None:
    await imported(api, a_product(business_function=["Grant Management", "Contact Center", "Human Resources"]))

    shown = await listed(api)
    assert shown["focus_areas"] == [GRANTS, "human-resources"]
    assert shown["standards"][0] == "fibf-grm"
    assert shown["origins"]["standards"]["source"] == "fedramp"


async def test_a_function_nobody_looked_at_is_noticed_once_and_maps_to_nothing(api: Api) -> None:
    await imported(api, a_product(business_function=[UNHEARD]))
    await imported(api, a_product(business_function=[UNHEARD]))

    (noticed,) = (await api.get("/v1/function-mappings?status=noticed")).json()["items"]
    assert (noticed["term"], noticed["effect"], noticed["proposal"]) == (UNHEARD, None, None)
    assert (await listed(api))["focus_areas"] == []
    assert (await recorded_types(api)).count("mapping.noticed") == 1


async def test_a_proposal_holds_once_another_person_confirms_it_and_maps_the_offerings_again(api: Api) -> None:
    await imported(api, a_product(business_function=["Contact Center"]), a_product(id="FR2", business_function=["Storage"]))
    await proposed(api)
    pending = await listed(api)
    own = await decide(api, "confirm", subject="proposer")
    answer = await decide(api, "confirm")

    after = await listed(api)
    assert (pending["focus_areas"], pending["revision"]) == ([], 1)
    assert (own.status_code, own.json()["missing"]) == (409, ["another person than the one who proposed"])
    assert (answer.json()["status"], answer.json()["remapped"], answer.json()["left"]) == ("confirmed", 1, 0)
    assert (after["focus_areas"], after["standards"], after["revision"]) == ([CYBER], ["nist-csf"], 2)
    assert (after["origins"]["focus_areas"]["source"], after["origins"]["focus_areas"]["by"]) == (
        "function mapping",
        "reviewer",
    )
    assert (await listed(api, "FR2"))["revision"] == 1
    assert (await recorded_types(api))[-3:] == ["mapping.proposed", "offering.revised", "mapping.confirmed"]
    assert await imported(api, a_product(business_function=["Contact Center"])) == {"read": 1, "unchanged": 1}


async def test_what_a_person_set_or_published_is_not_mapped_again(api: Api) -> None:
    await a_vehicle(api)
    codes = ["FR1", "FR2", "FR3"]
    await imported(api, *(a_product(id=code, business_function=["Contact Center", "Grant Management"]) for code in codes))
    by_hand, published, plain = [await listed(api, code) for code in codes]
    by_both = (f"qsmo:{CYBER}", f"qsmo:{GRANTS}")
    assert (await revise(api, by_hand["id"], *by_both, **{**given(by_hand), "focus_areas": []})).status_code == 403
    assert (await revise(api, by_hand["id"], *by_both, **{**given(by_hand), "focus_areas": [CYBER]})).status_code == 200
    coverage = [{"fibf_id": "GRM.010.010", "coverage": "yes"}]
    mine = {**given(published), "vehicles": ["GSA MAS"], "fibf_coverage": coverage}
    assert (await revise(api, published["id"], f"qsmo:{GRANTS}", **mine)).status_code == 200
    assert (await act(api, published["id"], "publish", f"qsmo:{GRANTS}")).status_code == 200

    answer = await confirmed(api, standards=[])

    areas = [(await listed(api, code))["focus_areas"] for code in codes]
    assert areas == [[CYBER], [GRANTS], [CYBER, GRANTS]]
    assert (answer["remapped"], answer["left"]) == (1, 2)
    assert plain["focus_areas"] == [GRANTS]


async def test_a_rejection_needs_a_reason_and_leaves_what_held(api: Api) -> None:
    await confirmed(api)
    await proposed(api, focus_area=None, standards=[])
    without = await decide(api, "reject", body={})
    rejected = await decide(api, "reject", body={"reason": "It does answer incidents."})

    assert without.status_code == 422
    assert (rejected.json()["status"], rejected.json()["note"]) == ("rejected", "It does answer incidents.")
    assert rejected.json()["effect"] == {"focus_area": CYBER, "standards": ["nist-csf"]}
    await imported(api, a_product(business_function=["Contact Center"]))
    assert (await listed(api))["focus_areas"] == [CYBER]
    assert (await decide(api, "confirm")).status_code == 409


async def test_mapping_to_nothing_takes_offerings_out_again(api: Api) -> None:
    await imported(api, a_product(business_function=["Grant Management"]))

    answer = await confirmed(api, id="fedramp-grant-management", focus_area=None, standards=[])

    assert answer["remapped"] == 1
    assert (await listed(api))["focus_areas"] == []


async def test_the_qsmo_of_the_area_reviews_and_others_do_not(api: Api) -> None:
    await proposed(api)
    for role in (f"qsmo:{GRANTS}", "omb", "auditor", "provider:x", f"standards:{CYBER}", "agency:070:cio"):
        assert (await decide(api, "confirm", role)).status_code == 403, role
        assert (await decide(api, "reject", role, body={"reason": "Not ours."})).status_code == 403, role
    for role in ("omb", "auditor", "provider:x", "agency:070:cio"):
        assert (await decide(api, "propose", role, body=PROPOSAL)).status_code == 403, role

    assert (await decide(api, "confirm", f"qsmo:{CYBER}")).status_code == 200


async def test_a_stale_decision_and_an_unknown_area_are_refused(api: Api) -> None:
    seen = await api.get(f"/v1/function-mappings/{CONTACT}")
    await proposed(api)
    stale = await api.post(f"/v1/function-mappings/{CONTACT}/confirm", None, "coordinator", etag=seen.headers["etag"])
    unknown = await decide(api, "propose", body={**PROPOSAL, "focus_area": "gardening"})

    assert stale.status_code == 412
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/focus_area")
    assert (await api.get("/v1/function-mappings/unheard-of")).status_code == 404


@needs_real_data
def test_every_standard_of_the_table_is_one_of_the_real_files() -> None:
    read = [fibf.read(orjson.loads(path.read_bytes())) for path in (REAL_DATA / "fibf").rglob("*.json")]
    read += [oscal.read(path.read_bytes()) for path in (REAL_DATA / "nist").iterdir()]
    named = {standard for mapping in shipped().values() if mapping.effect for standard in mapping.effect.standards}

    assert len(named) > 8
    assert named <= {file.header.id for file in read}
