"""Tasks, artifacts, targets and risks of an adoption over HTTP: who keeps them, what is refused, what is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.adoption.builders import World, a_world, acted, advanced, gate_passed, letter_row, risk_rated, started

OWN = "agency:7008:sapoc"
QSMO = "qsmo:cybersecurity"
DIGEST = "a" * 64


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, time: Time) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path, clock=time) as world:
        yield world


async def put(world: World, shown: httpx.Response, path: str, body: dict[str, Any], role: str = OWN) -> httpx.Response:
    headers = {**world.api.headers(role, subject="keeper"), "If-Match": shown.headers["etag"]}
    return await world.api.client.put(f"/v1/adoptions/{shown.json()['id']}/{path}", json=body, headers=headers)


async def got(world: World, shown: httpx.Response, path: str, role: str = OWN) -> dict[str, Any]:
    answer = await world.api.get(f"/v1/adoptions/{shown.json()['id']}/{path}", role)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_an_agency_keeps_the_tasks_of_the_playbook(world: World, time: Time) -> None:
    shown = await started(world)
    shown = await put(world, shown, "tasks/0.1", {"status": "done", "owner": "Program Manager", "note": "Minutes of May"})
    shown = await put(world, shown, "tasks/0.2", {"status": "under_way", "owner": "PMO Lead", "due_on": "2026-01-10"})
    time.now += timedelta(days=12)

    tasks = await got(world, shown, "tasks")
    first, second = tasks["items"][:2]

    assert len(tasks["items"]) == 67
    assert tasks["counts"] == {"done": 1, "under_way": 1, "open": 65}
    assert (first["id"], first["status"], first["owner"], first["by"]) == ("0.1", "done", "Program Manager", "keeper")
    assert (second["id"], second["overdue"], first["overdue"]) == ("0.2", True, False)
    assert len((await got(world, shown, "tasks?phase=selection"))["items"]) == 9
    assert [fact["task"] for _, fact, _ in await world.recorded("task")] == ["0.1", "0.2"]


async def test_artifacts_are_filed_with_a_link_and_a_digest(world: World) -> None:
    shown = await started(world)
    unlinked = await put(world, shown, "artifacts/assessment-vision-statement", {"status": "filed"})
    body = {"status": "filed", "link": "https://example.gov/vision.pdf", "digest": DIGEST}
    shown = await put(world, shown, "artifacts/assessment-vision-statement", body)

    found = next(
        item for item in (await got(world, shown, "artifacts"))["items"] if item["id"] == "assessment-vision-statement"
    )

    assert (unlinked.status_code, unlinked.json()["errors"][0]["pointer"]) == (422, "/link")
    assert (found["status"], found["link"], found["digest"]) == ("filed", body["link"], DIGEST)
    ((_, fact, _),) = await world.recorded("artifact")
    assert fact["digest"] == DIGEST


async def test_tailoring_needs_a_reason_and_never_takes_a_criterion_with_it(world: World) -> None:
    shown = await started(world)
    unreasoned = [
        await put(world, shown, path, {"status": "not_applicable"})
        for path in ("tasks/0.1", "artifacts/assessment-vision-statement")
    ]
    outstanding = (await got(world, shown, "gates"))["outstanding"]

    tasks = [task["id"] for task in (await got(world, shown, "tasks?phase=assessment"))["items"]]
    artifacts = [each["id"] for each in (await got(world, shown, "artifacts?phase=assessment"))["items"]]
    for path in [*(f"tasks/{id_}" for id_ in tasks), *(f"artifacts/{id_}" for id_ in artifacts)]:
        shown = await put(world, shown, path, {"status": "not_applicable", "note": "Transaction processing only"})
        assert shown.status_code == 200, shown.text
    criterion = await put(world, shown, "artifacts/assessment-vision", {"status": "not_applicable", "note": "no need"})

    assert [(answer.status_code, answer.json()["missing"]) for answer in unreasoned] == [(409, ["reason"])] * 2
    assert (await got(world, shown, "gates"))["outstanding"] == outstanding
    assert criterion.status_code == 404
    assert (await acted(world, shown, "advance", OWN, "sapoc")).json()["missing"] == outstanding


async def test_a_target_keeps_the_day_that_was_set_first_and_slip_is_shown(world: World, time: Time) -> None:
    shown = await started(world)
    shown = await put(world, shown, "schedule/assessment", {"owner": "Program Manager", "target_on": "2026-01-11"})
    unreasoned = await put(world, shown, "schedule/assessment", {"owner": "Program Manager", "target_on": "2026-01-21"})
    body = {"owner": "Program Manager", "target_on": "2026-01-21", "reason": "The business case took longer"}
    shown = await put(world, shown, "schedule/assessment", body)
    time.now += timedelta(days=25)  # 26 January

    late = await world.adoptions("&late=true", OWN)
    moved = await advanced(world, shown)
    stretch = (await got(world, moved, "schedule"))["items"][0]

    assert (unreasoned.status_code, unreasoned.json()["missing"]) == (409, ["reason"])
    assert [(item["late"], item["target_on"]) for item in late] == [(True, "2026-01-21")]
    assert (stretch["baseline_on"], stretch["slip_days"], stretch["baseline_slip_days"]) == ("2026-01-11", 5, 15)
    assert (stretch["left_on"], stretch["late"]) == ("2026-01-26", False)
    assert await world.adoptions("&late=true", OWN) == []
    assert [item["late"] for item in await world.adoptions("&late=false", OWN)] == [False]
    assert (await world.recorded("target"))[-1][1]["baseline_on"] == "2026-01-11"


async def test_a_task_that_is_done_is_progress(world: World, time: Time) -> None:
    shown = await started(world)
    time.now += timedelta(days=170)
    await put(world, shown, "tasks/0.1", {"status": "done"})
    time.now += timedelta(days=170)

    await world.owner.tell_due()  # type: ignore[attr-defined]  # an AdoptionOwner

    assert await world.adoptions("&stalled=true", "omb") == []


async def test_risks_are_rated_reviewed_and_spelled_out(world: World) -> None:
    shown = await advanced(world, await started(world))
    shown = await risk_rated(world, shown, leave_out=("cyber",), data="high")
    before = await got(world, shown, "risk")
    shown = await risk_rated(world, shown, data="high")
    reviewed = {"ratings": {"data": {"level": "high-with-strategy", "grounds": "A cleansing plan is in place"}}}
    headers = {**world.api.headers(QSMO, subject="reviewer"), "If-Match": shown.headers["etag"]}
    url = f"/v1/adoptions/{shown.json()['id']}/risk/review"
    shown = await world.api.client.post(url, json=reviewed, headers=headers)

    after = await got(world, shown, "risk")

    assert before["needed"] == ["risk assessment of readiness: not rated: cyber"]
    assert before["newest"]["unanswered"] == ["cyber"]
    assert after["needed"] == []
    assert [version["n"] for version in after["versions"]] == [1, 2, 3]
    assert (after["newest"]["score"], after["newest"]["band"]) == ("1.27", "low")
    assert after["newest"]["explanation"].startswith("(4 * 1 + 1 * 0.5 + ")
    assert [(fact["n"], fact["reviewed"]) for _, fact, _ in await world.recorded("risk")] == [(1, False), (2, False), (3, True)]


async def test_a_new_rating_takes_the_signatures_of_its_phase_with_it(world: World) -> None:
    ready = await gate_passed(world, await advanced(world, await started(world)))

    shown = await risk_rated(world, ready, schedule="high")

    assert (await got(world, shown, "gates"))["outstanding"] == [
        "tollgate of readiness signed by the agency",
        "tollgate of readiness signed by the qsmo",
    ]


async def test_the_risk_tool_publishes_its_weights(world: World) -> None:
    tool = (await world.api.get("/v1/meta/m3/risk")).json()

    assert tool["points"] == {"low": 1, "medium-with-strategy": 2, "medium": 3, "high-with-strategy": 4, "high": 5}
    assert {size: {phase: len(weights) for phase, weights in phases.items()} for size, phases in tool["weights"].items()} == {
        size: dict.fromkeys(("assessment", "readiness", "selection", "engagement", "migration", "operations"), 12)
        for size in ("small", "large")
    }


async def test_nothing_is_kept_beside_what_a_public_register_tells(world: World) -> None:
    await world.imported([letter_row()])
    (found,) = await world.adoptions()
    shown = await world.api.get(f"/v1/adoptions/{found['id']}", OWN)

    answers = [await put(world, shown, "tasks/0.1", {"status": "done"}), await risk_rated(world, shown)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert "public register" in answers[0].json()["detail"]
    assert (await world.api.get(f"/v1/adoptions/{found['id']}/withdrawal")).status_code == 404
