"""How each area came to its lead, told through the API on the days it happened; the plans' own days are ours.

Source of the dates: M-19-16, announcements and the public tiles, as collected in the starter data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.registry import tables
from services.registry.app import create_app
from services.registry.config import Settings
from tests.support.apps import Api, an_api
from tests.support.plans import BASIS, a_content
from tests.support.replay import designations_after, designations_in_table, plans_replay

MEMO = "2019-04-26"
HR_FIRST = ("compensation", "work-schedule-and-leave")
HR = (*HR_FIRST, "talent-acquisition", "talent-development", "employee-performance-management", "benefits-management")
FM = ("accounts-payable", "accounts-receivable", "general-ledger", "reporting")
GRANTS = ("grant-program-administration-and-oversight", "grant-award-management", "grant-recipient-oversight")
ACQUISITION = ("acquisition-systems", "assisted-acquisition")
Told = tuple[str, str, str | None, frozenset[str]]


@dataclass
class Story:
    """One area told on its days: `now` is the clock of the installation."""

    api: Api
    calendar: Calendar
    area: str
    services: tuple[str, ...]
    organizations: dict[str, str] = field(default_factory=dict)
    seated: bool = False

    async def memo(self) -> None:
        title = "Centralized Mission Support Capabilities for the Federal Government"
        policy = {"id": "m-19-16", "title": title, "issuer": "OMB", "issued_on": MEMO}
        assert (await self.api.post("/v1/policies", policy, "omb")).status_code == 201
        services = [{"slug": slug, "title": slug} for slug in self.services]
        area = {"id": self.area, "title": self.area, "policy": "m-19-16", "services": services}
        assert (await self.api.post("/v1/focus-areas", area, "omb")).status_code == 201

    async def organization(self, name: str, *, below: str | None = None) -> str:
        body = {"name": name, "kind": "component" if below else "department", "parent_id": below}
        answer = await self.api.post("/v1/organizations", body, "coordinator")
        self.organizations[name] = str(answer.json()["id"])
        return self.organizations[name]

    async def opens(self, action: str, on: str, *services: str, lead: str | None = None) -> None:
        self.calendar.on(on)
        for service in services:
            body = {"focus_area": self.area, "service": service, "effective_on": on, "organization_id": lead}
            answer = await self.api.post(f"/v1/designations/{action}", {**body, **BASIS}, "omb")
            assert answer.status_code == 201, answer.text

    async def plan(self, host: str, lead: str, *services: str, decided_on: str, first_year: int) -> None:
        """Submitted half a year before the decision, voted on a month before it."""
        office = replace(self.api.plans, area=self.area)
        if not self.seated:
            await office.seats("cio", "cfo")
            self.seated = True
        content = a_content(lead, *services, first_year=first_year)
        submitted = self.calendar.before(decided_on, days=180)
        plan = await office.drafted(host, content, first_year=first_year, on=submitted)
        milestone = {"title": "First customer live", "due_on": self.calendar.before(decided_on, days=-365, turn=False)}
        await office.did(plan, "milestones", milestone, by="author")
        await office.did(plan, "submit", by="author")
        await office.did(plan, "start-review", by="coordinator")
        await office.did(plan, "check", {"complete": True}, by="coordinator")
        self.calendar.before(decided_on, days=30)
        for seat in ("cio", "cfo"):
            await office.did(plan, "votes", {"seat": seat, "choice": "for"}, by=seat)
        await office.did(plan, "recommend", by="coordinator")
        await office.met(plan)
        self.calendar.on(decided_on)
        await office.did(plan, "approve", BASIS, by="omb")
        await office.did(plan, "activate", by="omb")

    async def moves(self, action: str, on: str, *services: str, **more: Any) -> list[int]:
        """On each service's live designation."""
        self.calendar.on(on)
        answers = []
        for service in services:
            listed = (await self.api.get(f"/v1/designations?service={service}")).json()["items"]
            (found,) = [d for d in listed if d["status"] != "ended"]
            path = f"/v1/designations/{found['id']}/{action}"
            body = {"effective_on": on, **BASIS, **more}
            answers.append((await self.api.post(path, body, "omb", etag=f'"{found["version"]}"')).status_code)
        return answers

    async def told(self) -> list[Told]:
        """The public timeline: day, action, lead, of which services."""
        entries = (await self.api.get(f"/v1/focus-areas/{self.area}/timeline")).json()["entries"]
        found: defaultdict[tuple[str, str, str | None], set[str]] = defaultdict(set)
        for entry in entries:
            found[entry["effective_on"], entry["action"], entry["organization_name"]].add(entry["service"])
        return [(*key, frozenset(services)) for key, services in found.items()]

    async def led(self, day: str) -> dict[str, tuple[str, str | None]]:
        """Service → (status, lead) on a day, of what is live."""
        items = (await self.api.get(f"/v1/designations?area={self.area}&as_of={day}&limit=200")).json()["items"]
        return {d["service"]: (d["status"], d["organization_name"]) for d in items if d["status"] != "ended"}

    async def replays(self) -> None:
        async with self.api.app.state.context.db.reading() as tx:
            await plans_replay(tx)
            rows = await tx.rows(tables.outbox.select().order_by(tables.outbox.c.id))
            told = designations_after((row["headers"]["ce_type"], row["payload"].encode()) for row in rows)
            assert told == await designations_in_table(tx)


