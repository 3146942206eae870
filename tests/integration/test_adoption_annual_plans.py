"""Annual shared services plans over HTTP: called for, written, held against the record, accepted, amended, overdue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption.api.annual_plans import PlanTurn
from services.adoption.commands import annual_plans as commands
from services.adoption.domain.annual_plan import MACHINE
from shared.contracts.registry import OrganizationChanged
from shared.kernel.cause import Cause
from tests.integration.test_adoption_iaps import Clock, a_designation
from tests.unit.adoption.builders import World, a_world, an_organization

AREA, OTHER = "cybersecurity", "grants-management"
AGENCY, QSMO, COORDINATOR = "agency:070:sapoc", f"qsmo:{AREA}", "coordinator"
DUE = "2027-01-31"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path, clock=clock) as world:
        await world.tell(
            *(
                an_organization(id_, ("cgac", code), kind=OrganizationChanged, name=name, cfo_act=True)
                for id_, code, name in (("dhs", "070", "Homeland Security"), ("doi", "014", "Interior"))
            ),
            a_designation(AREA),
            a_designation(OTHER),
        )
        yield world


async def called(world: World, year: int = 2027) -> httpx.Response:
    """The department's plan."""
    answer = await world.api.post("/v1/annual-plans/call", {"fiscal_year": year, "due_on": DUE}, COORDINATOR)
    assert answer.status_code == 201, answer.text
    (found,) = (await world.api.get(f"/v1/annual-plans?fiscal_year={year}", AGENCY)).json()["items"]
    return await world.api.get(f"/v1/annual-plans/{found['id']}", AGENCY)


async def act(
    world: World, found: httpx.Response, action: str, role: str, subject: str = "someone", **body: Any
) -> httpx.Response:
    headers = {**world.api.headers(role, subject=subject), "If-Match": found.headers["etag"]}
    path = f"/v1/annual-plans/{found.json()['id']}"
    if action == "edit":
        return await world.api.client.put(path, json=body, headers=headers)
    return await world.api.client.post(f"{path}/{action}", json=body, headers=headers)


async def a_system(world: World, number: str = "N-1", agency: str = "cisa") -> str:
    body = {"agency_id": agency, "number": number, "name": "Old", "focus_area": AREA}
    answer = await world.api.post("/v1/systems", body, AGENCY if agency == "cisa" else COORDINATOR)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def area(focus_area: str, state: str, **more: Any) -> dict[str, Any]:
    return {"focus_area": focus_area, "state": state, **more}


MILESTONE = {"title": "Move the resolver", "due_on": "2027-06-30"}
WRITTEN = [
    area(AREA, "partial_or_in_progress", milestones=[MILESTONE]),
    area(OTHER, "not_planning", why="No grants are made."),
]


async def submitted(world: World, found: httpx.Response, subject: str = "sapoc") -> httpx.Response:
    found = await act(world, found, "edit", AGENCY, areas=WRITTEN)
    assert found.status_code == 200, found.text
    found = await act(world, found, "submit", AGENCY, subject)
    assert found.status_code == 200, found.text
    return found


async def test_every_agency_of_the_act_is_called_once(world: World) -> None:
    first = await world.api.post("/v1/annual-plans/call", {"fiscal_year": 2027, "due_on": DUE}, COORDINATOR)
    again = await world.api.post("/v1/annual-plans/call", {"fiscal_year": 2027, "due_on": DUE}, COORDINATOR)

    assert [(answer.json()["called"], answer.json()["existing"]) for answer in (first, again)] == [(2, 0), (0, 2)]
    assert [type_ for type_, *_ in await world.recorded("annual_plan")] == ["called", "called"]
    late = await world.api.post("/v1/annual-plans/call", {"fiscal_year": 2028, "due_on": "2026-12-17"}, COORDINATOR)
    assert late.json()["missing"] == ["a day that is to come"]


