from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.registry import tables
from shared.kernel.errors import Unavailable
from tests.support.apps import Api
from tests.support.plans import BASIS, EVIDENCE, PlanOffice, a_content
from tests.support.registry import Day, a_registry, an_organization

NOW = datetime(2020, 5, 1, tzinfo=UTC)
SERVICES = ("dns-resolver", "soc-standardization", "vulnerability-management")


@pytest.fixture
def day() -> Day:
    return Day(NOW)


@pytest.fixture
async def api(database_url: str, tmp_path: Path, day: Day) -> AsyncIterator[Api]:
    async with a_registry(database_url, tmp_path, clock=day, services=SERVICES) as api:
        yield api


async def dhs_and_cisa(api: Api) -> tuple[str, str]:
    dhs = await an_organization(api, "DHS")
    return dhs, await an_organization(api, "CISA", parent_id=dhs)


async def a_board(api: Api, dhs: str | None = None) -> PlanOffice:
    office = api.plans
    await office.seats("cio", "cfo", "dhs", organization_id=dhs)
    return office


async def fact_types(api: Api) -> list[str]:
    async with api.app.state.context.db.reading() as tx:
        rows = await tx.rows(select(tables.outbox.c.headers).order_by(tables.outbox.c.id))
    return [row["headers"]["ce_type"].removeprefix("qsmo.registry.").removesuffix(".v1") for row in rows]


async def pre_designated(api: Api, lead: str, service: str = "dns-resolver") -> Any:
    body = {"focus_area": "cybersecurity", "service": service, "organization_id": lead, "effective_on": "2019-04-26"}
    return await api.post("/v1/designations/pre-designate", {**body, **BASIS}, "omb")


async def test_a_plan_goes_from_draft_to_completed_and_each_turn_is_a_fact(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api, dhs)
    plan = await office.approved(dhs, a_content(cisa, "dns-resolver"), on="2020-04-20")

    await office.did(plan, "activate", {"effective_on": "2020-04-28"}, by="omb")
    (milestone,) = (await office.call("GET", f"/v1/plans/{plan}/milestones", by="omb")).json()["items"]
    met = {"met_on": "2021-09-01", "evidence": [EVIDENCE]}
    await office.did(plan, f"milestones/{milestone['id']}/meet", met, by="author")
    done = await office.did(plan, "complete", by="coordinator")

    assert done["state"] == "completed"
    assert done["recommendation"] == {"outcome": "for", "in_favour": 2, "against": 0, "abstained": 0, "filled_seats": 3}
    assert [(m["status"], m["slip_days"]) for m in done["milestones"]] == [("met", -29)]
    assert [turn["action"] for turn in done["history"]] == [
        "draft", "submit", "start-review", "recommend", "approve", "activate", "complete",
    ]  # fmt: skip
    kinds = list(dict.fromkeys(t for t in await fact_types(api) if t.startswith(("plan.", "milestone."))))
    assert kinds == [
        "plan.drafted", "milestone.scheduled", "plan.submitted", "plan.review_started", "plan.checked", "plan.vote_cast",
        "plan.recommended", "plan.criterion_assessed", "plan.approved", "plan.activated", "milestone.met", "plan.completed",
    ]  # fmt: skip


