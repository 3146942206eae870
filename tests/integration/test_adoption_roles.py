"""Every route of adoption by every role, against a table written down here; what is not in it is denied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.adoption.api import routers
from services.adoption.domain.provider_case import Paper
from shared.contracts.catalog import FitEntry, OfferingPublished
from shared.contracts.registry import OrganizationChanged
from tests.integration.test_adoption_iaps import a_designation
from tests.unit.adoption.builders import World, a_world, acted, an_offering, an_organization, started, terms

AREA = "cybersecurity"
# All things belong to CISA, a component of Homeland Security, and to an offering of provider p-1 for cybersecurity.
ROLES = {
    "own": "agency:7008:sapoc",
    "member": "agency:7008:member",
    "above": "agency:070:head",
    "below": "agency:csd:sapoc",
    "other agency": "agency:014:sapoc",
    "qsmo": f"qsmo:{AREA}",
    "other qsmo": "qsmo:grants-management",
    "omb": "omb",
    "coordinator": "coordinator",
    "auditor": "auditor",
    "board": "board:council",
    "standards": f"standards:{AREA}",
    "provider": "provider:p-1",
    "other provider": "provider:p-2",
    "anonymous": "",
}
AGENCY = frozenset({"own", "member", "above"})
ABOVE = frozenset({"above"})
JUDGES = frozenset({"omb", "coordinator"})
WIDE = frozenset({"omb", "coordinator", "auditor"})
SEE = AGENCY | WIDE | {"qsmo"}
SEE_AGREEMENT = SEE | {"provider"}
EVERYBODY = frozenset(ROLES)
MISSING_BODY: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`may`: roles that are not refused; `see`: of the rest, those told that they may not; others hear `unseen`."""

    may: frozenset[str]
    see: frozenset[str] = EVERYBODY
    body: Any = None
    query: str = ""
    fill: tuple[tuple[str, str], ...] = ()
    etag_of: str = ""
    unseen: int = 404


def adoption(may: frozenset[str] = AGENCY, body: Any = MISSING_BODY, **fill: str) -> Rule:
    return Rule(may=may, see=SEE, body=body, fill=tuple(fill.items()), etag_of="/v1/adoptions/{adoption}")


def agreement(may: frozenset[str] = AGENCY, body: Any = MISSING_BODY) -> Rule:
    return Rule(may=may, see=SEE_AGREEMENT, body=body, etag_of="/v1/agreements/{agreement}")


def system(may: frozenset[str] = AGENCY, body: Any = MISSING_BODY) -> Rule:
    return Rule(may=may, see=SEE, body=body, etag_of="/v1/systems/{system}")


def annual_plan(may: frozenset[str] = ABOVE, body: Any = MISSING_BODY, **fill: str) -> Rule:
    return Rule(
        may=may, see=ABOVE | WIDE | {"qsmo"}, body=body, fill=tuple(fill.items()), etag_of="/v1/annual-plans/{annual_plan}"
    )


def case(may: frozenset[str], body: Any, **fill: str) -> Rule:
    return Rule(may=may, see=SEE, body=body, fill=tuple(fill.items()), etag_of="/v1/provider-cases/{provider_case}")


def seen(by: frozenset[str] = SEE, query: str = "", **fill: str) -> Rule:
    return Rule(may=by, see=frozenset(), query=query, fill=tuple(fill.items()))


