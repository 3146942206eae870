"""Standards: taken over from files edition by edition, revised by hand, compared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.catalog.api.standards import Turn
from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.domain.standard import MACHINE
from tests.support.apps import Api, an_api
from tests.support.real_data import REAL_DATA, needs_real_data
from tests.unit.catalog.test_fibf import LIFECYCLES, LISTS, a_capability, a_lifecycle
from tests.unit.catalog.world import recorded_types

FFM = "fibf-ffm"
STANDARDS = "standards:financial-management"


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        yield api


async def run(api: Api, content: bytes, *, kind: str = "standards", role: str = "standards:x") -> dict[str, Any]:
    """Section → its counts that are not zero, after checking that they add up."""
    answer = await api.client.post(f"/v1/imports/{kind}", content=content, headers=api.headers(role))
    assert answer.status_code == 202, answer.text
    operation = dict(answer.json())
    async with asyncio.timeout(60):
        while operation["status"] == "running":
            await asyncio.sleep(0.02)
            operation = (await api.get(f"/v1/operations/{operation['id']}")).json()
    assert operation["status"] == "succeeded", operation
    for section in operation["sections"].values():
        assert section["read"] == sum(value for name, value in section.items() if name != "read")
    return {name: {k: v for k, v in section.items() if v} for name, section in operation["sections"].items()}


async def imported(api: Api, *capabilities: dict[str, str], **more: Any) -> dict[str, Any]:
    return await run(api, orjson.dumps(a_lifecycle(*capabilities, **more)))


async def act(api: Api, action: str, *roles: str, body: Any = None) -> httpx.Response:
    seen = await api.get(f"/v1/standards/{FFM}")
    return await api.post(f"/v1/standards/{FFM}/{action}", body, *roles, etag=seen.headers["etag"])


async def test_a_file_becomes_the_first_edition(api: Api) -> None:
    counts = await imported(api, a_capability(), a_capability("FFM.010.010.012"))

    assert counts["capabilities"] == {"read": 2, "created": 2}
    assert counts["standards"] == {"read": 1, "created": 1}
    shown = (await api.get(f"/v1/standards/{FFM}")).json()
    assert (shown["edition"], shown["status"], shown["focus_area"]) == (1, "baseline", "financial-management")
    assert shown["counts"] == {"function": 1, "activity": 1, "capability": 2}
    assert await recorded_types(api) == ["standard.published"]


async def test_the_same_file_again_changes_nothing(api: Api) -> None:
    await imported(api, a_capability())
    counts = await imported(api, a_capability())

    assert all(set(section) == {"read", "unchanged"} for section in counts.values())
    assert await recorded_types(api) == ["standard.published"]


async def test_a_changed_file_is_the_next_edition_with_its_differences(api: Api) -> None:
    await imported(api, a_capability(), a_capability("FFM.010.010.012"))
    counts = await imported(api, a_capability(**{"Input/Output/Process": "O"}), a_capability("FFM.010.010.013"))

    assert counts["capabilities"] == {"read": 2, "created": 1, "updated": 1}
    assert counts["standards"] == {"read": 1, "updated": 1}
    diff = (await api.get(f"/v1/standards/{FFM}/diff?from=1&to=2")).json()["changes"]
    found = {
        (change["new"] or change["old"])["id"]: (change["old"] is None, change["new"] is None, change["fields"])
        for change in diff
    }
    assert found == {
        "FFM.010.010.011": (False, False, ["flow"]),
        "FFM.010.010.012": (False, True, []),
        "FFM.010.010.013": (True, False, []),
    }
    backwards = (await api.get(f"/v1/standards/{FFM}/diff?from=2&to=1")).json()["changes"]
    assert {(c["old"] or c["new"])["id"] for c in backwards} == set(found)
    editions = (await api.get(f"/v1/standards/{FFM}/editions")).json()["items"]
    assert [(e["edition"], e["added"], e["changed"], e["withdrawn"]) for e in editions] == [(1, 4, 0, 0), (2, 1, 1, 1)]


async def test_an_edition_is_read_as_it_was(api: Api) -> None:
    await imported(api, a_capability())
    await imported(api, a_capability("FFM.010.010.012"))

    async def ids(query: str) -> list[str]:
        answer = await api.get(f"/v1/standards/{FFM}/items?kind=capability{query}")
        return [item["id"] for item in answer.json()["items"]]

    assert await ids("&edition=1") == ["FFM.010.010.011"]
    assert await ids("&edition=2") == await ids("") == ["FFM.010.010.012"]
    assert (await api.get(f"/v1/standards/{FFM}/items?edition=3")).status_code == 404


async def test_an_item_that_comes_back_is_there_again(api: Api) -> None:
    await imported(api, a_capability(), a_capability("FFM.010.010.012"))
    await imported(api, a_capability())
    counts = await imported(api, a_capability(), a_capability("FFM.010.010.012"))

    assert counts["capabilities"] == {"read": 2, "created": 1, "unchanged": 1}
    found = (await api.get("/v1/standards/items?id=FFM.010.010.012")).json()["items"]
    assert [item["standard_id"] for item in found] == [FFM]


async def test_what_is_repeated_or_contradictory_in_a_file_is_told(api: Api) -> None:
    other = a_capability(**{"Business Capability Statement": "Another"})
    counts = await imported(api, a_capability(), a_capability(), other, {})

    assert counts["capabilities"] == {"read": 4, "created": 1, "duplicate": 1, "refused": 2}


async def test_items_are_found_below_an_item_and_by_words(api: Api) -> None:
    await imported(api, a_capability(), a_capability("FFM.010.010.012", **{"Business Capability Statement": "Post entries"}))

    below = (await api.get(f"/v1/standards/{FFM}/items?under=FFM.010&limit=2")).json()
    said = (await api.get(f"/v1/standards/{FFM}/items?q=ENTRIES post")).json()["items"]
    assert [item["id"] for item in below["items"]] == ["FFM.010.010", "FFM.010.010.011"]
    assert below["next_cursor"]
    assert [item["id"] for item in said] == ["FFM.010.010.012"]


async def test_a_revision_goes_in_steps_to_omb_and_becomes_the_next_edition(api: Api) -> None:
    await imported(api, a_capability())
    item = {"id": "FFM.010.010.020", "kind": "capability", "parent_id": "FFM.010.010", "statement": "New"}
    assert (await act(api, "revise", STANDARDS)).status_code == 200
    etag = (await api.get(f"/v1/standards/{FFM}")).headers["etag"]
    put = await api.put(f"/v1/standards/{FFM}/items", {"items": [item]}, STANDARDS, etag=etag)
    assert put.status_code == 200, put.text
    unseen = await api.get("/v1/standards/items?id=FFM.010.010.020")
    for step in (Turn.OPEN_WORKING_GROUP, Turn.START_CROSS_REVIEW, Turn.ASK_FEEDBACK, Turn.SEND_TO_OMB):
        assert (await act(api, step, STANDARDS)).status_code == 200
    baselined = await act(api, "baseline", "omb")

    assert unseen.json()["items"] == []
    assert (baselined.json()["edition"], baselined.json()["status"]) == (2, "baseline")
    assert baselined.json()["counts"]["capability"] == 2
    assert (await recorded_types(api))[-1] == "standard.published"


async def test_a_file_that_comes_during_a_revision_waits_for_its_baseline(api: Api) -> None:
    await imported(api, a_capability())
    await act(api, "revise", STANDARDS)

    counts = await imported(api, a_capability(), a_capability("FFM.010.010.012"))
    shown = (await api.get(f"/v1/standards/{FFM}")).json()
    assert counts["standards"] == {"read": 1, "updated": 1}
    assert (shown["edition"], shown["status"], shown["counts"]["capability"]) == (1, "draft", 1)


async def test_a_baseline_without_a_change_is_refused_with_what_is_missing(api: Api) -> None:
    await imported(api, a_capability())
    for step in (Turn.REVISE, Turn.OPEN_WORKING_GROUP, Turn.START_CROSS_REVIEW, Turn.ASK_FEEDBACK, Turn.SEND_TO_OMB):
        await act(api, step, STANDARDS)

    refused = await act(api, "baseline", "omb")

    assert refused.status_code == 409
    assert refused.json()["missing"] == ["at least one item changed since the last edition"]


async def test_a_superseded_standard_takes_no_file(api: Api) -> None:
    await imported(api, a_capability())
    without = await act(api, "supersede", "omb", body={})
    await act(api, "supersede", "omb", body={"reason": "Replaced by the next framework"})

    counts = await imported(api, a_capability("FFM.010.010.012"))
    assert without.json()["missing"] == ["a successor or a reason"]
    assert set(counts["capabilities"]) == {"read", "refused"}


@pytest.mark.parametrize("action", [t.action for t in MACHINE.transitions if t.action != "announce"])
@pytest.mark.parametrize("role", ["standards:cybersecurity", "qsmo:financial-management", "agency:097:sapoc", "auditor"])
async def test_who_is_not_named_may_not(api: Api, action: str, role: str) -> None:
    await imported(api, a_capability())

    refused = await act(api, action, role, body={"reason": "because"} if action in {"return", "supersede"} else None)

    assert refused.status_code == 403, refused.text
    assert "one of" in refused.json()["detail"]


async def test_an_action_that_the_state_does_not_allow_is_refused_with_those_it_does(api: Api) -> None:
    await imported(api, a_capability())

    refused = await act(api, "send-to-omb", "coordinator")

    assert refused.status_code == 409
    assert set(refused.json()["allowed_actions"]) == {"announce", "revise", "supersede"}


async def test_a_return_needs_a_reason(api: Api) -> None:
    await imported(api, a_capability())
    await act(api, "revise", STANDARDS)
    await act(api, "open-working-group", STANDARDS)

    assert (await act(api, "return", STANDARDS)).json()["missing"] == ["reason"]
    assert (await act(api, "return", STANDARDS, body={"reason": "more evidence"})).json()["status"] == "draft"


def test_every_action_has_its_path() -> None:
    assert {*Turn, "announce", "baseline", "supersede"} == {t.action for t in MACHINE.transitions}


async def test_an_importer_needs_a_role(api: Api) -> None:
    refused = await api.client.post("/v1/imports/standards", content=b"{}", headers=api.headers("qsmo:cybersecurity"))

    assert refused.status_code == 403


# Items that the real files repeat word for word, or contradict: file → (duplicate, refused).
REPEATED = {"eeo": (19, 0), "hr_benefits": (0, 1), "cvd": (0, 2)}
CONTROLS = {
    "csf-v2.0-catalog.xml": {"groups": 6, "controls": 219},
    "sp800-53-rev5-low-resolved-catalog.min.json": {"groups": 18, "controls": 149},
    "sp800-53-rev5-low-profile.json": {"references": 149},
    "sp800-53-rev5-moderate-profile.json": {"references": 287},
    "sp800-53-rev5-high-profile.json": {"references": 370},
}
KINDS = {"functions": "function", "activities": "activity", "capabilities": "capability"}


async def header_id(api: Api, before: set[str]) -> str:
    """Of the one standard that was not there before."""
    items = (await api.get("/v1/standards?limit=200")).json()["items"]
    (found,) = {item["id"] for item in items} - before
    before.add(found)
    return str(found)


@needs_real_data
async def test_every_real_file_imports_with_every_row_accounted_for(api: Api) -> None:
    """All FIBF and NIST files, each twice: counts as the folder's README has them; the second time changes nothing."""
    known: set[str] = set()
    for name in (*LIFECYCLES, *LISTS):
        content = (REAL_DATA / "fibf" / f"{name}.json").read_bytes()
        first, second = await run(api, content), await run(api, content)
        assert first["standards"] == {"read": 1, "created": 1}, name
        assert not any({"created", "updated"} & set(section) for section in second.values()), name
        wanted: tuple[int, ...] = LIFECYCLES.get(name) or (LISTS[name],)
        sections = [*KINDS] if name in LIFECYCLES else ["measures" if "measures" in first else "data_elements"]
        assert tuple(first.get(section, {}).get("read", 0) for section in sections) == wanted, name
        last = first.get(sections[-1], {})
        assert (last.get("duplicate", 0), last.get("refused", 0)) == REPEATED.get(name, (0, 0)), name
        shown = (await api.get(f"/v1/standards/{await header_id(api, known)}")).json()["counts"]
        assert sum(shown.values()) == sum(section.get("created", 0) for section in first.values()) - 1, name
        if name in LIFECYCLES:
            kept = [*wanted[:2], wanted[-1] - sum(REPEATED.get(name, (0, 0)))]
            assert [shown.get(kind, 0) for kind in KINDS.values()] == kept, name
    for name, rows in CONTROLS.items():
        content = (REAL_DATA / "nist" / name).read_bytes()
        first = await run(api, content, kind="controls")
        second = await run(api, content, kind="controls")
        assert first.pop("standards") == {"read": 1, "created": 1}, name
        assert first == {section: {"read": n, "created": n} for section, n in rows.items()}, name
        assert not any({"created", "updated"} & set(section) for section in second.values()), name
    assert await recorded_types(api) == ["standard.published"] * (len(LIFECYCLES) + len(LISTS) + len(CONTROLS))


