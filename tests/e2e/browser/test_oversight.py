"""Oversight: figures, where they come from, the audit trail with its proof, what may be taken home."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.support.browser import Visit, visiting
from tests.support.furnishing import Caller
from tests.support.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_figure_leads_to_its_meaning_and_its_facts(chromium: Browser, installation: Installation) -> None:
    with visiting(chromium, installation.url, extra_http_headers=Caller(installation, "auditor").headers) as visit:
        page = visit.page
        visit.open("/oversight")

        page.locator("#part-funnel").get_by_text("Where does this number come from?").click()
        assert "Adoptions by M3 phase and status" in page.inner_text("main")
        page.locator("main .facts a").first.click()

        assert page.inner_text("h1").startswith("Fact ")
        assert "began to adopt" in page.inner_text(".lead")
        assert "Proof" in page.inner_text("main")


def test_the_public_sees_sums_and_is_told_what_is_not_for_it(visit: Visit) -> None:
    visit.open("/oversight")

    assert "government-wide roles" in visit.page.inner_text("#part-states")
    assert "sign in" in visit.page.inner_text("#part-duplication")
    assert "$" in visit.page.inner_text("#part-savings table")


def test_the_audit_trail_is_for_auditors(chromium: Browser, installation: Installation, visit: Visit) -> None:
    assert visit.open("/oversight/trail") == 403
    assert "auditor" in visit.page.inner_text("main")

    with visiting(chromium, installation.url, extra_http_headers=Caller(installation, "auditor").headers) as auditor:
        auditor.open("/oversight/trail?actor=system:starter")
        assert "system:starter" in auditor.page.inner_text("table")
        assert auditor.violations() == []
        auditor.open("/oversight")
        assert "24" in auditor.page.inner_text("#part-states table")
        assert "Cybersecurity" in auditor.page.inner_text("#part-duplication table")
        assert auditor.violations() == []


@pytest.mark.parametrize("area", ["", "cybersecurity"])
def test_every_table_and_chart_is_taken_home(visit: Visit, area: str) -> None:
    visit.open(f"/oversight?area={area}")
    links = [link.get_attribute("href") or "" for link in visit.page.locator(".downloads a[download]").all()]

    assert len(links) > 5
    for link in links:
        answer = httpx.get(visit.base + link)
        assert answer.is_success, link
        if ".svg" in link:
            assert ET.fromstring(answer.text).tag.endswith("svg")
        else:
            assert len(list(csv.reader(io.StringIO(answer.text)))) > 1, link


def test_a_day_before_anything_happened_has_no_figures(visit: Visit) -> None:
    visit.open("/oversight?as_of=2019-01-01")

    assert "No adoption is on record" in visit.page.inner_text("#part-funnel")
