from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.registry import tables
from services.registry.app import create_app
from services.registry.config import Settings
from tests.support.apps import Api, an_api
from tests.support.plans import a_content

POLICY = {"id": "m-19-16", "title": "Centralized Mission Support Capabilities", "issuer": "OMB", "issued_on": "2019-04-26"}
BASIS = {"policy": "m-19-16", "clause": "section I"}


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        yield api


async def an_area(api: Api, *services: str) -> None:
    assert (await api.post("/v1/policies", POLICY, "omb")).status_code == 201
    area = {
        "id": "cybersecurity",
        "title": "Cybersecurity",
        "policy": "m-19-16",
        "services": [{"slug": slug, "title": slug.upper()} for slug in services or ("dns-resolver",)],
    }
    assert (await api.post("/v1/focus-areas", area, "omb")).status_code == 201


async def an_organization(api: Api, name: str, **more: Any) -> str:
    answer = await api.post("/v1/organizations", {"name": name, "kind": "component", **more}, "coordinator")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def pre_designated(api: Api, organization_id: str, *, on: str = "2019-04-26", service: str = "dns-resolver") -> Any:
    body = {"focus_area": "cybersecurity", "service": service, "organization_id": organization_id, "effective_on": on, **BASIS}
    return await api.post("/v1/designations/pre-designate", body, "omb")


async def planned(api: Api, office: str, *services: str) -> None:
    """A plan in force that makes the office the lead of the services."""
    await api.plans.seats("cio", "cfo")
    await api.plans.approved(office, a_content(office, *services or ("dns-resolver",)))


async def recorded_types(api: Api) -> list[str]:
    async with api.app.state.context.db.reading() as tx:
        rows = await tx.rows(select(tables.outbox.c.headers).order_by(tables.outbox.c.id))
    return [row["headers"]["ce_type"].removeprefix("qsmo.registry.").removesuffix(".v1") for row in rows]


async def test_a_designation_goes_from_pre_designated_to_designated_and_keeps_both_dates(api: Api) -> None:
    await an_area(api)
    cisa = await an_organization(api, "CISA")
    await planned(api, cisa)
    begun = await pre_designated(api, cisa)

    href = f"/v1/designations/{begun.json()['id']}"
    moved = await api.post(f"{href}/designate", {"effective_on": "2020-04-27", **BASIS}, "omb", etag=begun.headers["etag"])

    assert moved.status_code == 200
    assert moved.json()["status"] == "designated"
    before = (await api.get("/v1/designations?area=cybersecurity&as_of=2020-04-26")).json()["items"]
    after = (await api.get("/v1/designations?area=cybersecurity&as_of=2020-05-01")).json()["items"]
    assert [(d["status"], d["organization_name"]) for d in before] == [("pre_designated", "CISA")]
    assert [(d["status"], d["effective_on"]) for d in after] == [("designated", "2020-04-27")]
    assert (await api.get("/v1/designations?as_of=2019-04-25")).json()["items"] == []
    assert (await recorded_types(api))[-2:] == ["designation.pre_designated", "designation.designated"]


async def test_what_was_known_earlier_is_still_told_as_it_was_known(api: Api) -> None:
    await an_area(api)
    cisa = await an_organization(api, "CISA")
    await planned(api, cisa)
    begun = await pre_designated(api, cisa)
    known_at = begun.json()["recorded_at"]
    href = f"/v1/designations/{begun.json()['id']}"
    await api.post(f"{href}/designate", {"effective_on": "2020-04-27", **BASIS}, "omb", etag=begun.headers["etag"])

    then = (await api.client.get(href, params={"as_of": "2020-05-01", "known_at": known_at})).json()

    assert then["status"] == "pre_designated"


async def test_an_id_of_another_kind_is_refused_and_nothing_is_half_made(api: Api) -> None:
    await an_area(api)
    area = {"id": "m-19-16", "title": "An area named like its policy", "policy": "m-19-16", "services": []}

    refused = await api.post("/v1/focus-areas", area, "omb")

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/id-taken")
    assert "Choose another focus area id" in refused.json()["detail"]
    assert (await api.get("/v1/focus-areas/m-19-16", "omb")).status_code == 404


