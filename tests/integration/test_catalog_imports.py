"""FedRAMP products and starter offerings, imported on both databases."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from services.catalog import tables
from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.importers import starter
from services.catalog.schemas import OfferingValues
from services.catalog.store.mappings import shipped
from shared.contracts import registry as contracts
from tests.support.apps import Api, an_api
from tests.support.real_data import REAL_DATA, needs_real_data
from tests.unit.catalog.test_fedramp_product import a_product
from tests.unit.catalog.world import CYBER, GRANTS, Registry, a_designation, a_vehicle, act, an_area, recorded_types, revise

AREAS = (CYBER, GRANTS, "financial-management", "human-resources")


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        yield api


def lines(products: Sequence[Any], *, section: str = "products") -> bytes:
    rows = ({"section": section, "number": n, "data": product} for n, product in enumerate(products, start=1))
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


async def run(api: Api, content: bytes, *, query: str = "") -> dict[str, Any]:
    """The operation when it has ended."""
    headers = api.headers("coordinator")
    answer = await api.client.post(f"/v1/imports/fedramp{query}", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    operation = dict(answer.json())
    async with asyncio.timeout(60):
        while operation["status"] == "running":
            await asyncio.sleep(0.02)
            operation = (await api.get(f"/v1/operations/{operation['id']}")).json()
    return operation


async def imported(api: Api, *products: Any, query: str = "") -> dict[str, int]:
    """The counts that are not zero, after checking that they add up."""
    return counts(await run(api, lines(products), query=query))


def counts(operation: dict[str, Any]) -> dict[str, int]:
    assert operation["status"] == "succeeded", operation
    (section,) = operation["sections"].values()
    assert section["read"] == sum(value for name, value in section.items() if name != "read")
    return {name: value for name, value in section.items() if value}


async def listed(api: Api, code: str = "FR2425960757") -> dict[str, Any]:
    return dict((await api.get(f"/v1/offerings/by-key/fedramp/{code}")).json())


def given(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown of an offering's content, as it is sent back."""
    return {name: value for name, value in shown.items() if name in OfferingValues.model_fields}


async def offering_facts(api: Api) -> list[str]:
    return [kind for kind in await recorded_types(api) if not kind.startswith("marketplace.")]


async def test_a_product_is_listed_with_its_provider_and_first_revision(api: Api) -> None:
    assert await imported(api, a_product()) == {"read": 1, "created": 1}

    shown = await listed(api)
    assert (shown["status"], shown["revision"], shown["source"]) == ("listed", 1, "fedramp")
    assert shown["provider"]["name"] == "Example Corporation"
    assert shown["focus_areas"] == [CYBER, "financial-management"]
    revisions = (await api.get(f"/v1/offerings/{shown['id']}/revisions")).json()["items"]
    assert [revision["n"] for revision in revisions] == [1]
    assert "someone@example.com" not in (await api.get(f"/v1/offerings/{shown['id']}")).text
    assert await offering_facts(api) == ["provider.registered", "offering.listed"]


async def test_importing_again_changes_nothing(api: Api) -> None:
    await imported(api, a_product())

    assert await imported(api, a_product(sales_email="another@example.com", logo="x")) == {"read": 1, "unchanged": 1}
    assert len(await offering_facts(api)) == 2


async def test_what_changed_is_a_revision_and_the_fact_says_which_kind(api: Api) -> None:
    await imported(api, a_product())

    authorized = a_product(status="FedRAMP Authorized", auth_date="2025-01-07T20:00:00.000Z")
    renamed = {**authorized, "cso": "Example Gov"}

    assert await imported(api, authorized) == {"read": 1, "updated": 1}
    assert await imported(api, renamed) == {"read": 1, "updated": 1}
    shown = await listed(api)
    assert (shown["revision"], shown["name"], shown["authorization"]["authorized_on"]) == (3, "Example Gov", "2025-01-07")
    assert (await offering_facts(api))[2:] == ["offering.authorization_changed", "offering.revised"]
    diff = (await api.get(f"/v1/offerings/{shown['id']}/diff?from=1&to=3")).json()
    assert [change["field"] for change in diff["changes"]] == ["name", "authorization"]


