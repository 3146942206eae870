"""Figures: on any day what the facts say, kept as they come in, rebuilt and verified from them."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import pytest
from arro3.io import read_parquet
from sqlalchemy import or_, select

from services.adoption import tables
from services.adoption.consumers import follow_own
from services.adoption.domain.figures import ALL, Figure
from services.adoption.domain.m3 import Phase
from services.adoption.queries import analytics
from shared.db import insert_many
from shared.kernel.cause import Cause
from tests.support.real_data import mapping_rows, needs_real_data
from tests.unit.adoption.builders import World, a_world, an_offering, an_organization, letter_row, started
from tests.unit.adoption.generated_facts import AREAS, Published, event_of, outbox_row, published

CAUSE = Cause(actor="tester")
PHASES = [phase.value for phase in Phase]
FACTS = 3_000
# In the long form 100,000.
FACTS_BESIDE_REAL = int(os.environ.get("QSMO_FIGURES_FACTS", "1000"))


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def told(world: World, facts: Iterable[Published], *, seed: int = 1) -> list[Published]:
    """Recorded in the outbox and brought by the bus in runs of any length, now and then twice."""
    rng, given = random.Random(seed), list(facts)
    async with world.db.transaction(CAUSE) as tx:
        for start in range(0, len(given), 1_000):
            await insert_many(tx, tables.outbox, [outbox_row(each) for each in given[start : start + 1_000]])
    coming, longest = iter(given), max(400, len(given) // 20)
    while run := list(islice(coming, rng.randrange(1, longest))):
        for _ in range(rng.choice((1, 1, 2))):
            async with world.db.transaction(CAUSE) as tx:
                await follow_own(tx, [event_of(each) for each in run])
    return given


@dataclass
class Oracle:
    """The figures by going through all facts, subject by subject: what it says of a day is its last fact in effect by then."""

    facts: dict[str, list[tuple[date, str, dict[str, Any]]]]

    @classmethod
    def of(cls, rows: Iterable[dict[str, Any]]) -> Oracle:
        found: dict[str, list[tuple[date, str, dict[str, Any]]]] = defaultdict(list)
        for row in rows:
            kind, fact = row["headers"]["ce_type"].split(".")[2], orjson.loads(row["payload"])
            day = row["recorded_at"].date()
            if "started_on" in fact:
                kind = "adoption"
                day = date.fromisoformat(fact["effective_on"])
            elif "decommissioned_on" in fact:
                day = date.fromisoformat(fact["decommissioned_on"])
            fact["verb"], fact["recorded"] = row["headers"]["ce_type"].split(".")[3], row["recorded_at"].date()
            before = found[row["key"]]
            fact["day"] = max(day, before[-1][0]) if before else day
            found[row["key"]].append((fact["day"], kind, fact))
        return cls(found)

    def at(self, as_of: date) -> Counter[tuple[str, str, str, str]]:
        """(figure, agency, area, key) → sum."""
        sums: Counter[tuple[str, str, str, str]] = Counter()
        for facts in self.facts.values():
            standing = [(kind, fact) for day, kind, fact in facts if day <= as_of]
            if standing:
                self._count(sums, standing[-1][0], [fact for _, fact in standing])
            if facts[0][1] == "adoption":
                self._count_stalls(sums, [fact for *_, fact in facts], as_of)
        return Counter({cell: n for cell, n in sums.items() if n})

    def _count_stalls(self, sums: Counter[tuple[str, str, str, str]], facts: list[dict[str, Any]], as_of: date) -> None:
        """Told on the day it was recorded, not on that of the step before; ended by a step on the step's day."""
        since: date | None = None
        for before, fact in pairwise(facts):
            moved = fact["phase"] != before["phase"] or fact["status"] != "active"
            if since is not None and (moved or fact["verb"] == "resumed"):
                until = max(since, fact["day"], fact["recorded"] if fact["verb"] == "resumed" else since)
                self._stall(sums, before, is_standing=since <= as_of < until)
                since = None
            if since is None and fact["verb"] == "stalled" and fact["status"] == "active":
                since = max(fact["recorded"], fact["day"])
        self._stall(sums, facts[-1], is_standing=since is not None and since <= as_of)

    def _stall(self, sums: Counter[tuple[str, str, str, str]], fact: dict[str, Any], *, is_standing: bool) -> None:
        for area in (*fact["focus_areas"], ALL) if is_standing else ():
            for held_by in (fact["agency_id"], ""):
                sums[("stalled", held_by, area, fact["phase"])] += 1

    def _count(self, sums: Counter[tuple[str, str, str, str]], kind: str, facts: list[dict[str, Any]]) -> None:
        last = facts[-1]
        areas = (*last.get("focus_areas", last.get("areas", [last.get("focus_area")])), ALL)
        for figure, agency, key, n in _told_by(kind, facts):
            for area in areas[:-1] if figure in {"coverage", "time_in_phase"} else areas:
                for held_by in {agency, ""}:
                    sums[(figure, held_by, area, key)] += n


