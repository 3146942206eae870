"""Organizations as they were on a day: renamed, moved, merged, split; and outside names settled in bulk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.match_review import MatchReview, Status
from services.registry.facts import match_review
from shared.contracts import registry as contracts
from shared.kernel.cause import Cause
from tests.support.apps import Api
from tests.support.registry import Day, a_registry, an_organization

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
GROUND = {"reason": "by executive order", "source": "EO 14347"}


@pytest.fixture
def day() -> Day:
    return Day(NOW)


@pytest.fixture
async def api(database_url: str, tmp_path: Path, day: Day) -> AsyncIterator[Api]:
    async with a_registry(database_url, tmp_path, clock=day) as api:
        yield api


async def do(api: Api, id: str, action: str, on: str, *roles: str, **body: Any) -> Any:
    """On the newest version of the organization."""
    etag = (await api.get(f"/v1/organizations/{id}")).headers["etag"]
    path = f"/v1/organizations/{id}/{action}"
    return await api.post(path, {"effective_on": on, **GROUND, **body}, *(roles or ("coordinator",)), etag=etag)


async def shown(api: Api, id: str, **when: str) -> Any:
    return (await api.client.get(f"/v1/organizations/{id}", params=when)).json()


async def names(api: Api, **filters: str) -> list[str]:
    found = (await api.client.get("/v1/organizations", params=filters)).json()
    return [item["name"] for item in found["items"]]


async def facts(api: Api) -> list[tuple[str, Any]]:
    c = tables.outbox.c
    async with api.app.state.context.db.reading() as tx:
        rows = await tx.rows(select(c.headers, c.payload).order_by(c.id))
    return [(row["headers"]["ce_type"].split(".", 2)[2].removesuffix(".v1"), orjson.loads(row["payload"])) for row in rows]


async def test_a_renamed_organization_is_found_under_each_name_in_its_time(api: Api) -> None:
    id = await an_organization(api, "Department of Defense", abbreviation="DOD", valid_from="1949-08-10")

    done = await do(api, id, "rename", "2025-09-05", name="Department of War", abbreviation="DOW")

    assert done.status_code == 200, done.text
    assert done.json()["aliases"] == [{"name": "Department of Defense", "valid_from": "1949-08-10", "valid_to": "2025-09-05"}]
    before, after = await shown(api, id, as_of="2025-09-04"), await shown(api, id, as_of="2025-09-05")
    assert (before["name"], before["abbreviation"]) == ("Department of Defense", "DOD")
    assert (after["name"], after["abbreviation"], after["aliases"]) == ("Department of War", "DOW", [])
    assert (await api.get(f"/v1/organizations/{id}?as_of=1949-08-09")).status_code == 404
    assert await names(api, q="defense", as_of="2020-01-01") == ["Department of Defense"]
    assert await names(api, q="defense", as_of="2025-12-31") == []
    assert await names(api, q="war") == ["Department of War"]
    (kind, fact) = (await facts(api))[-1]
    assert (kind, fact["effective_on"], fact["reason"], fact["eras"][0]["by"]) == (
        "organization.changed", "2025-09-05", "by executive order", "tester",
    )  # fmt: skip


async def test_what_was_known_of_an_organization_at_an_instant_is_still_told(api: Api, day: Day) -> None:
    id = await an_organization(api, "Department of Defense", codes=[{"scheme": "cgac", "value": "097"}])
    day.now = datetime(2026, 2, 1, tzinfo=UTC)
    await do(api, id, "rename", "2025-09-05", name="Department of War")

    then, now = NOW.isoformat(), day.now.isoformat()

    assert (await shown(api, id, known_at=then, as_of="2025-12-31"))["name"] == "Department of Defense"
    assert (await shown(api, id, known_at=now, as_of="2025-12-31"))["name"] == "Department of War"
    assert (await shown(api, id, known_at=now, as_of="2025-01-01"))["name"] == "Department of Defense"
    assert await names(api, known_at=then, code="097", scheme="cgac") == ["Department of Defense"]
    assert await names(api, known_at=then, q="war") == []
    assert await names(api, known_at="2025-01-01T00:00:00Z") == []
    early = await api.client.get(f"/v1/organizations/{id}", params={"known_at": "2025-01-01T00:00:00Z"})
    assert early.status_code == 404


async def test_the_tree_of_a_day_is_the_tree_as_it_was(api: Api) -> None:
    treasury, justice = await an_organization(api, "Treasury"), await an_organization(api, "Justice")
    bureau = await an_organization(api, "Alcohol, Tobacco and Firearms", parent_id=treasury)
    office = await an_organization(api, "Field office", parent_id=bureau)

    moved = await do(api, bureau, "move", "2003-01-24", parent_id=justice)

    assert moved.json()["parent_id"] == justice
    for root, day, below in (
        (treasury, "2003-01-23", [bureau, office]),
        (treasury, "2003-01-24", []),
        (justice, "2003-01-23", []),
        (justice, "2003-01-24", [bureau, office]),
    ):
        tree = (await api.get(f"/v1/organizations/{root}/tree?as_of={day}")).json()
        assert [node["id"] for node in tree["items"]] == [root, *below], (root, day)
        assert [node["depth"] for node in tree["items"]] == [0, 1, 2][: len(below) + 1]
        direct = (await api.get(f"/v1/organizations?parent_id={root}&as_of={day}")).json()["items"]
        assert [(item["id"], item["parent_id"]) for item in direct] == [(id, root) for id in below[:1]]
    assert (await api.get("/v1/organizations/nobody/tree")).status_code == 404


async def test_a_merged_organization_ends_and_what_stood_below_it_goes_along(api: Api) -> None:
    state = await an_organization(api, "Department of State")
    aid = await an_organization(api, "Agency for International Development", codes=[{"scheme": "cgac", "value": "072"}])
    mission = await an_organization(api, "A mission", parent_id=aid)

    done = await do(api, aid, "merge", "2025-07-01", into_id=state)

    assert (done.json()["valid_to"], done.json()["successor_ids"]) == ("2025-07-01", [state])
    assert (await shown(api, state))["predecessor_ids"] == [aid]
    assert (await shown(api, mission))["parent_id"] == state
    assert (await shown(api, mission, as_of="2025-06-30"))["parent_id"] == aid
    assert (await api.get("/v1/organizations/by-key/cgac/072")).json()["id"] == aid
    assert (await names(api, as_of="2025-07-01")) == ["A mission", "Department of State"]
    kinds = [kind for kind, _ in await facts(api)][-3:]
    assert kinds[0] == "organization.merged"
    assert kinds[1:] == ["organization.changed"] * 2
    again = await do(api, aid, "rename", "2025-08-01", name="Another")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/organization-ended")
    etag = (await api.get(f"/v1/organizations/{aid}")).headers["etag"]
    body = {"name": "Agency for International Development", "kind": "agency"}
    assert (await api.put(f"/v1/organizations/{aid}", body, "coordinator", etag=etag)).status_code == 409


async def test_an_organization_that_leads_services_does_not_end(api: Api) -> None:
    policy = {"id": "m-19-16", "title": "M", "issuer": "OMB", "issued_on": "2019-04-26"}
    await api.post("/v1/policies", policy, "omb")
    area = {"id": "acquisition", "title": "A", "policy": "m-19-16", "services": [{"slug": "assisted", "title": "A"}]}
    await api.post("/v1/focus-areas", area, "omb")
    gsa, other = await an_organization(api, "GSA"), await an_organization(api, "Other")
    lead = {"focus_area": "acquisition", "service": "assisted", "organization_id": gsa, "effective_on": "2026-01-01"}
    begun = await api.post("/v1/designations/pre-designate", {**lead, "policy": "m-19-16", "clause": "I"}, "omb")
    assert begun.status_code == 201, begun.text

    merged = await do(api, gsa, "merge", "2026-01-02", into_id=other)
    dissolved = await do(api, gsa, "dissolve", "2026-01-02")

    assert merged.json()["missing"] == dissolved.json()["missing"] == ["transfer or revoke of acquisition/assisted"]
    assert (await shown(api, gsa))["valid_to"] is None


async def test_new_organizations_come_out_of_one_that_goes_on_or_ends(api: Api) -> None:
    top = await an_organization(api, "Top", valid_from="1990-01-01")
    one = {"name": "First part", "kind": "agency", "codes": [{"scheme": "cgac", "value": "901"}]}

    going_on = await do(api, top, "split", "2020-01-01", into=[one], goes_on=True)
    (first,) = going_on.json()["successor_ids"]
    ended = await do(api, top, "split", "2021-01-01", into=[{"name": "B", "kind": "agency"}, {"name": "C", "kind": "agency"}])

    part = await shown(api, first)
    assert (going_on.json()["valid_to"], part["valid_from"], part["predecessor_ids"]) == (None, "2020-01-01", [top])
    assert (ended.json()["valid_to"], len(ended.json()["successor_ids"])) == ("2021-01-01", 3)
    assert await names(api, as_of="2020-12-31") == ["First part", "Top"]
    assert await names(api, as_of="2021-01-01") == ["B", "C", "First part"]
    kinds = [kind for kind, _ in await facts(api)]
    assert kinds.count("organization.split") == 2
    assert kinds.count("organization.registered") == 4


async def test_an_organization_with_others_below_it_is_not_dissolved(api: Api) -> None:
    top = await an_organization(api, "Top")
    below = await an_organization(api, "Below", parent_id=top)

    refused = await do(api, top, "dissolve", "2025-01-01")
    await do(api, below, "dissolve", "2025-01-01")
    done = await do(api, top, "dissolve", "2025-01-02")

    assert refused.json()["missing"] == [f"move of Below ({below})"]
    assert (done.status_code, done.json()["valid_to"]) == (200, "2025-01-02")
    assert [kind for kind, _ in await facts(api)][-2:] == ["organization.dissolved"] * 2


@pytest.mark.parametrize(
    ("action", "on", "body", "status", "code"),
    [
        ("rename", "2019-12-31", {"name": "Newer"}, 409, "effective-date-order"),
        ("rename", "2026-01-01", {"name": "Top"}, 409, "missing"),
        ("move", "2026-01-01", {"parent_id": None}, 409, "missing"),
        ("move", "2026-01-01", {"parent_id": "below"}, 422, "cycle"),
        ("move", "2026-01-01", {"parent_id": "nobody"}, 422, "unknown-reference"),
        ("merge", "2026-01-01", {"into_id": "nobody"}, 422, "unknown-reference"),
        ("merge", "2026-01-01", {"into_id": "below"}, 422, "cycle"),
        ("split", "2026-01-01", {"into": [{"name": "X", "kind": "agency", "parent_id": "nobody"}]}, 422, "unknown-reference"),
    ],
)
async def test_a_refused_change_says_why(api: Api, action: str, on: str, body: dict[str, Any], status: int, code: str) -> None:
    top = await an_organization(api, "Top", valid_from="2020-01-01")
    below = await an_organization(api, "Below", parent_id=top)
    body = {name: below if value == "below" else value for name, value in body.items()}

    refused = await do(api, top, action, on, **body)

    assert refused.status_code == status, refused.text
    found = refused.json()["type"].removeprefix("/problems/") if status == 409 else refused.json()["errors"][0]["code"]
    assert found == code


async def test_dated_changes_are_for_coordinators_from_the_version_they_read(api: Api) -> None:
    id, other = await an_organization(api, "Top"), await an_organization(api, "Other")
    bodies: dict[str, dict[str, Any]] = {
        "rename": {"name": "New"},
        "move": {"parent_id": other},
        "merge": {"into_id": other},
        "split": {"into": [{"name": "X", "kind": "agency"}]},
        "dissolve": {},
    }

    for action, body in bodies.items():
        full = {"effective_on": "2026-01-01", **GROUND, **body}
        path = f"/v1/organizations/{id}/{action}"
        for role in ("omb", "qsmo:cybersecurity", "agency:070:sapoc", "auditor"):
            assert (await api.post(path, full, role, etag='"1"')).status_code == 403, (action, role)
        assert (await api.post(path, full, "coordinator", etag='"9"')).status_code == 412, action
        assert (await api.post(path, full, "coordinator")).status_code == 428, action
    offered = {a["action"]: a for a in (await api.get(f"/v1/organizations/{id}", "coordinator")).json()["_actions"]}
    assert set(offered) == {"change", *bodies}
    assert all(action["possible"] for action in offered.values())
    assert len(await facts(api)) == 2


async def waiting(api: Api, *values: str) -> list[dict[str, Any]]:
    async with api.app.state.context.db.transaction(Cause(actor="tests")) as tx:
        for value in values:
            review = MatchReview(
                id=f"review-{value}", version=0, scheme="fedramp", value=value, name=f"Name {value}", parent_name=None,
                status=Status.OPEN,
            )  # fmt: skip
            await store.match_reviews.add(tx, review, match_review(contracts.MatchReviewOpened, review))
    return [{"id": f"review-{value}", "version": 1} for value in values]


async def test_many_reviews_are_settled_in_one_change(api: Api) -> None:
    one, two = await an_organization(api, "One"), await an_organization(api, "Two")
    rows = await waiting(api, "a", "b", "c")
    body = {"resolutions": [{**row, "organization_id": id} for row, id in zip(rows, (one, one, two), strict=True)]}

    done = await api.post("/v1/match-reviews/resolve", body, "coordinator")

    assert [item["status"] for item in done.json()["items"]] == ["resolved"] * 3
    found = await shown(api, one)
    assert [code["value"] for code in found["codes"]] == ["a", "b"]
    assert (found["version"], [alias["name"] for alias in found["aliases"]]) == (2, ["Name a", "Name b"])
    assert [kind for kind, _ in await facts(api)][-5:] == ["match_review.resolved"] * 3 + ["organization.changed"] * 2


async def test_one_row_that_cannot_be_settled_leaves_all_as_they_were_and_each_error_has_its_pointer(api: Api) -> None:
    one = await an_organization(api, "One")
    a, b, c, d = await waiting(api, "a", "b", "c", "d")
    settled = {"reason": "no agency"}
    await api.post("/v1/match-reviews/review-d/dismiss", settled, "coordinator", etag='"1"')
    body = {
        "resolutions": [
            {**a, "organization_id": one},
            {**b, "organization_id": "nobody"},
            {**c, "version": 7, "organization_id": one},
            {"id": "review-x", "version": 1, "organization_id": one},
            {**a, "organization_id": one},
            {**d, "version": 2, "organization_id": one},
        ]
    }

    refused = await api.post("/v1/match-reviews/resolve", body, "coordinator")

    assert refused.status_code == 422
    assert "5 of 6 rows" in refused.json()["detail"]
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
        ("/resolutions/1/organization_id", "unknown-reference"),
        ("/resolutions/2/version", "stale-version"),
        ("/resolutions/3/id", "unknown-reference"),
        ("/resolutions/4/id", "duplicate"),
        ("/resolutions/5/id", "transition-not-allowed"),
    ]
    assert len((await api.get("/v1/match-reviews?status=open")).json()["items"]) == 3
    found = (
        await api.get("/v1/match-reviews?filter=status = open and not value = a&sort=-name&fields=value&count=true")
    ).json()
    assert ([item["value"] for item in found["items"]], found["count"]) == (["c", "b"], 2)
    assert (await shown(api, one))["codes"] == []


async def test_only_coordinators_settle_reviews(api: Api) -> None:
    one = await an_organization(api, "One")
    (row,) = await waiting(api, "a")
    body = {"resolutions": [{**row, "organization_id": one}]}

    assert (await api.post("/v1/match-reviews/resolve", body)).status_code == 401
    for role in ("omb", "auditor", "agency:070:sapoc"):
        assert (await api.post("/v1/match-reviews/resolve", body, role)).status_code == 403, role
    assert (await api.post("/v1/match-reviews/resolve", {"resolutions": []}, "coordinator")).status_code == 422
