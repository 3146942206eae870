from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.catalog.importers import fedramp_text as text
from services.catalog.importers.fedramp_product import read_product
from shared.kernel.errors import Invalid


def a_product(**more: Any) -> dict[str, Any]:
    return {
        "id": "FR2425960757",
        "name": "Example Corporation",
        "csp": "Example Corporation",
        "cso": "Example for Government",
        "service_offering": "Example for Government",
        "status": "FedRAMP In Process",
        "ready_date": "No FRR Date",
        "ip_jab_date": "Not Active",
        "ip_agency_date": "2024-07-30T20:00:00.000Z",
        "ip_pmo_date": "#REF!",
        "auth_date": "Not Active",
        "auth_type": "Agency",
        "annual_assessment": "02/28",
        "service_model": ["SaaS", "PaaS"],
        "deployment_model": "Government Community Cloud",
        "impact_level": "LI-SaaS",
        "service_desc": "Guards mail.\r\n\r\nAnd\u00a0more.\r",
        "sales_email": "someone@example.com",
        "website": "example.com",
        "uei": "",
        "small_business": "No",
        "business_function": ["Communication", "Cybersecurity & Risk Management", "Finance", "Accounting", ""],
        "a field of next year": {"deep": []},
        **more,
    }


def test_a_product_is_read_in_our_words() -> None:
    product = read_product(a_product())
    content, authorization = product.content, product.content.authorization

    assert (product.code, content.name, product.provider_name) == (
        "FR2425960757",
        "Example for Government",
        "Example Corporation",
    )
    assert content.focus_areas == ()
    assert content.business_functions[1:] == ("Cybersecurity & Risk Management", "Finance", "Accounting")
    assert content.description == "Guards mail.\n\nAnd more."
    assert content.summary == "Guards mail."
    assert content.website == "https://example.com"
    assert authorization is not None
    assert (authorization.status, authorization.impact_level) == ("in_process", "li_saas")
    assert authorization.service_models == ("saas", "paas")
    assert authorization.deployment_model == "government_community_cloud"
    assert (authorization.ready_on, authorization.in_process_on) == (None, date(2024, 7, 30))
    assert authorization.annual_assessment == "02-28"
    assert product.small_business is False
    assert product.uei is None


def test_contacts_are_not_kept() -> None:
    assert "someone@example.com" not in repr(read_product(a_product()))


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"id": ""}, "/id"),
        ({"id": None}, "/id"),
        ({"id": "no id / at all"}, "/id"),
        ({"id": ["FR1"]}, "/id"),
        ({"cso": " \u00a0", "service_offering": ""}, "/cso"),
        ({"csp": "", "name": ""}, "/csp"),
        ({"cso": "x" * 301}, "/cso"),
        ({"status": ""}, "/status"),
        ({"status": True}, "/status"),
        ({"service_desc": {"text": "x"}}, "/service_desc"),
        ({"service_model": "SaaS"}, "/service_model"),
        ({"business_function": [1]}, "/business_function"),
        ({"impact_level": "x" * 41}, "/impact_level"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_place(changed: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_product(a_product(**changed))

    assert refused.value.errors[0].pointer == pointer


@pytest.mark.parametrize("word", ["", "Not Active", "Not In Process", "N/A", "No FRR Date", "#REF!", "2024-13-45", "45231"])
def test_a_date_that_is_a_word_is_none(word: str) -> None:
    assert text.day(word) is None


def test_a_date_is_the_plain_day_of_its_text() -> None:
    assert text.day("2024-07-30T20:00:00.000Z") == date(2024, 7, 30)
    assert text.day("2024-07-30") == date(2024, 7, 30)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("02/28", "02-28"), ("2/9", "02-09"), ("2024-03-19T20:00:00.000Z", "03-19"), ("13/40", None), ("", None), ("N/A", None)],
)
def test_the_yearly_assessment_is_a_month_and_day(given: str, expected: str | None) -> None:
    assert text.month_day(given) == expected


def test_odd_characters_are_gone() -> None:
    assert text.line("A\u00a0B\u202fC\ufeff \x00D\r") == "A B C D"
    assert text.paragraphs("a\x00\r\n\r\n\r\n\u200b\r\nb  c\u2028d\r\n") == "a\n\nb c\nd"


def test_a_long_description_is_summed_up_by_its_beginning() -> None:
    sentence = "One sentence that says something. "

    assert text.summary_of(sentence * 20).endswith("something.")
    assert len(text.summary_of("word " * 200)) <= 300
    assert text.summary_of("x" * 1_000) != ""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://www.mastercontrol.com/qxgov ", "https://www.mastercontrol.com/qxgov"),
        ("abnormalsecurity.com", "https://abnormalsecurity.com"),
        ("not an address", None),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_a_website_is_an_address_or_nothing(given: str, expected: str | None) -> None:
    assert text.url(given) == expected
