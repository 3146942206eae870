from __future__ import annotations

import pytest

from services.catalog.domain.provider import key_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cisco Systems Inc.", "Cisco Systems, Inc."),
        ("Google", "Google LLC"),
        ("Siemens Government Technologies ", "Siemens Government Technologies"),
        ("U.S. Department of the Treasury", "United States Department of the Treasury"),
        ("Splunk\u00a0LLC", "splunk"),
        ("The Example Co.", "Example"),
    ],
)
def test_spellings_of_one_company_meet(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Axonius", "Axonius Federal Systems"), ("United States Department of the Treasury", "Treasury"), ("Co", "Inc")],
)
def test_different_companies_stay_apart(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


@pytest.mark.parametrize("name", ["Inc.", "The", "United States", "株式会社", "3M"])
def test_a_name_with_a_letter_has_a_key(name: str) -> None:
    assert key_of(name)
