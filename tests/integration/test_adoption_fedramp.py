from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.adoption.importers import mapping_row
from shared.contracts.catalog import OfferingPublished, OfferingRevised
from shared.contracts.registry import OrganizationChanged
from shared.imports.rows import ImportRow
from shared.kernel.errors import Invalid
from tests.support.real_data import mapping_rows, needs_real_data
from tests.unit.adoption.builders import World, a_world, an_offering, an_organization, letter_row, started

ZERO = dict.fromkeys(("created", "updated", "unchanged", "duplicate", "parked", "refused"), 0)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


def counts(operation: dict[str, Any], section: str = "reuses") -> dict[str, int]:
    """Those that are not zero, without the sum."""
    tally = operation["sections"][section]
    assert tally["read"] == sum(tally[name] for name in ZERO)
    return {name: tally[name] for name in ZERO if tally[name]}


async def test_a_row_is_an_adoption_in_operations_that_everyone_may_see(world: World) -> None:
    operation = await world.imported([letter_row()])

    assert counts(operation) == {"created": 1}
    (shown,) = await world.adoptions()
    assert (shown["agency_id"], shown["offering_id"], shown["source"]) == ("cisa", "dns", "fedramp")
    assert (shown["phase"], shown["status"], shown["live_on"], shown["authorized_until"]) == (
        "operations", "active", "2021-03-01", "2024-03-01",
    )  # fmt: skip
    assert shown["letters"] == [
        {"kind": "reuse", "ato_on": "2021-03-01", "authorized_on": None, "expires_on": "2024-03-01", "assessment": None}
    ]
    ((type_, fact, headers),) = await world.recorded()
    assert (type_, fact["live_on"], fact["letters"], headers["ce_visibility"]) == ("went_live", "2021-03-01", 1, "public")


async def test_the_letters_of_one_adoption_in_a_chunk_are_one_change(world: World) -> None:
    rows = [
        letter_row(1),
        letter_row(2, ato_date="2019-01-01"),
        letter_row(3, exp_date=""),
        letter_row(4, agency_id="22-013", sub_id=""),
    ]

    assert counts(await world.imported(rows)) == {"created": 2, "updated": 2}
    assert await world.recorded_types() == ["went_live", "went_live"]
    assert sorted((a["agency_id"], a["live_on"], len(a["letters"])) for a in await world.adoptions()) == [
        ("cisa", "2019-01-01", 3),
        ("doi", "2021-03-01", 1),
    ]


async def test_a_further_letter_is_one_more_fact_of_the_adoption(world: World) -> None:
    await world.imported([letter_row(1)])

    later = await world.imported([letter_row(1), letter_row(2, ato_date="2018-01-01"), letter_row(3, ato_date="2023-01-01")])

    assert counts(later) == {"unchanged": 1, "updated": 2}
    assert await world.recorded_types() == ["went_live", "authorization_recorded"]
    (shown,) = await world.adoptions()
    assert (shown["version"], shown["live_on"], shown["started_on"], len(shown["letters"])) == (
        2,
        "2018-01-01",
        "2018-01-01",
        3,
    )
    assert [step["effective_on"] for step in shown["history"]] == ["2018-01-01", "2021-03-01"]


async def test_the_same_row_again_is_duplicate_in_one_import_and_unchanged_in_the_next(world: World) -> None:
    rows = [letter_row(1), letter_row(2), letter_row(3, id="PAY"), letter_row(4, id=" PAY"), letter_row(5)]

    first, again = await world.imported(rows), await world.imported(rows)

    assert counts(first) == {"created": 2, "duplicate": 3}
    assert counts(again) == {"unchanged": 2, "duplicate": 3}


async def test_duplicates_are_seen_across_chunks_and_whether_or_not_their_agency_is_known(world: World) -> None:
    rows = [letter_row(n + 1, ato_date=f"20{10 + n % 15}-01-{1 + n // 15 % 28:02d}") for n in range(420)]
    rows += [letter_row(421 + n, agency_id="22-099", sub_id="", ato_date=f"2020-03-{1 + n // 2:02d}") for n in range(40)]
    rows += [letter_row(461 + n, ato_date=row["data"]["ato_date"]) for n, row in enumerate(rows[:100])]

    first, again = await world.imported(rows), await world.imported(rows)

    assert counts(first) == {"created": 1, "updated": 419, "duplicate": 120, "parked": 20}
    assert counts(again) == {"unchanged": 420, "duplicate": 120, "parked": 20}


async def test_an_initial_authorization_and_a_reuse_are_two_letters(world: World) -> None:
    operation = await world.imported([letter_row(section="authorizations", assessment_date="02/24"), letter_row()])

    assert (counts(operation, "authorizations"), counts(operation)) == ({"created": 1}, {"updated": 1})
    assert [letter["kind"] for letter in (await world.adoptions())[0]["letters"]] == ["initial", "reuse"]


