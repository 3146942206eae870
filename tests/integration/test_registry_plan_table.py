"""Every action in every state by every role, against a table written down here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.registry import facts, store
from services.registry.api.plans import PlanTurn
from services.registry.app import create_app
from services.registry.config import Settings
from services.registry.domain.plan import Plan, PlanYear, Sections, Turn
from services.registry.domain.plan_criteria import Assessment, Criterion, unassessed
from services.registry.domain.plan_progress import Milestone, MilestoneStatus
from services.registry.domain.plan_review import BoardSeat, Check, Choice, Vote
from services.registry.domain.plan_states import MACHINE, State
from services.registry.domain.post import Holder, PostKind, opened, step
from shared.contracts import registry as contracts
from shared.kernel.cause import Cause
from tests.support.apps import Api, an_api

OWN, OTHER = "qsmo:cybersecurity", "qsmo:grants-management"
ROLES = ("omb", "board:cio", "coordinator", OWN, OTHER, "auditor", "agency:070:sapoc", "provider:x", "")
# action → (states that allow it, roles that may take it)
TABLE = {
    "submit": (("draft",), (OWN,)),
    "start-review": (("submitted",), ("coordinator",)),
    "return": (("submitted", "in_review"), ("coordinator",)),
    "redraft": (("returned",), (OWN,)),
    "recommend": (("in_review",), ("coordinator",)),
    "approve": (("recommended",), ("omb",)),
    "reject": (("recommended",), ("omb",)),
    "activate": (("approved",), ("omb", "coordinator")),
    "complete": (("active",), ("omb", "coordinator")),
    "supersede": (("approved", "active"), ("omb",)),
}
SEES_DRAFTS = {"omb", "coordinator", "auditor", OWN}
# What a plan with nothing in it lacks, and a request that says nothing.
LACKING = {
    "submit": [
        "lead office",
        "services covered",
        *(
            f"section {name}"
            for name in ("offerings", "acquisition_strategy", "governance", "funding_mechanism", "organization")
        ),
        *(f"{part} of fiscal year {year}" for year in range(2020, 2025) for part in ("capacity", "skills", "funds")),
        "milestones",
    ],
    "return": ["reason"],
    "recommend": ["completeness check passed", "quorum: 1 votes of 1 filled seats (0 cast)"],
    "approve": [*(f"criterion {c.element} met or waived (it is unmet)" for c in unassessed()), "policy clause"],
    "reject": ["reason", "policy clause"],
    "supersede": ["a newer approved version"],
}
AT = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
GIVEN = {"reason": "a good reason", "policy": "m-19-16", "clause": "section I"}


def a_bare_plan(state: State, number: int) -> Plan:
    turn = Turn(action="submit", state=state, on=date(2020, 1, 1), at=AT, by="author")
    return Plan(
        id=f"bare-{state}",
        version=0,
        focus_area="cybersecurity",
        host_organization_id=f"host-{state}",
        number=number,
        first_fiscal_year=2020,
        turns=(turn,),
        criteria=unassessed(),
    )


def a_ready_plan(state: State, number: int) -> Plan:
    """One that lacks nothing for whatever its state allows."""
    criteria = tuple(Criterion(element=c.element, status=Assessment.MET) for c in unassessed())
    return replace(
        a_bare_plan(state, number),
        id=f"ready-{state}",
        host_organization_id="dhs",
        lead_office_id="cisa",
        services=("dns-resolver",),
        sections=Sections(offerings="a", acquisition_strategy="b", governance="c", funding_mechanism="d", organization="e"),
        years=tuple(PlanYear(fiscal_year=y, capacity="c", skills="s", funds=Decimal("1.50")) for y in range(2020, 2025)),
        criteria=criteria,
        milestones=(Milestone(id="m", title="m", due_on=date(2021, 1, 1), status=MilestoneStatus.MET),),
        check=Check(complete=True, note="", by="c", at=AT),
        votes=(Vote(seat="cio", choice=Choice.FOR, by="cio", at=AT),),
    )


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        policy = {"id": "m-19-16", "title": "M-19-16", "issuer": "OMB", "issued_on": "2019-04-26"}
        assert (await api.post("/v1/policies", policy, "omb")).status_code == 201
        newest = replace(a_ready_plan(State.APPROVED, 99), id="newest")
        plans = [newest, *(make(state, n) for n, state in enumerate(State, 1) for make in (a_bare_plan, a_ready_plan))]
        async with api.app.state.context.db.transaction(Cause(actor="tests")) as tx:
            seat = BoardSeat(id="cio", version=0, title="CIO", subject="cio")
            await store.board_seats.add(tx, seat, facts.board_seat(contracts.BoardSeatRegistered, seat))
            held = step("fill", state=None, holder=Holder(name="T", subject="tester"), on=AT.date(), at=AT, by="c")
            director = opened(PostKind.QSMO_DIRECTOR, held, scope="cybersecurity")
            await store.posts.add(tx, director, facts.post(contracts.PostFilled, director))
            for plan in plans:
                await store.plans.add(tx, plan, facts.plan(contracts.PlanDrafted, plan))
        yield api


def expected(action: str, state: State, role: str) -> int:
    states, roles = TABLE[action]
    if not role:
        return 401
    hidden = role.startswith("provider") or (state in {State.DRAFT, State.RETURNED} and role not in SEES_DRAFTS)
    if hidden:
        return 404
    if role not in roles:
        return 403
    return 200 if state in states else 409


def test_the_table_covers_the_machine_and_the_routes() -> None:
    declared = {t.action: tuple(map(str, t.sources)) for t in MACHINE.transitions if t.action != "draft"}

    assert {action: states for action, (states, _) in TABLE.items()} == declared
    assert set(TABLE) == {turn.value for turn in PlanTurn}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "anonymous")
async def test_each_action_in_each_state_is_answered_by_the_table(api: Api, role: str) -> None:
    found, wanted = {}, {}
    for action in TABLE:
        for state in State:
            path = f"/v1/plans/ready-{state}/{action}?validate_only=true"
            answer = await api.post(path, GIVEN, *([role] if role else []), etag='"1"')
            found[action, state.value] = answer.status_code
            wanted[action, state.value] = expected(action, state, role)
            if answer.status_code == 409:
                assert answer.json()["type"] == "/problems/transition-not-allowed"
                assert answer.json().get("allowed_actions", []) == [a for a, (states, _) in TABLE.items() if state in states]

    assert found == wanted


async def test_an_allowed_action_on_an_empty_plan_is_refused_with_everything_missing(api: Api) -> None:
    for action, missing in LACKING.items():
        states, roles = TABLE[action]
        for state in states:
            answer = await api.post(f"/v1/plans/bare-{state}/{action}", {}, roles[0], etag='"1"')

            assert (answer.status_code, answer.json().get("missing")) == (409, missing), (action, state)
            assert answer.json()["type"] == "/problems/missing"


async def test_what_the_actions_say_is_what_happens(api: Api) -> None:
    for role in ("omb", "coordinator", OWN):
        for state in State:
            for plan in (f"ready-{state}", f"bare-{state}"):
                for action in (await api.get(f"/v1/plans/{plan}", role)).json()["_actions"]:
                    answer = await api.post(f"{action['href']}?validate_only=true", GIVEN, role, etag='"1"')
                    assert action["possible"] == (answer.status_code == 200), (role, plan, action, answer.text)
                    if answer.status_code == 409 and answer.json()["type"] == "/problems/missing":
                        assert answer.json()["missing"] == action["missing"]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role or "anonymous")
async def test_a_list_and_a_plan_agree_on_what_a_caller_may_know(api: Api, role: str) -> None:
    roles = [role] if role else []
    listed = {item["id"] for item in (await api.get("/v1/plans?limit=200", *roles)).json()["items"]}

    every = [f"{kind}-{state}" for kind in ("bare", "ready") for state in State] + ["newest"]
    shown = {id for id in every if (await api.get(f"/v1/plans/{id}", *roles)).status_code == 200}

    assert listed == shown
    hidden_drafts = {"bare-draft", "ready-draft", "bare-returned", "ready-returned"}
    seen = set(every) if role in SEES_DRAFTS else set(every) - hidden_drafts
    assert shown == (seen if role and not role.startswith("provider") else set())