async def test_a_service_has_one_live_designation(api: Api) -> None:
    await an_area(api)
    await pre_designated(api, await an_organization(api, "CISA"))

    second = await pre_designated(api, await an_organization(api, "Another"), on="2021-01-01")

    assert second.status_code == 409
    assert second.json()["type"] == "/problems/live-designation-exists"
    assert second.json()["missing"] == ["no other live designation of the service"]


async def test_a_backdated_designation_must_not_overlap_an_ended_one(api: Api) -> None:
    await an_area(api)
    begun = await pre_designated(api, await an_organization(api, "CISA"))
    href = f"/v1/designations/{begun.json()['id']}"
    await api.post(
        f"{href}/revoke", {"effective_on": "2021-01-01", "reason": "moved elsewhere"}, "omb", etag=begun.headers["etag"]
    )

    overlapping = await pre_designated(api, await an_organization(api, "Another"), on="2020-12-31")
    following = await pre_designated(api, await an_organization(api, "A third"), on="2021-01-01")

    assert overlapping.json()["type"] == "/problems/effective-dates-overlap"
    assert following.status_code == 201


async def test_a_transfer_ends_one_and_begins_another_in_one_change(api: Api) -> None:
    await an_area(api)
    gsa, opm = await an_organization(api, "GSA"), await an_organization(api, "OPM")
    begun = await pre_designated(api, gsa)
    href = f"/v1/designations/{begun.json()['id']}"
    body = {"organization_id": opm, "effective_on": "2021-03-30", "reason": "the area moves to OPM", **BASIS}

    moved = await api.post(f"{href}/transfer", body, "omb", etag=begun.headers["etag"])

    assert moved.status_code == 201
    assert (moved.json()["status"], moved.json()["organization_name"]) == ("pre_designated", "OPM")
    assert moved.json()["predecessor_id"] == begun.json()["id"]
    assert (await api.get(href)).json()["successor_id"] == moved.json()["id"]
    assert (await recorded_types(api))[-2:] == ["designation.transferred", "designation.pre_designated"]
    timeline = (await api.get("/v1/focus-areas/cybersecurity/timeline")).json()["entries"]
    assert [entry["action"] for entry in timeline] == ["pre-designate", "transfer", "pre-designate"]


@pytest.mark.parametrize(
    ("action", "body", "code", "missing"),
    [
        ("designate", {"effective_on": "2020-04-27"}, "missing", ["policy clause"]),
        ("designate", {"effective_on": "2018-01-01", **BASIS}, "effective-date-order", None),
        ("suspend", {"effective_on": "2020-04-27", "reason": "a reason"}, "transition-not-allowed", None),
        ("reinstate", {"effective_on": "2020-04-27", "reason": "a reason"}, "transition-not-allowed", None),
        ("revoke", {"effective_on": "2020-04-27"}, "missing", ["reason"]),
    ],
)
async def test_a_refused_transition_says_what_is_missing(
    api: Api, action: str, body: dict[str, Any], code: str, missing: list[str] | None
) -> None:
    await an_area(api)
    cisa = await an_organization(api, "CISA")
    await planned(api, cisa)
    begun = await pre_designated(api, cisa)

    refused = await api.post(f"/v1/designations/{begun.json()['id']}/{action}", body, "omb", etag=begun.headers["etag"])

    assert refused.status_code == 409
    assert refused.json()["type"] == f"/problems/{code}"
    assert refused.json().get("missing") == missing