async def test_a_repeated_id_is_a_duplicate_or_refused_wherever_it_stands(api: Api) -> None:
    others = [a_product(id=f"FR{n}") for n in range(600)]
    products = [a_product(), a_product(), *others, a_product(), a_product(cso="Contradiction")]

    first = await run(api, lines(products))
    again = await run(api, lines(products))

    assert counts(first) == {"read": 604, "created": 601, "duplicate": 2, "refused": 1}
    assert counts(again) == {"read": 604, "unchanged": 601, "duplicate": 2, "refused": 1}
    rows = (await api.get(f"/v1/operations/{first['id']}/rows", "coordinator")).json()["items"]
    assert [(row["number"], row["pointer"]) for row in rows] == [(604, "/id")]
    assert "row 1 of this file" in rows[0]["reason"]


async def test_a_row_that_cannot_be_taken_is_refused_and_the_others_are_taken(api: Api) -> None:
    operation = await run(api, lines([a_product(id=""), a_product(), a_product(id="FR2", cso="", service_offering=None)]))

    assert counts(operation) == {"read": 3, "created": 1, "refused": 2}
    rows = (await api.get(f"/v1/operations/{operation['id']}/rows", "coordinator")).json()["items"]
    assert [(row["number"], row["pointer"]) for row in rows] == [(1, "/id"), (3, "/cso")]


async def test_rows_of_another_section_are_refused(api: Api) -> None:
    assert counts(await run(api, lines([{"id": "22-011"}], section="agencies"))) == {"read": 1, "refused": 1}


async def test_a_broken_file_changes_nothing(api: Api) -> None:
    operation = await run(api, lines([a_product()]) + b'{"section": "products", "number": 2, "da')

    assert (operation["status"], "Line 2" in operation["detail"]) == ("failed", True)
    assert await offering_facts(api) == []


async def test_a_dry_run_counts_and_keeps_nothing(api: Api) -> None:
    assert await imported(api, a_product(), query="?validate_only=true") == {"read": 1, "created": 1}
    assert await offering_facts(api) == []


async def test_importing_is_for_coordinators(api: Api) -> None:
    assert (await api.client.post("/v1/imports/fedramp", content=b"x")).status_code == 401
    for role in ("qsmo:cybersecurity", "auditor", "provider:x", "agency:070:cio"):
        answer = await api.client.post("/v1/imports/fedramp", content=b"x", headers=api.headers(role))
        assert answer.status_code == 403, role


async def test_spellings_of_one_company_make_one_provider_whose_gaps_are_filled(api: Api) -> None:
    first = a_product(csp="Google", small_business="")
    second = a_product(id="FR2", csp="Google LLC", uei="V6QLDTQZ7ZF7", small_business="Yes")
    third = a_product(id="FR3", csp="Google", small_business="No")

    await imported(api, first)
    await imported(api, second, third)
    await imported(api, third, second, first)

    (provider,) = (await api.get("/v1/providers")).json()["items"]
    assert (provider["name"], provider["uei"], provider["small_business"]) == ("Google", "V6QLDTQZ7ZF7", True)
    assert [kind for kind in await offering_facts(api) if kind.startswith("provider.")] == [
        "provider.registered",
        "provider.changed",
    ]


async def test_a_provider_of_an_agencys_name_is_federal(api: Api) -> None:
    gsa = contracts.OrganizationRegistered(organization_id="org-gsa", name="General Services Administration", kind="agency")
    await Registry(api).tell(("org-gsa", gsa))

    await imported(api, a_product(csp="General Services Administration"))

    (provider,) = (await api.get("/v1/providers")).json()["items"]
    assert (provider["kind"], provider["organization_id"]) == ("federal", "org-gsa")


