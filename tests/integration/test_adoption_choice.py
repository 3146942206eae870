"""From readiness and needs to a shortlist: over HTTP, with what other services told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, update

from services.adoption import tables
from services.adoption.domain.fit_catalog import Catalog
from services.adoption.domain.pinning import unpinned
from shared.contracts import catalog as catalog_facts
from shared.contracts.registry import OrganizationChanged
from shared.kernel.cause import Cause
from tests.unit.adoption.builders import World, a_world, advanced, an_offering, an_organization, started

AREA = "financial-management"
OWN, OTHER = "agency:7008:sapoc", "agency:014:sapoc"
QSMO = f"qsmo:{AREA}"
A, B, C = "FFM.010.010", "FFM.010.020", "FFM.090.010"
YEAR = 2027


def fit_of(coverage: dict[str, str], **more: Any) -> catalog_facts.FitEntry:
    return catalog_facts.FitEntry(coverage=coverage, **more)


def published(id: str, fit: catalog_facts.FitEntry, **more: Any) -> Any:
    given = {"kind": catalog_facts.OfferingPublished, "status": "published", "focus_areas": (AREA,), "fit": fit, **more}
    return an_offering(id, **given)


def standard(*activities: str) -> Any:
    return catalog_facts.StandardPublished(
        standard_id="fibf-ffm",
        title="Financial Management",
        kind="business_lifecycle",
        family="FFM",
        focus_area=AREA,
        status="baseline",
        edition=1,
        added=1,
        changed=0,
        withdrawn=0,
        activities=tuple(catalog_facts.ActivityEntry(id=each, title=f"Activity {each}") for each in activities),
    )


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        await world.tell(
            standard(A, B, C),
            published("full", fit_of({A: "yes", B: "yes"}, suits={"technology": 4}), provider_name="Provider"),
            published("part", fit_of({A: "yes", B: "no"}, hosting="federal")),
            published("late", fit_of({A: "yes_by_go_live", B: "yes_by_go_live"}, is_free=True)),
        )
        yield world


def needs_body(**more: Any) -> dict[str, Any]:
    needs = [{"fibf_id": A, "scale": "both", "mission_critical": True}, {"fibf_id": B, "scale": "system"}]
    return {"agency_id": "cisa", "focus_area": AREA, "fiscal_year": YEAR, "needs": needs, **more}


async def stated(world: World, *roles: str, **more: Any) -> httpx.Response:
    return await world.api.post("/v1/needs", needs_body(**more), *(roles or (OWN,)))


async def needs_id(world: World, **more: Any) -> str:
    answer = await stated(world, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def assessed(world: World, *roles: str, etag: str | None = None, **levels: int) -> httpx.Response:
    body = {"standings": {dimension: {"level": level, "evidence": "Seen in a review"} for dimension, level in levels.items()}}
    return await world.api.put(f"/v1/agencies/cisa/readiness/{AREA}", body, *(roles or (OWN,)), etag=etag)


async def ranking(world: World, id_: str, query: str = "") -> list[tuple[str, str, bool]]:
    found = (await world.api.get(f"/v1/needs/{id_}/fit{query}", OWN)).json()
    return [(item["code"], item["score"], item["possible"]) for item in found["items"]]


async def locked(world: World, id_: str, *offering_ids: str, role: str = OWN) -> httpx.Response:
    return await world.api.post("/v1/shortlists", {"needs_id": id_, "offering_ids": list(offering_ids)}, role)


async def decide(world: World, shown: httpx.Response, outcome: str, role: str = OWN, **more: Any) -> httpx.Response:
    body = {"outcome": outcome, "reason": "As the committee found", **more}
    return await world.api.post(f"/v1/shortlists/{shown.json()['id']}/decide", body, role, etag=shown.headers["etag"])


# --- readiness ---


async def test_readiness_is_assessed_dimension_by_dimension_with_versions_and_a_trend(world: World) -> None:
    first = await assessed(world, technology=2, finance=3)
    second = await assessed(world, QSMO, etag=first.headers["etag"], technology=4)

    assert (first.status_code, second.status_code) == (200, 200)
    shown = second.json()
    assert {s["dimension"]: s["level"] for s in shown["standings"]} == {"finance": 3, "technology": 4}
    assert shown["unassessed"] == ["customer", "operations", "organization", "workforce"]
    versions = (await world.api.get(f"/v1/agencies/cisa/readiness/{AREA}/versions", OWN)).json()
    assert [version["levels"]["technology"] for version in versions["items"]] == [2, 4]
    assert versions["trend"] == {"finance": 0, "technology": 2}
    facts = [fact for _, fact, _ in await world.recorded("profile")]
    assert [sorted(fact["assessed"]) for fact in facts] == [["finance", "technology"], ["technology"]]


async def test_an_assessment_on_an_old_version_or_by_another_is_refused(world: World) -> None:
    first = await assessed(world, technology=2)

    blind = await assessed(world, technology=3)
    stale = await assessed(world, etag='"7"', technology=3)
    foreign = await assessed(world, OTHER, etag=first.headers["etag"], technology=3)
    other_area = await assessed(world, "qsmo:cybersecurity", etag=first.headers["etag"], technology=3)

    assert [answer.status_code for answer in (blind, stale, foreign, other_area)] == [412, 412, 403, 403]
    assert (await assessed(world, etag=first.headers["etag"], technology=6)).status_code == 422


@pytest.mark.parametrize("roles", [(), (OTHER,), ("qsmo:cybersecurity",), ("provider:p",), ("board:council",)])
async def test_what_an_agency_says_of_itself_is_not_there_for_others(world: World, roles: tuple[str, ...]) -> None:
    id_ = await needs_id(world)
    await assessed(world, technology=2)
    shortlist = (await locked(world, id_, "late")).json()["id"]
    paths = (
        f"/v1/agencies/cisa/readiness/{AREA}",
        f"/v1/agencies/cisa/readiness/{AREA}/versions",
        f"/v1/needs/{id_}",
        f"/v1/needs/{id_}/fit",
        f"/v1/needs/{id_}/fit/late",
        f"/v1/needs/{id_}/comparison?offering_id=late",
        f"/v1/shortlists/{shortlist}",
        f"/v1/shortlists/{shortlist}/verification",
        *(["/v1/agencies/cisa/next-steps"] if roles != ("qsmo:cybersecurity",) else []),  # it sees those of its own area
    )

    for path in paths:
        assert (await world.api.get(path, *roles)).status_code == 404, path
    assert (await world.api.get("/v1/needs", *roles)).json()["items"] == []
    assert (await world.api.get("/v1/shortlists", *roles)).json()["items"] == []


@pytest.mark.parametrize("role", [QSMO, "coordinator", "omb", "auditor"])
async def test_the_area_s_qsmo_and_the_government_wide_roles_see_it_and_change_nothing(world: World, role: str) -> None:
    id_ = await needs_id(world)
    etag = (await world.api.get(f"/v1/needs/{id_}", role)).headers["etag"]

    assert (await world.api.get(f"/v1/needs/{id_}/fit", role)).status_code == 200
    assert (await world.api.put(f"/v1/needs/{id_}", {"needs": []}, role, etag=etag)).status_code == 403
    assert (await locked(world, id_, "late", role=role)).status_code == 403
    assert (await stated(world, role, fiscal_year=2028)).status_code == 403


# --- needs ---


async def test_needs_are_stated_once_a_year_and_show_what_is_unanswered(world: World) -> None:
    first = await stated(world)
    again = await stated(world)

    shown = first.json()
    assert (first.status_code, again.status_code) == (201, 409)
    assert shown["completeness"] == {"answered": 2, "total": 3, "missing": [C]}
    assert shown["needs"][0]["title"] == f"Activity {A}"
    (kind, fact, headers) = (await world.recorded("needs"))[0]
    assert (kind, fact["answered"], fact["mission_critical"], headers["ce_visibility"]) == ("stated", 2, 1, "restricted")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"needs": [{"fibf_id": "FFM.999.010", "scale": "both"}]}, "/needs/0/fibf_id"),
        ({"needs": [{"fibf_id": A, "scale": "both"}, {"fibf_id": A, "scale": "system"}]}, "/needs/1/fibf_id"),
        ({"needs": [{"fibf_id": A, "scale": "sometimes"}]}, "/needs/0/scale"),
        ({"constraints": [{"limit": "impact_level_at_least", "priority": "must", "value": "extreme"}]}, "/constraints/0/value"),
        ({"constraints": [{"limit": "authorized", "priority": "must", "value": "x"}]}, "/constraints/0/value"),
        ({"constraints": [{"limit": "transactions_per_year", "priority": "must", "value": "many"}]}, "/constraints/0/value"),
        ({"constraints": [{"limit": "budget_per_year", "priority": "must", "value": "-1"}]}, "/constraints/0/value"),
        ({"constraints": [{"limit": "interface", "priority": "must", "value": " "}]}, "/constraints/0/value"),
        ({"size": {"user": 0}}, "/size/user"),
    ],
)
async def test_needs_that_are_not_valid_are_refused_at_their_place(world: World, more: dict[str, Any], pointer: str) -> None:
    refused = await stated(world, **more)

    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert await world.recorded("needs") == []


async def test_needs_are_copied_from_an_earlier_year_and_from_who_shares_them(world: World) -> None:
    own = await needs_id(world, size={"user": 10})
    shared = (
        await world.api.post(
            "/v1/needs", needs_body(agency_id="doi", shared=True, needs=[{"fibf_id": C, "scale": "system"}]), OTHER
        )
    ).json()["id"]
    etag = (await world.api.get(f"/v1/needs/{shared}", OTHER)).headers["etag"]
    copy = {"agency_id": "cisa", "focus_area": AREA}

    from_own = await world.api.post("/v1/needs", {**copy, "fiscal_year": 2028, "copy_from": own}, OWN)
    from_other = await world.api.post("/v1/needs", {**copy, "fiscal_year": 2029, "copy_from": shared}, OWN)
    await world.api.put(f"/v1/needs/{shared}", {"needs": [], "shared": False}, OTHER, etag=etag)
    no_more = await world.api.post("/v1/needs", {**copy, "fiscal_year": 2030, "copy_from": shared}, OWN)

    assert (from_own.json()["size"], from_own.json()["copied_from"]) == ({"user": 10}, own)
    assert [need["fibf_id"] for need in from_other.json()["needs"]] == [C]
    assert from_other.json()["shared"] is False
    assert no_more.json()["errors"][0]["pointer"] == "/copy_from"


async def test_needs_come_from_csv_and_each_fault_is_named_by_its_row(world: World) -> None:
    id_ = await needs_id(world, size={"user": 10})

    async def put(text: str) -> httpx.Response:
        etag = (await world.api.get(f"/v1/needs/{id_}", OWN)).headers["etag"]
        headers = {**world.api.headers(OWN), "If-Match": etag, "Content-Type": "text/csv"}
        return await world.api.client.put(f"/v1/needs/{id_}/csv", content=text.encode(), headers=headers)

    good = await put(f"fibf_id,scale,mission_critical,comment\n{C},Transaction Processing,yes,Payroll\n{B},not applicable,,\n")
    bad = await put(f"fibf_id,scale\n{A},both\n{B},weekly\nnothing,both\n")
    headless = await put("id;what\n")

    assert [(n["fibf_id"], n["scale"], n["mission_critical"]) for n in good.json()["needs"]] == [
        (B, "not_applicable", False),
        (C, "transaction_processing", True),
    ]
    assert good.json()["size"] == {"user": 10}
    assert [error["pointer"] for error in bad.json()["errors"]] == ["/rows/2/scale", "/rows/3/fibf_id"]
    assert "fibf_id, scale" in headless.json()["errors"][0]["detail"]


# --- fit ---


async def test_offerings_are_ranked_by_how_well_they_fit(world: World) -> None:
    id_ = await needs_id(world)

    assert await ranking(world, id_) == [("FULL", "100.00", True), ("PART", "75.00", True), ("LATE", "70.00", True)]
    await assessed(world, technology=2)
    assert await ranking(world, id_) == [("PART", "75.00", True), ("LATE", "70.00", True), ("FULL", "100.00", False)]


async def test_a_fit_is_explained_and_says_what_would_change_it(world: World) -> None:
    id_ = await needs_id(world)
    first = await assessed(world, technology=2)
    kept_out = (await world.api.get(f"/v1/needs/{id_}/fit/full", OWN)).json()
    lower = (await world.api.get(f"/v1/needs/{id_}/fit/late", OWN)).json()

    assert kept_out["hindrances"] == [{"kind": "readiness", "detail": "technology is at level 2 and the offering asks for 4"}]
    (effect,) = kept_out["what_would_change_it"]
    assert (effect["change"], effect["ref"], effect["level"], effect["rank"]) == ("raise_readiness", "technology", 3, 1)
    assert lower["needs"] == [
        {"fibf_id": A, "outcome": "by_go_live", "weight": 6},
        {"fibf_id": B, "outcome": "by_go_live", "weight": 2},
    ]
    assert {(e["change"], e["ref"]) for e in lower["what_would_change_it"]} >= {("offering_covers", A)}
    await assessed(world, etag=first.headers["etag"], technology=3)
    assert (await ranking(world, id_))[0] == ("FULL", "100.00", True)


async def test_fits_stand_side_by_side_need_by_need(world: World) -> None:
    limit = {"limit": "federal_hosting", "priority": "should"}
    id_ = await needs_id(world, constraints=[limit])
    found = (await world.api.get(f"/v1/needs/{id_}/comparison?offering_id=part&offering_id=late", OWN)).json()

    assert [need["outcomes"] for need in found["needs"]] == [["met", "by_go_live"], ["gap", "by_go_live"]]
    assert found["constraints"] == [{**limit, "value": "", "verdicts": ["pass", "unknown"]}]
    assert (await world.api.get(f"/v1/needs/{id_}/comparison?offering_id=nobody", OWN)).status_code == 422


async def test_a_change_in_the_catalog_is_seen_at_once(world: World) -> None:
    id_ = await needs_id(world)
    await ranking(world, id_)
    await world.tell(published("new", fit_of({A: "yes", B: "yes"}), revision=2))

    assert (await ranking(world, id_))[1][0] == "NEW"
    await world.tell(published("new", fit_of({A: "yes", B: "yes"}), kind=catalog_facts.OfferingSuspended, status="suspended"))
    assert "NEW" not in [code for code, _, _ in await ranking(world, id_)]


async def test_a_product_is_in_while_its_vehicle_is_open_to_the_agency(world: World) -> None:
    product = published("product", fit_of({A: "yes"}, vehicles=("V",)))
    vehicle = {"vehicle_id": "v", "number": "V", "title": "V", "kind": "bpa", "holder": "H", "status": "active"}
    id_ = await needs_id(world)

    async def possible(*facts: Any) -> bool:
        await world.tell(*facts)
        return next(possible for code, _, possible in await ranking(world, id_) if code == "PRODUCT")

    product = product.model_copy(update={"kind": "commercial_product"})
    assert not await possible(product)
    assert await possible(catalog_facts.VehicleRegistered(**vehicle))
    assert not await possible(catalog_facts.VehicleChanged(**vehicle, eligible=("doi",)))
    assert await possible(catalog_facts.VehicleChanged(**vehicle, eligible=("dhs",)))  # the department above
    assert not await possible(catalog_facts.VehicleChanged(**vehicle, ceiling="5", obligated="5.00"))
    assert not await possible(catalog_facts.VehicleExpired(**{**vehicle, "status": "expired"}))


async def test_the_qsmo_sees_every_agency_s_fit_and_agencies_do_not(world: World) -> None:
    await needs_id(world)
    await world.api.post("/v1/needs", needs_body(agency_id="doi", needs=[{"fibf_id": C, "scale": "both"}]), OTHER)
    path = f"/v1/fits?area={AREA}&fiscal_year={YEAR}"

    found = (await world.api.get(path, QSMO)).json()["items"]
    paged = (await world.api.get(f"{path}&limit=1", QSMO)).json()
    rest = (await world.api.get(f"{path}&limit=1&cursor={paged['next_cursor']}", QSMO)).json()

    assert {(f["agency_id"], f["best"]["score"] if f["best"] else None, tuple(f["unserved"])) for f in found} == {
        ("cisa", "100.00", ()),
        ("doi", "0.00", (C,)),
    }
    assert [f["agency_id"] for f in (*paged["items"], *rest["items"])] == [f["agency_id"] for f in found]
    assert [(await world.api.get(path, role)).status_code for role in (OWN, "qsmo:cybersecurity")] == [403, 403]


async def test_an_offering_says_how_it_fits_the_newest_needs_of_one_s_own_agencies(world: World) -> None:
    await needs_id(world, needs=[{"fibf_id": B, "scale": "both"}])
    newest = await needs_id(world, fiscal_year=YEAR + 1)
    await world.api.post("/v1/needs", needs_body(agency_id="doi"), OTHER)

    (own,) = (await world.api.get("/v1/fits/part", OWN)).json()["items"]
    (other,) = (await world.api.get("/v1/fits/part", OTHER)).json()["items"]
    nothing = [await world.api.get(*asked) for asked in (("/v1/fits/part",), ("/v1/fits/part", QSMO), ("/v1/fits/nobody", OWN))]

    assert (own["agency_id"], own["needs_id"], own["focus_area"], own["fiscal_year"]) == ("cisa", newest, AREA, YEAR + 1)
    assert (own["fit"]["score"], own["fit"]["rank"]) == ("75.00", None)
    assert other["agency_id"] == "doi"
    assert [found.json() for found in nothing] == [{"items": []}] * 3


# --- shortlists ---


async def test_a_shortlist_pins_what_it_rests_on_and_anyone_who_reads_it_can_verify(world: World) -> None:
    id_ = await needs_id(world, constraints=[{"limit": "federal_hosting", "priority": "could"}], size={"user": 3})
    await assessed(world, technology=3)
    shown = await locked(world, id_, "part", "full")
    await world.tell(published("full", fit_of({}), revision=9))  # the catalog goes on

    document = shown.json()
    verified = (await world.api.get(f"/v1/shortlists/{document['id']}/verification", QSMO)).json()
    question, candidates = unpinned(json.dumps(document["pinned"]))
    again, _ = Catalog(candidate for candidate, _ in candidates).ranking(question, limit=9)

    assert (verified["digest_holds"], verified["scores_hold"], verified["differences"]) == (True, True, [])
    assert {fit.candidate.code: fit.score for fit in again} == {c.code: locked["score"] for c, locked in candidates}
    assert [c.revision for c, _ in candidates] == [1, 1]
    assert [each["code"] for each in document["pinned"]["others"]] == ["LATE"]
    (kind, fact, _) = (await world.recorded("shortlist"))[0]
    assert (kind, fact["digest"]) == ("locked", document["digest"])


async def test_what_was_tampered_with_does_not_verify(world: World) -> None:
    shown = (await locked(world, await needs_id(world), "part")).json()
    async with world.db.transaction(Cause(actor="a hand in the database")) as tx:
        pinned = tables.shortlists.c.pinned
        await tx.execute(update(tables.shortlists).values(pinned=func.replace(pinned, '"score":7500', '"score":9900')))

    verified = (await world.api.get(f"/v1/shortlists/{shown['id']}/verification", OWN)).json()

    assert (verified["digest_holds"], verified["scores_hold"]) == (False, False)
    assert verified["differences"] == ["PART: score"]


async def test_what_is_kept_out_or_unknown_is_not_shortlisted(world: World) -> None:
    id_ = await needs_id(world)
    await assessed(world, technology=1)

    kept_out = await locked(world, id_, "late", "full")
    unknown = await locked(world, id_, "late", "nobody")
    empty = await locked(world, await needs_id(world, fiscal_year=2028, needs=[]))

    assert kept_out.json()["missing"] == ["FULL: technology is at level 1 and the offering asks for 4"]
    assert unknown.json()["errors"][0]["pointer"] == "/offering_ids/1"
    assert empty.json()["missing"] == ["a need that applies"]


async def test_a_shortlist_is_decided_once_for_one_of_its_offerings(world: World) -> None:
    shown = await locked(world, await needs_id(world), "full", "late")

    other = await decide(world, shown, "selected", offering_id="part")
    decided = await decide(world, shown, "selected", offering_id="late")
    etag = decided.headers["etag"]
    again = await world.api.post(
        f"/v1/shortlists/{shown.json()['id']}/decide", {"outcome": "none_suitable", "reason": "Not one"}, OWN, etag=etag
    )

    assert (other.status_code, other.json()["missing"]) == (409, ["one of the offerings on the shortlist: full, late"])
    assert decided.json()["decision"]["offering_id"] == "late"
    assert (await decide(world, shown, "selected", offering_id="late")).status_code == 412
    assert again.status_code == 409
    assert [kind for kind, _, _ in await world.recorded("shortlist")] == ["locked", "decided"]


async def test_when_nothing_suits_what_nobody_offers_becomes_demand_ranked_by_agencies(world: World) -> None:
    needs = [{"fibf_id": B, "scale": "both"}, {"fibf_id": C, "scale": "both", "mission_critical": True}]
    for agency, role in (("cisa", OWN), ("doi", OTHER)):
        stated = await world.api.post("/v1/needs", needs_body(agency_id=agency, needs=needs), role)
        shown = await locked(world, stated.json()["id"], role=role)
        assert (await decide(world, shown, "none_suitable", role)).status_code == 200

    (found,) = (await world.api.get(f"/v1/demands?area={AREA}", QSMO)).json()["items"]

    assert (found["fibf_id"], found["agencies"], found["mission_critical"]) == (C, 2, 2)
    assert [(fact["agencies"], headers["ce_visibility"]) for _, fact, headers in await world.recorded("demand")] == [
        (1, "federal"),
        (2, "federal"),
    ]
    await world.api.post("/v1/analytics/rebuild", None, "omb")
    summed = (await world.api.get(f"/v1/analytics/figures/demand?area={AREA}")).json()["items"]
    for roles in ((), ("provider:p",)):
        (seen,) = (await world.api.get(f"/v1/demands?area={AREA}", *roles)).json()["items"]
        assert (seen["fibf_id"], seen["agencies"], seen["mission_critical"], seen["yearly_spend"]) == (C, 2, None, None)
        assert not {"cisa", "doi"} & set(map(str, seen.values()))
        assert [(each["key"], each["agency_id"]) for each in summed] == [(seen["fibf_id"], None)]


async def test_demand_of_as_many_agencies_is_ranked_by_what_they_spend_on_it_today(world: World) -> None:
    async def a_system(number: str, capability: str, amount: str) -> None:
        costs = {"2020": {"operation": {"amount": amount}}}
        body = {"agency_id": "cisa", "number": number, "name": number, "focus_area": AREA, "costs": costs}
        assert (await world.api.post("/v1/systems", {**body, "capabilities": [f"{capability}.100"]}, OWN)).status_code == 201

    later = "FFM.090.020"
    await world.tell(standard(A, B, C, later))
    needs = [{"fibf_id": each, "scale": "both"} for each in (C, later)]
    stated = await world.api.post("/v1/needs", needs_body(needs=needs), OWN)
    shown = await locked(world, stated.json()["id"])
    await decide(world, shown, "none_suitable")

    async def ranked(role: str) -> list[tuple[str, str | None]]:
        found = (await world.api.get(f"/v1/demands?area={AREA}", role)).json()["items"]
        return [(item["fibf_id"], item["yearly_spend"] and item["yearly_spend"]["amount"]) for item in found]

    assert await ranked(QSMO) == [(C, "0.00"), (later, "0.00")]
    await a_system("U-1", C, "10.00")
    await a_system("U-2", later, "70000.00")
    await a_system("U-3", later, "0.50")
    assert await ranked(QSMO) == [(later, "70000.50"), (C, "10.00")]
    assert await ranked(OTHER) == [(later, None), (C, None)]


# --- what to do next ---


async def test_following_the_next_steps_leads_from_nothing_to_an_adoption(world: World) -> None:
    async def step() -> tuple[str, str]:
        found = (await world.api.get("/v1/agencies/cisa/next-steps", OWN)).json()["items"]
        (here,) = [item for item in found if item["focus_area"] == AREA]
        return here["state"], here["href"]

    assert await step() == ("readiness not known", f"/v1/agencies/cisa/readiness/{AREA}")
    dimensions = ("finance", "customer", "operations", "technology", "organization", "workforce")
    await assessed(world, etag=None, **dict.fromkeys(dimensions, 3))
    assert await step() == ("needs not stated", "/v1/needs")
    id_ = await needs_id(world)
    assert await step() == ("needs stated", f"/v1/needs/{id_}/fit")
    shown = await locked(world, id_, "full")
    assert await step() == ("shortlist locked", f"/v1/shortlists/{shown.json()['id']}/decide")
    await decide(world, shown, "selected", offering_id="full")
    assert await step() == ("offering selected", "/v1/adoptions")
    await world.api.post("/v1/adoptions", {"agency_id": "cisa", "offering_id": "full"}, OWN)
    assert (await step())[0] == "in assessment"
    assert (await world.api.get("/v1/agencies/cisa/next-steps", "qsmo:cybersecurity")).json()["items"] != []


async def test_an_agency_sees_its_components_and_the_qsmo_its_areas_coverage(world: World) -> None:
    await world.tell(
        an_organization("dhs", ("cgac", "070"), name="Homeland Security", cfo_act=True, kind=OrganizationChanged),
        an_organization("doi", ("cgac", "014"), name="Interior", cfo_act=True, kind=OrganizationChanged),
    )
    await advanced(world, await started(world, offering="full"), qsmo=QSMO)

    own = (await world.api.get("/v1/agencies/dhs/adoption-states", "agency:070:cio")).json()
    led = (await world.api.get("/v1/stats/adoption-states/by-area", QSMO)).json()["items"]

    states = {item["focus_area"]: (item["state"], item["components"]) for item in own["items"]}
    components = [{"organization_id": "cisa", "name": "CISA", "state": "partial_or_in_progress"}]
    assert states[AREA] == ("partial_or_in_progress", components)
    assert states["cybersecurity"] == ("unknown", [])
    government = {"partial_or_in_progress": 1, "unknown": 1}
    assert led == [{"focus_area": AREA, "government": government, "agencies": 2, "covered": 1, "share": "50.0"}]


async def test_agencies_are_rolled_up_from_their_components_for_the_qsmo(world: World) -> None:
    await world.tell(
        an_organization("dhs", ("cgac", "070"), name="Homeland Security", cfo_act=True, kind=OrganizationChanged),
        an_organization("doi", ("cgac", "014"), name="Interior", cfo_act=True, kind=OrganizationChanged),
    )
    path = f"/v1/stats/adoption-states?area={AREA}"

    async def states() -> dict[str, str]:
        return {item["name"]: item["state"] for item in (await world.api.get(path, QSMO)).json()["items"]}

    nothing = await states()
    await world.api.post("/v1/adoptions", {"agency_id": "cisa", "offering_id": "full"}, OWN)
    begun = (await world.api.get(path, QSMO)).json()

    assert nothing == {"Homeland Security": "unknown", "Interior": "unknown"}
    assert await states() == {"Homeland Security": "not_started_in_talks", "Interior": "unknown"}
    assert begun["government"] == {"not_started_in_talks": 1, "unknown": 1}
    assert begun["items"][0]["components"] == {"not_started_in_talks": 1}
    assert [(await world.api.get(path, role)).status_code for role in (OWN, "qsmo:cybersecurity")] == [403, 403]