INVENTORIED = (("agency_id", "cisa"), ("number", "N-1"))
REASON = {"reason": "a good reason"}
RATINGS = {"data": {"level": "low", "grounds": "looked at"}}
DAY = "2030-01-01"
CSV = "fibf_id,scale\nCYB.100.010,both\n"
MONEY = {"amount": "10.00"}
NEED = {"fibf_id": "CYB.100.010", "scale": "both"}
CASE = {"title": "Payroll for two more", "option": "invest"}
SYSTEM = {"name": "Old", "focus_area": AREA}
ENTRY = {"fiscal_year": 2027, "kind": "baseline", "amount": "5.00", "method": "m", "source": "s", "confidence": "high"}
TABLE: dict[str, list[Rule]] = {
    # adoptions
    "GET /v1/adoptions/{id}": [seen()],
    "POST /v1/adoptions": [Rule(may=AGENCY, body={"agency_id": "cisa", "offering_id": "pay"})],
    **{f"POST /v1/adoptions/{{id}}/{action}": [adoption()] for action in ("advance", "hold", "resume", "complete")},
    "POST /v1/adoptions/{id}/withdraw": [adoption(body=REASON)],
    "POST /v1/adoptions/{id}/accept-revision": [adoption()],
    "GET /v1/adoptions/{id}/gates": [seen()],
    "POST /v1/adoptions/{id}/criteria/{criterion}/meet": [adoption(body={"evidence": "seen"}, criterion="assessment-vision")],
    "POST /v1/adoptions/{id}/criteria/{criterion}/waive": [
        adoption(frozenset({"qsmo", "omb"}), REASON, criterion="assessment-vision")
    ],
    "POST /v1/adoptions/{id}/criteria/{criterion}/reopen": [adoption(AGENCY | {"qsmo"}, REASON, criterion="assessment-scope")],
    "POST /v1/adoptions/{id}/tollgate/sign": [
        adoption(body={"side": "agency"}),
        adoption(frozenset({"qsmo"}), {"side": "qsmo"}),
    ],
    "POST /v1/adoptions/{id}/go-live": [adoption(body={"outcome": "go", "go_live_on": DAY})],
    "GET /v1/adoptions/{id}/tasks": [seen()],
    "PUT /v1/adoptions/{id}/tasks/{task}": [adoption(body={"status": "done"}, task="0.1")],
    "GET /v1/adoptions/{id}/artifacts": [seen()],
    "PUT /v1/adoptions/{id}/artifacts/{artifact}": [
        adoption(body={"status": "filed", "link": "https://example.gov/v"}, artifact="assessment-vision-statement")
    ],
    "GET /v1/adoptions/{id}/schedule": [seen()],
    "PUT /v1/adoptions/{id}/schedule/{phase}": [adoption(body={"owner": "PMO Lead", "target_on": DAY}, phase="migration")],
    "GET /v1/adoptions/{id}/risk": [seen()],
    "POST /v1/adoptions/{id}/risk": [adoption(body={"size": "small", "ratings": RATINGS})],
    "POST /v1/adoptions/{id}/risk/review": [adoption(frozenset({"qsmo", "omb"}), {"ratings": RATINGS})],
    "GET /v1/adoptions/{id}/forecast": [seen()],
    "GET /v1/adoptions/{id}/withdrawal": [seen()],
    "GET /v1/adoptions/{id}/reconciliation": [seen()],
    # readiness, needs, fit, shortlists
    "GET /v1/agencies/{agency_id}/readiness/{area}": [seen(agency_id="cisa", area=AREA)],
    "GET /v1/agencies/{agency_id}/readiness/{area}/versions": [seen(agency_id="cisa", area=AREA)],
    "PUT /v1/agencies/{agency_id}/readiness/{area}": [
        Rule(
            may=AGENCY | {"qsmo"},
            body={"standings": {"finance": {"level": 3, "evidence": "seen"}}},
            fill=(("agency_id", "cisa"), ("area", AREA)),
            etag_of=f"/v1/agencies/cisa/readiness/{AREA}",
        )
    ],
    "GET /v1/needs/{id}": [seen()],
    "POST /v1/needs": [Rule(may=AGENCY, body={"agency_id": "cisa", "focus_area": AREA, "fiscal_year": 2029, "needs": []})],
    "PUT /v1/needs/{id}": [Rule(may=AGENCY, see=SEE, body={"needs": [NEED]}, etag_of="/v1/needs/{needs}")],
    "PUT /v1/needs/{id}/csv": [Rule(may=AGENCY, see=SEE, body={}, etag_of="/v1/needs/{needs}")],
    "GET /v1/needs/{id}/fit": [seen()],
    "GET /v1/needs/{id}/fit/{offering_id}": [seen(offering_id="dns")],
    "GET /v1/needs/{id}/comparison": [seen(query="offering_id=dns")],
    "GET /v1/fits/{offering_id}": [seen(EVERYBODY, offering_id="pay")],
    "GET /v1/fits": [Rule(may=WIDE | {"qsmo"}, query=f"area={AREA}&fiscal_year=2027")],
    "GET /v1/shortlists/{id}": [seen()],
    "GET /v1/shortlists/{id}/verification": [seen()],
    "POST /v1/shortlists": [Rule(may=AGENCY, see=SEE, body={"needs_id": "{needs}", "offering_ids": []})],
    "POST /v1/shortlists/{id}/decide": [
        Rule(may=AGENCY, see=SEE, body={"outcome": "none_suitable", **REASON}, etag_of="/v1/shortlists/{shortlist}")
    ],
    "GET /v1/demands": [Rule(may=EVERYBODY, query=f"area={AREA}")],
    # agreements
    "GET /v1/agreements/{id}": [seen(SEE_AGREEMENT)],
    "GET /v1/agreements/{id}/versions": [seen(SEE_AGREEMENT)],
    "POST /v1/agreements": [Rule(may=AGENCY, see=SEE, body="agreement", unseen=422)],
    "PUT /v1/agreements/{id}": [agreement(body="terms")],
    "POST /v1/agreements/{id}/amend": [agreement(body="terms")],
    **{f"POST /v1/agreements/{{id}}/{action}": [agreement(body=REASON)] for action in ("send", "recall", "hold", "resume")},
    "POST /v1/agreements/{id}/sign": [agreement(AGENCY - {"member"})],
    "POST /v1/agreements/{id}/countersign": [agreement(frozenset({"qsmo", "provider"}))],
    "POST /v1/agreements/{id}/activate": [agreement(AGENCY | {"qsmo", "provider"})],
    "POST /v1/agreements/{id}/terminate": [agreement(AGENCY | {"qsmo"}, REASON)],
    # systems, savings
    "GET /v1/systems/{id}": [seen()],
    "GET /v1/systems/by-key/{agency_id}/{number}": [seen(agency_id="cisa", number="N-1")],
    "PUT /v1/systems/by-key/{agency_id}/{number}": [
        Rule(may=AGENCY | {"coordinator"}, body=SYSTEM, fill=INVENTORIED, etag_of="/v1/systems/{system}")
    ],
    "POST /v1/systems": [Rule(may=AGENCY | {"coordinator"}, body={**SYSTEM, "agency_id": "cisa", "number": "N-2"})],
    "PUT /v1/systems/{id}": [system(AGENCY | {"coordinator"}, SYSTEM)],
    "POST /v1/systems/{id}/plan-decommission": [system(body={"planned_on": DAY})],
    "POST /v1/systems/{id}/keep": [system(body=REASON)],
    "POST /v1/systems/{id}/decommission": [system(body={"ended_on": "2026-01-01", "evidence": "Switched off"})],
    "POST /v1/adoptions/{adoption_id}/savings": [Rule(may=AGENCY, see=SEE, body=ENTRY)],
    "POST /v1/savings/{entry_id}/reverse": [Rule(may=AGENCY, see=SEE, body=REASON)],
    # annual plans: of Homeland Security, submitted
    "POST /v1/annual-plans/call": [Rule(may=frozenset({"coordinator"}), body={"fiscal_year": 2028, "due_on": DAY})],
    "GET /v1/annual-plans/summary": [Rule(may=WIDE, query="fiscal_year=2027")],
    "GET /v1/annual-plans/{id}": [seen(ABOVE | WIDE | {"qsmo"})],
    "PUT /v1/annual-plans/{id}": [annual_plan(body={"areas": []})],
    "POST /v1/annual-plans/{id}/submit": [annual_plan()],
    "POST /v1/annual-plans/{id}/milestones/{milestone_id}/meet": [annual_plan(body={"evidence": "seen"})],
    "POST /v1/annual-plans/{id}/{action}": [
        annual_plan(JUDGES, REASON, action="return"),
        annual_plan(JUDGES, {}, action="accept"),
        annual_plan(ABOVE, REASON, action="amend"),
    ],
    # findings, of oversight and the QSMO of the area alone
    "POST /v1/findings": [
        Rule(
            may=JUDGES,
            body={"focus_area": AREA, "title": "t", "due_on": DAY, "sources": []},
        )
    ],
    "GET /v1/findings/{id}": [seen(WIDE | {"qsmo"})],
    "POST /v1/findings/{id}/withdraw": [Rule(may=JUDGES, see=WIDE | {"qsmo"}, body=REASON, etag_of="/v1/findings/{finding}")],
    # cases of legacy providers: CISA's, submitted; the board's seat sees it once it is asked
    "GET /v1/provider-cases/{id}": [seen()],
    "POST /v1/provider-cases": [Rule(may=AGENCY, body={**CASE, "agency_id": "cisa", "focus_area": AREA})],
    "PUT /v1/provider-cases/{id}": [case(AGENCY, CASE)],
    "POST /v1/provider-cases/{id}/advise": [case(frozenset(), {"in_favour": True, "text": "good"})],
    "POST /v1/provider-cases/{id}/approve": [case(frozenset({"omb"}), REASON)],
    "POST /v1/provider-cases/{id}/deny": [case(frozenset({"omb"}), REASON)],
    "POST /v1/provider-cases/{id}/conditions/{condition_id}/satisfy": [
        case(frozenset({"omb", "qsmo"}), {"evidence": "seen"}, condition_id="c-1")
    ],
    "POST /v1/provider-cases/{id}/{action}": [
        *(case(AGENCY, REASON, action=action) for action in ("submit", "revise", "escalate", "appeal", "withdraw")),
        *(case(frozenset({"qsmo"}), REASON, action=action) for action in ("return", "support", "refuse")),
    ],
    # over all
    "GET /v1/agencies/{id}/next-steps": [seen()],
    "GET /v1/stats/adoption-states": [Rule(may=WIDE | {"qsmo"}, query=f"area={AREA}")],
    "GET /v1/stats/adoption-states/by-area": [Rule(may=WIDE | {"qsmo"})],
    "GET /v1/agencies/{id}/adoption-states": [seen()],
    "GET /v1/parked-rows": [Rule(may=WIDE)],
}
# Lists that anybody may ask for: who finds something in them. The offering's provider is a side of agreements alone.
LISTS = {
    "GET /v1/adoptions": SEE,
    "GET /v1/agencies/{id}/adoptions": SEE,
    "GET /v1/needs": SEE,
    "GET /v1/shortlists": SEE,
    "GET /v1/agreements": SEE_AGREEMENT,
    "GET /v1/agreements/funding": SEE_AGREEMENT,
    "GET /v1/systems": SEE,
    "GET /v1/savings": SEE,
    "GET /v1/annual-plans": ABOVE | WIDE | {"qsmo"},
    "GET /v1/findings": WIDE | {"qsmo"},
    "GET /v1/provider-cases": SEE,
}
# Rules as data, and sums over what the caller sees (which the lists above hold to).
PUBLIC = {
    "GET /v1/meta/readiness",
    "GET /v1/meta/m3",
    "GET /v1/meta/m3/terms",
    "GET /v1/meta/m3/risk",
    "GET /v1/meta/state-machines/adoption",
    "GET /v1/stats/adoptions",
    "GET /v1/duplications",
    "GET /v1/savings/sums",
}
ROUTES = {f"{method} {route.path}" for router in routers for route in router.routes for method in route.methods}  # type: ignore[attr-defined]  # all are APIRoutes


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def ids_of(world: World) -> dict[str, str]:
    """One of each thing, of CISA."""
    fit = FitEntry(coverage={"CYB.100.010": "yes"})
    offered: dict[str, Any] = {"kind": OfferingPublished, "status": "published", "fit": fit}
    await world.tell(an_offering("dns", focus_areas=(AREA,), provider_id="p-1", **offered))
    own = ROLES["own"]
    shown = await acted(world, await started(world), "criteria/assessment-scope/meet", own, "sapoc", evidence="seen")
    adoption_id = shown.json()["id"]
    needs = {"agency_id": "cisa", "focus_area": AREA, "fiscal_year": 2027, "needs": [NEED]}
    standings = {"standings": {"finance": {"level": 2, "evidence": "seen"}}}
    assert (await world.api.put(f"/v1/agencies/cisa/readiness/{AREA}", standings, own)).status_code == 200
    ids = {"adoption": adoption_id, "agency": "cisa", "needs": await _made(world, "/v1/needs", needs)}
    ids["shortlist"] = await _made(world, "/v1/shortlists", {"needs_id": ids["needs"], "offering_ids": []})
    ids["agreement"] = await _made(world, "/v1/agreements", {"adoption_id": adoption_id, **terms(world)})
    ids["system"] = await _made(world, "/v1/systems", {**SYSTEM, "agency_id": "cisa", "number": "N-1"})
    ids["entry"] = await _made(world, f"/v1/adoptions/{adoption_id}/savings", ENTRY)
    ids |= {**await _annual_plan(world), "finding": await _finding(world, adoption_id)}
    return {**ids, "provider_case": await _provider_case(world)}


