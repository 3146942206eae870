"""What was, by effective date and by what was known; and who changed what, when and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import Api
from tests.support.plans import BASIS, EVIDENCE, a_content
from tests.support.registry import Day, a_registry
from tests.support.replay import plans_replay

SERVICES = ("dns-resolver", "soc-standardization")


@pytest.fixture
def day() -> Day:
    return Day(datetime(2019, 9, 2, 12, tzinfo=UTC))


@pytest.fixture
async def api(database_url: str, tmp_path: Path, day: Day) -> AsyncIterator[Api]:
    async with a_registry(database_url, tmp_path, clock=day, services=SERVICES) as api:
        yield api


async def get(api: Api, path: str, *roles: str, **when: str) -> Any:
    return await api.client.get(path, params=when, headers=api.headers(*roles))


async def dhs_and_cisa(api: Api) -> tuple[str, str]:
    dhs = await api.post("/v1/organizations", {"name": "DHS", "kind": "department"}, "coordinator")
    cisa = {"name": "CISA", "kind": "component", "parent_id": dhs.json()["id"]}
    return str(dhs.json()["id"]), str((await api.post("/v1/organizations", cisa, "coordinator")).json()["id"])


async def the_plan(api: Api, day: Day, dhs: str, cisa: str) -> str:
    """Drafted and submitted in 2019, recommended and approved in 2020, active with a backdated effect."""
    office = api.plans
    await office.seats("cio", "cfo")
    plan = await office.drafted(dhs, a_content(cisa, "dns-resolver"), on="2019-09-02")
    await office.did(plan, "milestones", {"title": "First customer", "due_on": "2020-12-31"}, by="author")
    day.on("2019-09-10")
    await office.did(plan, "submit", by="author")
    day.on("2020-02-01")
    await office.did(plan, "start-review", by="coordinator")
    asked = await office.did(plan, "questions", {"text": "Who pays?"}, by="coordinator")
    answer = {"answer": "An appropriation."}
    await office.did(plan, f"questions/{asked['questions'][0]['id']}/answer", answer, by="author")
    await office.did(plan, "check", {"complete": True, "note": "whole"}, by="coordinator")
    await office.did(plan, "votes", {"seat": "cio", "choice": "for", "comment": "well made"}, by="cio")
    await office.did(plan, "votes", {"seat": "cfo", "choice": "for"}, by="cfo")
    await office.did(plan, "recommend", by="coordinator")
    await office.met(plan)
    condition = {"title": "Report", "owner": "CISA", "due_on": "2020-10-31"}
    day.on("2020-04-24")
    await office.did(plan, "approve", {**BASIS, "conditions": [condition]}, by="omb")
    day.on("2020-05-04")
    await office.did(plan, "activate", {"effective_on": "2020-04-27"}, by="omb")
    return plan


async def test_a_plan_is_told_as_it_was_on_a_day_and_as_it_was_known(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    plan = await the_plan(api, day, dhs, cisa)
    path = f"/v1/plans/{plan}"

    async def state(**when: str) -> Any:
        answer = await get(api, path, "omb", **when)
        return answer.json()["state"] if answer.is_success else answer.status_code

    assert await state(as_of="2019-09-01") == 404
    assert await state(as_of="2019-09-09") == "draft"
    assert await state(as_of="2020-01-31") == "submitted"
    assert await state(as_of="2020-04-26") == "approved"
    assert await state(as_of="2020-04-27") == "active"
    assert await state(as_of="2020-04-27", known_at="2020-05-01T00:00:00Z") == "approved", "recorded on the 4th of May only"
    assert await state(known_at="2020-02-01T13:00:00Z") == "recommended"
    reviewed = (await get(api, path, "omb", known_at="2020-02-01T13:00:00Z")).json()
    assert [v["comment"] for v in reviewed["votes"]] == ["well made", ""]
    assert reviewed["questions"][0]["answer"] == "An appropriation."
    assert (reviewed["corrective_actions"], reviewed["_actions"]) == ([], [])
    assert len((await get(api, path, "omb", as_of="2020-04-24")).json()["corrective_actions"]) == 1


async def test_the_list_of_plans_is_that_of_the_time(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    plan = await the_plan(api, day, dhs, cisa)
    day.on("2020-06-01")
    later = await api.plans.drafted(dhs, {}, on="2020-06-01")

    async def listed(*roles: str, **filters: str) -> list[str]:
        return [item["id"] for item in (await get(api, "/v1/plans", *roles, **filters)).json()["items"]]

    assert await listed("omb", as_of="2019-08-31") == []
    assert await listed("omb", as_of="2020-05-31") == [plan]
    assert sorted(await listed("omb", as_of="2020-06-01")) == sorted([plan, later])
    assert await listed("omb", as_of="2020-05-31", state="draft") == []
    assert await listed("omb", as_of="2019-09-05", state="draft", area="cybersecurity", host=dhs) == [plan]


async def test_what_was_a_draft_then_stays_with_its_area(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    plan = await the_plan(api, day, dhs, cisa)
    federal = "agency:070:cio"

    assert (await get(api, f"/v1/plans/{plan}", federal)).status_code == 200
    assert (await get(api, f"/v1/plans/{plan}", federal, as_of="2019-09-05")).status_code == 404
    assert (await get(api, "/v1/plans", federal, as_of="2019-09-05")).json()["items"] == []
    assert (await get(api, f"/v1/plans/{plan}", federal, as_of="2020-01-01")).json()["state"] == "submitted"
    assert (await get(api, f"/v1/plans/{plan}", "qsmo:cybersecurity", as_of="2019-09-05")).json()["state"] == "draft"


async def test_a_plan_replays_from_its_facts_whatever_happened_to_it(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    plan = await the_plan(api, day, dhs, cisa)
    office = api.plans
    (milestone,) = (await office.call("GET", f"/v1/plans/{plan}/milestones", by="omb")).json()["items"]
    (owed,) = (await office.call("GET", f"/v1/plans/{plan}/corrective-actions", by="omb")).json()["items"]
    forecast = {"forecast_on": "2021-06-30", "reason": "a protest"}
    await office.did(plan, f"milestones/{milestone['id']}/reschedule", forecast, by="author")
    day.on("2021-01-05")
    assert await api.app.state.context.tell_what_is_late() == 2
    await office.did(plan, f"corrective-actions/{owed['id']}/propose-done", {"evidence": [EVIDENCE]}, by="author")
    await office.did(plan, f"corrective-actions/{owed['id']}/reopen", {"reason": "thin"}, by="coordinator")
    await office.did(plan, "criteria/quality", {"status": "waived", "note": "due later"}, by="omb", method="PUT")
    opened = {"title": "Staff", "owner": "CISA", "due_on": "2021-12-31"}
    await office.did(plan, "corrective-actions", opened, by="omb")
    returned = await office.submitted(dhs, a_content(cisa, "soc-standardization"))
    await office.did(returned, "return", {"reason": "a section is thin"}, by="coordinator")
    await office.did(returned, "redraft", by="author")
    await office.did(returned, "", a_content(cisa, *SERVICES), by="author", method="PUT")

    async with api.app.state.context.db.reading() as tx:
        assert await plans_replay(tx) == 2


async def test_the_timeline_tells_plans_to_whom_may_know_and_nothing_before_it_was_known(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    begin = {"focus_area": "cybersecurity", "service": "dns-resolver", "organization_id": cisa, "effective_on": "2019-04-26"}
    begun = await api.post("/v1/designations/pre-designate", {**begin, **BASIS}, "omb")
    await the_plan(api, day, dhs, cisa)
    path = f"/v1/designations/{begun.json()['id']}/designate"
    await api.post(path, {"effective_on": "2020-04-27", **BASIS}, "omb", etag=begun.headers["etag"])

    async def told(*roles: str, **when: str) -> list[tuple[str, str, str]]:
        entries = (await get(api, "/v1/focus-areas/cybersecurity/timeline", *roles, **when)).json()["entries"]
        return [(e["effective_on"], e["action"], e["organization_name"]) for e in entries]

    assert await told("omb") == [
        ("2019-04-26", "pre-designate", "CISA"),
        ("2019-09-02", "draft", "DHS"),
        ("2019-09-10", "submit", "DHS"),
        ("2020-02-01", "start-review", "DHS"),
        ("2020-02-01", "recommend", "DHS"),
        ("2020-04-24", "approve", "DHS"),
        ("2020-04-27", "activate", "DHS"),
        ("2020-04-27", "designate", "CISA"),
    ]
    assert await told() == [("2019-04-26", "pre-designate", "CISA"), ("2020-04-27", "designate", "CISA")]
    assert (await told("agency:070:cio"))[1] == ("2019-09-10", "submit", "DHS")
    assert (await told("omb", as_of="2020-04-24"))[-1] == ("2020-04-24", "approve", "DHS")
    assert await told(known_at="2019-12-31T00:00:00Z") == [("2019-04-26", "pre-designate", "CISA")]


async def test_a_designation_of_the_past_knows_nothing_of_what_came_after(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    research = {"focus_area": "cybersecurity", "service": "dns-resolver", "effective_on": "2019-01-01"}
    assert (await api.post("/v1/designations/research", research, "omb")).status_code == 201
    known = day.on("2019-10-01")
    begin = {**research, "effective_on": "2019-04-26", "organization_id": cisa, **BASIS}
    begun = await api.post("/v1/designations/pre-designate", begin, "omb")
    moved = {"organization_id": dhs, "effective_on": "2020-01-01", "reason": "it moves", **BASIS}
    path = f"/v1/designations/{begun.json()['id']}"
    await api.post(f"{path}/transfer", moved, "omb", etag=begun.headers["etag"])

    async def told(**when: str) -> tuple[Any, ...]:
        found = (await get(api, path, "omb", **when)).json()
        return found["status"], found["organization_name"], found["successor_id"] is not None, len(found["history"])

    assert await told() == ("ended", "CISA", True, 3)
    assert await told(as_of="2019-04-25") == ("research", None, False, 1)
    assert await told(as_of="2019-12-31") == ("pre_designated", "CISA", False, 2)
    assert await told(known_at="2019-09-30T00:00:00Z") == ("research", None, False, 1)
    assert await told(known_at=known) == ("ended", "CISA", True, 3)
    assert (await get(api, path, "omb", as_of="2019-12-31")).json()["_actions"] == []
    listed = (await get(api, "/v1/designations", as_of="2020-01-02", organization_id=dhs)).json()["items"]
    assert [item["status"] for item in listed] == ["pre_designated"]


async def test_every_aggregate_has_versions_with_who_and_why_and_a_difference(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    begin = {"focus_area": "cybersecurity", "service": "dns-resolver", "organization_id": cisa, "effective_on": "2019-04-26"}
    begun = (await api.post("/v1/designations/pre-designate", {**begin, **BASIS}, "omb")).json()
    revoked = {"effective_on": "2019-08-01", "reason": "a mistake"}
    await api.post(f"/v1/designations/{begun['id']}/revoke", revoked, "omb", etag='"1"')
    services = [{"slug": "dns-resolver", "title": "DNS"}, {"slug": "soc-standardization", "title": "soc-standardization"}]
    area = {"title": "Cyber", "aliases": [], "services": services}
    await api.put("/v1/focus-areas/cybersecurity", area, "omb", etag='"1"')
    renamed = {"effective_on": "2019-01-01", "name": "Homeland", "reason": "shorter"}
    await api.post(f"/v1/organizations/{dhs}/rename", renamed, "coordinator", etag='"1"')
    await api.plans.seats("cio")
    await api.put("/v1/board-seats/cio", {"title": "CIO council"}, "coordinator", etag='"1"')
    post = {"kind": "cio", "organization_id": dhs, "effective_on": "2019-05-01"}
    await api.post("/v1/posts", post, "coordinator")
    held = {"effective_on": "2019-06-01", "holder": {"name": "Somebody"}, "reason": "appointed"}
    await api.post(f"/v1/posts/cio:{dhs}/fill", held, "coordinator", etag='"1"')

    async def seen(path: str, *roles: str) -> list[tuple[Any, ...]]:
        items = (await get(api, f"/v1/{path}/versions", *roles)).json()["items"]
        return [(v["version"], v["what"], v["by"], v["effective_on"], v["reason"]) for v in items]

    async def diff(path: str, *roles: str) -> dict[str, tuple[Any, Any]]:
        answer = await get(api, f"/v1/{path}/diff", *roles, **{"from": "1", "to": "2"})
        return {d["field"]: (d["before"], d["after"]) for d in answer.json()["differences"]}

    assert await seen("policies/m-19-16") == [(1, "policy.recorded", "tester", None, None)]
    assert await seen(f"designations/{begun['id']}") == [
        (1, "designation.pre_designated", "tester", "2019-04-26", None),
        (2, "designation.revoked", "tester", "2019-08-01", "a mistake"),
    ]
    assert (await diff(f"designations/{begun['id']}"))["status"] == ("pre_designated", "ended")
    assert set(await diff("focus-areas/cybersecurity")) == {"title", "services.dns-resolver"}
    assert (await seen(f"organizations/{dhs}"))[1] == (2, "organization.changed", "tester", "2019-01-01", "shorter")
    renaming = await diff(f"organizations/{dhs}")
    assert renaming["name"] == ("DHS", "Homeland")
    assert renaming["aliases.DHS"][0] is None
    assert (await diff("board-seats/cio", "omb"))["subject"] == ("cio", None)
    assert (await diff(f"posts/cio:{dhs}", "omb"))["holder_name"] == (None, "Somebody")
    assert await seen(f"posts/cio:{dhs}") == [], "facts that name persons are federal"
    assert (await seen(f"posts/cio:{dhs}", "auditor"))[1] == (2, "post.filled", "tester", "2019-06-01", "appointed")
    for path in ("policies", "focus-areas", "organizations", "match-reviews", "designations", "plans", "posts", "board-seats"):
        assert (await get(api, f"/v1/{path}/nothing/versions", "omb")).status_code == 404, path
        assert (await api.get(f"/v1/{path}/nothing/diff?from=1&to=1", "omb")).status_code == 404, path
    assert (await api.get("/v1/policies/m-19-16/diff?from=1&to=2")).status_code == 422


async def test_versions_come_in_pages(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    plan = await the_plan(api, day, dhs, cisa)

    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await get(api, f"/v1/plans/{plan}/versions", "omb", limit="10", **cursor)).json()
        seen += [item["version"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    current = (await get(api, f"/v1/plans/{plan}", "omb")).json()["version"]
    assert seen == list(range(1, current + 1))
    assert current > 30
