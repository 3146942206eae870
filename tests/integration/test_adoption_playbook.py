"""Files of the M3 playbook: every row accounted for, official names beside ours, and nothing changes the second time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.adoption.domain.playbook import ARTIFACTS, TASKS, slug_of
from tests.support.real_data import REAL_DATA, needs_real_data
from tests.unit.adoption.builders import World, a_world, risk_rated, started

FILES = ("m3-phases.json", "m3-key-tasks.json", "m3-glossary.json")
OWN = "agency:7008:sapoc"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def imported(world: World, content: bytes, *, role: str = "coordinator", **parameters: str) -> dict[str, Any]:
    answer = await world.api.client.post("/v1/imports/m3", content=content, headers=world.api.headers(role), params=parameters)
    assert answer.status_code == 202, answer.text
    operation: dict[str, Any] = answer.json()
    async with asyncio.timeout(60):
        while operation["status"] == "running":
            await asyncio.sleep(0.01)
            operation = (await world.api.get(f"/v1/operations/{operation['id']}", role)).json()
    return operation


def counted(operation: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {section: {name: n for name, n in tally.items() if n} for section, tally in operation["sections"].items()}


@needs_real_data
async def test_the_real_files_are_taken_whole_and_change_nothing_the_second_time(world: World) -> None:
    sections = {
        "phases": 6, "criteria": 33, "artifacts": 157, "tollgate-items": 44, "tasks": 67, "terms": 80,
    }  # fmt: skip
    first = [await imported(world, (REAL_DATA / "m3" / name).read_bytes()) for name in FILES]
    facts = len(await world.recorded("playbook"))
    again = [await imported(world, (REAL_DATA / "m3" / name).read_bytes()) for name in FILES]

    assert {name: tally for run in first for name, tally in counted(run).items()} == {
        name: {"read": n, "created": n} for name, n in sections.items()
    }
    assert {name: tally for run in again for name, tally in counted(run).items()} == {
        name: {"read": n, "unchanged": n} for name, n in sections.items()
    }
    assert facts == len(await world.recorded("playbook")) == sum(sections.values())
    (told,) = [row for row in await world.reports(first[0]) if row["section"] == "phases"]
    assert "its activities are those of phase 1 again" in told["reason"]

    m3 = (await world.api.get("/v1/meta/m3")).json()
    readiness = m3["phases"][1]
    assert len(readiness["tollgate_items"]) == 17
    assert readiness["exit_criteria"][0]["official"] == "Acquisition Strategy"
    assert all(criterion["official"] for phase in m3["phases"] for criterion in phase["exit_criteria"])
    assert all(task["official"] and task["title"] != task["official"] for phase in m3["phases"] for task in phase["tasks"])
    assert sum(len(phase["artifacts"]) for phase in m3["phases"]) == len(ARTIFACTS)
    assert len((await world.api.get("/v1/meta/m3/terms")).json()["items"]) == 80


async def test_what_is_built_in_has_the_playbooks_ids() -> None:
    assert len(TASKS) == 67
    assert list(Counter(artifact.phase for artifact in ARTIFACTS.values()).values()) == [3, 32, 28, 46, 48, 5]
    assert slug_of("Risks, Actions,\xa0Issues, and Decisions\xa0 (RAID) Log") == "risk-action-issue-and-decision-log"


async def test_a_task_that_is_not_built_in_is_added_and_kept_by_adoptions(world: World) -> None:
    row = {
        "Key Task": 18,
        "PHASE": "Migration",
        "Title": "Celebrate",
        "category": "process",
        "Responsible Party": ["customer", "qsmo"],
    }
    operation = await imported(world, orjson.dumps([row]))
    shown = await started(world)
    headers = {**world.api.headers(OWN), "If-Match": shown.headers["etag"]}
    url = f"/v1/adoptions/{shown.json()['id']}/tasks"

    kept = await world.api.client.put(f"{url}/4.18", json={"status": "done"}, headers=headers)

    assert counted(operation) == {"tasks": {"read": 1, "created": 1}}
    assert kept.status_code == 200, kept.text
    found = next(item for item in (await world.api.get(url, OWN)).json()["items"] if item["id"] == "4.18")
    assert (found["title"], found["responsible"], found["status"]) == ("Celebrate", "shared", "done")


async def test_rows_that_say_nothing_usable_are_refused_one_by_one(world: World) -> None:
    tasks = [
        {"keyTask": 1, "phase": 0, "name": "Define Vision", "category": "process", "responsibleParty": "customer"},
        {"keyTask": 1, "phase": 0, "name": "Define Vision", "category": "process", "responsibleParty": "customer"},
        {"keyTask": 2, "phase": 9, "name": "Nowhere", "category": "process", "responsibleParty": "customer"},
        {"keyTask": 3, "phase": 0, "name": "<b> </b>", "category": "process", "responsibleParty": "customer"},
        {"keyTask": 4, "phase": 0, "name": "Strange", "category": "alchemy", "responsibleParty": "customer"},
        "no object",
    ]
    operation = await imported(world, orjson.dumps(tasks))

    assert counted(operation) == {"tasks": {"read": 6, "created": 1, "duplicate": 1, "refused": 4}}
    reports = {row["number"]: (row["pointer"], row["reason"]) for row in await world.reports(operation)}
    assert [reports[number][0] for number in (3, 4, 5)] == ["/phase", "/name", "/category"]


async def test_names_beyond_measure_are_cut_and_markup_is_left_out(world: World) -> None:
    long = "Review " * 200
    items = [{"name": f"<i>{long}</i> (Provider, {long})"}, {"name": "R&amp;D\u00a0Plan\u0000"}]
    phases = [{"phase": "Phase 1", "name": "Readiness", "progress_review": items, "documents": items}]
    operation = await imported(world, orjson.dumps(phases))

    assert counted(operation)["tollgate-items"] == {"read": 2, "created": 2}
    assert counted(operation)["artifacts"] == {"read": 2, "created": 2}
    readiness = (await world.api.get("/v1/meta/m3")).json()["phases"][1]
    assert "R&D Plan" in [artifact["title"] for artifact in readiness["artifacts"]]
    assert "R&D Plan" in readiness["tollgate_items"]


async def test_a_file_brings_no_exit_criteria_that_gates_do_not_know(world: World) -> None:
    phases = [{"phase": 0, "name": "Assessment", "exitCriteria": [{"name": "Everybody is happy"}], "documentation": []}]
    operation = await imported(world, orjson.dumps(phases))

    assert counted(operation)["criteria"] == {"read": 1, "refused": 1}
    m3 = (await world.api.get("/v1/meta/m3")).json()
    assert len(m3["phases"][0]["exit_criteria"]) == 3


async def test_imported_weights_count_from_the_next_assessment_on(world: World) -> None:
    rows = [
        {"category": "data", "size": "large", "phase": "assessment", "weight": 1},
        {"category": "x", "size": "large", "phase": 0, "weight": 2},
        {"category": "data", "size": "large", "phase": 0, "weight": "sNaN"},
        {"category": "data", "size": {}, "phase": [], "weight": None},
    ]
    earlier = await risk_rated(world, await started(world), data="high")
    operation = await imported(world, orjson.dumps(rows))
    later = await risk_rated(world, earlier, data="high")

    found = (await world.api.get(f"/v1/adoptions/{later.json()['id']}/risk", OWN)).json()

    assert counted(operation) == {"weights": {"read": 4, "created": 1, "refused": 3}}
    assert [version["score"] for version in found["versions"]] == ["1.20", "1.38"]


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b'{"a": 1}', b'[{"a": 1}]', b"3"])
async def test_a_file_that_is_not_of_the_playbook_is_refused_whole(world: World, content: bytes) -> None:
    answer = await world.api.client.post("/v1/imports/m3", content=content, headers=world.api.headers("coordinator"))
    if answer.status_code == 202:
        operation = await imported(world, content)
        assert operation["status"] == "failed"
        assert operation["detail"]
    else:
        assert answer.status_code in {400, 422}


async def test_only_the_coordinator_and_omb_import(world: World) -> None:
    for role, status in ((OWN, 403), ("qsmo:cybersecurity", 403), ("auditor", 403), ("omb", 202)):
        answer = await world.api.client.post("/v1/imports/m3", content=b"[]", headers=world.api.headers(role))
        assert answer.status_code == status