async def test_a_change_needs_the_version_it_starts_from(api: Api) -> None:
    await an_area(api)
    cisa = await an_organization(api, "CISA")
    await planned(api, cisa)
    begun = await pre_designated(api, cisa)
    href = f"/v1/designations/{begun.json()['id']}/designate"
    body = {"effective_on": "2020-04-27", **BASIS}

    assert (await api.post(href, body, "omb")).status_code == 428
    assert (await api.post(href, body, "omb", etag='"7-00"')).status_code == 412
    assert (await api.post(href, body, "omb", etag="nonsense")).status_code == 412
    assert (await api.post(href, body, "omb", etag=begun.headers["etag"])).status_code == 200


async def test_only_omb_designates(api: Api) -> None:
    await an_area(api)
    body = {"focus_area": "cybersecurity", "service": "dns-resolver", "effective_on": "2020-01-01", **BASIS}

    assert (await api.post("/v1/designations/pre-designate", body)).status_code == 401
    for role in ("coordinator", "qsmo:cybersecurity", "agency:070:sapoc", "auditor", "provider:x"):
        assert (await api.post("/v1/designations/pre-designate", body, role)).status_code == 403, role
    bad = await api.client.post("/v1/designations/pre-designate", json=body, headers={"Authorization": "Bearer nonsense"})
    assert bad.status_code == 401
    assert bad.headers["www-authenticate"].startswith("Bearer")


async def test_a_reference_to_something_unknown_is_named(api: Api) -> None:
    await an_area(api)
    answer = await pre_designated(api, "nobody")

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/organization_id", "code": "unknown-reference", "detail": "There is no organization 'nobody'."}
    ]
    wrong_service = await pre_designated(api, "nobody", service="time-travel")
    assert "dns-resolver" in wrong_service.json()["detail"]


async def test_an_idempotency_key_gives_the_first_answer_again(api: Api) -> None:
    body = {"name": "CISA", "kind": "component"}

    first = await api.post("/v1/organizations", body, "coordinator", **{"Idempotency-Key": "k-1"})
    again = await api.post("/v1/organizations", body, "coordinator", **{"Idempotency-Key": "k-1"})
    other_body = await api.post("/v1/organizations", {**body, "name": "X"}, "coordinator", **{"Idempotency-Key": "k-1"})

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other_body.status_code == 422
    assert len(await recorded_types(api)) == 1


async def test_kept_answers_are_forgotten_after_a_day(database_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database_url, migrate=True)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    body, key = {"name": "CISA", "kind": "component"}, {"Idempotency-Key": "k-1"}
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path, clock=lambda: now) as api:
        assert (await api.post("/v1/organizations", body, "coordinator", **key)).status_code == 201

    later = now + timedelta(hours=25)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path, clock=lambda: later) as api:
        async with asyncio.timeout(10):
            while await kept_answers(api):
                await asyncio.sleep(0.05)


async def kept_answers(api: Api) -> int:
    async with api.app.state.context.db.reading() as tx:
        return len(await tx.rows(select(tables.idempotency.c.key)))


async def test_a_dry_run_answers_as_the_write_would_and_keeps_nothing(api: Api) -> None:
    body = {"name": "CISA", "kind": "component"}

    dry = await api.post("/v1/organizations?validate_only=true", body, "coordinator")

    assert dry.status_code == 200
    assert dry.json()["name"] == "CISA"
    assert await recorded_types(api) == []
    assert (await api.get("/v1/organizations")).json()["items"] == []


async def test_twenty_concurrent_pre_designations_leave_one(api: Api) -> None:
    await an_area(api)
    offices = [await an_organization(api, f"office {n}") for n in range(20)]

    answers = await asyncio.gather(*(pre_designated(api, office) for office in offices))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 19]
    live = (await api.get("/v1/designations?area=cybersecurity")).json()["items"]
    assert len(live) == 1


async def test_a_code_belongs_to_one_organization(api: Api) -> None:
    code = {"scheme": "cgac", "value": "070"}
    first = await an_organization(api, "Department of Homeland Security", codes=[code])

    second = await api.post("/v1/organizations", {"name": "Other", "kind": "agency", "codes": [code]}, "coordinator")

    assert second.status_code == 409
    assert first in second.json()["detail"]
    assert (await api.get("/v1/organizations/by-key/cgac/070")).json()["id"] == first


