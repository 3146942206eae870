"""Agreements over HTTP, and what an adoption needs of them, of revisions and of the decision to go live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption.api.agreements import Turn
from services.adoption.context import AdoptionOwner
from services.adoption.domain.agreement import MACHINE
from shared.contracts.catalog import FitEntry, OfferingPublished, OfferingRevised, PriceEntry, TierEntry
from tests.unit.adoption.builders import World, a_world, acted, advanced, agreed, an_offering, gate_passed, started, terms

OWN, QSMO, PROVIDER = "agency:7008:sapoc", "qsmo:cybersecurity", "provider:p-1"
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, time: Time) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path, clock=time) as world:
        await world.tell(an_offering("dns", focus_areas=("cybersecurity",), provider_id="p-1", provider_name="A provider"))
        yield world


async def drafted(world: World, shown: httpx.Response, role: str = OWN, **more: Any) -> httpx.Response:
    return await world.api.post("/v1/agreements", {"adoption_id": shown.json()["id"], **terms(world, **more)}, role)


async def turned(
    world: World, found: httpx.Response, action: str, role: str = OWN, subject: str = "one", **body: Any
) -> httpx.Response:
    headers = {**world.api.headers(role, subject=subject), "If-Match": found.headers["etag"]}
    return await world.api.client.post(f"/v1/agreements/{found.json()['id']}/{action}", json=body or None, headers=headers)


async def test_an_agreement_is_signed_by_both_sides_and_becomes_live(world: World) -> None:
    found = await agreed(world, await started(world))

    shown = found.json()
    assert (shown["status"], shown["live"], shown["signed_by"], shown["countersigned_by"]) == ("active", True, "a", "b")
    assert [kind for kind, _, _ in await world.recorded("agreement")] == [
        "drafted",
        "sent",
        "signed",
        "countersigned",
        "activated",
    ]
    _, fact, headers = (await world.recorded("agreement"))[-1]
    assert (fact["funding"], headers["ce_visibility"], headers["ce_focusarea"]) == (
        {"2027": "125000.00"},
        "restricted",
        "cybersecurity",
    )


async def test_who_signs_is_a_person_with_a_post_and_nobody_signs_for_both(world: World) -> None:
    sent = await turned(world, await drafted(world, await started(world)), "send")

    member = await turned(world, sent, "sign", "agency:7008:member")
    without_post = await turned(world, sent, "sign", "agency:7008")
    above = await turned(world, sent, "sign", "agency:070:head")
    same = await turned(world, above, "countersign", QSMO)
    other_qsmo = await turned(world, above, "countersign", "qsmo:acquisition", "two")
    other_provider = await turned(world, above, "countersign", "provider:p-2", "two")
    provider = await turned(world, above, "countersign", PROVIDER, "two")

    assert [member.status_code, without_post.status_code, above.status_code] == [403, 403, 200]
    assert same.json()["missing"] == ["another person than the one who signed"]
    assert [other_qsmo.status_code, other_provider.status_code, provider.status_code] == [404, 404, 200]


async def test_what_an_agreement_lacks_is_listed(world: World, time: Time) -> None:
    adoption = await started(world)
    backwards = await drafted(world, adoption, begins_on="2027-01-01", ends_on="2026-01-01")
    outside = await drafted(world, adoption, funding={"2035": {"amount": "1"}})
    unfunded = await turned(world, await drafted(world, adoption, funding={}), "send")
    future: dict[str, Any] = {"begins_on": "2026-12-01", "ends_on": "2027-12-01", "funding": {"2027": {"amount": "1"}}}
    early = await drafted(world, adoption, **future)
    for action, role, subject in (("send", OWN, "a"), ("sign", OWN, "a"), ("countersign", QSMO, "b")):
        early = await turned(world, early, action, role, subject)

    assert backwards.json()["missing"] == ["a period that ends after it begins"]
    assert outside.json()["missing"] == ["funds of the fiscal years 2027 to 2028 only (not 2035)"]
    assert unfunded.json()["missing"] == ["funds for the fiscal year 2027, in which it begins"]
    assert (await turned(world, early, "activate")).json()["missing"] == ["its period to begin (2026-12-01)"]
    time.now = datetime(2026, 12, 1, tzinfo=UTC)
    assert (await turned(world, early, "activate")).json()["live"] is True


async def test_an_amendment_is_signed_anew_and_a_hold_stops_it(world: World) -> None:
    active = await agreed(world, await started(world))
    held = await turned(world, active, "hold", reason="A protest is open")
    unreasoned = await turned(world, active, "hold")
    resumed = await turned(world, held, "resume")
    body = terms(world, number="IAA-1, mod 1")
    headers = {**world.api.headers(OWN), "If-Match": resumed.headers["etag"]}
    amended = await world.api.client.post(f"/v1/agreements/{active.json()['id']}/amend", json=body, headers=headers)

    assert (held.json()["status"], held.json()["live"]) == ("on_hold", False)
    assert unreasoned.status_code == 412
    shown = amended.json()
    assert (shown["status"], shown["live"], shown["amendment"], shown["signed_by"]) == ("sent", False, 1, None)


async def test_each_set_of_terms_stays_known_with_who_signed_it(world: World) -> None:
    active = await agreed(world, await started(world))
    body = terms(world, number="IAA-1, mod 1", funding={"2028": {"amount": "7.00"}})
    headers = {**world.api.headers(OWN), "If-Match": active.headers["etag"]}
    path = f"/v1/agreements/{active.json()['id']}"
    await world.api.client.post(f"{path}/amend", json={**body, "ends_on": "2028-09-30"}, headers=headers)

    first, second = (await world.api.get(f"{path}/versions", OWN)).json()["items"]

    assert (first["amendment"], first["status"], first["signed_by"], first["countersigned_by"]) == (0, "active", "a", "b")
    assert first["funding"]["2027"]["amount"] == "125000.00"
    assert (second["amendment"], second["number"], second["status"], second["signed_by"]) == (1, "IAA-1, mod 1", "sent", None)
    assert (await world.api.get(path, OWN)).json()["unfunded_years"] == [2027]


async def test_an_end_is_told_ahead_three_times_each_once(world: World, time: Time) -> None:
    active = await agreed(world, await started(world))
    ends_on = datetime.fromisoformat(active.json()["ends_on"]).date()
    owner = world.owner
    assert isinstance(owner, AdoptionOwner)
    for ahead in (200, 180, 170, 90, 89, 5, 4):
        time.now = datetime.combine(ends_on - timedelta(days=ahead), datetime.min.time(), UTC)
        assert await owner.tell_due()

    told = [fact["days"] for kind, fact, _ in await world.recorded("agreement") if kind == "expiring"]
    ending = await world.api.get(f"/v1/agreements?ending_by={ends_on}", OWN)
    before = await world.api.get(f"/v1/agreements?ending_by={ends_on - timedelta(1)}", OWN)
    soon = await world.api.get("/v1/agreements?ending_within_days=4", OWN)
    sooner = await world.api.get("/v1/agreements?ending_within_days=3", OWN)

    assert told == [180, 90, 30]
    assert [len(found.json()["items"]) for found in (ending, before, soon, sooner)] == [1, 0, 1, 0]


async def test_a_longer_period_is_told_of_anew(world: World, time: Time) -> None:
    active = await agreed(world, await started(world))
    ends_on = datetime.fromisoformat(active.json()["ends_on"]).date()
    owner = world.owner
    assert isinstance(owner, AdoptionOwner)
    time.now = datetime.combine(ends_on - timedelta(days=10), datetime.min.time(), UTC)
    assert await owner.tell_due()
    found = await world.api.get(f"/v1/agreements/{active.json()['id']}", OWN)
    longer = {**terms(world, number="IAA-1"), "begins_on": active.json()["begins_on"], "funding": {"2027": {"amount": "1.00"}}}
    headers = {**world.api.headers(OWN), "If-Match": found.headers["etag"]}
    body = {**longer, "ends_on": (ends_on + timedelta(100)).isoformat()}
    path = f"/v1/agreements/{active.json()['id']}"
    found = await world.api.client.post(f"{path}/amend", json=body, headers=headers)
    for action, role, subject in (("sign", OWN, "a"), ("countersign", QSMO, "b"), ("activate", OWN, "a")):
        found = await turned(world, found, action, role, subject)
    time.now += timedelta(days=25)
    assert await owner.tell_due()

    told = [(fact["days"], fact["ends_on"]) for kind, fact, _ in await world.recorded("agreement") if kind == "expiring"]
    assert told == [(30, str(ends_on)), (90, str(ends_on + timedelta(100)))]


async def test_funds_add_up_by_fiscal_year(world: World) -> None:
    shown = await started(world)
    funding = {"2027": {"amount": "100.10"}, "2028": {"amount": "50.00"}}
    active = await agreed(world, shown, ends_on="2029-03-01", funding=funding)
    await drafted(world, shown, number="IAA-2", funding={"2027": {"amount": "9.00"}})

    years = {item["fiscal_year"]: item for item in (await world.api.get("/v1/agreements/funding", OWN)).json()["items"]}
    other_area = (await world.api.get("/v1/agreements/funding?area=acquisition", "omb")).json()["items"]

    assert {year: (item["agreed"]["amount"], item["proposed"]["amount"]) for year, item in years.items()} == {
        2027: ("100.10", "9.00"),
        2028: ("50.00", "0.00"),
        2029: ("0.00", "0.00"),
    }
    assert years[2029]["unfunded"] == [active.json()["id"]]
    assert other_area == []


async def test_an_agreement_expires_once_by_itself(world: World, time: Time) -> None:
    active = await agreed(world, await started(world))
    owner = world.owner
    assert isinstance(owner, AdoptionOwner)
    for days in (364, 365, 366):
        time.now = NOW + timedelta(days=days)
        assert await owner.tell_due()

    shown = (await world.api.get(f"/v1/agreements/{active.json()['id']}", OWN)).json()
    assert shown["status"] == "expired"
    assert [kind for kind, _, _ in await world.recorded("agreement")].count("expired") == 1


async def test_selection_is_left_with_a_live_agreement_only(world: World) -> None:
    shown = await started(world)
    for _ in range(2):
        shown = await advanced(world, shown)
    ready = await gate_passed(world, shown)
    (agreement,) = (await world.api.get(f"/v1/agreements?adoption_id={shown.json()['id']}", OWN)).json()["items"]
    seen = await world.api.get(f"/v1/agreements/{agreement['id']}", OWN)
    ended = await turned(world, seen, "terminate", reason="The parties agreed to end it")

    refused = await acted(world, ready, "advance", OWN, "sapoc")
    await agreed(world, ready)
    led_on = await acted(world, ready, "advance", OWN, "sapoc")

    assert ended.json()["status"] == "terminated"
    assert refused.json()["missing"] == ["a live agreement for this adoption"]
    assert led_on.json()["phase"] == "engagement"


async def test_a_newer_revision_stops_the_way_until_it_is_accepted(world: World) -> None:
    shown = await started(world)
    for _ in range(2):
        shown = await advanced(world, shown)
    ready = await gate_passed(world, shown)
    await world.tell(
        an_offering(
            "dns", kind=OfferingRevised, status="published", revision=2, focus_areas=("cybersecurity",), provider_id="p-1"
        )
    )

    refused = await acted(world, ready, "advance", OWN, "sapoc")
    accepted = await acted(world, ready, "accept-revision", OWN, "sapoc")
    again = await acted(world, accepted, "accept-revision", OWN, "sapoc")
    led_on = await acted(world, accepted, "advance", OWN, "sapoc")

    (missing,) = refused.json()["missing"]
    assert missing.startswith(
        "revision 2 of the offering accepted (revision 1 was chosen; GET /v1/offerings/dns/diff?from=1&to=2"
    )
    assert (accepted.json()["offering_revision"], again.status_code) == (2, 409)
    assert led_on.json()["phase"] == "engagement"
    assert "revision_accepted" in await world.recorded_types()


async def test_a_refusal_says_what_the_newer_revision_changed(world: World) -> None:
    price = PriceEntry(unit="user", tiers=(TierEntry(amount="10.00", per="year"),))
    given: dict[str, Any] = {"status": "published", "focus_areas": ("cybersecurity",), "provider_id": "p-1"}
    before = FitEntry(coverage={"CYB.100.010": "yes"}, is_free=True)
    await world.tell(an_offering("dns", kind=OfferingPublished, fit=before, **given))
    shown = await started(world)
    for _ in range(2):
        shown = await advanced(world, shown)
    ready = await gate_passed(world, shown)
    after = FitEntry(coverage={"CYB.100.010": "no"}, price=price)
    await world.tell(an_offering("dns", kind=OfferingRevised, revision=2, fit=after, **given))

    (missing,) = (await acted(world, ready, "advance", OWN, "sapoc")).json()["missing"]

    assert missing.partition("; changed since: ")[2] == (
        "coverage CYB.100.010 yes → no; price none → setup 0, tiers amount 10.00, per year, unit user; is free yes → no"
    )


async def test_going_live_is_decided_thirty_to_sixty_days_ahead(world: World, time: Time) -> None:
    shown = await started(world)
    for _ in range(4):
        shown = await advanced(world, shown)

    async def decide(days: int, outcome: str = "go", role: str = OWN, **more: str) -> httpx.Response:
        planned = (time.now.date() + timedelta(days=days)).isoformat()
        return await acted(world, shown, "go-live", role, "head", outcome=outcome, go_live_on=planned, **more)

    assert [(await decide(days)).json().get("missing") for days in (29, 61)] == [
        ["a day of going live 30 to 60 days ahead"]
    ] * 2
    assert (await decide(45, "no_go")).json()["missing"] == ["a contingency plan"]
    assert (await decide(45, role=QSMO)).status_code == 403
    shown = await decide(45, "no_go", contingency="The old system runs on until June")
    gates = (await world.api.get(f"/v1/adoptions/{shown.json()['id']}/gates", OWN)).json()
    assert gates["go_live"]["contingency"] == "The old system runs on until June"
    assert gates["outstanding"][-1] == "a decision to go live"
    shown = await decide(30)
    outstanding = (await world.api.get(f"/v1/adoptions/{shown.json()['id']}/gates", OWN)).json()["outstanding"]
    assert "a decision to go live" not in outstanding


@pytest.mark.parametrize("roles", [(), ("agency:014:sapoc",), ("qsmo:acquisition",), ("provider:p-2",), ("board:council",)])
async def test_an_agreement_is_not_there_for_others(world: World, roles: tuple[str, ...]) -> None:
    found = await drafted(world, await started(world))

    assert (await world.api.get(f"/v1/agreements/{found.json()['id']}", *roles)).status_code == 404
    assert (await world.api.get("/v1/agreements", *roles)).json()["items"] == []
    if roles:
        assert (await turned(world, found, "send", roles[0])).status_code == 404


@pytest.mark.parametrize("role", [QSMO, PROVIDER, "coordinator", "omb", "auditor"])
async def test_the_other_side_and_the_government_see_it_and_draft_nothing(world: World, role: str) -> None:
    adoption = await started(world)
    found = await drafted(world, adoption)

    assert (await world.api.get(f"/v1/agreements/{found.json()['id']}", role)).status_code == 200
    assert len((await world.api.get("/v1/agreements", role)).json()["items"]) == 1
    assert (await turned(world, found, "send", role)).status_code == 403
    assert (await drafted(world, adoption, role)).status_code in {403, 422}


async def test_an_agreement_says_what_the_caller_may_do_now(world: World) -> None:
    found = await drafted(world, await started(world), funding={})

    actions = {action["action"]: action for action in found.json()["_actions"]}

    assert actions["send"]["missing"] == ["funds for the fiscal year 2027, in which it begins"]
    assert actions["edit"]["possible"]
    assert "countersign" not in actions


async def test_two_who_act_on_one_version_are_one(world: World) -> None:
    found = await drafted(world, await started(world))

    assert [(await turned(world, found, "send")).status_code for _ in range(2)] == [200, 412]


def test_every_action_has_its_path() -> None:
    assert {*Turn, "draft", "edit", "amend", "expire"} == {t.action for t in MACHINE.transitions}


async def test_a_withdrawal_says_before_and_after_what_it_leaves_behind(world: World) -> None:
    shown = await started(world)
    id_ = shown.json()["id"]
    agreement = (await agreed(world, shown)).json()["id"]
    system = await world.api.post(
        "/v1/systems", {"agency_id": "cisa", "number": "UII-1", "name": "Old", "focus_area": "cybersecurity"}, OWN
    )
    body = {"planned_on": "2027-06-01", "adoption_id": id_}
    headers = {**world.api.headers(OWN), "If-Match": system.headers["etag"]}
    planned = f"/v1/systems/{system.json()['id']}"
    assert (await world.api.client.post(f"{planned}/plan-decommission", json=body, headers=headers)).status_code == 200

    found = (await world.api.get(f"/v1/adoptions/{id_}/withdrawal", OWN)).json()
    await acted(world, shown, "withdraw", OWN, "sapoc", reason="Needs have changed")

    assert found["to_settle"] == [
        f"agreement IAA-1 is active: end it (POST /v1/agreements/{agreement}/terminate)",
        f"legacy system UII-1 was to end on 2027-06-01: keep it (POST {planned}/keep)",
    ]
    assert found["remaining_funds"]["amount"] == "125000.00"
    assert (await world.recorded())[-1][1]["to_settle"] == found["to_settle"]
