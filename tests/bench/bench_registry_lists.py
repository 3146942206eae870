"""Lists of the registry with filters, embedded: the whole answer beside its raw query, at 5,000 organizations and 200 plans."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from sqlalchemy import Select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.registry import facts, store
from services.registry.app import create_app
from services.registry.config import Settings
from services.registry.domain.organization import Code, DatedChange, Kind, Organization, renamed
from services.registry.domain.plan import Plan, PlanYear, Sections, Turn
from services.registry.domain.plan_criteria import Assessment, Criterion, unassessed
from services.registry.domain.plan_progress import Milestone
from services.registry.domain.plan_states import State
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.db.statements import Statements
from shared.kernel.cause import Cause
from shared.process import tune_interpreter
from shared.web.edge import edge
from tests.support.apps import Api, an_api

ORGANIZATIONS = 5_000
PLANS = 200
GOAL_MS = 15.0
GOAL_RATIO = 3.0
_ROUNDS = 60
AT = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
LISTS = {
    "organizations": "/v1/organizations",
    "organizations by name": "/v1/organizations?q=office%20of%20t",
    "organizations below one": "/v1/organizations?parent_id=o-00007",
    "organizations by code": "/v1/organizations?code=04999&scheme=subtier",
    "organizations of a day": "/v1/organizations?as_of=2019-06-01&cfo_act=true",
    "plans": "/v1/plans",
    "plans of an area": "/v1/plans?area=area-3&state=active",
    "plans of a host": "/v1/plans?host=o-00011",
    "vacancies": "/v1/vacancies",
    "designations": "/v1/designations?area=area-3",
}


def an_organization(n: int) -> Organization:
    found = Organization(
        id=f"o-{n:05}",
        version=0,
        name=f"Office of {'the ' if n % 3 else ''}Number {n}",
        kind=Kind.OFFICE,
        parent_id=f"o-{n % 50:05}" if n >= 50 else None,
        codes=(Code(scheme="subtier", value=f"{n:05}"),),
        cfo_act=n % 7 == 0,
        valid_from=date(2000, 1, 1),
    )
    change = DatedChange(on=date(2019, 7, 1), at=AT, by="bench", reason="a reason")
    return renamed(found, f"Office {n}, renamed", abbreviation=None, change=change) if n % 10 == 9 else found


def a_plan(n: int) -> Plan:
    turns = tuple(
        Turn(action=action, state=state, on=date(2020, 1, 1), at=AT, by="author")
        for action, state in (("draft", State.DRAFT), ("submit", State.SUBMITTED), ("activate", State.ACTIVE))
    )
    text = "What this office means to offer to its customers over five years. " * 6
    return Plan(
        id=f"p-{n:03}",
        version=0,
        focus_area=f"area-{n % 5}",
        host_organization_id=f"o-{n // 5:05}",
        number=1,
        first_fiscal_year=2020,
        turns=turns[: 2 + n % 2],
        lead_office_id=f"o-{n // 5:05}",
        services=("one", "two"),
        sections=Sections(
            offerings=text, acquisition_strategy=text, governance=text, funding_mechanism=text, organization=text
        ),
        years=tuple(PlanYear(fiscal_year=y, capacity="c", skills="s", funds=Decimal("1.50")) for y in range(2020, 2025)),
        criteria=tuple(
            Criterion(element=c.element, status=Assessment.MET, evidence=("https://x.gov/e",)) for c in unassessed()
        ),
        milestones=tuple(Milestone(id=f"m{i}", title=f"milestone {i}", due_on=date(2021, 1, 1)) for i in range(6)),
    )


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/registry.db", migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        async with api.app.state.context.db.transaction(Cause(actor="bench")) as tx:
            organizations = [an_organization(n) for n in range(ORGANIZATIONS)]
            await store.organizations.add_all(
                tx, [(o, facts.organization(contracts.OrganizationRegistered, o)) for o in organizations]
            )
            plans = [a_plan(n) for n in range(PLANS)]
            await store.plans.add_all(tx, [(plan, facts.plan(contracts.PlanDrafted, plan)) for plan in plans])
        await people(api)
        tune_interpreter()  # as a service does
        yield api


async def people(api: Api) -> None:
    """Ten seats, some of organizations; a hundred vacant posts; fifty designations."""
    assert (
        await api.post("/v1/policies", {"id": "p", "title": "P", "issuer": "OMB", "issued_on": "2019-04-26"}, "omb")
    ).is_success
    services = [{"slug": f"s{n}", "title": "s"} for n in range(10)]
    for n in range(5):
        area = {"id": f"area-{n}", "title": "A", "policy": "p", "services": services}
        assert (await api.post("/v1/focus-areas", area, "omb")).is_success
        for service in services:
            body = {"focus_area": f"area-{n}", "service": service["slug"], "organization_id": "o-00001",
                    "effective_on": "2019-04-26", "policy": "p", "clause": "I"}  # fmt: skip
            assert (await api.post("/v1/designations/pre-designate", body, "omb")).is_success
    for n in range(10):
        seat = {"id": f"seat-{n}", "title": "Seat", "organization_id": f"o-{n + 60:05}" if n % 2 else None, "subject": f"s{n}"}
        assert (await api.post("/v1/board-seats", seat, "coordinator")).is_success
    for n in range(100):
        post = {"kind": "sapoc", "organization_id": f"o-{n:05}", "effective_on": "2020-01-01"}
        assert (await api.post("/v1/posts", post, "coordinator")).is_success


async def median_ms(call: Callable[[], Awaitable[Any]]) -> float:
    for _ in range(5):
        await call()
    times = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        await call()
        times.append((time.perf_counter() - begun) * 1_000)
    return statistics.median(times)


@pytest.mark.bench
@pytest.mark.timeout(600)
async def test_lists_with_filters_are_quick_beside_their_raw_query(api: Api) -> None:
    """Raw is the list's own SQL, its rows answered as JSON at the same door; `sql` is that without the door."""
    print(f"\n{'list':<26}{'rows':>5}{'answer ms':>11}{'raw ms':>9}{'ratio':>7}{'sql ms':>9}")
    slow = []
    for name, path in LISTS.items():
        rows, answer_ms, raw_ms, sql_ms = await measured(api, path)
        ratio = answer_ms / raw_ms
        print(f"{name:<26}{rows:>5}{answer_ms:>11.2f}{raw_ms:>9.2f}{ratio:>7.1f}{sql_ms:>9.2f}")
        if answer_ms >= GOAL_MS or ratio > GOAL_RATIO:
            slow.append(name)
    assert slow == []