async def test_a_plan_is_refused_with_all_that_it_lacks_and_taken_once_that_is_there(world: World) -> None:
    system = await a_system(world)
    found = await called(world)
    assert found.json()["missing"] == [f"the state in {AREA}", f"the state in {OTHER}"]

    stated = [area(AREA, "complete_optimizing"), area(OTHER, "not_planning")]
    found = await act(world, found, "edit", AGENCY, areas=stated)
    refused = await act(world, found, "submit", AGENCY)
    assert refused.status_code == 409
    assert (
        refused.json()["missing"]
        == found.json()["missing"]
        == [
            f"when system N-1 of {AREA} ends",
            f"why nothing is planned in {OTHER}",
        ]
    )

    ending = area(AREA, "complete_optimizing", systems=[{"system_id": system, "ends_in": 2028}])
    found = await act(world, found, "edit", AGENCY, areas=[ending, area(OTHER, "not_planning", why="No grants.")])
    found = await act(world, found, "submit", AGENCY)
    assert (found.status_code, found.json()["status"]) == (200, "submitted")
    assert found.json()["areas"][0]["systems"] == [{"system_id": system, "ends_in": 2028, "status": "in_service"}]


async def test_a_state_that_the_record_denies_needs_a_reason(world: World) -> None:
    started = await world.api.post("/v1/adoptions", {"agency_id": "cisa", "offering_id": "dns"}, AGENCY)
    assert started.status_code == 201, started.text
    found = await act(world, await called(world), "edit", AGENCY, areas=[area(AREA, "not_planning", why=""), WRITTEN[1]])
    told = [area(AREA, "partial_or_in_progress", milestones=[MILESTONE]), WRITTEN[1]]
    denied = await act(world, found, "edit", AGENCY, areas=told)

    assert found.json()["missing"] == [f"why nothing is planned in {AREA}"]
    on_record = "not_started_in_talks"
    assert denied.json()["areas"][0]["on_record"] == on_record
    assert denied.json()["missing"] == [f"why {AREA} is partial_or_in_progress while the record says {on_record}"]


async def test_a_plan_is_given_back_accepted_by_another_person_and_amended(world: World) -> None:
    found = await submitted(world, await called(world))
    unsaid = await act(world, found, "return", COORDINATOR)
    assert unsaid.json()["missing"] == ["reason"]
    found = await act(world, found, "return", COORDINATOR, reason="Say more of grants.")
    assert found.json()["status"] == "returned"

    found = await act(world, found, "submit", AGENCY, "double")
    same = await act(world, found, "accept", COORDINATOR, "double")
    assert same.json()["type"].endswith("/separation-of-duties")
    found = await act(world, found, "accept", COORDINATOR, "another")
    assert found.json()["status"] == "accepted"

    milestone = found.json()["areas"][0]["milestones"][0]["id"]
    met = await act(world, found, f"milestones/{milestone}/meet", AGENCY, evidence="Cut over")
    assert met.json()["areas"][0]["milestones"][0]["met_on"] == "2026-12-18"
    assert (await act(world, met, f"milestones/{milestone}/meet", AGENCY, evidence="Again")).json()["type"].endswith("/exists")
    assert (await act(world, met, "edit", AGENCY, areas=WRITTEN)).json()["type"].endswith("/transition-not-allowed")

    found = await act(world, met, "amend", AGENCY, reason="A new year, a new budget.")
    kept = area(AREA, "complete_optimizing", milestones=[{"id": milestone, **MILESTONE}])
    found = await act(world, found, "edit", AGENCY, areas=[kept, WRITTEN[1]])
    assert found.json()["areas"][0]["milestones"][0]["evidence"] == "Cut over"
    actions = [turn["action"] for turn in found.json()["history"]]
    assert actions == ["call", "edit", "submit", "return", "submit", "accept", "meet", "amend", "edit"]


