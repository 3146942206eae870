from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.auth import Principal, Role
from shared.contracts.catalog import OfferingRetired
from shared.contracts.fact import Visibility
from shared.contracts.registry import OrganizationChanged
from tests.unit.adoption.builders import (
    World,
    a_world,
    advanced,
    an_offering,
    an_organization,
    gate_passed,
    letter_row,
    started,
)

OWN = "agency:7008:sapoc"
ACTIONS = ("advance", "hold", "resume", "withdraw", "complete")


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def moved(world: World, shown: Any, action: str, *, role: str = OWN, **body: Any) -> Any:
    etag = shown.headers["etag"]
    return await world.api.post(f"/v1/adoptions/{shown.json()['id']}/{action}", body, role, etag=etag)


async def in_operations(world: World, *, qsmo: str = "qsmo:cybersecurity", **more: Any) -> Any:
    shown = await started(world, **more)
    for _ in range(5):
        shown = await advanced(world, shown, qsmo=qsmo)
        assert shown.status_code == 200, shown.text
    return shown


# --- start ---


async def test_an_agency_starts_an_adoption_at_the_present_revision(world: World) -> None:
    answer = await started(world, offering="pay", effective_on="2026-02-01", reason="payroll renewal")

    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert answer.headers["location"] == f"/v1/adoptions/{shown['id']}"
    assert (shown["status"], shown["phase"], shown["started_on"], shown["version"]) == ("active", "assessment", "2026-02-01", 1)
    assert (shown["agency_name"], shown["offering_code"], shown["offering_revision"]) == ("CISA", "PAY", 3)
    assert shown["focus_areas"] == ["human-resources", "financial-management"]
    (type_, fact, headers) = (await world.recorded())[0]
    assert (type_, fact["agency_id"], fact["phase"], fact["reason"]) == ("started", "cisa", "assessment", "payroll renewal")
    assert (headers["ce_visibility"], headers["ce_agency"], headers["ce_focusarea"]) == (
        "restricted",
        "cisa",
        "human-resources",
    )


async def test_an_earlier_revision_can_be_pinned_and_one_that_is_not_there_cannot(world: World) -> None:
    missing = await started(world, offering="pay", offering_revision=4)

    assert missing.status_code == 422
    assert missing.json()["errors"][0]["pointer"] == "/offering_revision"
    assert (await started(world, offering="pay", offering_revision=2)).json()["offering_revision"] == 2


async def tried(world: World, role: str) -> int:
    """The status of starting for CISA with the role, without doing it."""
    answer = await world.api.post("/v1/adoptions?validate_only=true", {"agency_id": "cisa", "offering_id": "dns"}, role)
    return answer.status_code


async def test_any_code_or_id_of_the_organization_or_one_above_it_may_start(world: World) -> None:
    roles = ("agency:070:head", "agency:dhs", "agency:cisa:member", "agency:22-011", "agency:22-011-04", "agency:7008")

    assert [role for role in roles if await tried(world, role) != 200] == []


async def test_another_agency_or_one_below_may_not_start_for_it(world: World) -> None:
    roles = ("agency:014:sapoc", "agency:csd", "agency:nothing", "agency")

    assert [role for role in roles if await tried(world, role) != 403] == []


async def test_nobody_but_an_agency_starts(world: World) -> None:
    roles = ("qsmo:cybersecurity", "coordinator", "omb", "board", "auditor", "provider:p", "standards:x")

    assert [role for role in roles if await tried(world, role) != 403] == []


