"""Gates of an adoption over HTTP: who may do what, what a refusal says, what is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.adoption.builders import World, a_world, acted, advanced, an_offering, gate_passed, risk_rated, started

OWN = "agency:7008:sapoc"
QSMO = "qsmo:cybersecurity"
EVIDENCE = "https://example.gov/vision.pdf"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def test_following_the_list_of_what_is_missing_leads_on(world: World) -> None:
    shown = await started(world)
    refused = await acted(world, shown, "advance", OWN, "sapoc")
    assert refused.status_code == 409

    for missing in refused.json()["missing"]:
        criterion = missing.removeprefix("exit criterion ").partition(":")[0]
        shown = await acted(world, shown, f"criteria/{criterion}/meet", OWN, "sapoc", evidence=EVIDENCE)
    shown = await acted(world, shown, "advance", OWN, "sapoc")

    assert (shown.status_code, shown.json()["phase"]) == (200, "readiness")


async def test_a_tollgate_asks_for_both_signatures_and_then_lets_through(world: World) -> None:
    shown = await advanced(world, await started(world))
    gates = (await world.api.get(f"/v1/adoptions/{shown.json()['id']}/gates", OWN)).json()
    assert len(gates["outstanding"]) == 15 + 1 + 2

    shown = await gate_passed(world, shown)
    gates = (await world.api.get(f"/v1/adoptions/{shown.json()['id']}/gates", OWN)).json()

    assert gates["outstanding"] == []
    assert [(sign["side"], sign["by"]) for sign in gates["signatures"]] == [
        ("agency", "agency signer"),
        ("qsmo", "qsmo signer"),
    ]
    assert (await acted(world, shown, "advance", OWN, "sapoc")).json()["phase"] == "selection"


async def test_one_person_with_both_roles_does_not_sign_twice(world: World) -> None:
    shown = await advanced(world, await started(world))
    ready = await gate_passed(world, shown)
    shown = await acted(
        world, ready, "criteria/readiness-governance/reopen", QSMO, "both", reason="the steering committee has changed"
    )
    shown = await acted(world, shown, "criteria/readiness-governance/meet", OWN, "sapoc", evidence=EVIDENCE)
    shown = await acted(world, shown, "tollgate/sign", OWN, "both", side="agency")

    second = await acted(world, shown, "tollgate/sign", QSMO, "both", side="qsmo")

    assert (shown.status_code, second.status_code) == (200, 409)
    assert "same person" in second.json()["detail"]


async def test_every_change_is_told_with_its_grounds(world: World) -> None:
    shown = await started(world)
    shown = await acted(world, shown, "criteria/assessment-vision/meet", OWN, "sapoc", evidence=EVIDENCE)
    shown = await acted(world, shown, "criteria/assessment-scope/waive", QSMO, "qsmo", reason="one service only")
    await acted(world, shown, "criteria/assessment-vision/reopen", OWN, "sapoc", reason="it was the wrong file")

    told = [(kind, fact["criterion"], fact["grounds"]) for kind, fact, _ in await world.recorded("criterion")]
    assert told == [
        ("met", "assessment-vision", EVIDENCE),
        ("waived", "assessment-scope", "one service only"),
        ("reopened", "assessment-vision", "it was the wrong file"),
    ]


ACTIONS = {
    "criteria/assessment-vision/meet": ({"evidence": EVIDENCE}, {OWN}),
    "criteria/assessment-vision/waive": ({"reason": "not needed"}, {QSMO, "omb"}),
    "criteria/assessment-scope/reopen": ({"reason": "look again"}, {OWN, QSMO}),
}
ROLES = {
    OWN: 403, QSMO: 403, "omb": 403, "coordinator": 403, "auditor": 403,
    "agency:014:sapoc": 404, "qsmo:grants-management": 404, "provider:p": 404, "board:council": 404,
}  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
async def test_who_may_do_what_at_a_gate(world: World, action: str) -> None:
    body, allowed = ACTIONS[action]
    shown = await acted(world, await started(world), "criteria/assessment-scope/meet", OWN, "sapoc", evidence=EVIDENCE)

    answers = {
        role: (await acted(world, shown, f"{action}?validate_only=true", role, "somebody", **body)).status_code
        for role in ROLES
    }

    assert answers == {role: 200 if role in allowed else refused for role, refused in ROLES.items()}


async def test_who_signs_for_which_side(world: World) -> None:
    shown = await advanced(world, await started(world))
    for criterion in (await world.api.get("/v1/meta/m3")).json()["phases"][1]["exit_criteria"]:
        shown = await acted(world, shown, f"criteria/{criterion['id']}/meet", OWN, "sapoc", evidence=EVIDENCE)
    shown = await risk_rated(world, shown)

    async def signs(side: str, role: str) -> int:
        answer = await acted(world, shown, "tollgate/sign?validate_only=true", role, "somebody", side=side)
        return answer.status_code

    assert [await signs("agency", role) for role in (OWN, QSMO, "omb")] == [200, 403, 403]
    assert [await signs("qsmo", role) for role in (OWN, QSMO, "omb")] == [403, 200, 403]


async def test_omb_signs_where_an_offering_has_no_qsmo(world: World) -> None:
    await world.tell(an_offering("plain"))
    shown = await advanced(world, await started(world, offering="plain"))

    signed = await gate_passed(world, shown, qsmo="omb")

    assert (await acted(world, signed, "advance", OWN, "sapoc")).json()["phase"] == "selection"


async def test_a_stale_version_and_a_held_adoption_change_no_gate(world: World) -> None:
    begun = await started(world)
    held = await acted(world, begun, "hold", OWN, "sapoc")

    stale = await acted(world, begun, "criteria/assessment-scope/meet", OWN, "sapoc", evidence=EVIDENCE)
    refused = await acted(world, held, "criteria/assessment-scope/meet", OWN, "sapoc", evidence=EVIDENCE)

    assert (stale.status_code, refused.status_code) == (412, 409)
    assert refused.json()["allowed_actions"] == ["resume", "withdraw"]
