"""Investment action plans over HTTP: what is needed, what is missing, who says what, OMB last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption.api.iaps import Turn
from services.adoption.domain.iap import MACHINE, Status
from services.adoption.domain.iap_content import Section
from shared.contracts.catalog import MarketplaceOpened
from shared.contracts.registry import (
    DelegationEntry,
    DesignationPreDesignated,
    OrganizationChanged,
    PostDelegated,
    PostFilled,
    PostVacated,
)
from tests.unit.adoption.builders import World, a_world, an_offering, an_organization

AREA = "cybersecurity"
AGENCY, SAPOC, CIO, HEAD = (f"agency:070:{post}" for post in ("member", "sapoc", "cio", "head"))
QSMO = f"qsmo:{AREA}"
FITTING = {"coverage": {"CYB.060.030": "yes"}, "is_free": True}
DAY = date(2026, 12, 18)
ALL = {section.value: f"About {section}." for section in Section}


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 12, 18, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path, clock=clock) as world:
        await world.tell(
            an_organization("dhs", ("cgac", "070"), kind=OrganizationChanged, name="Homeland Security", cfo_act=True),
            a_designation(AREA),
            *(a_post(kind, subject=kind) for kind in ("sapoc", "cio", "agency-head")),
        )
        yield world


def a_designation(area: str) -> DesignationPreDesignated:
    return DesignationPreDesignated(
        designation_id=f"{area}-1",
        focus_area=area,
        service="dns-resolver",
        status="pre_designated",
        effective_on=date(2019, 4, 26),
        recorded_at=datetime(2019, 4, 26, tzinfo=UTC),
    )


def a_post(kind: str, *, subject: str) -> PostFilled:
    return PostFilled(
        post=f"{kind}:dhs",
        kind=kind,
        organization_id="dhs",
        state="filled",
        holder_name=f"The {kind}",
        subject=subject,
        effective_on=date(2026, 1, 1),
    )


async def a_shortlist(world: World, *offering_ids: str) -> str:
    need = {"fibf_id": "CYB.060.030", "scale": "system"}
    body = {"agency_id": "dhs", "focus_area": AREA, "fiscal_year": 2027, "needs": [need]}
    stated = await world.api.post("/v1/needs", body, AGENCY)
    if stated.status_code == 409:
        (known,) = (await world.api.get("/v1/needs?agency_id=dhs", AGENCY)).json()["items"]
    else:
        assert stated.status_code == 201, stated.text
        known = stated.json()
    given = {"needs_id": known["id"], "offering_ids": list(offering_ids)}
    locked = await world.api.post("/v1/shortlists", given, AGENCY)
    assert locked.status_code == 201, locked.text
    return str(locked.json()["id"])


async def drafted(world: World, role: str = AGENCY, **more: Any) -> httpx.Response:
    body = {
        "agency_id": "dhs",
        "areas": [AREA],
        "title": "Another resolver",
        "fiscal_year": 2027,
        "amount": {"amount": "2500000.00"},
        "new_system": True,
        "in_marketplace": False,
        "sections": ALL,
        "costs": {"2027": {"amount": "1000000"}},
        **more,
    }
    return await world.api.post("/v1/iaps", body, role)


async def act(world: World, found: httpx.Response, action: str, role: str, subject: str, **body: Any) -> httpx.Response:
    headers = {**world.api.headers(role, subject=subject), "If-Match": found.headers["etag"]}
    return await world.api.client.post(f"/v1/iaps/{found.json()['id']}/{action}", json=body, headers=headers)


async def submitted(world: World, **more: Any) -> httpx.Response:
    found = await drafted(world, shortlist_id=await a_shortlist(world), **more)
    found = await act(world, found, "recommend", QSMO, "director", in_favour=True, rationale="Nothing of ours fits.")
    found = await act(world, found, "endorse", HEAD, "agency-head")
    found = await act(world, found, "submit", AGENCY, "analyst")
    assert found.status_code == 200, found.text
    return found


async def signed(world: World) -> httpx.Response:
    found = await act(world, await submitted(world), "start-review", "coordinator", "gsa", reason="Complete")
    for party, role, subject in (("cio", CIO, "cio"), ("qsmo", QSMO, "director"), ("sapoc", SAPOC, "sapoc")):
        found = await act(world, found, "sign", role, subject, party=party)
        assert found.status_code == 200, found.text
    return found


async def test_whether_a_plan_is_needed_is_told_before_anyone_writes_one(world: World) -> None:
    async def asked(**given: Any) -> dict[str, Any]:
        told = {"agency_id": "dhs", "areas": AREA, "amount": "500000", **given}
        query = "&".join(f"{name}={value}" for name, value in told.items())
        answer = await world.api.get(f"/v1/iap-need?{query}", AGENCY)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    await world.api.put(f"/v1/iap-thresholds/{AREA}", {"amount": {"amount": "250000"}, "reason": "Small buys"}, QSMO)
    await world.tell(an_offering("dns", status="published", focus_areas=(AREA,), revision=1))

    assert (await asked())["kind"] == "streamlined"
    assert (await asked(new_system=True))["triggers"] == ["new_or_replacement_system"]
    assert (await asked(amount="250000"))["ground"] == "within_threshold"
    assert (await asked(agency_id="cisa"))["needed"] is True
    assert (await asked(agency_id="doi"))["ground"] == "not_cfo_act"
    assert (await asked(areas="acquisition"))["ground"] == "not_pre_designated"
    assert (await asked(offering_id="dns"))["ground"] == "marketplace_solution"
    await world.tell(MarketplaceOpened(focus_area=AREA, title="Cyber", status="open"), a_designation("acquisition"))
    assert (await asked(areas=f"{AREA},acquisition"))["triggers"] == ["several_qsmos", "outside_operational_marketplace"]
    assert "why_not_wait" not in (await asked(new_system=True))["sections"]
    assert (await world.api.get(f"/v1/iap-need?agency_id=dhs&areas={AREA}&amount=1")).status_code == 401


async def test_only_the_qsmo_sets_its_threshold(world: World) -> None:
    body = {"amount": {"amount": "250000"}, "reason": "Small buys"}

    assert (await world.api.put(f"/v1/iap-thresholds/{AREA}", body, "qsmo:acquisition")).status_code == 403
    assert (await world.api.put(f"/v1/iap-thresholds/{AREA}", body, "omb")).status_code == 403
    assert (await world.api.put(f"/v1/iap-thresholds/{AREA}", body, QSMO)).json()["version"] == 1
    again = await world.api.put(f"/v1/iap-thresholds/{AREA}", body, QSMO)
    assert (again.status_code, again.json()["current_version"]) == (412, 1)
    assert (await world.api.put(f"/v1/iap-thresholds/{AREA}", body, QSMO, etag='"1"')).json()["version"] == 2


async def test_a_submission_is_refused_with_everything_that_is_missing(world: World) -> None:
    found = await drafted(world, sections={"need": "A resolver"}, costs={})
    refused = await act(world, found, "submit", AGENCY, "analyst")

    assert refused.status_code == 409
    assert refused.json()["missing"] == found.json()["missing"]
    assert refused.json()["missing"] == [
        *(f"section {each}" for each in Section if each is not Section.NEED and each is not Section.NOT_TRIGGERED),
        "full cost by fiscal year",
        "a fit analysis (a locked shortlist)",
        f"the recommendation of the QSMO for {AREA}",
        "the endorsement of the agency-head",
    ]


async def test_what_a_fitting_solution_makes_unnecessary_is_refused(world: World) -> None:
    await world.tell(an_offering("dns", status="published", focus_areas=(AREA,), revision=1, fit=FITTING))
    shortlist = await a_shortlist(world, "dns")
    found = await drafted(world, shortlist_id=shortlist)
    assert found.status_code == 201, found.text
    locked = await world.api.get(f"/v1/shortlists/{shortlist}", AGENCY)
    decision = {"outcome": "selected", "offering_id": "dns", "reason": "It fits"}
    decided = await world.api.post(f"/v1/shortlists/{shortlist}/decide", decision, AGENCY, etag=locked.headers["etag"])
    assert decided.status_code == 200, decided.text

    refused = await act(world, found, "submit", AGENCY, "analyst")
    again = await drafted(world, shortlist_id=shortlist)

    assert [(each.status_code, each.json()["type"].rsplit("/")[-1]) for each in (refused, again)] == [
        (409, "unnecessary"),
        (409, "unnecessary"),
    ]


async def test_the_clock_of_the_preliminary_review_counts_business_days(world: World, clock: Clock) -> None:
    found = await act(world, await submitted(world), "ask-preliminary", AGENCY, "analyst", reason="Early word wanted")
    assert found.json()["answers_due_on"] == "2027-01-05"  # Christmas and New Year's Day are Fridays

    early = await act(world, found, "start-review", "coordinator", "gsa", reason="Complete")
    found = await act(world, found, "answer", QSMO, "director", party="qsmo", text="No objection")
    foreign = await act(world, found, "answer", QSMO, "director", party="omb", text="No objection")
    clock.now = datetime(2027, 1, 5, 23, tzinfo=UTC)
    last_day = await act(world, found, "start-review", "coordinator", "gsa", reason="Complete")
    clock.now = datetime(2027, 1, 6, 1, tzinfo=UTC)
    over = await act(world, found, "start-review", "coordinator", "gsa", reason="Complete")

    assert early.json()["missing"][0] == "the answer of omb"
    assert (foreign.status_code, last_day.status_code) == (403, 409)
    assert last_day.json()["missing"] == [
        "the answer of omb",
        "the answer of coordinator",
        "or the clock to run out (2027-01-05)",
    ]
    assert over.json()["status"] == "in_review"


async def test_omb_decides_last_and_the_conditions_are_followed_to_their_end(world: World, clock: Clock) -> None:
    found = await act(world, await submitted(world), "start-review", "coordinator", "gsa", reason="Complete")
    expiry = "2027-12-31"
    early = await act(world, found, "approve", "omb", "examiner", expires_on=expiry)
    for party, role, subject in (("cio", CIO, "cio"), ("qsmo", QSMO, "director"), ("sapoc", SAPOC, "sapoc")):
        found = await act(world, found, "sign", role, subject, party=party)
    conditions = [{"text": "Off-ramp clause in the contract"}, {"text": "Standards in the solicitation", "due_on": expiry}]
    found = await act(world, found, "approve", "omb", "examiner", expires_on=expiry, conditions=conditions)
    assert found.status_code == 200, found.text
    first = found.json()["conditions"][0]["id"]
    found = await act(world, found, f"conditions/{first}/satisfy", QSMO, "director", evidence="Clause H.12")
    twice = await act(world, found, f"conditions/{first}/satisfy", QSMO, "director", evidence="Clause H.12")

    assert early.json()["missing"] == ["the approval of sapoc", "the approval of cio", f"the approval of qsmo:{AREA}"]
    assert (found.json()["open_conditions"], twice.status_code) == (1, 409)
    clock.now = datetime(2028, 1, 1, 12, tzinfo=UTC)
    await world.owner.tell_due()  # type: ignore[attr-defined]  # the owner of adoption looks for what is due
    expired = await world.api.get(f"/v1/iaps/{found.json()['id']}", AGENCY)
    again = await act(world, expired, "re-review", AGENCY, "analyst", reason="The contract goes on")
    assert (expired.json()["status"], again.json()["status"], again.json()["review"]) == ("expired", "draft", 1)
    kinds = [kind for kind, _, _ in await world.recorded("iap")]
    assert [kinds[0], *kinds[-5:]] == ["drafted", "reviewed", "approved", "condition_satisfied", "expired", "drafted"]


async def test_nobody_signs_what_they_submitted_nor_for_two_parties(world: World) -> None:
    await world.tell(a_post("cio", subject="analyst"))
    found = await act(world, await submitted(world), "start-review", "coordinator", "gsa", reason="Complete")

    own = await act(world, found, "sign", CIO, "analyst", party="cio")
    found = await act(world, found, "sign", QSMO, "sapoc", party="qsmo")
    two = await act(world, found, "sign", SAPOC, "sapoc", party="sapoc")

    assert [each.json()["type"].rsplit("/")[-1] for each in (own, two)] == ["separation-of-duties"] * 2


async def test_a_vacant_post_is_named_and_a_delegate_signs_for_it(world: World) -> None:
    found = await act(world, await submitted(world), "start-review", "coordinator", "gsa", reason="Complete")
    vacant = {"post": "sapoc:dhs", "kind": "sapoc", "organization_id": "dhs", "state": "vacant", "effective_on": DAY}
    await world.tell(PostVacated(**vacant))

    refused = await act(world, found, "sign", SAPOC, "sapoc", party="sapoc")
    until = DelegationEntry(to="deputy", begins_on=DAY, ends_on=DAY + timedelta(1), reason="Until one is found")
    await world.tell(PostDelegated(**vacant, delegations=(until,)))
    taken = await act(world, found, "sign", SAPOC, "deputy", party="sapoc")
    other = await act(world, taken, "sign", AGENCY, "cio", party="cio")

    assert refused.json()["missing"] == ["the post sapoc:dhs filled or delegated (it is vacant)"]
    assert taken.json()["approvals"][0]["acting_for"] == "sapoc:dhs"
    assert other.status_code == 403


async def test_omb_denies_and_a_qsmo_sends_back(world: World) -> None:
    found = await signed(world)
    denied = await act(world, found, "deny", "omb", "examiner", reason="The marketplace opens next quarter")
    other = await submitted(world, title="Another")
    returned = await act(world, other, "return", QSMO, "director", reason="Costs of FY28 are missing")

    assert (denied.json()["status"], returned.json()["status"]) == ("denied", "draft")
    assert (returned.json()["approvals"], returned.json()["submitted_by"]) == ([], None)


async def test_plans_are_seen_by_their_agency_their_qsmos_and_the_government_wide_roles(world: World) -> None:
    id_ = (await drafted(world)).json()["id"]
    foreign = ("agency:014:cio", "qsmo:acquisition", "provider:p")

    async def seen(role: str) -> tuple[int, int]:
        listed = await world.api.get("/v1/iaps", role)
        return (await world.api.get(f"/v1/iaps/{id_}", role)).status_code, len(listed.json()["items"])

    assert {await seen(role) for role in (AGENCY, QSMO, "omb", "auditor", "coordinator")} == {(200, 1)}
    assert {await seen(role) for role in foreign} == {(404, 0)}
    assert (await drafted(world, "agency:014:cio")).status_code == 403
    assert (await drafted(world, shortlist_id="another")).status_code == 422


async def test_a_turn_that_the_state_does_not_allow_says_what_it_does(world: World) -> None:
    found = await drafted(world)
    refused = {
        turn: await act(world, found, turn, role, "somebody", reason="Because")
        for turn, role in ((Turn.START_REVIEW, "coordinator"), (Turn.DENY, "omb"), (Turn.RE_REVIEW, AGENCY))
    }
    stale = await world.api.post(f"/v1/iaps/{found.json()['id']}/submit", {}, AGENCY, etag='"9"')

    assert {each.status_code for each in refused.values()} == {409}
    assert set(refused[Turn.DENY].json()["allowed_actions"]) == set(MACHINE.allowed(Status.DRAFT))
    assert stale.status_code == 412


def test_every_turn_is_an_action_of_the_state_machine() -> None:
    assert {turn.value for turn in Turn} <= {t.action for t in MACHINE.transitions}