class Calendar:
    """The clock of the installation, turned from day to day."""

    def __init__(self) -> None:
        self.now = datetime(2019, 4, 26, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def on(self, day: str) -> str:
        self.now = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        return day

    def before(self, day: str, *, days: int, turn: bool = True) -> str:
        found = (datetime.fromisoformat(day).date() - timedelta(days=days)).isoformat()
        return self.on(found) if turn else found


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
async def api(database_url: str, tmp_path: Path, calendar: Calendar) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path, clock=calendar) as api:
        yield api


@pytest.mark.parametrize(
    ("area", "services", "department", "office", "designated_on"),
    [
        ("financial-management", FM, "Department of the Treasury", "Bureau of the Fiscal Service", "2020-06-29"),
        ("grants-management", GRANTS, "Department of Health and Human Services", "Grants QSMO", "2021-01-11"),
    ],
    ids=["financial management", "grants"],
)
async def test_an_area_goes_from_the_memo_by_its_plan_to_the_designation(
    api: Api, calendar: Calendar, area: str, services: tuple[str, ...], department: str, office: str, designated_on: str
) -> None:
    story = Story(api, calendar, area, services)
    await story.memo()
    host = await story.organization(department)
    lead = await story.organization(office, below=host)
    await story.opens("pre-designate", MEMO, *services, lead=lead)
    too_early = await story.moves("designate", calendar.before(designated_on, days=200), *services)

    await story.plan(host, lead, *services, decided_on=designated_on, first_year=2020)
    done = await story.moves("designate", designated_on, *services)

    assert (set(too_early), set(done)) == ({409}, {200})
    assert await story.told() == [
        (MEMO, "pre-designate", office, frozenset(services)),
        (designated_on, "designate", office, frozenset(services)),
    ]
    before = calendar.before(designated_on, days=1, turn=False)
    assert set((await story.led(before)).values()) == {("pre_designated", office)}
    assert await story.led(designated_on) == dict.fromkeys(services, ("designated", office))
    assert await story.led("2019-04-25") == {}
    await story.replays()


async def test_human_resources_is_designated_in_part_moves_to_opm_and_falls_back_a_state(api: Api, calendar: Calendar) -> None:
    story = Story(api, calendar, "human-resources", HR)
    await story.memo()
    gsa, opm = "General Services Administration", "Office of Personnel Management"
    gsa_id, opm_id = await story.organization(gsa), await story.organization(opm)
    await story.opens("pre-designate", MEMO, *HR, lead=gsa_id)
    await story.plan(gsa_id, gsa_id, *HR_FIRST, decided_on="2020-06-29", first_year=2020)
    assert await story.moves("designate", "2020-06-29", *HR) == [200, 200, 409, 409, 409, 409], "the plan covers two"
    moved = {"organization_id": opm_id, "reason": "The area moves to OPM, which must have its own plan assessed."}
    assert set(await story.moves("transfer", "2021-03-30", *HR, **moved)) == {201}
    assert set(await story.moves("designate", "2021-03-31", *HR)) == {409}, "GSA's plan does not carry OPM"
    await story.plan(opm_id, opm_id, *HR, decided_on="2025-03-18", first_year=2025)
    assert set(await story.moves("designate", "2025-03-18", *HR)) == {200}

    assert await story.told() == [
        (MEMO, "pre-designate", gsa, frozenset(HR)),
        ("2020-06-29", "designate", gsa, frozenset(HR_FIRST)),
        ("2021-03-30", "transfer", gsa, frozenset(HR)),
        ("2021-03-30", "pre-designate", opm, frozenset(HR)),
        ("2025-03-18", "designate", opm, frozenset(HR)),
    ]
    in_2020, in_2022, in_2025 = [await story.led(day) for day in ("2020-07-01", "2022-03-31", "2025-03-18")]
    assert {service for service, (status, _) in in_2020.items() if status == "designated"} == set(HR_FIRST)
    assert set(in_2022.values()) == {("pre_designated", opm)}
    assert set(in_2025.values()) == {("designated", opm)}
    assert set(in_2020) == set(in_2022) == set(in_2025) == set(HR)
    await story.replays()


async def test_acquisition_is_researched_then_pre_designated_and_waits_for_its_plan(api: Api, calendar: Calendar) -> None:
    story = Story(api, calendar, "acquisition", ACQUISITION)
    await story.memo()
    gsa = await story.organization("General Services Administration")
    await story.opens("research", "2020-03-05", "assisted-acquisition")
    await story.opens("pre-designate", "2026-03-05", *ACQUISITION, lead=gsa)

    refused = await story.moves("designate", "2026-04-29", *ACQUISITION)

    assert set(refused) == {409}
    assert await story.told() == [
        ("2020-03-05", "research", None, frozenset({"assisted-acquisition"})),
        ("2026-03-05", "pre-designate", "General Services Administration", frozenset(ACQUISITION)),
    ]
    assert await story.led("2025-12-31") == {"assisted-acquisition": ("research", None)}
    assert set((await story.led("2026-04-29")).values()) == {("pre_designated", "General Services Administration")}
    (area,) = (await api.get("/v1/scorecard", "omb")).json()["areas"]
    assert [(s["status"], s["days_in_state"]) for s in area["services"]] == [("pre_designated", 55)] * 2
    assert area["plans"] == []
    await story.replays()