async def _provider_case(world: World) -> str:
    papers = {paper.value: "written" for paper in Paper}
    body = {**CASE, "papers": papers, "costs": {"2027": MONEY}, "agency_id": "cisa", "focus_area": AREA}
    case_id = await _made(world, "/v1/provider-cases", body)
    assert (await world.api.post(f"/v1/provider-cases/{case_id}/submit", {}, ROLES["own"], etag='"1"')).status_code == 200
    return case_id


async def _finding(world: World, adoption_id: str) -> str:
    await world.tell(a_designation(AREA))
    feedback = await _made(world, f"/v1/adoptions/{adoption_id}/feedback", {"ratings": {"support": 1}})
    body = {"focus_area": AREA, "title": "t", "due_on": "2099-01-01", "sources": [{"kind": "feedback", "id": feedback}]}
    answer = await world.api.post("/v1/findings", body, "omb")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _annual_plan(world: World) -> dict[str, str]:
    await world.tell(
        an_organization("dhs", ("cgac", "070"), kind=OrganizationChanged, name="Homeland Security", cfo_act=True),
    )
    call = {"fiscal_year": 2027, "due_on": DAY}
    assert (await world.api.post("/v1/annual-plans/call", call, "coordinator")).status_code == 201
    (found,) = (await world.api.get("/v1/annual-plans", "auditor")).json()["items"]
    path = f"/v1/annual-plans/{found['id']}"
    milestone = {"title": "Look again", "due_on": DAY}
    stated = {"areas": [{"focus_area": AREA, "state": "not_planning", "why": "No need.", "milestones": [milestone]}]}
    written = await world.api.put(path, stated, ROLES["above"], etag='"1"')
    assert written.status_code == 200, written.text
    assert (await world.api.post(f"{path}/submit", {}, ROLES["above"], etag='"2"')).status_code == 200
    return {"annual_plan": found["id"], "milestone": written.json()["areas"][0]["milestones"][0]["id"]}


