"""The content of an offering comes back from its document as it was."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import orjson

from services.catalog.domain.content import (
    Authorization,
    Content,
    Coverage,
    CoverageLevel,
    Dimension,
    Guide,
    Hosting,
    Kind,
    Promise,
    Shelf,
    Suits,
)
from services.catalog.domain.price import Per, Price, Tier, Unit
from services.catalog.store.documents import content_document, content_of
from tests.support.offerings import a_content

FULL = Content(
    name="Ünï",
    kind=Kind.BEST_PRACTICE,
    focus_areas=("cybersecurity",),
    services=("soc",),
    shelf=next(iter(Shelf)),
    fibf_coverage=(Coverage(fibf_id="FFM.1", coverage=CoverageLevel.NO, comment="c", evidence="e", assessor="a"),),
    authorization=Authorization(status="ready", service_models=("saas",), ready_on=date(2020, 1, 2), assessor="x"),
    vehicles=("47QTCA",),
    is_free=True,
    business_functions=("x",),
    standards=("s-1",),
    price=Price(
        model="m",
        unit=Unit.USER,
        tiers=(
            Tier(up_to=10, amount=Decimal("1.50"), per=Per.YEAR),
            Tier(up_to=None, amount=Decimal("99999999999999.99"), per=Per.ONCE),
        ),
        setup=Decimal("0.10"),
        included=("a",),
    ),
    suits=(Suits(dimension=Dimension.TECHNOLOGY, least=1, most=None),),
    in_production=True,
    onboarding_days=30,
    hosting=next(iter(Hosting)),
    interfaces=("api",),
    transactions_per_year=5,
    promises=(Promise(measure_id="m", target="99.9"),),
    lessons=("l",),
    depends_on=("d",),
    bundle=("b",),
    migrates_to="other",
    guide=Guide(body="text", steps=("1",), artifacts=("2",), standards=("3",)),
    cost_method="c",
    satisfaction="s",
)
# As the first documents were.
FIRST = (
    *("name", "kind", "focus_areas", "services", "shelf", "summary", "description", "provider_id", "fibf_coverage"),
    *("authorization", "pricing", "vehicles", "is_free", "lineage", "website", "business_functions"),
)


def read_back(content: Content) -> Content:
    return content_of(orjson.loads(orjson.dumps(content_document(content))))


def test_every_field_comes_back_with_its_type() -> None:
    found = read_back(FULL)

    assert found == FULL
    assert repr(found) == repr(FULL), "enums are enums, amounts keep their cents"


def test_whatever_is_in_it_comes_back() -> None:
    chance = random.Random(1)
    for _ in range(300):
        content = a_content(chance, providers=("p",), vehicles=("v", "w"))
        assert repr(read_back(content)) == repr(content)


def test_a_document_of_before_later_fields_is_read_without_them() -> None:
    document = orjson.loads(orjson.dumps(content_document(FULL)))
    first = content_of({name: document[name] for name in FIRST})

    assert first == replace(Content(name="", kind=FULL.kind), **{name: getattr(FULL, name) for name in FIRST})
