"""The export after DCAT-US 3, held against what its published JSON Schema demands.

Source: GSA/dcat-us, `jsonschema/` of 3.0.0 (2020-12): the mandatory properties of each class, and the types of those used here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from tests.integration.test_catalog_imports import lines, run
from tests.support.apps import Api, an_api
from tests.support.generated import products
from tests.unit.catalog.world import CYBER, Registry, a_published

TEXT = {"type": "string"}
IRI = {"type": "string", "pattern": "^(https?|mailto|urn):[^ <>{}|]+$"}
WORDS = {"type": "array", "items": {"type": "string", "minLength": 1}}


def a_class(type_: str, /, *mandatory: str, **properties: Any) -> dict[str, Any]:
    of_all = {"@type": {"const": type_}, "@id": IRI}
    return {"type": "object", "required": [*mandatory, "@type"], "properties": {**of_all, **properties}}


def many(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}


def one(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


CLASSES = {
    "Agent": a_class("Agent", "name", name=TEXT),
    "Kind": a_class("Kind", "fn", "hasEmail", fn=TEXT, hasEmail={"type": "string", "pattern": r"^mailto:[\w.+-]+@[\w.-]+$"}),
    "Identifier": a_class("Identifier", notation=TEXT),
    "Concept": a_class("Concept", "prefLabel", prefLabel=TEXT),
    "Standard": a_class("Standard", title=TEXT, identifier=one("Identifier")),
    "Distribution": a_class("Distribution", title=TEXT, downloadURL=IRI, mediaType=TEXT),
    "DataService": a_class(
        "DataService",
        "contactPoint",
        "endpointURL",
        "publisher",
        "title",
        contactPoint=many("Kind"),
        endpointURL={"type": "array", "items": IRI, "minItems": 1},
        publisher=one("Agent"),
        title=TEXT,
        description=TEXT,
        identifier=one("Identifier"),
        keyword=WORDS,
        theme=many("Concept"),
        category=one("Concept"),
        conformsTo=many("Standard"),
    ),
    "Dataset": a_class(
        "Dataset",
        "description",
        "publisher",
        "title",
        "contactPoint",
        "identifier",
        contactPoint=many("Kind"),
        publisher=one("Agent"),
        title=TEXT,
        description=TEXT,
        identifier=IRI,
        distribution=many("Distribution"),
    ),
}
CATALOG = {
    **a_class(
        "Catalog",
        "dataset",
        dataset={**many("Dataset"), "minItems": 1},
        service=many("DataService"),
        contactPoint=many("Kind"),
        publisher=one("Agent"),
        conformsTo=one("Standard"),
        language={"type": "string", "maxLength": 2},
    ),
    "$defs": CLASSES,
}
VALIDATOR = jsonschema.Draft202012Validator(CATALOG)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(
        database_url=database_url,
        migrate=True,
        public_url="https://qsmo.example.gov/",
        contact_email="marketplace@example.gov",
    )
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await Registry(api).open(CYBER)
        yield api


async def exported(api: Api, query: str = "") -> dict[str, Any]:
    answer = await api.get(f"/v1/catalog/export?format=dcat-us{query}")
    assert answer.headers["content-type"] == "application/ld+json"
    return dict(orjson.loads(answer.content))


async def test_a_catalog_of_all_kinds_of_offerings_has_what_is_demanded(api: Api) -> None:
    await a_published(api, website="https://vdp.example.gov", standards=["nist-csf"])
    await run(api, lines(list(products(300))))

    catalog = await exported(api)

    assert [error.message for error in VALIDATOR.iter_errors(catalog)] == []
    assert len(catalog["service"]) == 301
    found = next(each for each in catalog["service"] if each["identifier"]["notation"] == "vdp")
    assert found["endpointURL"] == ["https://vdp.example.gov"]
    assert found["contactPoint"] == [
        {"@type": "Kind", "fn": "QSMO Marketplace Platform", "hasEmail": "mailto:marketplace@example.gov"}
    ]
    assert [standard["title"] for standard in found["conformsTo"]] == ["nist-csf", "CYB.060.030"]
    of_area = await exported(api, f"&area={CYBER}")
    assert of_area["@id"] == f"https://qsmo.example.gov/v1/catalog/export?area={CYBER}&format=dcat-us"
    assert 0 < len(of_area["service"]) < 301


async def test_an_empty_catalog_is_one(api: Api) -> None:
    catalog = await exported(api)

    assert [error.message for error in VALIDATOR.iter_errors(catalog)] == []
    assert catalog["service"] == []


@pytest.mark.parametrize("lacking", ["contactPoint", "endpointURL", "publisher", "title"])
async def test_the_rules_themselves_find_what_is_lacking(api: Api, lacking: str) -> None:
    await a_published(api)
    catalog = await exported(api)
    del catalog["service"][0][lacking]

    assert [error.message for error in VALIDATOR.iter_errors(catalog)] == [f"{lacking!r} is a required property"]