async def _made(world: World, path: str, body: Any) -> str:
    answer = await world.api.post(path, body, ROLES["own"])
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def asked(world: World, key: str, rule: Rule, role: str, ids: dict[str, str]) -> int:
    method, _, path = key.partition(" ")
    kinds = ("agreement", "shortlist", "system", "needs", "annual-plan", "finding", "provider-case")
    kind = next((name for name in kinds if f"/{name}" in path), "adoption").replace("-", "_")
    others = {"adoption_id": ids["adoption"], "entry_id": ids["entry"], "milestone_id": ids["milestone"]}
    fill = {"id": ids["agency" if "/agencies/" in path else kind], **others}
    url = path.format(**{**fill, **dict(rule.fill)})
    headers = world.api.headers(*([ROLES[role]] if ROLES[role] else []), subject=role)
    if rule.etag_of:
        headers["If-Match"] = (await world.api.get(rule.etag_of.format(**ids), "auditor")).headers["etag"]
    query = "&".join(part for part in (rule.query, "" if method == "GET" else "validate_only=true") if part)
    given: dict[str, Any] = {} if rule.body is None else {"json": _body(world, rule.body, ids)}
    if path.endswith("/csv"):
        given = {"content": CSV}
        headers["Content-Type"] = "text/csv"
    return (await world.api.client.request(method, f"{url}?{query}", headers=headers, **given)).status_code