def _told_by(kind: str, facts: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, int]]:
    """(figure, agency, key, amount) of one subject."""
    last = facts[-1]
    match kind:
        case "adoption":
            yield "funnel", last["agency_id"], f"{last['phase']}:{last['status']}", 1
            in_use = last["status"] == "completed" or (last["status"], last["phase"]) == ("active", "operations")
            yield from (("coverage", last["agency_id"], each, 1) for each in last["activities"] if in_use)
            entered = {fact["phase"]: fact["day"] for fact in reversed(facts)}
            for (_, since), (phase, until) in pairwise(sorted(entered.items(), key=lambda each: PHASES.index(each[0]))):
                left = PHASES[PHASES.index(phase) - 1]
                yield "time_in_phase", "", f"{left}:{(until - since).days}", 1
        case "savings":
            key = f"{last['kind']}:{last['fiscal_year']}"
            yield "savings", last["agency_id"], key, last["cents"]
            yield "hours", last["agency_id"], key, last["hours"]
        case "sla":
            months = {fact["month"]: fact["verb"] for fact in facts if "month" in fact}
            for verb in months.values():
                outcome = {"recorded": "text"}.get(verb, verb)
                yield "service_levels", last["agency_id"], outcome, 1
                yield "offering_levels", "", f"{last['offering_id']}:{outcome}", 1
        case "feedback":
            yield from (("feedback", last["agency_id"], f"{name}:{n}", 1) for name, n in last["ratings"].items())
        case "demand":
            for agency in {fact["shortlist_id"]: fact["agency_id"] for fact in facts}.values():
                yield "demand", agency, last["fibf_id"], 1
        case _:
            yield {"system": "systems", "iap": "plans"}[kind], last["agency_id"], last["status"], 1


async def served(world: World, as_of: date | None) -> Counter[tuple[str, str, str, str]]:
    found: Counter[tuple[str, str, str, str]] = Counter()
    async with world.db.reading() as tx:
        for figure in Figure:
            for area in (*AREAS, ALL):
                for by_agency in (False, True):
                    for (agency, key), n in (
                        await analytics.values(tx, figure, area=area, by_agency=by_agency, as_of=as_of)
                    ).items():
                        found[(figure.value, agency, area, key)] = n
    return found


async def outbox(world: World) -> list[dict[str, Any]]:
    async with world.db.reading() as tx:
        rows = await tx.rows(tables.outbox.select().order_by(tables.outbox.c.id))
    return [dict(row) for row in rows]


async def compared(world: World, *, seed: int, points: int = 20) -> None:
    oracle, rng = Oracle.of(await outbox(world)), random.Random(seed)
    for as_of in (date(2018, 1, 1), *(date(2018, 10, 1) + timedelta(rng.randrange(4_000)) for _ in range(points))):
        found = await served(world, as_of)
        assert found == oracle.at(as_of), as_of
        assert await listed_stalls(world, as_of) == sum(n for cell, n in found.items() if cell[:3] == ("stalled", "", ALL))
    assert await served(world, None) == oracle.at(date.max)