async def test_a_listed_product_is_published_by_the_normal_rules_and_keeps_what_its_qsmo_said(api: Api) -> None:
    await Registry(api).open(CYBER)
    await imported(api, a_product())
    offering_id = (await listed(api))["id"]

    await a_vehicle(api)

    too_early = await act(api, offering_id, "publish")
    foreign = await revise(api, offering_id, f"qsmo:{GRANTS}", focus_areas=[CYBER])
    said = {"name": "Mail guard", "kind": "commercial_product", "vehicles": ["GSA MAS"]}
    own = await revise(api, offering_id, authorization=(await listed(api))["authorization"], **said)
    published = await act(api, offering_id, "publish")
    await imported(api, a_product(status="FedRAMP Authorized", service_desc="Another text"))

    assert too_early.status_code == 403  # it stands in an area of another QSMO too
    assert foreign.status_code == 403
    assert (own.json()["status"], own.json()["focus_areas"]) == ("listed", [CYBER])
    assert published.json()["status"] == "published"
    shown = await listed(api)
    assert (shown["name"], shown["authorization"]["status"], shown["status"]) == ("Mail guard", "authorized", "published")
    assert (await offering_facts(api))[-3:] == ["offering.revised", "offering.published", "offering.authorization_changed"]


async def test_an_import_leaves_what_was_set_by_hand_and_says_so_field_by_field(api: Api) -> None:
    await Registry(api).open(CYBER)
    await imported(api, a_product())
    seen = await listed(api)
    mine = {"name": "Mail guard", "focus_areas": [CYBER], "website": "https://guard.example.gov"}
    await revise(api, seen["id"], **{**given(seen), **mine})

    operation = await run(api, lines([a_product(status="FedRAMP Authorized", cso="Example Gov", service_desc="Another text")]))
    again = await run(api, lines([a_product(status="FedRAMP Authorized", cso="Example Gov", service_desc="Another text")]))

    shown = await listed(api)
    assert {name: shown[name] for name in mine} == mine
    assert (shown["description"], shown["authorization"]["status"]) == ("Another text", "authorized")
    told = (await api.get(f"/v1/operations/{operation['id']}/rows", "coordinator")).json()["items"]
    assert [(row["number"], row["result"], row["reason"]) for row in told] == [
        (1, "updated", "Left as set here: name, focus_areas, website.")
    ]
    assert counts(again) == {"read": 1, "unchanged": 1}
    origins = shown["origins"]
    assert {name for name, origin in origins.items() if origin["held"]} == set(mine)
    assert {(origins[name]["source"], origins[name]["by"]) for name in mine} == {("hand", "tester")}
    assert {origins[name]["source"] for name in ("description", "authorization", "provider_id", "kind")} == {"fedramp"}
    assert origins["kind"]["at"] < origins["name"]["at"] < origins["description"]["at"]


async def test_where_a_federal_field_comes_from_is_for_federal_callers(api: Api) -> None:
    await Registry(api).open(CYBER)
    await imported(api, a_product())
    seen = await listed(api)
    await revise(api, seen["id"], **{**given(seen), "focus_areas": [CYBER], "cost_method": "Full cost"})

    federal = (await api.get(f"/v1/offerings/{seen['id']}", "auditor")).json()

    assert "cost_method" in federal["origins"]
    assert "cost_method" not in (await listed(api))["origins"]


async def test_publishing_a_listed_product_lists_what_the_register_does_not_say(api: Api) -> None:
    await Registry(api).open(CYBER)
    await imported(api, a_product(business_function=["Cybersecurity & Risk Management"]))

    refused = await act(api, (await listed(api))["id"], "publish")

    assert refused.json()["missing"] == [
        "at least one FIBF activity covered",
        "a registered acquisition vehicle that can be ordered under (it names none), or is_free",
    ]