async def test_what_cannot_be_taken_is_refused_with_reason_and_place_and_the_rest_is_taken(world: World) -> None:
    operation = await world.imported(
        [
            letter_row(1, agency_id="22-001", sub_id=""),
            letter_row(2, parent="Other Federal Entity"),
            letter_row(3, ato_date="7/72023"),
            letter_row(4, exp_date="2/29/2023"),
            letter_row(5, agency_id="", sub_id=""),
            letter_row(6),
        ]
    )

    assert counts(operation) == {"refused": 5, "created": 1}
    reports = await world.reports(operation)
    assert [(row["number"], row["pointer"]) for row in reports] == [
        (1, "/agency_id"), (2, "/agency_id"), (3, "/ato_date"), (4, "/exp_date"), (5, "/agency_id"),
    ]  # fmt: skip
    assert "Legacy JAB Authorization" in reports[0]["reason"]
    assert "'7/72023'" in reports[2]["reason"]


async def test_a_dry_run_counts_and_writes_nothing(world: World) -> None:
    operation = await world.imported([letter_row(1), letter_row(2, id="NEW")], validate_only="true")

    assert counts(operation) == {"created": 1, "parked": 1}
    assert (await world.adoptions(), await world.recorded()) == ([], [])
    assert (await world.api.get("/v1/parked-rows", "omb")).json()["items"] == []


@pytest.mark.parametrize("roles", [("agency:070",), ("qsmo:cybersecurity",), ("auditor",)], ids=str)
async def test_only_coordinator_and_omb_import(world: World, roles: tuple[str, ...]) -> None:
    answer = await world.api.client.post("/v1/imports/fedramp", content=b"{}", headers=world.api.headers(*roles))

    assert answer.status_code == 403


async def test_a_row_waits_for_its_agency_and_its_offering_and_is_taken_up_when_both_are_known(world: World) -> None:
    operation = await world.imported([letter_row(1, sub_id="22-011-09", id="NEW"), letter_row(2)])
    assert counts(operation) == {"parked": 1, "created": 1}

    await world.tell(an_organization("fema", ("fedramp", "22-011-09"), parent_id="dhs"))
    (waiting,) = (await world.api.get("/v1/parked-rows", "omb")).json()["items"]
    found = await world.api.get(
        '/v1/parked-rows?filter=waits_for = "offering:NEW"&fields=number&count=true&sort=-number', "omb"
    )
    assert (found.json()["items"], found.json()["count"]) == ([{"number": 1}], 1)
    assert (await world.api.get("/v1/parked-rows?filter=number > 1", "omb")).json()["items"] == []
    await world.tell(an_offering("new", kind=OfferingPublished, status="published"))

    assert (waiting["waits_for"], waiting["number"]) == ("offering:NEW", 1)
    assert (await world.api.get("/v1/parked-rows", "omb")).json()["items"] == []
    assert sorted(a["agency_id"] for a in await world.adoptions()) == ["cisa", "fema"]
    assert await world.recorded_types() == ["went_live", "went_live"]


async def test_an_offering_that_nobody_may_refer_to_yet_keeps_rows_waiting(world: World) -> None:
    assert counts(await world.imported([letter_row(id="DRAFT")])) == {"parked": 1}

    await world.tell(an_offering("draft", kind=OfferingRevised, status="published", revision=1))

    assert [a["offering_code"] for a in await world.adoptions()] == ["DRAFT"]


async def test_a_code_given_later_takes_up_what_waited_for_it_once(world: World) -> None:
    await world.imported([letter_row(n, sub_id="22-011-07", ato_date=f"2020-01-{n:02d}") for n in range(1, 4)])

    more = (("subtier", "7008"), ("fedramp", "22-011-04"), ("fedramp", "22-011-07"))
    await world.tell(an_organization("cisa", *more, kind=OrganizationChanged, parent_id="dhs"))
    await world.tell(an_organization("cisa", *more, kind=OrganizationChanged, parent_id="dhs"))

    (shown,) = await world.adoptions()
    assert (shown["agency_id"], len(shown["letters"]), shown["version"]) == ("cisa", 3, 1)


async def test_importing_while_agencies_become_known_strands_no_row(world: World) -> None:
    rows = [
        letter_row(n, sub_id=f"22-2{n % 40:02d}", ato_date=f"20{n % 20:02d}-02-{1 + n // 20 % 28:02d}") for n in range(1, 1201)
    ]
    for row in rows:
        row["data"]["ato_date"] = row["data"]["ato_date"].replace("2000-", "2020-", 1)
    importing = asyncio.create_task(world.imported(rows))
    for n in range(40):
        await world.tell(an_organization(f"org{n}", ("fedramp", f"22-2{n:02d}")))
    await importing

    assert (await world.api.get("/v1/parked-rows", "omb")).json()["items"] == []
    assert len(await world.adoptions()) == 40


async def test_letters_join_an_agencys_own_adoption_without_making_it_public(world: World) -> None:
    await started(world)

    operation = await world.imported([letter_row()])

    assert counts(operation) == {"updated": 1}
    assert await world.adoptions() == []
    (own,) = await world.adoptions("", "agency:7008")
    assert (own["phase"], own["source"], len(own["letters"])) == ("assessment", None, 1)
    assert (await world.recorded())[-1][2]["ce_visibility"] == "restricted"