async def test_starting_needs_a_token(world: World) -> None:
    answer = await world.api.post("/v1/adoptions", {"agency_id": "cisa", "offering_id": "dns"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [({"agency": "nasa"}, "/agency_id"), ({"offering": "nothing"}, "/offering_id"), ({"offering": "draft"}, "/offering_id")],
    ids=str,
)
async def test_a_reference_to_something_not_known_is_named(world: World, wrong: dict[str, str], pointer: str) -> None:
    answer = await started(world, **wrong)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert repr(next(iter(wrong.values()))) in answer.json()["detail"]


async def test_an_organization_that_has_ended_starts_nothing(world: World) -> None:
    await world.tell(
        an_organization("cisa", ("subtier", "7008"), kind=OrganizationChanged, parent_id="dhs", valid_to="2025-01-01")
    )

    assert (await started(world)).json()["errors"][0]["code"] == "organization-ended"


async def test_a_retired_offering_is_not_open_to_adopters(world: World) -> None:
    await world.tell(an_offering("dns", kind=OfferingRetired, status="retired"))

    answer = await started(world)

    assert (answer.status_code, answer.json()["missing"]) == (409, ["a published or listed offering"])


async def test_one_adoption_of_an_offering_at_a_time(world: World) -> None:
    first = await started(world)

    second = await started(world)
    await moved(world, first, "withdraw", reason="another way")
    third = await started(world)

    assert (second.status_code, third.status_code) == (409, 201)
    assert first.json()["id"] in second.json()["detail"]


async def test_trying_it_out_writes_nothing(world: World) -> None:
    answer = await world.api.post("/v1/adoptions?validate_only=true", {"agency_id": "cisa", "offering_id": "dns"}, OWN)

    assert answer.status_code == 200
    assert await world.recorded() == []


# --- advance, hold, resume, withdraw, complete ---


async def test_an_adoption_goes_through_its_phases_to_completion_and_tells_each_step(world: World) -> None:
    live = await in_operations(world)
    done = await moved(world, live, "complete")

    assert live.json()["live_on"] is not None
    assert (done.json()["status"], done.json()["phase"], done.json()["version"]) == ("completed", "operations", 50)
    assert [step["action"] for step in done.json()["history"]] == ["start", *["advance"] * 5, "complete"]
    assert await world.recorded_types() == ["started", *["advanced"] * 4, "go_live_decided", "went_live", "completed"]
    assert [fact.get("from_phase") for _, fact, _ in await world.recorded()][1:5] == [
        "assessment", "readiness", "selection", "engagement",
    ]  # fmt: skip


async def test_a_hold_is_told_and_resumed_in_the_same_phase(world: World) -> None:
    begun = await advanced(world, await started(world))

    held = await moved(world, begun, "hold", reason="funds")
    resumed = await moved(world, held, "resume")

    assert (held.json()["status"], held.json()["phase"]) == ("on_hold", "readiness")
    assert (resumed.json()["status"], resumed.json()["phase"]) == ("active", "readiness")
    assert (await world.recorded_types())[2:] == ["held", "resumed"]
    assert (await world.recorded())[2][1]["reason"] == "funds"


async def test_withdrawing_needs_a_reason_and_ends_it(world: World) -> None:
    begun = await started(world)

    refused = await moved(world, begun, "withdraw")
    ended = await moved(world, begun, "withdraw", reason="another way")

    assert (refused.status_code, refused.json()["missing"]) == (409, ["reason"])
    assert ended.json()["status"] == "withdrawn"
    assert (await world.recorded())[-1][0] == "withdrawn"
    for action in ACTIONS:
        assert (await moved(world, ended, action, reason="again")).status_code == 409, action


async def test_what_the_state_does_not_allow_is_refused_with_what_is_missing(world: World) -> None:
    begun = await started(world)

    resume, complete = await moved(world, begun, "resume"), await moved(world, begun, "complete")

    assert (resume.status_code, resume.json()["allowed_actions"]) == (409, ["advance", "hold", "withdraw", "complete"])
    assert (complete.status_code, complete.json()["missing"]) == (409, ["phase operations (it is assessment)"])
    live = await in_operations(world, offering="pay", qsmo="qsmo:human-resources")
    assert (await moved(world, live, "advance")).json()["missing"] == ["a phase after operations"]


async def test_a_stale_version_is_refused_and_a_missing_one_asked_for(world: World) -> None:
    begun = await started(world)
    await advanced(world, begun)

    for action in ACTIONS:
        stale = await moved(world, begun, action, reason="any")
        without = await world.api.post(f"/v1/adoptions/{begun.json()['id']}/{action}", {}, OWN)
        assert (stale.status_code, without.status_code) == (412, 428), action
    assert await world.recorded_types() == ["started", "advanced"]


async def test_others_do_not_move_it_and_who_may_not_see_it_does_not_learn_of_it(world: World) -> None:
    begun = await started(world)
    blind = ("agency:014:sapoc", "qsmo:grants-management", "provider:p", "board:council")
    seeing = ("qsmo:cybersecurity", "omb", "coordinator", "auditor")

    for action in ACTIONS:
        answers = {role: (await moved(world, begun, action, role=role, reason="any")).status_code for role in blind + seeing}
        assert answers == {**dict.fromkeys(blind, 404), **dict.fromkeys(seeing, 403)}, action
    assert await world.recorded_types() == ["started"]


async def test_an_unknown_adoption_is_not_found_and_a_wrong_body_has_its_place_named(world: World) -> None:
    begun = await started(world)

    unknown = await world.api.post("/v1/adoptions/nothing/advance", {}, OWN, etag='"1"')
    wrong = await moved(world, begun, "advance", effective_on="tomorrow")
    ready = await gate_passed(world, begun)
    backwards = await moved(world, ready, "advance", effective_on="2001-01-01")

    assert (unknown.status_code, wrong.status_code, backwards.status_code) == (404, 422, 409)
    assert wrong.json()["errors"][0]["pointer"] == "/effective_on"


async def test_an_idempotency_key_starts_once(world: World) -> None:
    body = {"agency_id": "cisa", "offering_id": "dns"}
    headers = {"Idempotency-Key": "k-1"}

    first = await world.api.post("/v1/adoptions", body, OWN, **headers)
    second = await world.api.post("/v1/adoptions", body, OWN, **headers)

    assert (first.status_code, second.status_code, second.json()["id"]) == (201, 201, first.json()["id"])
    assert await world.recorded_types() == ["started"]


# --- what may be seen ---

CALLERS = {
    "nobody": (),
    "omb": ("omb",),
    "coordinator": ("coordinator",),
    "auditor": ("auditor",),
    "board": ("board:council",),
    "provider": ("provider:p",),
    "its agency": ("agency:7008:sapoc",),
    "the department": ("agency:070:cio",),
    "below": ("agency:csd",),
    "another agency": ("agency:014:sapoc",),
    "its qsmo": ("qsmo:cybersecurity",),
    "another qsmo": ("qsmo:grants-management",),
    "two roles": ("qsmo:grants-management", "agency:dhs"),
}


async def test_lists_reads_and_counts_show_what_the_one_rule_allows(world: World) -> None:
    await world.imported([letter_row(agency_id="22-013", sub_id="")])
    own = (await started(world)).json()["id"]
    codes = frozenset({"cisa", "7008", "22-011-04", "dhs", "070", "22-011"})

    for caller, roles in CALLERS.items():
        principal = Principal("x", tuple(Role.parse(role) for role in roles))
        sees = principal.may_see(Visibility.RESTRICTED, focus_area="cybersecurity", agency_codes=codes)
        listed = {item["agency_id"] for item in await world.adoptions("", *roles)}
        read = (await world.api.get(f"/v1/adoptions/{own}", *roles)).status_code
        counted = (await world.api.get("/v1/stats/adoptions?by=agency", *roles)).json()
        rolled = (await world.api.get("/v1/agencies/dhs/adoptions", *roles)).json()["items"]

        assert listed == ({"doi", "cisa"} if sees else {"doi"}), caller
        assert read == (200 if sees else 404), caller
        assert (counted["total"], {item["key"] for item in counted["items"]}) == (len(listed), listed), caller
        assert len(rolled) == (1 if sees else 0), caller


async def test_actions_tell_the_agency_what_is_possible_and_what_is_missing_and_others_nothing(world: World) -> None:
    begun = await started(world)

    own = {action["action"]: action for action in begun.json()["_actions"]}
    others = (await world.api.get(f"/v1/adoptions/{begun.json()['id']}", "omb")).json()["_actions"]

    assert {name for name, action in own.items() if action["possible"]} == {"hold", "withdraw"}
    assert own["advance"]["missing"][0] == "exit criterion assessment-scope: the service areas and functions in scope are named"
    assert own["resume"]["missing"] == ["state on_hold (it is active)"]
    assert own["complete"]["missing"] == ["phase operations (it is assessment)"]
    assert own["hold"]["href"] == f"/v1/adoptions/{begun.json()['id']}/hold"
    assert others == []


# --- lists and counts ---


async def test_lists_narrow_by_each_filter(world: World) -> None:
    await world.imported([letter_row(agency_id="22-013", sub_id="")])
    await moved(world, await started(world, offering="pay"), "hold")

    async def found(query: str) -> list[str]:
        return sorted(item["agency_id"] + "/" + item["offering_id"] for item in await world.adoptions(query, "omb"))

    assert await found("") == ["cisa/pay", "doi/dns"]
    assert await found("&agency_id=doi") == ["doi/dns"]
    assert await found("&agency_id=dhs") == []
    assert await found("&offering_id=pay") == ["cisa/pay"]
    assert await found("&area=financial-management") == ["cisa/pay"]
    assert await found("&area=cybersecurity") == ["doi/dns"]
    assert await found("&phase=operations") == ["doi/dns"]
    assert await found("&status=on_hold") == ["cisa/pay"]
    assert await found("&source=fedramp") == ["doi/dns"]
    assert (await world.api.get("/v1/adoptions?phase=landing", "omb")).status_code == 400
    assert (await world.api.get("/v1/adoptions?agency=doi", "omb")).status_code == 400


async def test_pages_go_on_where_the_last_one_ended(world: World) -> None:
    await world.tell(*(an_offering(f"o{n}") for n in range(7)))
    await world.imported([letter_row(n + 1, id=f"O{n}") for n in range(7)])

    seen: list[str] = []
    query = "/v1/adoptions?limit=3"
    while query:
        answer = await world.api.get(query)
        seen.extend(item["id"] for item in answer.json()["items"])
        query = answer.headers["link"].split(">")[0][1:] if "link" in answer.headers else ""

    assert len(seen) == len(set(seen)) == 7
    assert (await world.api.get("/v1/adoptions?cursor=x")).status_code == 422


async def test_an_agencys_adoptions_include_those_of_every_organization_below_it(world: World) -> None:
    await world.imported([letter_row(1), letter_row(2, sub_id=""), letter_row(3, agency_id="22-013", sub_id="")])

    async def agencies(id: str) -> list[str]:
        answer = await world.api.get(f"/v1/agencies/{id}/adoptions")
        return sorted(item["agency_id"] for item in answer.json()["items"])

    assert await agencies("dhs") == ["cisa", "dhs"]
    assert await agencies("cisa") == ["cisa"]
    assert await agencies("csd") == []
    assert (await world.api.get("/v1/agencies/nasa/adoptions")).status_code == 404


async def test_counts_by_area_agency_offering_and_phase(world: World) -> None:
    await world.imported([letter_row(1), letter_row(2, agency_id="22-013", sub_id="")])
    await moved(world, await started(world, offering="pay"), "withdraw", reason="another way")
    await started(world, agency="csd", offering="pay")

    async def counted(by: str, query: str = "") -> list[tuple[str | None, int]]:
        answer = (await world.api.get(f"/v1/stats/adoptions?by={by}{query}", "omb")).json()
        assert answer["total"] == 3
        return [(item["key"], item["count"]) for item in answer["items"]]

    assert sorted(await counted("area")) == [("cybersecurity", 2), ("financial-management", 1), ("human-resources", 1)]
    assert sorted(await counted("agency")) == [("cisa", 1), ("csd", 1), ("doi", 1)]
    assert await counted("offering") == [("dns", 2), ("pay", 1)]
    assert sorted(await counted("phase")) == [("assessment", 1), ("operations", 2)]
    assert len(await counted("agency", "&limit=1")) == 1
    by_offering = (await world.api.get("/v1/stats/adoptions?by=offering", "omb")).json()["items"]
    assert by_offering[1] == {"key": "pay", "name": "Offering pay", "count": 1, "statuses": {"active": 1, "withdrawn": 1}}


async def test_counts_as_of_a_day_follow_effective_dates(world: World) -> None:
    await world.imported([letter_row(1, ato_date="2019-05-05")])
    begun = await started(world, agency="csd", effective_on="2020-01-01")
    begun = await advanced(world, begun, effective_on="2021-01-01")
    await moved(world, begun, "withdraw", effective_on="2022-01-01", reason="another way")

    async def phases(day: str) -> dict[str, Any]:
        answer = (await world.api.get(f"/v1/stats/adoptions?by=phase&as_of={day}", "omb")).json()
        return {item["key"]: item["statuses"] for item in answer["items"]}

    assert await phases("2019-05-04") == {}
    assert await phases("2019-05-05") == {"operations": {"active": 1}}
    assert await phases("2020-06-01") == {"operations": {"active": 1}, "assessment": {"active": 1}}
    assert await phases("2021-06-01") == {"operations": {"active": 1}, "readiness": {"active": 1}}
    assert await phases("2022-06-01") == {"operations": {"active": 1}, "readiness": {"withdrawn": 1}}


async def test_the_transition_tables_are_shown(world: World) -> None:
    machines = (await world.api.get("/v1/meta/state-machines/adoption")).json()["machines"]

    assert [machine["name"] for machine in machines] == [
        "adoption",
        "adoption phase",
        "shortlist",
        "agreement",
        "legacy system",
        "investment action plan",
        "annual plan",
        "finding",
        "provider case",
    ]
    assert {"action": "resume", "from": ["on_hold"], "to": "active", "roles": ["agency"], "needs": []} in machines[0][
        "transitions"
    ]


async def test_parked_rows_are_for_those_who_mind_imports(world: World) -> None:
    await world.imported([letter_row(1, sub_id="22-099-01"), letter_row(2, id="NEW")])

    shown = (await world.api.get("/v1/parked-rows", "auditor")).json()["items"]
    narrowed = (await world.api.get("/v1/parked-rows?waits_for=offering:NEW", "omb")).json()["items"]

    assert [row["waits_for"] for row in shown] == ["fedramp-agency:22-099-01", "offering:NEW"]
    assert [(row["section"], row["number"], row["reason"]) for row in narrowed] == [
        ("reuses", 2, "There is no offering NEW yet.")
    ]
    assert (await world.api.get("/v1/parked-rows")).status_code == 401
    assert (await world.api.get("/v1/parked-rows", "agency:070")).status_code == 403