async def listed_stalls(world: World, as_of: date) -> int:
    """What the list of that day rests on."""
    c = tables.figure_stalls.c
    async with world.db.reading() as tx:
        return len(await tx.rows(select(c.since).where(c.since <= as_of, or_(c.until.is_(None), c.until > as_of))))


async def verified(world: World) -> dict[str, Any]:
    answer = await world.api.get("/v1/analytics/verification", "coordinator")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.timeout(600)
async def test_every_figure_is_on_twenty_days_what_the_facts_say_and_again_after_a_rebuild(world: World) -> None:
    facts = await told(world, published(FACTS, seed=11))

    await compared(world, seed=5)
    before = await served(world, None)
    assert (await verified(world))["equal"]
    rebuilt = await world.api.post("/v1/analytics/rebuild", None, "coordinator")
    assert rebuilt.json()["facts"] == len(facts)
    assert await served(world, None) == before
    await told(world, published(200, seed=12))
    await compared(world, seed=6, points=5)


@needs_real_data
@pytest.mark.timeout(3_600)
async def test_figures_of_the_real_history_are_on_twenty_days_what_its_facts_say(world: World) -> None:
    files = [mapping_rows(f"marketplace-{day}.json") for day in ("2024-01-30", "2025-01-20")]
    given = [row["data"] for rows in files for row in rows]
    agencies = {row[name] for row in given for name in ("agency_id", "sub_id") if row.get(name)}
    await world.tell(*(an_organization(f"org-{code}", ("fedramp", code)) for code in sorted(agencies)))
    await world.tell(*(an_offering(f"off-{code}", code=code) for code in sorted({row["id"] for row in given})))
    for rows in files:
        await world.imported(rows)
    real = len(await outbox(world))
    await told(world, published(FACTS_BESIDE_REAL, seed=21))

    rebuilt = await world.api.post("/v1/analytics/rebuild", None, "coordinator")

    assert rebuilt.json()["facts"] > FACTS_BESIDE_REAL + 1_000
    assert real > 1_000
    await compared(world, seed=22)
    assert (await verified(world))["equal"]


async def test_a_figure_that_was_tampered_with_is_found_and_mended(world: World) -> None:
    await told(world, published(200, seed=3))
    async with world.db.transaction(CAUSE) as tx:
        await tx.execute(tables.figure_cells.update().where(tables.figure_cells.c.grain == "ever").values(value=7_777))

    tried = await world.api.post("/v1/analytics/rebuild?validate_only=true", None, "omb")
    found = await verified(world)
    made = await world.api.post("/v1/analytics/rebuild", None, "omb")

    assert (tried.json(), tried.headers["qsmo-validate-only"]) == (made.json(), "true")
    assert not found["equal"]
    assert {each["served"] for each in found["differences"]} == {7_777}
    assert (await verified(world))["equal"]


async def test_facts_that_were_not_counted_yet_are_told(world: World) -> None:
    async with world.db.transaction(CAUSE) as tx:
        await insert_many(tx, tables.outbox, [outbox_row(each) for each in published(100, seed=4)])

    found = await verified(world)
    assert (found["equal"], found["behind"]) == (False, found["facts"])


async def test_real_steps_become_figures_by_their_effective_days(world: World) -> None:
    await world.tell(
        an_offering("dns", focus_areas=("cybersecurity",), status="published", fit={"coverage": {"CYB.060.030.010": "yes"}})
    )
    await world.imported([letter_row(ato_date="2021-03-01T20:00:00.000Z")])
    await started(world, agency="doi", role="agency:014:sapoc", effective_on="2026-01-05")
    async with world.db.transaction(CAUSE) as tx:
        await tx.execute(tables.figure_cells.delete())
    await world.api.post("/v1/analytics/rebuild", None, "coordinator")

    async def funnel(query: str, *roles: str) -> dict[str, int]:
        found = await world.api.get(f"/v1/analytics/figures/funnel?area=cybersecurity{query}", *roles)
        assert found.status_code == 200, found.text
        return {item["key"]: item["value"] for item in found.json()["items"]}

    assert await funnel("&as_of=2021-02-28") == {}
    assert await funnel("&as_of=2021-03-01") == {"operations:active": 1}
    assert await funnel("&as_of=2026-01-05") == {"operations:active": 1, "assessment:active": 1}
    coverage = (await world.api.get("/v1/analytics/figures/coverage?area=cybersecurity&by_agency=true", "omb")).json()
    assert [(item["agency_id"], item["key"]) for item in coverage["items"]] == [("cisa", "CYB.060.030")]
    assert (coverage["range"]["facts"], bool(coverage["definition"])) == (2, True)


