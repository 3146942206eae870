"""Posts: who holds them, who acts for the holder, and what a vacancy stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.registry import tables
from tests.support.apps import Api
from tests.support.plans import a_content
from tests.support.registry import Day, a_registry

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DIRECTOR = "qsmo-director:cybersecurity"
OWN = "qsmo:cybersecurity"


@pytest.fixture
def day() -> Day:
    return Day(NOW)


@pytest.fixture
async def api(database_url: str, tmp_path: Path, day: Day) -> AsyncIterator[Api]:
    async with a_registry(database_url, tmp_path, clock=day, services=("dns-resolver",)) as api:
        yield api


async def an_organization(api: Api, name: str = "Department of Agriculture", **more: Any) -> str:
    answer = await api.post("/v1/organizations", {"name": name, "kind": "department", **more}, "coordinator")
    return str(answer.json()["id"])


async def opened(api: Api, kind: str = "qsmo-director", *, on: str = "2025-01-20", **more: Any) -> Any:
    scope = {"focus_area": "cybersecurity"} if kind == "qsmo-director" else {}
    answer = await api.post("/v1/posts", {"kind": kind, "effective_on": on, **scope, **more}, "coordinator")
    assert answer.status_code == 201, answer.text
    return answer


async def do(api: Api, id: str, action: str, body: dict[str, Any], *roles: str, subject: str = "tester") -> Any:
    """On the newest version of the post."""
    etag = (await api.get(f"/v1/posts/{id}")).headers["etag"]
    headers = {**api.headers(*(roles or ("coordinator",)), subject=subject), "If-Match": etag}
    return await api.client.post(f"/v1/posts/{id}/{action}", json=body, headers=headers)


async def facts(api: Api, key: str) -> list[str]:
    c = tables.outbox.c
    async with api.app.state.context.db.reading() as tx:
        rows = await tx.rows(select(c.headers).where(c.key == key).order_by(c.id))
    return [row["headers"]["ce_type"].removeprefix("qsmo.registry.").removesuffix(".v1") for row in rows]


async def test_a_post_is_filled_vacated_and_filled_again_and_keeps_every_date(api: Api) -> None:
    org = await an_organization(api)
    held = {"name": "The first", "title": "Deputy CFO", "subject": "first"}
    post = (await opened(api, "sapoc", organization_id=org, holder=held)).json()["id"]

    await do(api, post, "vacate", {"effective_on": "2025-09-30", "reason": "retired"})
    await do(api, post, "fill", {"effective_on": "2026-02-01", "holder": {"name": "The second"}})

    shown = (await api.get(f"/v1/posts/{post}", "auditor")).json()
    assert post == f"sapoc:{org}"
    assert [(s["effective_on"], s["state"], s["holder_name"]) for s in shown["history"]] == [
        ("2025-01-20", "filled", "The first"),
        ("2025-09-30", "vacant", None),
        ("2026-02-01", "filled", "The second"),
    ]
    then = (await api.get(f"/v1/posts/{post}?as_of=2025-12-01")).json()
    assert (then["state"], then["effective_on"]) == ("vacant", "2025-09-30")
    assert (await api.get(f"/v1/posts/{post}?as_of=2024-12-01")).status_code == 404
    assert await facts(api, post) == ["post.filled", "post.vacated", "post.filled"]


async def test_what_was_known_of_a_post_earlier_is_still_told(api: Api, day: Day) -> None:
    org = await an_organization(api)
    post = (await opened(api, "cio", organization_id=org)).json()["id"]
    day.now = datetime(2026, 3, 9, tzinfo=UTC)
    await do(api, post, "fill", {"effective_on": "2025-06-01", "holder": {"name": "Backdated"}})

    early = (await api.client.get("/v1/posts", params={"as_of": "2026-01-01", "known_at": NOW.isoformat()})).json()["items"]
    late = (await api.client.get("/v1/posts", params={"as_of": "2026-01-01", "state": "filled"})).json()["items"]

    assert [(p["id"], p["state"]) for p in early] == [(post, "vacant")]
    assert [p["id"] for p in late] == [post]


async def test_names_of_holders_are_for_federal_callers(api: Api) -> None:
    org = await an_organization(api)
    held = {"name": "The first", "title": "Deputy CFO", "subject": "first"}
    post = (await opened(api, "sapoc", organization_id=org, holder=held)).json()["id"]

    public = (await api.get(f"/v1/posts/{post}")).json()

    assert (public["state"], public["holder_name"], public["subject"]) == ("filled", None, None)
    assert public["history"][0]["holder_name"] is None
    assert (await api.get(f"/v1/posts/{post}", "auditor")).json()["subject"] == "first"


async def test_vacancies_list_posts_and_seats_with_who_acts(api: Api) -> None:
    org, gone = await an_organization(api), await an_organization(api, "Agency of old", valid_to="2024-07-01")
    await opened(api, "sapoc", organization_id=org)
    await opened(api, "sapoc", organization_id=gone)
    await opened(api, "cio", organization_id=org, holder={"name": "Somebody"})
    await opened(api)
    acting = {"to": "deputy", "begins_on": "2026-03-01", "ends_on": "2026-06-30", "reason": "until a director is named"}
    await do(api, DIRECTOR, "delegate", acting)
    await api.post("/v1/board-seats", {"id": "cfo", "title": "CFO council"}, "coordinator")

    listed = (await api.get("/v1/vacancies", "auditor")).json()["items"]
    first = (await api.get("/v1/vacancies?limit=2")).json()
    rest = (await api.get(f"/v1/vacancies?limit=2&cursor={first['next_cursor']}")).json()

    assert [(v["id"], v["days_vacant"], v["acting"]) for v in listed] == [
        ("board-seat:cfo", None, None),
        (DIRECTOR, 406, "deputy"),
        (f"sapoc:{org}", 406, None),
    ]
    assert listed[2]["organization_name"] == "Department of Agriculture"
    assert [v["id"] for v in first["items"] + rest["items"]] == [v["id"] for v in listed]
    assert {v["acting"] for v in first["items"]} == {None}


@pytest.mark.parametrize(
    ("action", "body", "code", "missing"),
    [
        ("vacate", {"effective_on": "2026-01-01"}, "transition-not-allowed", None),
        ("fill", {"effective_on": "2024-01-01", "holder": {"name": "X"}}, "effective-date-order", None),
        ("end-delegation", {"ends_on": "2026-01-01"}, "missing", ["a delegation in force"]),
        (
            "delegate",
            {"to": "x", "begins_on": "2026-02-01", "ends_on": "2026-01-01", "reason": "a reason"},
            "effective-date-order",
            None,
        ),
    ],
)
async def test_a_refused_change_of_a_post_says_why(
    api: Api, action: str, body: dict[str, Any], code: str, missing: list[str] | None
) -> None:
    await opened(api)

    refused = await do(api, DIRECTOR, action, body)

    assert (refused.status_code, refused.json()["type"]) == (409, f"/problems/{code}")
    assert refused.json().get("missing") == missing


async def test_posts_are_changed_by_coordinators_from_the_version_they_read(api: Api) -> None:
    body = {"kind": "qsmo-director", "focus_area": "cybersecurity", "effective_on": "2025-01-20"}
    assert (await api.post("/v1/posts", body)).status_code == 401
    for role in ("omb", OWN, "agency:070:sapoc", "auditor", "provider:x"):
        assert (await api.post("/v1/posts", body, role)).status_code == 403, role
    await opened(api)

    again = await api.post("/v1/posts", body, "coordinator")
    stale = await api.post(f"/v1/posts/{DIRECTOR}/vacate", {"effective_on": "2026-01-01"}, "coordinator", etag='"7-00"')
    absent = await api.post(f"/v1/posts/{DIRECTOR}/vacate", {"effective_on": "2026-01-01"}, "coordinator")
    foreign = await do(api, DIRECTOR, "fill", {"effective_on": "2026-01-01", "holder": {"name": "X"}}, OWN)

    assert (again.status_code, again.json()["type"]) == (409, "/problems/on-record-already")
    assert (stale.status_code, absent.status_code, foreign.status_code) == (412, 428, 403)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "sapoc", "organization_id": "nobody"}, "/organization_id"),
        ({"kind": "sapoc", "focus_area": "cybersecurity"}, "/organization_id"),
        ({"kind": "qsmo-director", "focus_area": "astrology"}, "/focus_area"),
        ({"kind": "qsmo-director", "focus_area": "cybersecurity", "organization_id": "x"}, "/focus_area"),
    ],
)
async def test_a_post_belongs_to_an_organization_or_an_area_that_exists(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = await api.post("/v1/posts", {**body, "effective_on": "2025-01-20"}, "coordinator")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def a_draft(api: Api) -> str:
    """Complete, but for whoever signs it; no post is on record."""
    host = await an_organization(api, "DHS")
    head = {"focus_area": "cybersecurity", "host_organization_id": host, "first_fiscal_year": 2026}
    body = {**head, **a_content(host, "dns-resolver", first_year=2026)}
    drafted = await api.post("/v1/plans", body, OWN)
    plan = str(drafted.json()["id"])
    milestone = {"title": "First customer", "due_on": "2027-09-30"}
    await api.post(f"/v1/plans/{plan}/milestones", milestone, OWN, etag=drafted.headers["etag"])
    return plan


async def submit(api: Api, plan: str, *, subject: str) -> Any:
    headers = {**api.headers(OWN, subject=subject), "If-Match": '"2"'}
    return await api.client.post(f"/v1/plans/{plan}/submit", json={}, headers=headers)


async def test_a_plan_is_not_submitted_while_the_directors_post_is_vacant(api: Api) -> None:
    plan = await a_draft(api)
    unknown = await submit(api, plan, subject="deputy")
    await opened(api)

    vacant = await submit(api, plan, subject="deputy")
    told = {a["action"]: a for a in (await api.get(f"/v1/plans/{plan}", OWN)).json()["_actions"]}["submit"]

    assert unknown.json()["missing"] == [f"a holder of the post {DIRECTOR} (not on record)"]
    assert vacant.json()["missing"] == [f"a holder of the post {DIRECTOR} (vacant since 2025-01-20), or a delegation"]
    assert (told["possible"], told["missing"]) == (False, vacant.json()["missing"])


async def test_a_delegate_submits_and_the_delegation_is_recorded_with_it(api: Api, day: Day) -> None:
    plan = await a_draft(api)
    await opened(api)
    acting = {"to": "deputy", "begins_on": "2026-03-01", "ends_on": "2026-03-31", "reason": "until a director is named"}
    assert (await do(api, DIRECTOR, "delegate", acting)).status_code == 200

    another = await submit(api, plan, subject="somebody")
    day.now = datetime(2026, 4, 1, tzinfo=UTC)
    too_late = await submit(api, plan, subject="deputy")
    day.now = datetime(2026, 3, 31, 23, tzinfo=UTC)
    done = await submit(api, plan, subject="deputy")

    assert (another.status_code, another.json()["type"]) == (403, "/problems/not-your-post")
    assert too_late.json()["missing"] == [f"a holder of the post {DIRECTOR} (vacant since 2025-01-20), or a delegation"]
    assert done.status_code == 200, done.text
    assert (done.json()["history"][-1]["by"], done.json()["history"][-1]["acting_for"]) == ("deputy", DIRECTOR)
    assert await facts(api, DIRECTOR) == ["post.vacated", "post.delegated"]


async def test_the_holder_submits_and_delegates_until_another_takes_over(api: Api) -> None:
    plan = await a_draft(api)
    await opened(api, holder={"name": "The director", "subject": "director"})
    acting = {"to": "deputy", "begins_on": "2026-03-01", "ends_on": "2026-12-31", "reason": "on leave"}
    refused = await do(api, DIRECTOR, "delegate", acting, OWN, subject="deputy")
    to_self = await do(api, DIRECTOR, "delegate", {**acting, "to": "director"}, OWN, subject="director")
    given = await do(api, DIRECTOR, "delegate", acting, OWN, subject="director")
    new = {"name": "The next director", "subject": "next"}
    await do(api, DIRECTOR, "fill", {"effective_on": "2026-03-02", "holder": new})

    by_old_delegate = await submit(api, plan, subject="deputy")
    by_old_holder = await submit(api, plan, subject="director")
    by_holder = await submit(api, plan, subject="next")

    assert (refused.status_code, to_self.status_code, given.status_code) == (403, 409, 200)
    assert (by_old_delegate.status_code, by_old_holder.status_code, by_holder.status_code) == (403, 403, 200)
    assert by_holder.json()["history"][-1]["acting_for"] is None


async def test_an_ended_delegation_lets_nobody_act(api: Api) -> None:
    plan = await a_draft(api)
    await opened(api)
    acting = {"to": "deputy", "begins_on": "2026-02-01", "ends_on": "2026-12-31", "reason": "acting director"}
    await do(api, DIRECTOR, "delegate", acting)
    ended = await do(api, DIRECTOR, "end-delegation", {"ends_on": "2026-03-01"})

    refused = await submit(api, plan, subject="deputy")

    assert [d["ends_on"] for d in ended.json()["delegations"]] == ["2026-03-01"]
    assert refused.status_code == 409
    assert (await facts(api, DIRECTOR))[-1] == "post.delegation_ended"


async def seat_do(api: Api, id: str, action: str, body: dict[str, Any], *, subject: str, role: str = "coordinator") -> Any:
    etag = (await api.get(f"/v1/board-seats/{id}")).headers["etag"]
    headers = {**api.headers(role, subject=subject), "If-Match": etag}
    return await api.client.post(f"/v1/board-seats/{id}/{action}", json=body, headers=headers)


async def vote(api: Api, plan: str, seat: str, *, subject: str, role: str) -> Any:
    etag = (await api.get(f"/v1/plans/{plan}", "omb")).headers["etag"]
    headers = {**api.headers(role, subject=subject), "If-Match": etag}
    return await api.client.post(f"/v1/plans/{plan}/votes", json={"seat": seat, "choice": "for"}, headers=headers)


async def test_a_vacant_seat_votes_by_delegation_only_and_says_so(api: Api) -> None:
    office = api.plans
    host = await an_organization(api, "DHS")
    await office.seats("cio")
    await api.post("/v1/board-seats", {"id": "cfo", "title": "CFO council"}, "coordinator")
    plan = await office.in_review(host, a_content(host, "dns-resolver"))

    vacant = await vote(api, plan, "cfo", subject="stand-in", role="board:cfo")
    acting = {"to": "stand-in", "begins_on": "2026-03-01", "ends_on": "2026-03-31", "reason": "the seat is vacant"}
    foreign = await seat_do(api, "cfo", "delegate", acting, subject="stand-in", role="board:cfo")
    given = await seat_do(api, "cfo", "delegate", acting, subject="c")
    by_other = await vote(api, plan, "cfo", subject="another", role="board:cfo")
    voted = await vote(api, plan, "cfo", subject="stand-in", role="agency:097:cio")

    assert (vacant.status_code, vacant.json()["missing"]) == (409, ["a holder of the seat cfo, or a delegation"])
    assert (foreign.status_code, given.status_code, by_other.status_code) == (403, 200, 403)
    assert [(v["by"], v["acting_for"]) for v in voted.json()["votes"]] == [("stand-in", "cfo")]
    missing = {a["action"]: a["missing"] for a in (await api.get(f"/v1/plans/{plan}", "coordinator")).json()["_actions"]}
    assert "quorum: 2 votes of 2 filled seats (1 cast)" in missing["recommend"]
    ended = await seat_do(api, "cfo", "end-delegation", {"ends_on": "2026-03-02"}, subject="c")
    assert ended.status_code == 200
    assert await facts(api, "cfo") == ["board_seat.registered", "board_seat.delegated", "board_seat.delegation_ended"]


async def test_the_post_is_among_the_machines(api: Api) -> None:
    machines = {m["name"]: m for m in (await api.get("/v1/meta/state-machines/registry")).json()["machines"]}

    assert {t["action"] for t in machines["post"]["transitions"]} == {"fill", "vacate", "delegate", "end-delegation"}