class _Noting:
    """Statements, and what was asked of them."""

    def __init__(self, known: Statements, asked: list[tuple[Any, Any]]) -> None:
        self._known, self._asked = known, asked

    def plan(self, statement: Any, given: Any) -> Any:
        self._asked.append((statement, given))
        return self._known.plan(statement, given)


async def measured(api: Api, path: str) -> tuple[int, float, float, float]:
    db, headers = api.app.state.context.db, api.headers("omb")
    asked: list[tuple[Any, Any]] = []

    async def ask() -> Any:
        return await api.client.get(path, headers=headers)

    known = db._statements[db._reader]
    db._statements[db._reader] = cast("Statements", _Noting(known, asked))
    items = (await ask()).json()["items"]
    db._statements[db._reader] = known
    statements = [(statement, parameters) for statement, parameters in asked if isinstance(statement, Select)]

    async def sql(tx: Transaction) -> list[Any]:
        return [await tx.rows(statement, parameters) for statement, parameters in statements]

    async def raw_endpoint(request: Request) -> Response:
        at = await edge(request)
        rows = [row for found in await at.read(sql) for row in found]
        body = orjson.dumps([{str(name): value for name, value in row.items()} for row in rows])
        return Response(body, media_type="application/json")

    async def sql_alone() -> None:
        async with db.reading() as tx:
            await sql(tx)

    api.app.router.routes.insert(0, Route("/raw", raw_endpoint))
    try:
        assert (await api.client.get("/raw", headers=headers)).is_success
        raw_ms = await median_ms(lambda: api.client.get("/raw", headers=headers))
        return len(items), await median_ms(ask), raw_ms, await median_ms(sql_alone)
    finally:
        del api.app.router.routes[0]
