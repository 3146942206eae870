"""How cybersecurity came to CISA, told through the API on the days it happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.registry.app import create_app
from services.registry.config import Settings
from tests.support.apps import Api, an_api
from tests.support.installation import Installation, an_installation
from tests.support.plans import EVIDENCE, SECTIONS, PlanOffice, a_content

DESIGNATED = ("soc-standardization", "vulnerability-management", "dns-resolver")
SERVICES = (*DESIGNATED, "network-defense", "incident-management", "threat-intelligence")
BASIS = {"policy": "m-19-16", "clause": "Initial pre-designations"}


class Calendar:
    """The clock of the installation, turned from day to day."""

    def __init__(self) -> None:
        self.now = datetime(2019, 4, 26, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def on(self, day: str) -> str:
        self.now = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        return day


async def an_organization(api: Api, name: str, **more: Any) -> str:
    answer = await api.post("/v1/organizations", {"name": name, "kind": "department", **more}, "coordinator")
    return str(answer.json()["id"])


async def the_memo(api: Api, day: str) -> tuple[str, str]:
    """M-19-16 attaches cybersecurity to DHS."""
    title = "Centralized Mission Support Capabilities for the Federal Government"
    policy = {"id": "m-19-16", "title": title, "issuer": "OMB", "issued_on": day}
    assert (await api.post("/v1/policies", policy, "omb")).status_code == 201
    services = [{"slug": slug, "title": slug} for slug in SERVICES]
    area = {"id": "cybersecurity", "title": "Cybersecurity", "policy": "m-19-16", "services": services}
    assert (await api.post("/v1/focus-areas", area, "omb")).status_code == 201
    dhs = await an_organization(api, "Department of Homeland Security")
    cisa = await an_organization(api, "CISA", kind="component", parent_id=dhs)
    for service in SERVICES:
        body = {"focus_area": "cybersecurity", "service": service, "organization_id": cisa, "effective_on": day, **BASIS}
        assert (await api.post("/v1/designations/pre-designate", body, "omb")).status_code == 201
    return dhs, cisa


async def the_plan(office: PlanOffice, calendar: Calendar, dhs: str, cisa: str) -> str:
    """Written, asked about, voted on and recommended."""
    plan = await office.drafted(dhs, {"sections": {**SECTIONS, "governance": ""}}, on=calendar.on("2019-09-03"))
    incomplete = await office.do(plan, "submit", by="author")
    assert "section governance" in incomplete.json()["missing"]
    await office.did(plan, "", a_content(cisa, *DESIGNATED), by="author", method="PUT")
    milestone = {"title": "Vulnerability disclosure platform live", "due_on": "2021-01-29"}
    await office.did(plan, "milestones", milestone, by="author")
    await office.did(plan, "submit", by="author")
    calendar.on("2019-11-12")
    await office.did(plan, "start-review", by="coordinator")
    asked = await office.did(plan, "questions", {"text": "Who pays after the second year?"}, by="coordinator")
    answer = {"answer": "Appropriation for the three services; a fee for anything beyond."}
    await office.did(plan, f"questions/{asked['questions'][0]['id']}/answer", answer, by="author")
    await office.did(plan, "check", {"complete": True}, by="coordinator")
    calendar.on("2020-02-20")
    await office.did(plan, "votes", {"seat": "cio", "choice": "for"}, by="cio")
    await office.did(plan, "votes", {"seat": "cfo", "choice": "for"}, by="cfo")
    recused = await office.do(plan, "votes", {"seat": "dhs", "choice": "for"}, by="dhs")
    assert recused.json()["type"] == "/problems/recused"
    await office.did(plan, "recommend", by="coordinator")
    return plan


async def test_cybersecurity_from_the_memo_to_the_designation_a_year_and_a_day_later(database_url: str, tmp_path: Path) -> None:
    calendar = Calendar()
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path, clock=calendar) as api:
        dhs, cisa = await the_memo(api, calendar.on("2019-04-26"))
        office = api.plans
        await office.seats("cio", "cfo", "dhs", organization_id=dhs)
        plan = await the_plan(office, calendar, dhs, cisa)
        await the_decision(office, calendar, plan)
        await the_designation(api, calendar)

        assert await states(api, "2019-04-25") == {}
        assert set((await states(api, "2020-04-26")).values()) == {"pre_designated"}
        after = await states(api, "2020-04-27")
        assert {service for service, status in after.items() if status == "designated"} == set(DESIGNATED)
        refused = await designate(api, "network-defense")
        assert refused.json()["missing"] == ["a plan that covers the service network-defense"]
        (area,) = (await api.get("/v1/scorecard", "omb")).json()["areas"]
        assert [(p["state"], p["open_conditions"], p["days_in_state"]) for p in area["plans"]] == [("active", 1, 0)]
        turns = (await office.call("GET", f"/v1/plans/{plan}", by="omb")).json()["history"]
        assert [(turn["on"], turn["action"]) for turn in turns] == [
            ("2019-09-03", "draft"),
            ("2019-09-03", "submit"),
            ("2019-11-12", "start-review"),
            ("2020-02-20", "recommend"),
            ("2020-04-24", "approve"),
            ("2020-04-27", "activate"),
        ]


async def the_decision(office: PlanOffice, calendar: Calendar, plan: str) -> None:
    """Not while a criterion is open; then with a condition."""
    calendar.on("2020-04-24")
    basis = {"policy": "m-19-16", "clause": "Designation upon approval of the five-year plan"}
    condition = {"title": "Report the first survey of customers", "owner": "CISA", "due_on": "2020-12-31"}
    early = await office.do(plan, "approve", basis, by="omb")
    assert len(early.json()["missing"]) == 26
    await office.met(plan)
    assessed = {"status": "unmet", "note": "no ISO 9001 certificate", "evidence": [EVIDENCE]}
    await office.did(plan, "criteria/quality", assessed, by="coordinator", method="PUT")
    await office.did(plan, "criteria/quality", {"status": "waived", "note": "due in 2021"}, by="omb", method="PUT")
    await office.did(plan, "approve", {**basis, "conditions": [condition]}, by="omb")


async def the_designation(api: Api, calendar: Calendar) -> None:
    calendar.on("2020-04-27")
    (plan,) = (await api.get("/v1/plans?area=cybersecurity&state=approved", "omb")).json()["items"]
    await api.plans.did(plan["id"], "activate", by="omb")
    for service in DESIGNATED:
        answer = await designate(api, service)
        assert answer.status_code == 200, answer.text


async def designate(api: Api, service: str) -> httpx.Response:
    (found,) = (await api.get(f"/v1/designations?service={service}")).json()["items"]
    body = {"effective_on": "2020-04-27", "policy": "m-19-16", "clause": "Designation upon approval of the five-year plan"}
    return await api.post(f"/v1/designations/{found['id']}/designate", body, "omb", etag=f'"{found["version"]}"')


async def states(api: Api, day: str) -> dict[str, str]:
    items = (await api.get(f"/v1/designations?area=cybersecurity&as_of={day}")).json()["items"]
    return {item["service"]: item["status"] for item in items}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with an_installation(tmp_path_factory.mktemp("installation")) as installation:
        yield installation


def test_the_one_door_leads_to_the_plans_the_seats_and_the_scorecard(installation: Installation) -> None:
    seats = installation.get("/v1/board-seats")["items"]
    score = {area["focus_area"]: area for area in installation.get("/v1/scorecard")["areas"]}

    assert len(seats) == 10
    assert all(seat["vacant"] for seat in seats)
    cyber = {service["service"]: service["status"] for service in score["cybersecurity"]["services"]}
    assert {service for service, status in cyber.items() if status == "designated"} == set(DESIGNATED)
    assert installation.get("/v1/plans")["items"] == []
    vacant = installation.get("/v1/vacancies")["items"]
    assert [item["id"] for item in vacant] == [f"board-seat:{seat['id']}" for seat in seats]
    assert installation.get("/v1/posts")["items"] == []
    versions = installation.get("/v1/focus-areas/cybersecurity/versions")["items"]
    assert [(v["version"], v["what"], v["by"]) for v in versions] == [(1, "focus_area.registered", "system:starter")]


def test_what_was_announced_stands_but_a_new_designation_needs_a_plan(installation: Installation) -> None:
    found = installation.get("/v1/designations", service="network-defense")["items"][0]
    body = {"effective_on": "2026-06-01", "policy": "m-19-16", "clause": "Designation upon approval"}
    headers = {**installation.headers("omb"), "If-Match": f'"{found["version"]}"'}

    refused = httpx.post(f"{installation.url}/v1/designations/{found['id']}/designate", json=body, headers=headers)

    assert refused.status_code == 409
    assert "an approved or active implementation plan" in refused.json()["missing"]