async def test_a_draft_is_changed_as_a_whole_and_money_comes_back_as_it_was_given(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = api.plans
    short = a_content(cisa)
    short["years"] = [{"fiscal_year": 2020, "funds": {"amount": "7.5"}}]
    plan = await office.drafted(dhs, short)
    first = (await office.call("GET", f"/v1/plans/{plan}", by="omb")).json()
    assert first["years"][0]["funds"]["amount"] == "7.50"
    changed = await office.did(plan, "", a_content(cisa, "dns-resolver"), by="author", method="PUT")

    assert changed["years"][0]["funds"] == {"amount": "5000000.00", "currency": "USD"}
    assert (await office.call("GET", f"/v1/plans/{plan}", by="omb")).json()["years"] == changed["years"]
    again = await office.did(plan, "", a_content(cisa, "dns-resolver"), by="author", method="PUT")
    assert again["version"] == changed["version"], "the same content is no new version"
    await office.did(plan, "milestones", {"title": "m", "due_on": "2021-01-01"}, by="author")
    await office.did(plan, "submit", by="author")
    refused = await office.do(plan, "", a_content(cisa), by="author", method="PUT")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/transition-not-allowed")


@pytest.mark.parametrize(
    ("content", "pointer", "code"),
    [
        ({"services": ["time-travel"]}, "/services", "unknown-reference"),
        ({"lead_office_id": "nobody"}, "/lead_office_id", "not-within-host"),
        ({"years": [{"fiscal_year": 2019}]}, "/years", "not-in-horizon"),
        ({"years": [{"fiscal_year": 2020}, {"fiscal_year": 2020}]}, "/years", "not-in-horizon"),
        ({"host_organization_id": "nobody"}, "/host_organization_id", "unknown-reference"),
    ],
    ids=["service", "lead office", "year outside", "year twice", "host"],
)
async def test_a_draft_refers_to_what_there_is(api: Api, content: dict[str, Any], pointer: str, code: str) -> None:
    dhs, _ = await dhs_and_cisa(api)
    body = {"focus_area": "cybersecurity", "host_organization_id": dhs, "first_fiscal_year": 2020, **content}

    answer = await api.plans.call("POST", "/v1/plans", body, by="author")

    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


async def test_a_change_of_a_plan_starts_from_the_version_read(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = api.plans
    plan = await office.submitted(dhs, a_content(cisa, "dns-resolver"))

    assert (await office.call("POST", f"/v1/plans/{plan}/start-review", {}, by="coordinator")).status_code == 428
    stale = await office.call("POST", f"/v1/plans/{plan}/start-review", {}, by="coordinator", etag='"1"')
    assert stale.status_code == 412
    unknown = await office.call("POST", f"/v1/plans/{plan}/explode", {}, by="coordinator", etag='"1"')
    assert unknown.status_code == 404


async def test_the_versions_of_a_plan_are_counted_per_host_and_area(api: Api) -> None:
    dhs, _ = await dhs_and_cisa(api)
    gsa = await an_organization(api, "GSA")
    office = api.plans

    ids = [await office.drafted(host, {}) for host in (dhs, dhs, gsa)]

    listed = (await office.call("GET", f"/v1/plans?host={dhs}&state=draft&area=cybersecurity", by="omb")).json()["items"]
    assert [(p["id"], p["number"]) for p in listed] == [(ids[0], 1), (ids[1], 2)]
    assert (await office.call("GET", "/v1/plans?state=active", by="omb")).json()["items"] == []


async def test_nobody_decides_on_what_the_same_person_submitted(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    await api.post("/v1/board-seats", {"id": "sac", "title": "SAC", "subject": "author"}, "coordinator")
    plan = await office.in_review(dhs, a_content(cisa, "dns-resolver"))
    etag = (await office.call("GET", f"/v1/plans/{plan}", by="omb")).headers["etag"]

    async def as_author(method: str, path: str, body: Any, role: str) -> Any:
        headers = {**api.headers(role, subject="author"), "If-Match": etag}
        return await api.client.request(method, f"/v1/plans/{plan}/{path}", json=body, headers=headers)

    tries = [
        await as_author("POST", "votes", {"seat": "sac", "choice": "for"}, "board:sac"),
        await as_author("POST", "check", {"complete": True}, "coordinator"),
        await as_author("POST", "return", {"reason": "because"}, "coordinator"),
        await as_author("POST", "recommend", {}, "coordinator"),
        await as_author("PUT", "criteria/cloud", {"status": "met", "evidence": [EVIDENCE]}, "coordinator"),
        await as_author("PUT", "criteria/cloud", {"status": "waived", "note": "so"}, "omb"),
    ]

    assert [(t.status_code, t.json()["type"]) for t in tries] == [(403, "/problems/separation-of-duties")] * 6


async def test_each_seat_votes_once_and_the_hosts_seat_is_recused(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api, cisa)
    await api.post("/v1/board-seats", {"id": "pic", "title": "PIC"}, "coordinator")
    plan = await office.in_review(dhs, a_content(cisa, "dns-resolver"))

    cast = await office.do(plan, "votes", {"seat": "cio", "choice": "for"}, by="cio")
    second = await office.do(plan, "votes", {"seat": "cio", "choice": "against"}, by="cio")
    recused = await office.do(plan, "votes", {"seat": "dhs", "choice": "for"}, by="dhs")
    others = await office.do(plan, "votes", {"seat": "cfo", "choice": "for"}, by="cio")
    vacant = await office.do(plan, "votes", {"seat": "pic", "choice": "for"}, by="board:pic")
    unknown = await office.do(plan, "votes", {"seat": "xxx", "choice": "for"}, by="board:xxx")
    lacking = await office.do(plan, "recommend", by="coordinator")

    answers = [cast, second, recused, others, vacant]
    assert [a.status_code for a in answers] == [201, 409, 409, 403, 409]
    assert [a.json()["type"].rpartition("/")[2] for a in answers[1:]] == [
        "voted-already", "recused", "not-your-seat", "seat-vacant",
    ]  # fmt: skip
    assert unknown.status_code == 422
    assert lacking.json()["missing"] == ["completeness check passed", "quorum: 2 votes of 3 filled seats (1 cast)"]


async def test_a_seat_is_voted_by_whom_it_is_filled_with(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    plan = await office.in_review(dhs, a_content(cisa, "dns-resolver"))
    seat = await api.get("/v1/board-seats/cio", "coordinator")
    moved = {"title": "CIO", "subject": "successor"}

    assert (await api.put("/v1/board-seats/cio", moved, "omb", etag=seat.headers["etag"])).status_code == 403
    assert (await api.put("/v1/board-seats/cio", moved, "coordinator", etag='"9"')).status_code == 412
    filled = await api.put("/v1/board-seats/cio", moved, "coordinator", etag=seat.headers["etag"])
    late = await office.do(plan, "votes", {"seat": "cio", "choice": "for"}, by="cio")

    assert filled.json()["subject"] == "successor"
    assert (await api.get("/v1/board-seats/cio")).json()["subject"] is None, "the public sees that it is filled, not by whom"
    assert (late.status_code, late.json()["type"]) == (403, "/problems/not-your-seat")
    assert (await fact_types(api))[-1] == "board_seat.changed"


async def test_a_question_holds_the_recommendation_up_until_it_is_answered(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    plan = await office.in_review(dhs, a_content(cisa, "dns-resolver"))
    asked = await office.did(plan, "questions", {"text": "Who pays in year four?"}, by="coordinator")
    await office.did(plan, "check", {"complete": True}, by="coordinator")
    for seat in ("cio", "cfo"):
        await office.did(plan, "votes", {"seat": seat, "choice": "for"}, by=seat)
    question = asked["questions"][0]["id"]

    held = await office.do(plan, "recommend", by="coordinator")
    by_another = await office.do(plan, f"questions/{question}/answer", {"answer": "We do"}, by="coordinator")
    unknown = await office.do(plan, "questions/none/answer", {"answer": "why"}, by="author")
    await office.did(plan, f"questions/{question}/answer", {"answer": "The customers do"}, by="author")
    after = await office.did(plan, "recommend", by="coordinator")

    assert held.json()["missing"] == [f"answer to question {question}"]
    assert (by_another.status_code, unknown.status_code) == (403, 404)
    assert after["questions"][0]["answer"] == "The customers do"


async def test_only_omb_waives_a_criterion_and_says_why(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    plan = await office.recommended(dhs, a_content(cisa, "dns-resolver"))
    await office.met(plan)
    unmet = {"status": "unmet", "note": "no failover test"}
    await office.did(plan, "criteria/continuity", unmet, by="coordinator", method="PUT")

    refused = await office.do(plan, "approve", BASIS, by="omb")
    by_coordinator = await office.do(plan, "criteria/continuity", {"status": "waived"}, by="coordinator", method="PUT")
    unexplained = await office.do(plan, "criteria/continuity", {"status": "waived"}, by="omb", method="PUT")
    unproven = await office.do(plan, "criteria/continuity", {"status": "met"}, by="omb", method="PUT")
    waived = {"status": "waived", "note": "tested within a year"}
    await office.did(plan, "criteria/continuity", waived, by="omb", method="PUT")
    condition = {"title": "Test the failover", "owner": "CISA", "due_on": "2020-12-31"}
    approved = await office.did(plan, "approve", {**BASIS, "conditions": [condition]}, by="omb")

    assert refused.json()["missing"] == ["criterion continuity met or waived (it is unmet)"]
    assert by_coordinator.status_code == 403
    assert (unexplained.json()["missing"], unproven.json()["missing"]) == (["note"], ["evidence"])
    assert (await office.do(plan, "criteria/charm", waived, by="omb", method="PUT")).status_code == 404
    assert [(o["kind"], o["title"], o["status"]) for o in approved["corrective_actions"]] == [
        ("condition", "Test the failover", "open")
    ]


async def test_a_corrective_action_is_verified_by_another_than_who_proposed_it(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    plan = await office.approved(dhs, a_content(cisa, "dns-resolver"))
    given = {"title": "Fill the analyst posts", "owner": "CISA", "due_on": "2020-09-30"}
    opened = await office.did(plan, "corrective-actions", given, by="coordinator")
    path = f"corrective-actions/{opened['corrective_actions'][0]['id']}"

    early = await office.do(plan, f"{path}/verify", by="omb")
    await office.did(plan, f"{path}/propose-done", {"evidence": [EVIDENCE]}, by="author")
    etag = (await office.call("GET", f"/v1/plans/{plan}", by="omb")).headers["etag"]
    headers = {**api.headers("omb", subject="author"), "If-Match": etag}
    own = await api.client.post(f"/v1/plans/{plan}/{path}/verify", json={}, headers=headers)
    verified = await office.did(plan, f"{path}/verify", by="omb")

    assert (early.status_code, early.json()["type"]) == (409, "/problems/transition-not-allowed")
    assert (own.status_code, own.json()["type"]) == (403, "/problems/separation-of-duties")
    assert [o["status"] for o in verified["corrective_actions"]] == ["verified"]
    assert [t for t in await fact_types(api) if t.startswith("corrective")] == [
        "corrective_action.opened", "corrective_action.proposed_done", "corrective_action.verified",
    ]  # fmt: skip


async def test_what_is_late_is_said_once(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    plan = await office.approved(dhs, a_content(cisa, "dns-resolver"))
    given = {"title": "Fill the posts", "owner": "CISA", "due_on": "2020-09-30"}
    await office.did(plan, "corrective-actions", given, by="coordinator")
    look = api.app.state.context.tell_what_is_late

    told = [await look()]
    day.now = datetime(2020, 9, 30, tzinfo=UTC)
    told.append(await look())
    day.now += timedelta(days=1)
    told += [await look(), await look()]
    day.now = datetime(2021, 10, 1, tzinfo=UTC)
    told += [await look(), await look()]

    assert told == [0, 0, 1, 0, 1, 0]
    assert (await fact_types(api))[-2:] == ["corrective_action.overdue", "milestone.at_risk"]
    shown = (await office.call("GET", f"/v1/plans/{plan}", by="omb")).json()
    assert [o["status"] for o in shown["corrective_actions"]] == ["overdue"]
    assert [(m["at_risk"], m["slip_days"]) for m in shown["milestones"]] == [(True, 1)]
    path = f"milestones/{shown['milestones'][0]['id']}/reschedule"
    await office.did(plan, path, {"forecast_on": "2022-03-01", "reason": "a protest"}, by="author")
    assert [await look(), await look()] == [1, 0], "a new forecast that is late is said again"


async def test_a_designation_needs_a_plan_and_is_told_all_that_is_missing(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    begun = await pre_designated(api, cisa)
    href = f"/v1/designations/{begun.json()['id']}"

    async def designate(**basis: str) -> Any:
        return await api.post(f"{href}/designate", {"effective_on": "2020-04-27", **basis}, "omb", etag=begun.headers["etag"])

    bare = await designate()
    other = await office.recommended(dhs, a_content(cisa, "soc-standardization"))
    undecided = await designate(**BASIS)
    await office.met(other)
    await office.did(other, "approve", BASIS, by="omb")
    of_another_service = await designate(**BASIS)
    possible = {a["action"]: a for a in (await api.get(href, "omb")).json()["_actions"]}["designate"]
    await office.approved(dhs, a_content(cisa, "dns-resolver"))
    done = await designate(**BASIS)

    assert bare.json()["missing"] == [
        "policy clause",
        "an approved or active implementation plan",
        "a plan of the host that the lead office belongs to",
        "a plan that covers the service dns-resolver",
        "a plan that names this lead office",
    ]
    assert undecided.json()["missing"] == [
        "an approved or active implementation plan",
        "a plan that covers the service dns-resolver",
    ]
    assert of_another_service.json()["missing"] == ["a plan that covers the service dns-resolver"]
    assert (possible["possible"], possible["missing"]) == (False, ["a plan that covers the service dns-resolver"])
    assert (done.status_code, done.json()["status"]) == (200, "designated")


async def test_a_newer_version_supersedes_the_one_in_force(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    first = await office.approved(dhs, a_content(cisa, "dns-resolver"))

    early = await office.do(first, "supersede", by="omb")
    await office.approved(dhs, a_content(cisa, "dns-resolver", "soc-standardization"))
    done = await office.did(first, "supersede", by="omb")

    assert early.json()["missing"] == ["a newer approved version"]
    assert done["state"] == "superseded"


async def test_the_versions_of_a_plan_tell_who_did_what_and_how_two_differ(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = api.plans
    plan = await office.drafted(dhs, {})
    await office.did(plan, "", a_content(cisa, "dns-resolver"), by="author", method="PUT")
    await office.did(plan, "milestones", {"title": "First customer", "due_on": "2021-09-30"}, by="author")
    await office.did(plan, "submit", by="author")
    await office.did(plan, "return", {"reason": "a section is thin"}, by="coordinator")

    versions = (await office.call("GET", f"/v1/plans/{plan}/versions", by="omb")).json()["items"]
    diff = (await office.call("GET", f"/v1/plans/{plan}/diff?from=1&to=3", by="omb")).json()["differences"]

    assert [(v["version"], v["what"], v["by"], v["reason"]) for v in versions] == [
        (1, "plan.drafted", "author", None),
        (2, "plan.changed", "author", None),
        (3, "milestone.scheduled", "author", None),
        (4, "plan.submitted", "author", None),
        (5, "plan.returned", "coordinator", "a section is thin"),
    ]
    changed = {d["field"]: (d["before"], d["after"]) for d in diff}
    assert changed["services"] == ([], ["dns-resolver"])
    assert changed["sections.governance"] == ("", "An advisory board of customers")
    assert any(field.startswith("milestones.") and field.endswith(".due_on") for field in changed)
    assert "state" not in changed
    assert (await office.call("GET", f"/v1/plans/{plan}/diff?from=1&to=9", by="omb")).status_code == 422
    assert (await office.call("GET", f"/v1/plans/{plan}/versions", by="cio")).status_code == 404


async def test_what_was_written_before_a_plan_was_submitted_stays_with_its_area(api: Api) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = api.plans
    plan = await office.submitted(dhs, a_content(cisa, "dns-resolver"))

    seen = (await office.call("GET", f"/v1/plans/{plan}/versions", by="cio")).json()["items"]
    diff = (await office.call("GET", f"/v1/plans/{plan}/diff?from=1&to=2", by="cio")).json()["differences"]

    assert [(v["version"], v["what"]) for v in seen] == [(3, "plan.submitted")]
    assert diff == []


async def test_the_scorecard_counts_what_each_caller_may_know(api: Api, day: Day) -> None:
    dhs, cisa = await dhs_and_cisa(api)
    office = await a_board(api)
    await pre_designated(api, cisa)
    condition = {"title": "Test the failover", "owner": "CISA", "due_on": "2020-12-31"}
    plan = await office.approved(dhs, a_content(cisa, "dns-resolver"), on="2020-04-20", conditions=[condition])
    day.now = datetime(2021, 10, 5, tzinfo=UTC)

    (area,) = (await api.get("/v1/scorecard", "omb")).json()["areas"]
    (public,) = (await api.get("/v1/scorecard")).json()["areas"]

    states = {service["service"]: service for service in area["services"]}
    assert (states["dns-resolver"]["status"], states["dns-resolver"]["days_in_state"]) == ("pre_designated", 893)
    assert states["soc-standardization"]["status"] is None
    (progress,) = area["plans"]
    assert progress.pop("criteria")["operations"] == {"met": 6, "total": 6}
    assert progress == {
        "plan_id": plan, "number": 1, "host_organization_id": dhs, "state": "approved", "days_in_state": 533,
        "milestones_met": 0, "milestones_due": 1, "milestones_at_risk": 1,
        "open_conditions": 1, "open_corrective_actions": 0, "overdue": 1,
    }  # fmt: skip
    assert (public["services"], public["plans"]) == (area["services"], [])


async def test_the_machines_of_plans_are_shown(api: Api) -> None:
    machines = {m["name"]: m for m in (await api.get("/v1/meta/state-machines/registry")).json()["machines"]}

    assert {"plan", "milestone", "corrective action"} <= set(machines)
    assert {t["action"] for t in machines["plan"]["transitions"]} >= {"draft", "submit", "approve", "supersede"}


async def test_a_plan_is_drafted_once_under_one_key_and_not_at_all_in_a_dry_run(api: Api) -> None:
    dhs, _ = await dhs_and_cisa(api)
    body = {"focus_area": "cybersecurity", "host_organization_id": dhs, "first_fiscal_year": 2020}
    key = {"Idempotency-Key": "plan-1"}

    dry = await api.post("/v1/plans?validate_only=true", body, "qsmo:cybersecurity")
    first = await api.post("/v1/plans", body, "qsmo:cybersecurity", **key)
    again = await api.post("/v1/plans", body, "qsmo:cybersecurity", **key)

    assert (dry.status_code, first.status_code) == (200, 201)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (await fact_types(api)).count("plan.drafted") == 1


async def test_the_loop_that_looks_is_among_those_watched(api: Api) -> None:
    context = api.app.state.context

    assert "late plans" in context.loops._tasks
    try:
        await context.loops.check()
    except Unavailable as error:
        pytest.fail(error.detail)
