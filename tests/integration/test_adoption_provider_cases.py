"""Cases of legacy providers over HTTP: written, viewed by the QSMO, escalated, appealed, decided for good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption.api.provider_cases import CaseTurn
from services.adoption.domain.provider_case import MACHINE, PAPERS, Option, Status
from tests.integration.test_adoption_iaps import a_designation
from tests.unit.adoption.builders import World, a_world, an_organization

AREA = "financial-management"
PROVIDER, QSMO, BOARD, OMB = "agency:015:cio", f"qsmo:{AREA}", "board:cfo-council", "omb"
ROLES = {"agency": PROVIDER, "qsmo": QSMO, "board": BOARD, "omb": OMB}


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        await world.tell(
            an_organization("treasury", ("cgac", "020")),
            an_organization("arc", ("cgac", "015"), parent_id="treasury"),
            a_designation(AREA),
        )
        yield world


def a_case(option: Option = Option.NEW_CUSTOMERS, **more: Any) -> dict[str, Any]:
    papers = {paper.value: f"About {paper}." for paper in PAPERS[option]}
    return {"agency_id": "arc", "focus_area": AREA, "title": "Two more bureaus", "option": option, "papers": papers, **more}


async def drafted(world: World, **more: Any) -> httpx.Response:
    answer = await world.api.post("/v1/provider-cases", a_case(**more), PROVIDER)
    assert answer.status_code == 201, answer.text
    return answer


async def tried(world: World, found: httpx.Response, action: str, role: str, subject: str, **body: Any) -> httpx.Response:
    headers = {**world.api.headers(role, subject=subject), "If-Match": found.headers["etag"]}
    return await world.api.client.post(f"/v1/provider-cases/{found.json()['id']}/{action}", json=body, headers=headers)


async def acted(world: World, found: httpx.Response, action: str, **body: Any) -> httpx.Response:
    """By the role whose turn it is, each as a person of its own."""
    role = MACHINE.roles_for(action)[0]
    answer = await tried(world, found, action, ROLES[role], role, **(body or _body(action)))
    assert answer.status_code == 200, answer.text
    return answer


def _body(action: str) -> dict[str, Any]:
    if action == "advise":
        return {"in_favour": True, "text": "It serves agencies well."}
    if action == "satisfy":
        return {"evidence": "Seen."}
    return {} if action == "submit" else {"reason": "As things stand."}


# Status → the actions that lead there from a draft.
WAYS: dict[Status, tuple[str, ...]] = {
    Status.DRAFT: (),
    Status.SUBMITTED: ("submit",),
    Status.SUPPORTED: ("submit", "support"),
    Status.REFUSED: ("submit", "refuse"),
    Status.ESCALATED: ("submit", "refuse", "escalate"),
    Status.APPEALED: ("submit", "refuse", "escalate", "advise", "appeal"),
    Status.APPROVED: ("submit", "support", "approve"),
    Status.DENIED: ("submit", "support", "deny"),
    Status.WITHDRAWN: ("withdraw",),
}


async def led(world: World, *actions: str) -> httpx.Response:
    found = await drafted(world)
    for action in actions:
        found = await acted(world, found, action)
    return found


async def test_a_refused_case_is_heard_by_the_board_and_decided_by_omb_for_good(world: World) -> None:
    found = await led(world, "submit", "refuse", "escalate")
    assert found.json()["missing"] == ["the board's advice"]
    early = await tried(world, found, "appeal", PROVIDER, "agency", reason="Now.")
    assert (early.status_code, early.json()["missing"]) == (409, ["the board's advice"])

    found = await acted(world, found, "advise", in_favour=True, text="Capacity is there.")
    found = await acted(world, found, "appeal")
    found = await acted(world, found, "approve", reason="Better value.", conditions=["Only these two bureaus."])

    assert (found.json()["status"], found.json()["open_conditions"]) == ("approved", 1)
    (condition,) = found.json()["conditions"]
    found = await tried(world, found, f"conditions/{condition['id']}/satisfy", QSMO, "qsmo", evidence="Two bureaus.")
    assert (found.status_code, found.json()["open_conditions"]) == (200, 0)
    told = [(type_, fact["action"], fact["in_favour"]) for type_, fact, _ in await world.recorded("provider_case")]
    assert told == [
        ("drafted", "draft", 0),
        ("submitted", "submit", 0),
        ("reviewed", "refuse", 0),
        ("escalated", "escalate", 0),
        ("reviewed", "advise", 1),
        ("escalated", "appeal", 1),
        ("approved", "approve", 1),
        ("reviewed", "satisfy", 1),
    ]


@pytest.mark.parametrize("status", Status)
async def test_in_each_state_what_the_machine_does_not_allow_is_refused(world: World, status: Status) -> None:
    found = await led(world, *WAYS[status])
    assert found.json()["status"] == status

    for action in dict.fromkeys(t.action for t in MACHINE.transitions):
        if action in {"draft", "edit", "satisfy"} or action in MACHINE.allowed(status):
            continue
        role = MACHINE.roles_for(action)[0]
        answer = await tried(world, found, action, ROLES[role], role, **_body(action))
        hidden = role == "board" and status not in {"supported", "escalated", "appealed", "approved", "denied"}
        if hidden:
            assert answer.status_code == 404, (action, answer.text)
        else:
            assert answer.status_code == 409, (action, answer.text)
            assert answer.json().get("allowed_actions", []) == list(MACHINE.allowed(status)), action


@pytest.mark.parametrize("option", Option)
async def test_a_case_without_its_papers_is_refused_with_all_that_is_missing(world: World, option: Option) -> None:
    found = await drafted(world, option=option, papers={"need": "There is."})
    answer = await tried(world, found, "submit", PROVIDER, "agency")

    expected = [f"paper {paper}" for paper in PAPERS[option] if paper != "need"]
    expected += ["cost by fiscal year"] if option is Option.INVEST else []
    assert (answer.status_code, answer.json()["missing"]) == (409, expected)
    assert found.json()["missing"] == expected

    given = {**a_case(option), "costs": {"2027": {"amount": "100.00"}}}
    body = {name: given[name] for name in ("title", "option", "papers", "costs")}
    written = await world.api.put(f"/v1/provider-cases/{found.json()['id']}", body, PROVIDER, etag=found.headers["etag"])
    assert (await acted(world, written, "submit")).json()["status"] == "submitted"


@pytest.mark.parametrize("exemption", ["critical_patch", "appropriations_law"])
async def test_what_urgency_or_law_has_decided_needs_no_case(world: World, exemption: str) -> None:
    answer = await world.api.post("/v1/provider-cases", a_case(exemption=exemption), PROVIDER)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/unnecessary")
    assert await world.recorded("provider_case") == []


async def test_an_area_without_a_qsmo_has_no_cases(world: World) -> None:
    answer = await world.api.post("/v1/provider-cases", a_case(focus_area="travel"), PROVIDER)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/focus_area")


async def test_nobody_views_or_decides_what_they_spoke_on(world: World) -> None:
    submitted = await led(world, "submit")
    own_view = await tried(world, submitted, "support", QSMO, "agency", reason="Good.")
    supported = await acted(world, submitted, "support")
    own_decision = await tried(world, supported, "approve", OMB, "qsmo", reason="Good.")

    for refused in (own_view, own_decision):
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/separation-of-duties")


async def test_a_seat_above_the_provider_recuses_itself_and_one_person_holds_one_seat(world: World) -> None:
    found = await led(world, "submit", "refuse", "escalate")
    recused = await tried(world, found, "advise", "board:020", "treasury", in_favour=True, text="Ours.")
    assert recused.json()["type"] == "/problems/recused"

    found = await acted(world, found, "advise", in_favour=False, text="No capacity.")
    again = await tried(world, found, "advise", "board:cio-council", "board", in_favour=True, text="And for them.")
    assert again.json()["type"] == "/problems/separation-of-duties"

    changed = await acted(world, found, "advise", in_favour=True, text="Capacity was added.")
    assert [(each["seat"], each["in_favour"]) for each in changed.json()["advice"]] == [("cfo-council", True)]


async def test_revising_drops_nothing_that_was_said_in_the_history(world: World) -> None:
    found = await led(world, "submit", "refuse", "revise", "submit")

    assert [turn["action"] for turn in found.json()["history"]] == ["draft", "submit", "refuse", "revise", "submit"]
    assert found.json()["advice"] == []


async def test_another_agency_and_another_areas_qsmo_find_nothing(world: World) -> None:
    found = await led(world, "submit")
    for role in ("agency:070:sapoc", "qsmo:cybersecurity", BOARD):
        assert (await tried(world, found, "support", role, "stranger", reason="None of ours.")).status_code == 404
        assert (await world.api.get("/v1/provider-cases", role)).json()["items"] == []


async def test_a_stale_version_is_refused(world: World) -> None:
    found = await drafted(world)
    await acted(world, found, "submit")
    late = await tried(world, found, "withdraw", PROVIDER, "agency", reason="No more.")
    assert late.status_code == 412


async def test_what_is_offered_is_what_can_be_done(world: World) -> None:
    found = await led(world, "submit", "refuse", "escalate")
    offered = {a["action"]: (a["possible"], a["missing"]) for a in found.json()["_actions"]}

    assert offered["appeal"] == (False, ["the board's advice"])
    assert offered["withdraw"] == (True, [])
    assert "approve" not in offered, "not the provider's to do"


def test_every_action_with_no_more_than_a_reason_is_a_route() -> None:
    own = {"draft", "edit", "advise", "approve", "deny", "satisfy"}
    assert {t.action for t in MACHINE.transitions} - own == set(CaseTurn)