@pytest.mark.parametrize(
    ("areas", "code"),
    [
        ([area(AREA, "unknown")], "not-allowed"),
        ([area(AREA, "not_planning"), area(AREA, "not_planning")], "duplicate"),
        ([area(AREA, "not_planning", systems=[{"system_id": "nobody's", "ends_in": 2028}])], "pattern"),
        ([area(AREA, "not_planning", systems=[{"system_id": "another", "ends_in": 2028}])], "unknown-reference"),
        ([area(AREA, "not_planning", milestones=[{"id": "another", **MILESTONE}])], "unknown-reference"),
    ],
)
async def test_what_does_not_fit_is_refused_where_it_stands(world: World, areas: list[dict[str, Any]], code: str) -> None:
    answer = await act(world, await called(world), "edit", AGENCY, areas=areas)

    assert answer.status_code == 422
    assert code in str(answer.json()["errors"])


async def test_another_agencys_system_is_not_ones_own(world: World) -> None:
    foreign = await a_system(world, agency="doi")

    answer = await act(
        world,
        await called(world),
        "edit",
        AGENCY,
        areas=[area(AREA, "not_planning", systems=[{"system_id": foreign, "ends_in": 2028}])],
    )

    assert answer.json()["errors"][0]["code"] == "unknown-reference"


async def test_who_sees_what(world: World) -> None:
    found = await called(world)
    path = f"/v1/annual-plans/{found.json()['id']}"
    assert (await world.api.get(path, QSMO)).status_code == 404, "a draft is the agency's own"
    await submitted(world, found)

    by_qsmo = (await world.api.get(path, QSMO)).json()
    assert [each["focus_area"] for each in by_qsmo["areas"]] == [AREA]
    assert (by_qsmo["states"], by_qsmo["history"], by_qsmo["_actions"]) == ({AREA: "partial_or_in_progress"}, [], [])
    assert len((await world.api.get(path, "auditor")).json()["areas"]) == 2
    for role in ("agency:014:sapoc", "provider:p-1"):
        assert (await world.api.get(path, role)).status_code == 404
    refused = await world.api.post("/v1/annual-plans/call", {"fiscal_year": 2029, "due_on": DUE}, AGENCY)
    assert refused.status_code == 403
    for role, status in ((AGENCY, 403), (QSMO, 403), ("omb", 200)):
        assert (await world.api.get("/v1/annual-plans/summary?fiscal_year=2027", role)).status_code == status


async def test_a_late_plan_is_told_once_and_the_summary_names_it(world: World, clock: Clock) -> None:
    await submitted(world, await called(world))
    clock.now = datetime(2027, 1, 31, 23, tzinfo=UTC)
    assert await told_overdue(world) == []
    clock.now += timedelta(hours=2)
    for _ in range(2):
        assert await told_overdue(world) == ["Interior"]

    shown = (await world.api.get("/v1/annual-plans/summary?fiscal_year=2027", "omb")).json()
    assert (shown["plans"], shown["by_status"], shown["overdue"]) == (2, {"draft": 1, "submitted": 1}, ["Interior"])
    table = await world.api.get("/v1/annual-plans/summary?fiscal_year=2027&format=csv", "omb")
    assert table.text.splitlines() == [
        "focus_area,not_planning,partial_or_in_progress,systems,ended,milestones,met,late",
        f"{AREA},0,1,0,0,1,0,0",
        f"{OTHER},1,0,0,0,0,0,0",
    ]


async def told_overdue(world: World) -> list[str]:
    async with world.db.transaction(Cause(actor="system:annual-plans")) as tx:
        await commands.tell_overdue(tx)
    return [fact["agency_name"] for type_, fact, _ in await world.recorded("annual_plan") if type_ == "overdue"]


async def test_the_year_before_stands_beside_this_one(world: World) -> None:
    await submitted(world, await called(world))
    found = await act(world, await called(world, 2028), "edit", AGENCY, areas=[area(AREA, "complete_optimizing")])

    assert [each["year_before"] for each in found.json()["areas"]] == ["partial_or_in_progress"]


def test_the_turns_of_the_path_are_those_of_the_state_machine() -> None:
    others = {"call", "edit", "submit", "meet"}

    assert {turn.value for turn in PlanTurn} == {t.action for t in MACHINE.transitions} - others