async def test_what_is_of_one_agency_is_not_everybodys(world: World) -> None:
    await told(world, published(1_000, seed=9))
    path = "/v1/analytics/figures/savings?area=cybersecurity"

    assert (await world.api.get(path)).json()["items"]
    assert (await world.api.get(f"{path}&by_agency=true")).json()["items"] == []
    assert (await world.api.get(f"{path}&by_agency=true", "agency:014:cio")).json()["items"] == []
    assert (await world.api.get(f"{path}&agency_id=agency-1", "agency:014:cio")).status_code == 403
    assert (await world.api.get(f"{path}&by_agency=true", "qsmo:acquisition")).json()["items"] == []
    for role in ("qsmo:cybersecurity", "auditor"):
        assert len((await world.api.get(f"{path}&by_agency=true", role)).json()["items"]) > 5
    assert (await world.api.get("/v1/analytics/verification")).status_code == 401
    assert (await world.api.get("/v1/analytics/verification", "qsmo:cybersecurity")).status_code == 403
    assert (await world.api.post("/v1/analytics/rebuild", None, "auditor")).status_code == 403


async def test_scorecards_and_times_in_phase_are_written_as_files_with_the_numbers_of_their_answers(world: World) -> None:
    await told(world, published(300, seed=9))

    for path, items, figure in (("scorecard", "measures", "value"), ("time-in-phase", "items", "median")):
        asked = f"/v1/analytics/{path}?area={AREAS[0]}"
        shown = (await world.api.get(asked, "omb")).json()[items]
        lines = [orjson.loads(line) for line in (await world.api.get(f"{asked}&format=ndjson", "omb")).text.splitlines()]
        table = list(csv.DictReader(io.StringIO((await world.api.get(f"{asked}&format=csv", "omb")).text)))
        packed = read_parquet(io.BytesIO((await world.api.get(f"{asked}&format=parquet", "omb")).content)).read_all()

        numbers = [None if row[figure] is None else float(row[figure]) for row in shown]
        assert any(numbers)
        assert [row[figure] for row in lines] == numbers
        assert [float(row[figure]) if row[figure] else None for row in table] == numbers
        assert packed.column(figure).to_pylist() == numbers


async def test_a_figure_is_written_as_csv_ndjson_and_parquet_too(world: World) -> None:
    await told(world, published(500, seed=9))
    path = "/v1/analytics/figures/savings?area=cybersecurity&format="

    items = (await world.api.get(f"{path}json", "omb")).json()["items"]
    lines = (await world.api.get(f"{path}ndjson", "omb")).text.splitlines()
    table = await world.api.get(f"{path}csv", "omb")
    packed = read_parquet(io.BytesIO((await world.api.get(f"{path}parquet", "omb")).content)).read_all()

    assert [orjson.loads(line) for line in lines] == items
    assert [(row["key"], int(row["value"])) for row in csv.DictReader(io.StringIO(table.text))] == [
        (item["key"], item["value"]) for item in items
    ]
    assert int(table.headers["QSMO-Facts"]) > 0
    columns = {name: packed.column(name).to_pylist() for name in packed.column_names}
    assert [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] == items