async def test_an_adoption_that_was_withdrawn_is_not_begun_anew_by_the_same_letter(world: World) -> None:
    await world.imported([letter_row()])
    (shown,) = await world.adoptions("", "agency:7008")
    await world.api.post(
        f"/v1/adoptions/{shown['id']}/withdraw", {"reason": "replaced"}, "agency:7008", etag=f'"{shown["version"]}"'
    )

    assert counts(await world.imported([letter_row()])) == {"unchanged": 1}


@pytest.mark.parametrize(
    "line",
    [
        b'{"section":"reuses","number":1,"data":{',
        b'{"section":"reuses","number":3000000000,"data":{}}',
        b'{"section":"reuses","number":0,"data":{}}',
        b'{"section":"' + b"r" * 41 + b'","number":1,"data":{}}',
        b'{"section":"a\\u0000","number":1,"data":{}}',
        b'{"section":"reuses","number":1,"data":[1]}',
    ],
    ids=["cut off", "huge number", "no number", "long section", "control character", "no object"],
)
async def test_a_file_that_is_not_rows_changes_nothing_and_has_its_line_named(world: World, line: bytes) -> None:
    good = orjson.dumps(letter_row())
    answer = await world.api.client.post("/v1/imports/fedramp", content=good + b"\n" + line, headers=world.api.headers("omb"))
    operation = answer.json()
    async with asyncio.timeout(10):
        while operation["status"] == "running":
            await asyncio.sleep(0.01)
            operation = (await world.api.get(f"/v1/operations/{operation['id']}", "omb")).json()

    assert operation["status"] == "failed"
    assert "Line 2" in operation["detail"]
    assert await world.recorded() == []


# --- the real files ---


def readable(rows: list[dict[str, Any]]) -> list[mapping_row.MappingRow]:
    """Every row that is not refused, repetitions and all."""
    found = []
    for row in rows:
        try:
            found.append(mapping_row.read(ImportRow(**row)))
        except Invalid:
            continue
    return found


def expected(rows: list[dict[str, Any]], *, withheld: set[str], products: set[str]) -> dict[str, int]:
    read = readable(rows)
    distinct = {row.key: row for row in read}.values()
    parked = [row for row in distinct if row.agency in withheld or row.product not in products]
    return {"refused": len(rows) - len(read), "duplicate": len(read) - len(distinct), "parked": len(parked)}


def summed(operation: dict[str, Any]) -> Counter[str]:
    return sum((Counter(counts(operation, section)) for section in operation["sections"]), Counter())


@needs_real_data
async def test_the_real_files_are_accounted_for_row_by_row_and_a_second_time_changes_nothing(world: World) -> None:
    old, new = mapping_rows("marketplace-2024-01-30.json"), mapping_rows("marketplace-2025-01-20.json")
    both = readable(old) + readable(new)
    withheld = {"22-036", "22-005-02", "22-002-06"}
    agencies = {row.agency for row in both} - withheld
    products = {row.product for row in readable(new)} - {"FR1811073663", "FR1919071020"}
    await world.tell(*(an_organization(f"org-{code}", ("fedramp", code)) for code in sorted(agencies)))
    await world.tell(*(an_offering(f"off-{code}", code=code) for code in sorted(products)))

    for rows in (old, new):
        first = summed(await world.imported(rows))
        again = summed(await world.imported(rows))

        standing = {name: first[name] for name in ("refused", "duplicate", "parked")}
        assert standing == expected(rows, withheld=withheld, products=products)
        assert sum(first.values()) == sum(again.values()) == len(rows)
        assert dict(again) == {**standing, "unchanged": len(rows) - sum(standing.values())}
    assert first["unchanged"] > 1_000
    assert first["created"] > 0 < first["updated"]

    before = (await world.api.get("/v1/stats/adoptions?by=phase")).json()["total"]
    await world.tell(*(an_organization(f"org-{code}", ("fedramp", code)) for code in sorted(withheld)))
    after = (await world.api.get("/v1/stats/adoptions?by=phase")).json()["total"]
    pairs = {(row.agency, row.product) for row in both if row.product in products}
    assert before == len({pair for pair in pairs if pair[0] not in withheld})
    assert after == len(pairs)
    assert (
        dict(summed(await world.imported(new))).get("parked", 0) == expected(new, withheld=set(), products=products)["parked"]
    )


@needs_real_data
@pytest.mark.parametrize(
    ("name", "duplicates"), [("marketplace-2024-01-30.json", 13), ("marketplace-2025-01-20.json", 17)], ids=["2024", "2025"]
)
async def test_exact_duplicates_of_the_real_files_are_counted(name: str, duplicates: int, world: World) -> None:
    tally = summed(await world.imported(mapping_rows(name)))

    assert tally["duplicate"] == duplicates
    assert tally["parked"] + tally["refused"] + tally["duplicate"] == sum(tally.values()) - tally["created"] - tally["updated"]
