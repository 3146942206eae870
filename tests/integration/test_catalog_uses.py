"""Who uses an offering, and since when, comes from the facts of adoption; each caller sees what the feed would tell them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from shared.contracts import adoption as contracts
from shared.contracts import oversight
from shared.contracts import registry as told_of
from tests.support.apps import Api, an_api
from tests.unit.catalog.world import CYBER, GRANTS, QSMO, Registry, a_draft, a_published

LIVE = date(2024, 5, 1)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await Registry(api).open(CYBER)
        yield api


@pytest.fixture
def adoption(api: Api) -> Registry:
    return Registry(api, service="adoption")


def an_adoption(
    offering: str, agency: str, kind: type[contracts.AdoptionFact] = contracts.AdoptionWentLive, **more: Any
) -> tuple[str, contracts.AdoptionFact]:
    given = {
        "adoption_id": f"{agency}-{offering}"[:36],
        "agency_id": agency,
        "agency_name": agency.title(),
        "offering_id": offering,
        "offering_code": "vdp",
        "offering_revision": 1,
        "focus_areas": (CYBER,),
        "status": "active",
        "phase": "operations",
        "started_on": date(2023, 1, 1),
        "live_on": LIVE,
        "source": "fedramp",
        **more,
    }
    fact = kind(**given)
    return fact.adoption_id, fact


async def users(api: Api, offering: str, *roles: str, **query: Any) -> list[tuple[str, str, int]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    page = (await api.get(f"/v1/offerings/{offering}/uses?{asked}", *roles)).json()
    found = [(each["agency_id"], each["since"], each["revision"]) for each in page["items"]]
    if page["next_cursor"]:
        found += await users(api, offering, *roles, **{**query, "cursor": page["next_cursor"]})
    reuse = (await api.get(f"/v1/offerings/{offering}/reuse?as_of={query.get('as_of', date(2026, 1, 1))}", *roles)).json()
    if "cursor" not in query:
        assert (reuse["agencies"], reuse["since"]) == (len(found), min((each[1] for each in found), default=None))
    return found


async def test_an_agency_uses_it_from_the_day_it_went_live_until_it_withdraws(api: Api, adoption: Registry) -> None:
    one = await a_published(api)
    on_the_way = {"live_on": None, "phase": "migration"}
    await adoption.tell(an_adoption(one, "energy", contracts.AdoptionStarted, **on_the_way))
    assert await users(api, one) == []

    await adoption.tell(an_adoption(one, "energy"), an_adoption(one, "labor", live_on=date(2023, 2, 1)))
    assert await users(api, one) == [("labor", "2023-02-01", 1), ("energy", "2024-05-01", 1)]

    await adoption.tell(an_adoption(one, "energy", contracts.AdoptionRevisionAccepted, offering_revision=3, from_revision=1))
    gone = {"status": "withdrawn", "effective_on": date(2025, 7, 1)}
    await adoption.tell(an_adoption(one, "labor", contracts.AdoptionWithdrawn, live_on=date(2023, 2, 1), **gone))

    assert await users(api, one, limit=1) == [("energy", "2024-05-01", 3)]
    assert await users(api, one, as_of="2025-06-30") == [("labor", "2023-02-01", 1), ("energy", "2024-05-01", 3)]
    assert await users(api, one, as_of="2024-04-30") == [("labor", "2023-02-01", 1)]
    assert await users(api, one, as_of="2023-01-31") == []


async def test_pages_of_uses_go_on_where_the_last_one_ended(api: Api, adoption: Registry) -> None:
    one = await a_published(api)
    names = [f"agency-{n}" for n in range(5)]
    await adoption.tell(*(an_adoption(one, name) for name in names))

    assert [name for name, _, _ in await users(api, one, limit=2)] == names


async def test_what_an_agency_uses_and_what_of_it_ends_soon_is_listed(api: Api, adoption: Registry) -> None:
    for number, day in (("A", "2099-05-01"), ("B", "2099-06-01")):
        vehicle = {"number": number, "title": "T", "kind": "bpa", "holder": "H", "ordering_to": day}
        assert (await api.post("/v1/vehicles", vehicle, "coordinator")).status_code == 201
    until = {"status": "authorized", "expires_on": "2099-05-01"}
    used = await a_published(api, code="used", vehicles=["A"], authorization=until)
    quietly = await a_published(api, code="quietly", vehicles=["B"])
    await a_published(api, code="unused", vehicles=["B"], authorization=until)
    await adoption.tell(an_adoption(used, "labor"), an_adoption(quietly, "labor", source=None), an_adoption(quietly, "energy"))

    async def listed(path: str, *roles: str, soon: str = "") -> list[str]:
        narrowed = f"&filter={soon} >= 2099-01-01 and {soon} <= 2099-05-31" if soon else ""
        page = (await api.get(f"{path}?used_by=labor{narrowed}", *roles)).json()
        return [item.get("code") or item["number"] for item in page["items"]]

    assert await listed("/v1/offerings") == ["used"]
    assert await listed("/v1/vehicles") == ["A"]
    for role in (QSMO, "omb"):
        assert sorted(await listed("/v1/offerings", role)) == ["quietly", "used"], role
        assert await listed("/v1/offerings", role, soon="authorization_expires_on") == ["used"]
        assert await listed("/v1/vehicles", role, soon="ordering_to") == ["A"]
        assert await listed("/v1/vehicles", role) == ["A", "B"]


async def test_uses_are_filtered_sorted_counted_and_cut_as_other_lists(api: Api, adoption: Registry) -> None:
    one = await a_published(api)
    await adoption.tell(*(an_adoption(one, f"agency-{n}") for n in range(5)))

    asked = "filter=not agency_id in (agency-0, agency-3)&sort=-adoption_id&fields=agency_id,since&count=true&limit=2"
    page = (await api.get(f"/v1/offerings/{one}/uses?{asked}")).json()

    assert ([each["agency_id"] for each in page["items"]], page["count"]) == (["agency-4", "agency-2"], 3)
    assert {frozenset(each) for each in page["items"]} == {frozenset({"agency_id", "since"})}


async def test_what_is_not_public_is_seen_by_its_area_its_agency_and_those_who_see_everything(
    api: Api, adoption: Registry
) -> None:
    one = await a_published(api)
    codes = (told_of.CodeEntry(scheme="cgac", value="089"),)
    registered = told_of.OrganizationRegistered
    await Registry(api).tell(
        ("energy", registered(organization_id="energy", name="Energy", kind="department", codes=codes)),
        ("nnsa", registered(organization_id="nnsa", name="NNSA", kind="component", parent_id="energy")),
        ("labor", registered(organization_id="labor", name="Labor", kind="department")),
    )
    await adoption.tell(an_adoption(one, "nnsa", source=None), an_adoption(one, "labor"))

    everybody, some = [("labor",)], [("labor",), ("nnsa",)]
    for roles, expected in (
        ((), everybody),
        (("agency:012:cio",), everybody),
        ((f"qsmo:{GRANTS}",), everybody),
        (("provider:p-1",), everybody),
        (("agency:089:cio",), some),
        (("agency:nnsa",), some),
        ((QSMO,), some),
        (("auditor",), some),
        (("omb",), some),
    ):
        assert sorted((name,) for name, _, _ in await users(api, one, *roles)) == expected, roles


async def test_who_may_not_see_an_offering_does_not_learn_who_uses_it(api: Api, adoption: Registry) -> None:
    drafted = (await a_draft(api)).json()["id"]
    await adoption.tell(an_adoption(drafted, "labor"))

    for path in ("uses", "reuse"):
        assert (await api.get(f"/v1/offerings/{drafted}/{path}")).status_code == 404
        assert (await api.get(f"/v1/offerings/{drafted}/{path}", QSMO)).status_code == 200


def an_answer(offering: str, number: int, **ratings: int) -> tuple[str, oversight.FeedbackGiven]:
    owner = {"agency_id": "energy", "agency_name": "Energy", "focus_area": CYBER, "adoption_id": "a"}
    given = {"feedback_id": f"f-{number}", "offering_id": offering, "quarter": f"2026Q{number}", "ratings": ratings}
    return f"f-{number}", oversight.FeedbackGiven(**owner, **given)


async def test_how_customers_rate_an_offering_is_for_federal_callers(api: Api, adoption: Registry) -> None:
    one, other = await a_published(api), (await a_draft(api, code="another")).json()["id"]
    await adoption.tell(an_answer(one, 1, satisfaction=5, quality=2), an_answer(one, 2, satisfaction=4))
    await adoption.tell(an_answer(other, 3, satisfaction=1))
    path = f"/v1/offerings/{one}/ratings"

    found = (await api.get(path, "agency:012:cio")).json()["items"]

    assert [(each["dimension"], each["mean"], each["ratings"], each["latest_quarter"]) for each in found] == [
        ("quality", "2.00", 1, "2026Q1"),
        ("satisfaction", "4.50", 2, "2026Q2"),
    ]
    assert (await api.get(f"{path}?as_of=2025-12-31", QSMO)).json()["items"] == []
    statuses = {role: (await api.get(path, *role)).status_code for role in ((), ("provider:p-1",), ("omb",), (QSMO,))}
    assert statuses == {(): 401, ("provider:p-1",): 403, ("omb",): 200, (QSMO,): 200}
    assert (await api.get(f"/v1/offerings/{other}/ratings", "agency:012:cio")).status_code == 404


async def test_ratings_told_again_or_answered_count_once(api: Api, adoption: Registry) -> None:
    one = await a_published(api)
    subject, given = an_answer(one, 1, satisfaction=4)
    deliveries = await adoption.tell((subject, given))
    await adoption.deliver(deliveries)
    await adoption.tell((subject, oversight.FeedbackAnswered(**given.model_dump())))

    (found,) = (await api.get(f"/v1/offerings/{one}/ratings", QSMO)).json()["items"]
    assert (found["mean"], found["ratings"]) == ("4.00", 1)
