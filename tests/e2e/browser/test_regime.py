"""The regime on any day, and each area on one page."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.browser import Visit, visiting
from tests.support.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LED = "#part-standing tr:has-text('DNS resolver')"


@pytest.mark.parametrize(("day", "standing"), [("2020-04-26", "pre-designated"), ("2020-04-27", "designated")])
def test_a_day_is_looked_at_without_script(chromium: Browser, installation: Installation, day: str, standing: str) -> None:
    with visiting(chromium, installation.url, java_script_enabled=False) as visit:
        visit.open("/regime")
        visit.page.fill("#as_of", day)
        visit.page.get_by_role("button", name="Show").click()

        assert visit.page.locator(f"{LED} .state").inner_text() == standing
        assert visit.page.locator("#day").count() == 0


def test_the_slider_shows_another_day_and_the_address_says_which(visit: Visit) -> None:
    page = visit.page
    visit.open("/regime")
    assert page.locator(f"{LED} .state").inner_text() == "designated"

    page.locator("#day").fill("10")

    page.locator(f"{LED} .state", has_text="pre-designated").wait_for()
    assert page.url.endswith("/regime?as_of=2019-05-06")
    assert page.locator("#as_of").input_value() == "2019-05-06"
    assert page.locator("#day").get_attribute("aria-valuetext") == "2019-05-06"
    page.reload()
    assert page.locator(f"{LED} .state").inner_text() == "pre-designated"


def test_every_table_and_the_timeline_are_taken_home(visit: Visit) -> None:
    visit.open("/regime?as_of=2020-05-01")
    links = [link.get_attribute("href") or "" for link in visit.page.locator(".downloads a[download]").all()]

    found = {link.rpartition("=")[2]: httpx.get(visit.base + link) for link in links}
    standing = list(csv.DictReader(io.StringIO(found["standing.csv"].text)))

    assert {"timeline.svg", "decisions.csv", "standing.csv", "vacancies.csv"} <= found.keys()
    assert all(answer.is_success for answer in found.values())
    assert [row["Standing"] for row in standing if row["Service"] == "DNS resolver"] == ["designated"]
    assert max(row["Since"] for row in standing) == "2020-04-27"


@pytest.mark.parametrize("area", ["cybersecurity", "customer-experience"])
def test_an_area_in_brief_is_one_printed_page(visit: Visit, area: str) -> None:
    visit.open(f"/areas/{area}/brief")

    printed = visit.page.pdf(format="Letter")

    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