async def test_a_code_of_a_draft_is_not_taken_over(api: Api) -> None:
    await Registry(api).open(CYBER)
    drafted = {"code": "FR2425960757", "name": "A draft", "kind": "tool", "focus_areas": [CYBER]}
    assert (await api.post("/v1/offerings", drafted, f"qsmo:{CYBER}")).status_code == 201

    assert await imported(api, a_product()) == {"read": 1, "refused": 1}


async def test_a_retired_product_stays_retired(api: Api) -> None:
    await imported(api, a_product())
    await act(api, (await listed(api))["id"], "retire", "omb", body={"reason": "withdrawn by its provider"})

    assert await imported(api, a_product(status="FedRAMP Authorized")) == {"read": 1, "unchanged": 1}
    assert (await listed(api))["status"] == "retired"


def real(file: str) -> bytes:
    return lines(orjson.loads((REAL_DATA / "fedramp" / file).read_bytes())["data"]["Products"])


@needs_real_data
async def test_three_real_snapshots_follow_one_another_and_again_change_nothing(api: Api) -> None:
    oldest = counts(await run(api, real("marketplace-2023-06-27.json")))
    older = counts(await run(api, real("marketplace-2024-01-30.json")))
    newest = counts(await run(api, real("marketplace-2025-01-20.json")))
    before = len(await recorded_types(api))
    again = counts(await run(api, real("marketplace-2025-01-20.json")))

    assert oldest == {"read": 427, "created": 427}
    assert (older["read"], newest["read"]) == (461, 500)
    assert older.keys() | newest.keys() <= {"read", "created", "updated", "unchanged"}
    assert again == {"read": 500, "unchanged": 500}
    assert len(await recorded_types(api)) == before
    total = (await api.get("/v1/stats/offerings")).json()["total"]
    assert total == oldest["created"] + older["created"] + newest["created"]


def plain(text: object) -> str:
    """Without what cannot be seen."""
    seen = (c if c.isprintable() or c.isspace() else "" for c in str(text or ""))
    return " ".join("".join(seen).split())


def lowered(text: object) -> list[str]:
    return re.findall(r"[a-z0-9]+", plain(text).casefold())


def days(*texts: object) -> list[str]:
    """The plain days among them, but for those that no calendar has."""
    return [str(text)[:10] for text in texts if re.match(r"20\d\d-[01]\d-[0-3]\d(T|$)", str(text or ""))]


def stands(product: dict[str, Any]) -> dict[str, object]:
    """What a product of the raw file says, by the fields of ours that change with it."""
    text = str(product.get("service_desc") or "").replace("\r\n", "\n").replace("\r", "\n")
    functions = dict.fromkeys(plain(each) for each in product.get("business_function") or [] if plain(each))
    company = lowered(str(product.get("csp") or product.get("name")).replace("'", "").replace("\u2019", ""))
    while len(company) > 1 and company[-1] in LEGAL_FORMS:
        company.pop()
    yearly = str(product.get("annual_assessment") or "")
    steps = ("ip_jab_date", "ip_prog_date", "ip_agency_date", "ip_pmo_date")
    return {
        "name": plain(product.get("cso")) or plain(product.get("service_offering")),
        "provider_id": [word for word in company if word != "the"],
        "description": [plain(line) for line in text.split("\n") if plain(line)],
        "website": plain(product.get("website")),
        "business_functions": list(functions),
        "authorization": [
            *(lowered(product.get(name)) for name in ("status", "auth_type", "impact_level", "deployment_model")),
            [lowered(each) for each in product.get("service_model") or []],
            *(days(product.get(name)) for name in ("ready_date", "auth_date")),
            min(days(*(product.get(name) for name in steps)), default=None),
            [int(part) for part in re.findall(r"\d+", days(yearly)[0][5:] if days(yearly) else yearly)],
            *(plain(product.get(name)) for name in ("partnering_agency", "independent_assessor")),
        ],
    }


