"""Offerings over HTTP: who may do what, what is refused, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from tests.support.apps import Api, an_api
from tests.unit.catalog.world import (
    CYBER,
    GRANTS,
    QSMO,
    Registry,
    a_draft,
    a_provider,
    a_published,
    a_vehicle,
    act,
    an_area,
    recorded,
    recorded_types,
    revise,
    values,
)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await Registry(api).open(CYBER, GRANTS)
        yield api


async def offering_facts(api: Api) -> list[str]:
    return [kind for kind in await recorded_types(api) if kind.startswith("offering.")]


async def test_an_offering_is_drafted_submitted_and_published(api: Api) -> None:
    offering_id = await a_published(api)

    shown = (await api.get(f"/v1/offerings/{offering_id}")).json()
    assert (shown["status"], shown["revision"], shown["code"]) == ("published", 1, "vdp")
    assert await offering_facts(api) == ["offering.drafted", "offering.submitted", "offering.published"]
    visibility = [headers["ce_visibility"] for kind, headers in await recorded(api) if kind.startswith("offering.")]
    assert visibility == ["restricted", "restricted", "public"]


async def test_changes_requested_lead_back_to_a_draft(api: Api) -> None:
    offering_id = (await a_draft(api)).json()["id"]
    await act(api, offering_id, "submit")

    asked = await act(api, offering_id, "request-changes", body={"reason": "name the researchers' channel"})
    edited = await revise(api, offering_id, summary="Reports of researchers, by web form")

    assert (asked.json()["status"], asked.json()["reason"]) == ("changes_requested", "name the researchers' channel")
    assert (edited.json()["status"], edited.json()["summary"]) == ("draft", "Reports of researchers, by web form")
    assert await offering_facts(api) == [
        "offering.drafted",
        "offering.submitted",
        "offering.changes_requested",
        "offering.drafted",
    ]


async def test_suspending_reinstating_and_retiring_tell_why(api: Api) -> None:
    offering_id, successor_id = await a_published(api), await a_published(api, code="vdp-2")

    suspended = await act(api, offering_id, "suspend", "omb", body={"reason": "an incident"})
    reinstated = await act(api, offering_id, "reinstate")
    retired = await act(api, offering_id, "retire", body={"successor_id": successor_id})

    assert (suspended.json()["status"], suspended.json()["reason"]) == ("suspended", "an incident")
    assert (reinstated.json()["status"], reinstated.json()["revision"]) == ("published", 1)
    assert (retired.json()["status"], retired.json()["successor_id"]) == ("retired", successor_id)
    assert (await offering_facts(api))[-3:] == ["offering.suspended", "offering.published", "offering.retired"]
    assert (await api.get(f"/v1/offerings/{offering_id}")).status_code == 200


async def test_retiring_without_successor_or_reason_is_refused(api: Api) -> None:
    offering_id = await a_published(api)

    refused = await act(api, offering_id, "retire", body={})
    unknown = await act(api, offering_id, "retire", body={"successor_id": "nothing"})
    itself = await act(api, offering_id, "retire", body={"successor_id": offering_id})

    assert (refused.status_code, refused.json()["missing"]) == (409, ["a successor or a reason"])
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/successor_id")
    assert itself.status_code == 409


async def test_publishing_lists_what_is_missing_and_the_actions_say_it_beforehand(api: Api) -> None:
    await Registry(api).tell(("human-resources", an_area("human-resources")))
    roles = (QSMO, "qsmo:human-resources")
    wanting: dict[str, Any] = {"kind": "commercial_product", "focus_areas": [CYBER, "human-resources"], "fibf_coverage": []}
    offering_id = (await a_draft(api, *roles, **wanting)).json()["id"]
    await act(api, offering_id, "submit", *roles)

    refused = await act(api, offering_id, "publish", *roles, subject="reviewer")

    missing = [
        "an open marketplace for human-resources (it is not planned yet)",
        "at least one FIBF activity covered",
        "a registered acquisition vehicle that can be ordered under (it names none), or is_free",
    ]
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-publishable")
    assert refused.json()["missing"] == missing
    headers = api.headers(*roles, subject="reviewer")
    shown = (await api.client.get(f"/v1/offerings/{offering_id}", headers=headers)).json()
    publish = next(action for action in shown["_actions"] if action["action"] == "publish")
    assert (publish["possible"], publish["missing"]) == (False, missing)


async def test_whoever_submitted_cannot_publish(api: Api) -> None:
    offering_id = (await a_draft(api)).json()["id"]
    submitted = await act(api, offering_id, "submit")

    refused = await act(api, offering_id, "publish")

    assert refused.json()["type"] == "/problems/separation-of-duties"
    publish = next(action for action in submitted.json()["_actions"] if action["action"] == "publish")
    assert publish["missing"] == ["another person than the one who submitted"]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("request-changes", {"reason": "a reason"}),
        ("publish", None),
        ("suspend", {"reason": "a reason"}),
        ("reinstate", None),
        ("retire", {"reason": "a reason"}),
    ],
)
async def test_a_draft_refuses_what_its_state_does_not_allow(api: Api, action: str, body: Any) -> None:
    offering_id = (await a_draft(api)).json()["id"]

    refused = await act(api, offering_id, action, body=body)

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/transition-not-allowed")
    assert refused.json()["allowed_actions"] == ["edit", "submit"]
    assert await offering_facts(api) == ["offering.drafted"]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("submit", None),
        ("request-changes", {"reason": "a reason"}),
        ("publish", None),
        ("suspend", {"reason": "a reason"}),
        ("reinstate", None),
        ("retire", {"reason": "a reason"}),
    ],
)
async def test_each_action_needs_the_newest_version(api: Api, action: str, body: Any) -> None:
    offering_id = (await a_draft(api)).json()["id"]
    href = f"/v1/offerings/{offering_id}/{action}"

    assert (await api.post(href, body, QSMO)).status_code == 428
    stale = await api.post(href, body, QSMO, etag='"7-00"')
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale-version")


async def test_an_edit_needs_the_newest_version(api: Api) -> None:
    href = f"/v1/offerings/{(await a_draft(api)).json()['id']}"

    assert (await api.put(href, values(), QSMO)).status_code == 428
    assert (await api.put(href, values(), QSMO, etag='"7-00"')).status_code == 412


OTHERS = ("qsmo:grants-management", "provider:another", "agency:070:sapoc", "board:council", "standards:cybersecurity")


async def test_a_draft_is_not_there_for_those_who_may_not_see_it(api: Api) -> None:
    offering_id = (await a_draft(api)).json()["id"]

    for role in (None, *OTHERS):
        roles = (role,) if role else ()
        assert (await api.get(f"/v1/offerings/{offering_id}", *roles)).status_code == 404, role
        assert (await api.get(f"/v1/offerings/{offering_id}/revisions", *roles)).status_code == 404, role
        assert (await api.get("/v1/offerings/by-key/code/vdp", *roles)).status_code == 404, role
        assert (await api.get("/v1/offerings", *roles)).json()["items"] == [], role
        assert (await api.get("/v1/stats/offerings", *roles)).json() == {"total": 0, "counts": []}, role
    for role in OTHERS:
        assert (await act(api, offering_id, "submit", role)).status_code == 404, role
    for role in (QSMO, "omb", "coordinator", "auditor"):
        assert (await api.get(f"/v1/offerings/{offering_id}", role)).status_code == 200, role
        assert len((await api.get("/v1/offerings", role)).json()["items"]) == 1, role


async def test_only_the_areas_qsmo_publishes(api: Api) -> None:
    offering_id = (await a_draft(api)).json()["id"]
    await act(api, offering_id, "submit")

    for role in ("omb", "coordinator", "auditor"):
        refused = await act(api, offering_id, "publish", role, subject="reviewer")
        assert refused.status_code == 403, role
        assert "qsmo of every one of: cybersecurity" in refused.json()["detail"]


@pytest.mark.parametrize("action", ["suspend", "retire"])
async def test_what_is_published_is_seen_by_all_and_changed_by_its_qsmo_and_omb_only(api: Api, action: str) -> None:
    offering_id = await a_published(api)
    seen = await api.get(f"/v1/offerings/{offering_id}")
    href, body = f"/v1/offerings/{offering_id}/{action}", {"reason": "a reason"}

    assert seen.status_code == 200
    assert seen.json()["_actions"] == []
    assert (await api.post(href, body, etag=seen.headers["etag"])).status_code == 401
    for role in (*OTHERS, "coordinator", "auditor"):
        assert (await api.post(href, body, role, etag=seen.headers["etag"])).status_code == 403, role


async def test_nobody_drafts_without_a_role_for_it(api: Api) -> None:
    body = {"code": "vdp", **values()}

    assert (await api.post("/v1/offerings", body)).status_code == 401
    for role in (*OTHERS, "omb", "auditor"):
        assert (await api.post("/v1/offerings", body, role)).status_code == 403, role


async def test_a_provider_drafts_and_submits_its_own_offerings_only(api: Api) -> None:
    own, other = await a_provider(api), await a_provider(api, "Another Company")
    role = f"provider:{own}"

    drafted = await a_draft(api, role, provider_id=own)
    offering_id = drafted.json()["id"]

    assert (await api.post("/v1/offerings", {"code": "x", **values(provider_id=other)}, role)).status_code == 403
    assert (await revise(api, offering_id, role, provider_id=own, summary="Better")).status_code == 200
    assert (await revise(api, offering_id, role, provider_id=other)).status_code == 403
    assert [o["id"] for o in (await api.get("/v1/offerings", role)).json()["items"]] == [offering_id]
    assert (await api.get(f"/v1/offerings/{offering_id}", f"provider:{other}")).status_code == 404
    assert (await act(api, offering_id, "submit", role)).status_code == 200
    assert (await act(api, offering_id, "publish", role, subject="reviewer")).status_code == 403
    assert (await act(api, offering_id, "publish", QSMO)).json()["type"] == "/problems/separation-of-duties"
    assert (await act(api, offering_id, "publish", QSMO, subject="reviewer")).status_code == 200
    assert (await revise(api, offering_id, role, provider_id=own)).status_code == 403


async def test_an_offering_of_two_areas_takes_both_their_qsmos(api: Api) -> None:
    both: dict[str, Any] = {"focus_areas": [CYBER, GRANTS]}
    offering_id = (await a_draft(api, **both)).json()["id"]
    await act(api, offering_id, "submit")

    alone = await act(api, offering_id, "publish", subject="reviewer")
    together = await act(api, offering_id, "publish", QSMO, f"qsmo:{GRANTS}", subject="reviewer")

    assert (alone.status_code, together.status_code) == (403, 200)
    assert (await revise(api, offering_id, focus_areas=[CYBER])).status_code == 403
    assert (await act(api, offering_id, "suspend", f"qsmo:{GRANTS}", body={"reason": "an incident"})).status_code == 200


async def test_every_publication_is_a_revision_that_stays_as_it_was(api: Api) -> None:
    offering_id = await a_published(api)
    href = f"/v1/offerings/{offering_id}"

    second = await revise(api, offering_id, summary="Said better")
    same = await revise(api, offering_id, summary="Said better")
    third = await revise(api, offering_id, summary="Said better", pricing="10 USD", authorization={"status": "authorized"})

    assert [answer.json()["revision"] for answer in (second, same, third)] == [2, 2, 3]
    assert same.headers["etag"].split("-")[0] == second.headers["etag"].split("-")[0]
    assert [r["n"] for r in (await api.get(f"{href}/revisions")).json()["items"]] == [1, 2, 3]
    first = (await api.get(f"{href}/revisions/1")).json()
    assert (first["content"]["summary"], first["by"]) == ("Reports of researchers", "reviewer")
    assert (await api.get(f"{href}/revisions/4")).status_code == 404
    assert (await offering_facts(api))[-2:] == ["offering.revised", "offering.revised"]


async def test_a_diff_names_fields_and_what_is_material(api: Api) -> None:
    offering_id = await a_published(api)
    await revise(api, offering_id, summary="Said better")
    more = [{"fibf_id": "CYB.060.020", "coverage": "yes_by_go_live"}]
    await revise(api, offering_id, pricing="10 USD", fibf_coverage=more, authorization={"status": "authorized"})

    diff = (await api.get(f"/v1/offerings/{offering_id}/diff?from=1&to=3")).json()

    assert (diff["from"], diff["to"]) == (1, 3)
    assert {change["field"]: change["material"] for change in diff["changes"]} == {
        "pricing": "price",
        "fibf_coverage": "scope",
        "authorization": "security",
    }
    pricing = next(change for change in diff["changes"] if change["field"] == "pricing")
    assert (pricing["old"], pricing["new"]) == (None, "10 USD")
    assert (await api.get(f"/v1/offerings/{offering_id}/diff?from=2&to=2")).json()["changes"] == []
    assert (await api.get(f"/v1/offerings/{offering_id}/diff?from=1&to=9")).status_code == 404
    assert (await api.get(f"/v1/offerings/{offering_id}/diff?from=0&to=1")).status_code == 400


async def test_a_new_authorization_alone_is_a_fact_of_its_own(api: Api) -> None:
    offering_id = await a_published(api)

    await revise(api, offering_id, authorization={"status": "authorized", "impact_level": "high"})

    assert (await offering_facts(api))[-1] == "offering.authorization_changed"


async def test_what_is_published_cannot_be_revised_into_what_is_not_publishable(api: Api) -> None:
    offering_id = await a_published(api)

    refused = await revise(api, offering_id, fibf_coverage=[])

    assert (refused.status_code, refused.json()["missing"]) == (409, ["at least one FIBF activity covered"])


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"focus_areas": [CYBER, "alchemy"]}, "/focus_areas/1"),
        ({"services": ["a-service", "no-service"]}, "/services/1"),
        ({"provider_id": "nobody"}, "/provider_id"),
        ({"fibf_coverage": [{"fibf_id": "CYB.060.030", "coverage": "yes"}] * 2}, "/fibf_coverage"),
        ({"fibf_coverage": [{"fibf_id": "60", "coverage": "yes"}]}, "/fibf_coverage/0/fibf_id"),
        ({"depends_on": ["unheard-of"]}, "/depends_on/0"),
        ({"bundle": ["unheard-of"]}, "/bundle/0"),
        ({"migrates_to": "unheard-of"}, "/migrates_to"),
        ({"suits": [{"dimension": "finance", "least": 3, "most": 2}]}, "/suits/0"),
        ({"kind": "thing"}, "/kind"),
        ({"surprise": 1}, "/surprise"),
    ],
)
async def test_content_that_is_not_valid_is_refused_with_its_place(api: Api, more: dict[str, Any], pointer: str) -> None:
    refused = await api.post("/v1/offerings", {"code": "vdp", **values(**more)}, QSMO)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert await offering_facts(api) == []


async def test_a_code_is_given_once(api: Api) -> None:
    await a_draft(api)

    again = await api.post("/v1/offerings", {"code": "vdp", **values()}, QSMO)

    assert (again.status_code, again.json()["type"]) == (409, "/problems/exists")


async def test_a_code_that_two_give_at_once_is_told_to_be_there(api: Api) -> None:
    both = [api.post("/v1/offerings", {"code": "of-two", **values()}, QSMO) for _ in range(2)]

    first, second = sorted(await asyncio.gather(*both), key=lambda answer: answer.status_code)

    assert first.status_code == 201
    assert (second.status_code, second.json()["type"]) == (409, "/problems/exists")


async def test_ten_at_once_publish_it_once(api: Api) -> None:
    offering_id = (await a_draft(api)).json()["id"]
    submitted = await act(api, offering_id, "submit")
    headers = {**api.headers(QSMO, subject="reviewer"), "If-Match": submitted.headers["etag"]}

    answers = await asyncio.gather(
        *(api.client.post(f"/v1/offerings/{offering_id}/publish", headers=headers) for _ in range(10))
    )

    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 9]
    assert (await offering_facts(api)).count("offering.published") == 1


async def test_lists_filter_search_and_page(api: Api) -> None:
    company = await a_provider(api, "Zeta Éditions", small_business=True)
    await a_vehicle(api)
    await a_published(api, code="a", name="Alpha", summary="Watches mail")
    security = {"status": "authorized", "impact_level": "high", "service_models": ["saas", "paas"], "fedramp_id": "FR1"}
    product: dict[str, Any] = {
        "kind": "commercial_product",
        "vehicles": ["GSA MAS"],
        "provider_id": company,
        "shelf": "optional",
        "authorization": security,
    }
    await a_published(api, code="b", name="Beta", description="Guards 100% of NAMES", **product)
    grants = f"qsmo:{GRANTS}"
    await a_published(api, code="c", name="Gamma", roles=(grants,), focus_areas=[GRANTS], kind="tool")

    async def names(query: str) -> list[str]:
        answer = await api.get(f"/v1/offerings?{query}")
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json()["items"]]

    assert await names("") == ["Alpha", "Beta", "Gamma"]
    assert await names(f"area={GRANTS}") == ["Gamma"]
    assert await names("kind=tool") == ["Gamma"]
    assert await names(f"provider_id={company}") == ["Beta"]
    assert await names("provider_kind=commercial") == ["Beta"]
    assert await names("shelf=optional") == ["Beta"]
    assert await names("status=published&area=cybersecurity") == ["Alpha", "Beta"]
    assert await names("impact_level=high") == ["Beta"]
    assert await names("authorization_status=authorized") == ["Beta"]
    assert await names("service_model=paas") == ["Beta"]
    assert await names("service_model=aa") == []
    assert await names("q=names+BETA") == ["Beta"]
    assert await names("q=ZETA") == ["Beta"]
    assert await names("q=%C3%A9ditions") == ["Beta"]
    assert await names("q=100%25") == ["Beta"]
    assert await names("q=a_l") == []
    assert await names("q=mail+names") == []
    assert (await api.get("/v1/offerings?shelve=optional")).status_code == 400

    first = (await api.get("/v1/offerings?limit=2")).json()
    rest = (await api.get(f"/v1/offerings?limit=2&cursor={first['next_cursor']}")).json()
    assert [item["name"] for item in first["items"] + rest["items"]] == ["Alpha", "Beta", "Gamma"]
    assert first["items"][1]["provider"]["name"] == "Zeta Éditions"


async def test_offerings_are_found_by_their_keys(api: Api) -> None:
    offering_id = await a_published(api, authorization={"status": "authorized", "fedramp_id": "FR1"})

    assert (await api.get("/v1/offerings/by-key/code/vdp")).json()["id"] == offering_id
    assert (await api.get("/v1/offerings/by-key/fedramp/FR1")).json()["id"] == offering_id
    assert (await api.get("/v1/offerings/by-key/code/FR1")).status_code == 404
    assert (await api.get("/v1/offerings/by-key/isbn/1")).status_code == 400


async def test_an_offering_is_drafted_and_changed_by_its_code(api: Api) -> None:
    path, body = "/v1/offerings/by-key/code/new-one", {"name": "New", "kind": "service", "focus_areas": ["cybersecurity"]}

    made = await api.put(path, body, "qsmo:cybersecurity")
    blind = await api.put(path, body, "qsmo:cybersecurity")
    changed = await api.put(path, body | {"name": "Newer"}, "qsmo:cybersecurity", etag=made.headers["etag"])
    refused = await api.put("/v1/offerings/by-key/code/other", body, "agency:070:cio")
    imported_only = await api.put("/v1/offerings/by-key/fedramp/FR9", body, "qsmo:cybersecurity")

    assert made.status_code == 201, made.text
    assert (made.json()["code"], made.headers["location"]) == ("new-one", f"/v1/offerings/{made.json()['id']}")
    statuses = [answer.status_code for answer in (blind, changed, refused, imported_only)]
    assert statuses == [412, 200, 403, 404], blind.text + changed.text
    assert (await api.get(path, "qsmo:cybersecurity")).json()["name"] == "Newer"


async def test_counts_are_of_what_the_caller_may_see(api: Api) -> None:
    await a_published(api)
    await a_draft(api, code="d", kind="tool")

    of_all = (await api.get("/v1/stats/offerings")).json()
    of_qsmo = (await api.get("/v1/stats/offerings", QSMO)).json()

    published = {"area": CYBER, "kind": "service", "status": "published", "count": 1}
    assert of_all == {"total": 1, "counts": [published]}
    assert of_qsmo == {"total": 2, "counts": [published, {"area": CYBER, "kind": "tool", "status": "draft", "count": 1}]}


async def test_the_rules_are_served_as_data(api: Api) -> None:
    machines = (await api.get("/v1/meta/state-machines/catalog")).json()["machines"]

    assert [machine["name"] for machine in machines] == ["marketplace", "offering", "standard", "vehicle", "function-mapping"]


async def test_providers_are_registered_once_and_changed_with_their_version(api: Api) -> None:
    provider_id = await a_provider(api, "Example Corporation")
    href = f"/v1/providers/{provider_id}"
    body = {"name": "Example Corp.", "kind": "commercial", "uei": "V6QLDTQZ7ZF7"}
    seen = await api.get(href, "coordinator")

    again = await api.post("/v1/providers", body, QSMO)
    changed = await api.put(href, body, QSMO, etag=seen.headers["etag"])
    stale = await api.put(href, {**body, "name": "Example"}, QSMO, etag=seen.headers["etag"])

    assert (again.status_code, provider_id in again.json()["detail"]) == (409, True)
    assert (changed.status_code, changed.json()["uei"]) == (200, "V6QLDTQZ7ZF7")
    assert stale.status_code == 412
    assert (await api.put(href, body, QSMO)).status_code == 428
    assert (await api.post("/v1/providers", body)).status_code == 401
    for role in ("omb", "auditor", f"provider:{provider_id}", "agency:070:cio"):
        assert (await api.post("/v1/providers", body, role)).status_code == 403, role
    assert [action["action"] for action in changed.json()["_actions"]] == ["change"]
    assert [p["name"] for p in (await api.get("/v1/providers?q=EXAMPLE&kind=commercial")).json()["items"]] == ["Example Corp."]
    assert [kind for kind in await recorded_types(api) if kind.startswith("provider.")] == [
        "provider.registered",
        "provider.changed",
    ]


async def test_a_provider_refers_to_known_organizations_only(api: Api) -> None:
    federal = {"name": "Agency", "kind": "federal", "organization_id": "nobody"}

    unknown = await api.post("/v1/providers", federal, "coordinator")
    company = await api.post("/v1/providers", {**federal, "kind": "commercial"}, "coordinator")

    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/organization_id")
    assert (company.status_code, company.json()["type"]) == (409, "/problems/not-federal")