def _body(world: World, body: Any, ids: dict[str, str]) -> Any:
    if body in ("terms", "agreement"):
        given = terms(world, number="IAA-2")
        return {**given, "adoption_id": ids["adoption"]} if body == "agreement" else given
    return {name: value.format(**ids) if isinstance(value, str) else value for name, value in body.items()}


def judged(rule: Rule, role: str, status: int) -> bool:
    """Not refused for who asks: done, or against the state of things (409)."""
    if role in rule.may:
        return status in {200, 201, 409}
    if role == "anonymous":
        return status in ({401} if rule.body is not None else {401, 404})
    return status == (403 if role in rule.see else rule.unseen)


async def test_each_role_may_what_the_table_says_and_nothing_else(world: World) -> None:
    ids = await ids_of(world)
    before = await _versions(world, ids)

    wrong = [
        (key, role, status)
        for key, rules in TABLE.items()
        for rule in rules
        for role in ROLES
        for status in [await asked(world, key, rule, role, ids)]
        if not judged(rule, role, status)
    ]

    assert wrong == []
    assert await _versions(world, ids) == before, "the table is walked without a trace"


async def test_each_role_finds_in_lists_what_it_may_see(world: World) -> None:
    ids = await ids_of(world)
    found = {}
    for key, expected in LISTS.items():
        path = key.partition(" ")[2].format(id=ids["agency"])
        for role, name in ROLES.items():
            answer = await world.api.get(path, *([name] if name else []))
            found[key, role] = bool(answer.json()["items"]), role in expected

    assert {key: got for key, got in found.items() if got[0] != got[1]} == {}