async def test_an_organization_is_made_and_changed_by_a_code_of_its_own(api: Api) -> None:
    path, body = "/v1/organizations/by-key/hr-system/4711", {"name": "Office", "kind": "office"}

    made = await api.put(path, body, "coordinator")
    blind = await api.put(path, body, "coordinator")
    changed = await api.put(path, body | {"name": "Bureau"}, "coordinator", etag=made.headers["etag"])
    gone = await api.put(path[:-1] + "2", body, "coordinator", etag=made.headers["etag"])
    refused = await api.put(path[:-1] + "2", body, "agency:070:cio")

    assert made.status_code == 201, made.text
    assert made.json()["codes"] == [{"scheme": "hr-system", "value": "4711"}]
    assert (blind.status_code, changed.status_code, gone.status_code, refused.status_code) == (412, 200, 412, 403)
    assert (blind.json()["current_version"], blind.headers["etag"]) == (1, '"1"')
    assert (await api.put(path, body, "coordinator", etag='"2"')).status_code == 200
    shown = (await api.get(path)).json()
    assert (shown["id"], shown["name"], shown["version"]) == (made.json()["id"], "Office", 3)


async def test_an_organization_cannot_stand_below_itself(api: Api) -> None:
    top = await an_organization(api, "Top")
    below = await an_organization(api, "Below", parent_id=top)
    shown = await api.get(f"/v1/organizations/{top}", "coordinator")

    refused = await api.put(
        f"/v1/organizations/{top}",
        {"name": "Top", "kind": "component", "parent_id": below},
        "coordinator",
        etag=shown.headers["etag"],
    )

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "cycle"


async def test_pages_follow_one_another_without_loss(api: Api) -> None:
    for n in range(7):
        await an_organization(api, f"office {n}")

    seen: list[str] = []
    href = "/v1/organizations?limit=3"
    while href:
        page = await api.get(href)
        seen += [item["name"] for item in page.json()["items"]]
        link = page.headers.get("link", "")
        href = link[1 : link.index(">")] if link else ""

    assert seen == [f"office {n}" for n in range(7)]
    assert (await api.get("/v1/organizations?cursor=nonsense")).status_code == 422


async def test_a_misspelt_filter_is_refused(api: Api) -> None:
    answer = await api.get("/v1/designations?aera=cybersecurity")

    assert answer.status_code == 400
    assert "'aera'" in answer.json()["detail"]


async def test_an_entity_tag_saves_the_second_read(api: Api) -> None:
    id_ = await an_organization(api, "CISA")
    first = await api.get(f"/v1/organizations/{id_}")

    again = await api.get(f"/v1/organizations/{id_}", **{"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert again.content == b""


async def test_actions_tell_each_caller_what_is_possible_and_what_is_missing(api: Api) -> None:
    await an_area(api)
    cisa = await an_organization(api, "CISA")
    begun = await pre_designated(api, cisa)
    href = f"/v1/designations/{begun.json()['id']}"
    without = {action["action"]: action for action in (await api.get(href, "omb")).json()["_actions"]}
    await planned(api, cisa)

    for_omb = {action["action"]: action for action in (await api.get(href, "omb")).json()["_actions"]}

    assert (await api.get(href)).json()["_actions"] == []
    assert (without["designate"]["possible"], len(without["designate"]["missing"])) == (False, 4)
    assert (for_omb["designate"]["possible"], for_omb["designate"]["missing"]) == (True, [])
    assert for_omb["reinstate"]["missing"] == ["state suspended (it is pre_designated)"]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"[]", 422), (b'{"a": ' + b"[" * 5_000, 400), (b"\xff", 400), (b"x" * ((1 << 20) + 1), 413)],
)
async def test_bodies_that_are_no_such_document_are_refused(api: Api, content: bytes, status: int) -> None:
    headers = {**api.headers("coordinator"), "Content-Type": "application/json"}

    answer = await api.client.post("/v1/organizations", content=content, headers=headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
