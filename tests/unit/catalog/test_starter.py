from __future__ import annotations

import re

import orjson

from services.catalog.domain.marketplace import Status
from services.catalog.domain.offering import Surroundings, missing_to_publish
from services.catalog.importers.starter import starter
from tests.support.real_data import REAL_DATA, needs_real_data

STANDARDS = ("fm", "grants", "soc", "cvd", "hr_hca", "hr_benefits", "hr_td", "hr_epm", "hr_acquisition")


def test_every_starter_offering_can_be_published_once_its_marketplace_is_open() -> None:
    for offering in starter().offerings:
        open_all = dict.fromkeys(offering.content.focus_areas, Status.OPEN)
        around = Surroundings(marketplaces=open_all, orderable=frozenset(starter().vehicles))
        assert missing_to_publish(offering.content, around) == (), offering.code


def test_codes_are_slugs_of_their_own_and_providers_are_declared() -> None:
    data = starter()
    codes = [offering.code for offering in data.offerings]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in codes)
    assert {offering.provider for offering in data.offerings} == {provider.name for provider in data.providers}


def test_each_open_marketplace_has_offerings() -> None:
    areas = {area for offering in starter().offerings for area in offering.content.focus_areas}

    assert areas == {"cybersecurity", "financial-management", "human-resources", "grants-management"}


@needs_real_data
def test_every_activity_stands_in_the_published_standards() -> None:
    known: set[str] = set()
    for name in STANDARDS:
        document = orjson.loads((REAL_DATA / "fibf" / f"{name}.json").read_bytes())
        known |= {each["Identifier"].strip() for function in document["Business_Lifecycle"] for each in function["data"]}

    named = {covered.fibf_id for offering in starter().offerings for covered in offering.content.fibf_coverage}

    assert named - known == set()