async def test_every_route_is_in_the_table_or_denied(world: World) -> None:
    """A route that nobody has written down lets neither strangers nor anonymous callers write."""
    assert [key for key in (*TABLE, *LISTS, *PUBLIC) if key not in ROUTES] == []
    unlisted = {key for key in ROUTES if key not in TABLE and key not in LISTS and key not in PUBLIC}

    for key in unlisted:
        method, _, path = key.partition(" ")
        url = path.replace("{", "x-").replace("}", "")
        for role in ("", ROLES["other provider"]):
            headers = {**world.api.headers(*([role] if role else [])), "If-Match": '"1"'}
            answer = await world.api.client.request(method, url, json={}, headers=headers)
            assert method == "GET" or 400 <= answer.status_code < 500, (key, role, answer.status_code)


async def _versions(world: World, ids: dict[str, str]) -> list[str]:
    paths = [f"/v1/{name}s/{ids[name]}" for name in ("adoption", "agreement", "shortlist", "system")]
    paths += [f"/v1/annual-plans/{ids['annual_plan']}", f"/v1/findings/{ids['finding']}"]
    paths.append(f"/v1/provider-cases/{ids['provider_case']}")
    return [(await world.api.get(path, "auditor")).headers["etag"] for path in [*paths, f"/v1/needs/{ids['needs']}"]]