LEGAL_FORMS = {"inc", "incorporated", "llc", "ltd", "limited", "corp", "corporation", "co", "lp", "plc", "pbc"}
# Follow from the others.
DERIVED = {"summary", "focus_areas", "standards"}


@needs_real_data
async def test_three_real_snapshots_give_each_product_the_revisions_that_the_raw_files_tell(api: Api) -> None:
    """Which revisions there are, and which fields changed with each, recomputed from the files alone."""
    expected: dict[str, list[set[str]]] = {}
    last: dict[str, dict[str, object]] = {}
    for file in ("marketplace-2023-06-27.json", "marketplace-2024-01-30.json", "marketplace-2025-01-20.json"):
        for product in orjson.loads((REAL_DATA / "fedramp" / file).read_bytes())["data"]["Products"]:
            code, says = plain(product["id"]), stands(product)
            before = last.setdefault(code, says)
            changed = {name for name, value in says.items() if value != before[name]}
            if changed or code not in expected:
                expected.setdefault(code, []).append(changed)
            last[code] = says
        await run(api, real(file))

    async with api.app.state.context.db.reading() as tx:
        table, of = tables.offering_revisions, tables.offerings
        query = select(of.c.code, table.c.n, table.c.content).join(of, of.c.id == table.c.offering_id)
        rows = await tx.rows(query.order_by(of.c.code, table.c.n))
    found: dict[str, list[set[str]]] = {}
    content: dict[str, dict[str, Any]] = {}
    for row in rows:
        before = content.get(row["code"], row["content"])
        changed = {name for name, value in row["content"].items() if value != before[name]} - DERIVED
        found.setdefault(row["code"], []).append(changed)
        content[row["code"]] = row["content"]

    assert {code: len(each) for code, each in found.items()} == {code: len(each) for code, each in expected.items()}
    assert found == expected
    assert Counter(len(each) for each in found.values()).keys() == {1, 2, 3}


@needs_real_data
@pytest.mark.parametrize("file", ["marketplace-2023-06-27.json", "marketplace-2024-01-30.json", "marketplace-2025-01-20.json"])
def test_every_business_function_of_the_real_files_was_looked_at(file: str) -> None:
    products = orjson.loads((REAL_DATA / "fedramp" / file).read_bytes())["data"]["Products"]
    found = {function.strip() for product in products for function in product.get("business_function") or []}

    assert len(found) > 20
    assert found - {""} <= {mapping.term for mapping in shipped().values()}


async def tell_areas(registry: Registry) -> None:
    """With the services that the starter offerings name."""
    slugs: dict[str, set[str]] = {area: set() for area in AREAS}
    for offering in starter.starter().offerings:
        for area in offering.content.focus_areas:
            slugs[area] |= set(offering.content.services)
    for area in AREAS:
        services = tuple(contracts.AreaServiceEntry(slug=slug, title=slug) for slug in sorted(slugs[area]))
        told = an_area(area).model_copy(update={"services": services})
        await registry.tell((area, told))


async def test_starter_offerings_come_as_their_marketplaces_open_and_once(api: Api) -> None:
    owner, registry = api.app.state.context, Registry(api)
    codes = {offering.code for offering in starter.starter().offerings}

    async def published() -> set[str]:
        return {item["code"] for item in (await api.get("/v1/offerings?status=published&limit=200")).json()["items"]}

    assert not await starter.load(owner)
    assert await published() == set()

    await tell_areas(registry)
    await registry.tell(*((f"d-{area}", a_designation(area)) for area in AREAS[:2]))
    assert not await starter.load(owner)
    some = await published()
    assert {"soc-services", "grantsolutions"} <= some
    assert "pay-gov" not in some

    await registry.tell(*((f"d-{area}", a_designation(area)) for area in AREAS[2:]))
    assert await starter.load(owner)
    assert await published() == codes
    facts = len(await recorded_types(api))
    assert await starter.load(owner)
    assert len(await recorded_types(api)) == facts