def rows_of(document: Any) -> tuple[list[dict[str, Any]], str, str]:
    """The rows of a real file that stand for one item each, and its columns of the id and of the text."""
    rows = document.get("Business_Capabilities") if isinstance(document, dict) else document
    if not rows:
        rows = [row for group in document["Business_Lifecycle"] for row in group.get("data") or ()]
    plain = {" ".join(column.split()).casefold(): column for column in rows[0]}
    ids = ("capability id", "service measure id", "measure id", "data element label", "identifier", "id")
    texts = ("business capability statement", "service measure description", "measure description", "definition", "description")
    id_, text = (next(plain[name] for name in names if name in plain) for names in (ids, texts))
    return rows, id_, text


def place(document: Any, rows: list[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """The list of the document that the row stands in."""
    if isinstance(document, list) or document.get("Business_Capabilities"):
        return rows
    found: list[dict[str, Any]] = next(g["data"] for g in document["Business_Lifecycle"] if row in (g.get("data") or ()))
    return found


@needs_real_data
@pytest.mark.parametrize("name", [*LIFECYCLES, *LISTS])
async def test_a_changed_real_file_is_the_next_edition_with_just_that_difference(api: Api, name: str) -> None:
    """One row is reworded, one taken out, one put in; nothing else is told."""
    document = orjson.loads((REAL_DATA / "fibf" / f"{name}.json").read_bytes())
    await run(api, orjson.dumps(document))
    standard = await header_id(api, set())
    rows, id_, text = rows_of(document)
    seen = Counter(str(row.get(id_, "")).strip() for row in rows)
    single = [row for row in rows if seen[str(row.get(id_, "")).strip()] == 1 and str(row.get(id_, "")).strip()]
    reworded, gone, alike = single[0], single[-1], single[len(single) // 2]
    new = {**alike, id_: f"{str(alike[id_]).strip()}9"}
    reworded[text] = "Reworded in the next edition."
    place(document, rows, alike).append(new)
    place(document, rows, gone).remove(gone)

    counts = await run(api, orjson.dumps(document))

    assert counts["standards"] == {"read": 1, "updated": 1}
    changes = (await api.get(f"/v1/standards/{standard}/diff?from=1&to=2")).json()["changes"]
    told = {(c["new"] or c["old"])["id"]: (c["old"] is not None, c["new"] is not None, c["fields"]) for c in changes}
    assert told == {
        " ".join(reworded[id_].split()): (True, True, ["statement"]),
        " ".join(gone[id_].split()): (True, False, []),
        " ".join(new[id_].split()): (False, True, []),
    }
    editions = (await api.get(f"/v1/standards/{standard}/editions")).json()["items"]
    assert (editions[1]["added"], editions[1]["changed"], editions[1]["withdrawn"]) == (1, 1, 1)


@needs_real_data
async def test_measures_are_listed_by_what_their_targets_are_understood_as(api: Api) -> None:
    for file in LISTS:
        if "measures" in file:
            await run(api, (REAL_DATA / "fibf" / f"{file}.json").read_bytes())

    async def listed(query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next_cursor": ""}
        while page["next_cursor"] is not None:
            cursor = f"&cursor={page['next_cursor']}" if items else ""
            page = (await api.get(f"/v1/standards/measures?limit=40{query}{cursor}")).json()
            assert page["targets"] == {"comparable": 176, "set_by_agreement": 3, "set_by_agency": 5, "text": 58}
            items += page["items"]
        return items

    everything = await listed("")
    of_kind = {kind: await listed(f"&target={kind}") for kind in ("comparable", "set_by_agreement", "set_by_agency", "text")}
    assert len(everything) == sum(map(len, of_kind.values())) == 242
    assert {kind: len(items) for kind, items in of_kind.items()} == everything_by_kind(everything)
    assert {each["target"] for each in of_kind["text"]} == {"TBD"}
    assert all((each["comparable"] is None) is (each["target_kind"] != "comparable") for each in everything)
    hr = await api.get("/v1/standards/measures?area=human-resources&target=text&limit=200")
    assert [(each["id"], each["standard_id"]) for each in hr.json()["items"]] == [
        (each["id"], each["standard_id"]) for each in of_kind["text"] if each["id"].startswith("HCM.")
    ]
    assert len(hr.json()["items"]) == 4


def everything_by_kind(items: list[dict[str, Any]]) -> Counter[str]:
    return Counter(each["target_kind"] for each in items)