async def test_a_scorecard_has_the_five_dimensions_and_says_what_each_comes_from(world: World) -> None:
    await world.tell(an_offering("dns", focus_areas=("cybersecurity",), authorization=None, status="published"))
    await told(world, published(2_000, seed=9))
    now = (await world.api.get("/v1/analytics/scorecard?area=cybersecurity")).json()
    then = (await world.api.get("/v1/analytics/scorecard?area=cybersecurity&as_of=2018-01-01")).json()

    assert {each["dimension"] for each in now["measures"]} == {
        "customer",
        "financial",
        "standards",
        "marketplace_operation",
        "it_modernization",
    }
    oracle = Oracle.of(await outbox(world)).at(date.max)
    realized = sum(
        n
        for (figure, agency, area, key), n in oracle.items()
        if (figure, agency, area) == ("savings", "", "cybersecurity") and key.startswith("realized:")
    )
    values = {each["name"]: each["value"] for each in now["measures"]}
    assert float(values["cost_avoidance"]) == pytest.approx(realized / 100)
    assert values["authorized_offerings"] == "0.0"
    assert {each["name"]: each["value"] for each in then["measures"]}["service_levels_met"] is None


async def test_a_scorecard_says_why_where_it_cannot_know(world: World) -> None:
    path = "/v1/analytics/scorecard?area=cybersecurity"
    before = (await world.api.get(path, "omb")).json()["measures"]
    await told(world, published(2_000, seed=9))
    public = {each["name"]: each for each in (await world.api.get(path)).json()["measures"]}
    federal = {each["name"]: each for each in (await world.api.get(path, "omb")).json()["measures"]}

    counts = {each["name"] for each in before if each["value"] is not None}
    assert counts == {
        "customers",
        "stalled",
        "unmet_demand",
        "agencies_on_m3",
        "price_transparency",
        "authorized_offerings",
    } | {"offerings_on_the_way_to_authorization"}
    assert all((each["value"] is None) is bool(each["missing"]) for each in (*before, *public.values(), *federal.values()))
    assert public["satisfaction"]["missing"] == "feedback is for federal callers"
    rated = Counter[int]()
    for (figure, agency, area, key), n in Oracle.of(await outbox(world)).at(date.max).items():
        if (figure, agency, area) == ("feedback", "", "cybersecurity") and key.startswith("satisfaction:"):
            rated[int(key[-1])] += n
    assert float(federal["satisfaction"]["value"]) == pytest.approx(
        sum(k * n for k, n in rated.items()) / rated.total(), abs=0.005
    )
    assert 0 < float(federal["engagement"]["value"]) < 100
    assert (await world.api.get("/v1/analytics/figures/feedback")).status_code == 401


async def test_time_in_phase_is_the_median_and_the_ninetieth_percentile_of_those_that_went_on(world: World) -> None:
    facts = await told(world, published(2_000, seed=9))
    oracle = Oracle.of(await outbox(world))
    for as_of in (date(2023, 5, 1), date.max):
        days: dict[str, list[int]] = defaultdict(list)
        for (figure, _, area, key), n in oracle.at(as_of).items():
            if (figure, area) == ("time_in_phase", "cybersecurity"):
                days[key.partition(":")[0]].extend([int(key.partition(":")[2])] * n)

        shown = (await world.api.get(f"/v1/analytics/time-in-phase?area=cybersecurity&as_of={as_of}")).json()

        assert {item["phase"]: float(item["median"]) for item in shown["items"]} == {p: median(d) for p, d in days.items()}
        for item in shown["items"]:
            spent = days[item["phase"]]
            assert (item["left"], sum(each <= item["p90"] for each in spent) >= 0.9 * len(spent)) == (len(spent), True)
            assert sum(each < item["p90"] for each in spent) < 0.9 * len(spent)
        assert shown["definition"]
        assert 0 < shown["range"]["facts"] < len(facts)


async def test_figures_follow_what_is_published_by_the_bus(world: World) -> None:
    await started(world)

    async with asyncio.timeout(20):
        while not (await verified(world))["equal"]:
            await asyncio.sleep(0.05)
    found = (await world.api.get("/v1/analytics/figures/funnel")).json()
    assert [(item["key"], item["value"]) for item in found["items"]] == [("assessment:active", 1)]
    assert found["range"]["facts"] == 1
