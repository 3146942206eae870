"""Oversight: figures, where they come from, the audit trail with its proof, what may be taken home."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.support.browser import Visit, visiting
from tests.support.furnishing import Caller
from tests.support.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PNG = b"\x89PNG\r\n\x1a\n"
# How wide a picture is, its first pixel, and whether the first series' colour is in it.
LOOKED_AT = """async (bytes) => {
  const image = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
  const paper = new OffscreenCanvas(image.width, image.height).getContext("2d");
  paper.drawImage(image, 0, 0);
  const { data } = paper.getImageData(0, 0, image.width, image.height);
  let drawn = false;
  for (let at = 0; at < data.length; at += 4) drawn ||= data[at] === 0x2a && data[at + 1] === 0x78 && data[at + 2] === 0xb5;
  return { width: image.width, corner: [...data.slice(0, 4)], drawn };
}"""


def test_a_figure_leads_to_its_meaning_and_its_facts(chromium: Browser, installation: Installation) -> None:
    with visiting(chromium, installation.url, extra_http_headers=Caller(installation, "auditor").headers) as visit:
        page = visit.page
        visit.open("/oversight")

        page.locator("#part-funnel").get_by_text("Where does this number come from?").click()
        assert "Adoptions by M3 phase and status" in page.inner_text("main")
        page.locator("main .facts a").first.click()

        assert page.inner_text("h1").startswith("Fact ")
        assert "adopt" in page.inner_text(".lead")
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


def test_states_and_duplication_are_those_of_the_day_too(chromium: Browser, installation: Installation) -> None:
    with visiting(chromium, installation.url, extra_http_headers=Caller(installation, "auditor").headers) as visit:
        visit.open("/oversight?as_of=2019-01-01")
        assert "No systems that do the same are on record" in visit.page.inner_text("#part-duplication")
        states = visit.page.locator("#part-states tbody tr").all()
        assert states
        # Nobody had a state yet: all 24 are unknown.
        assert all(state.inner_text().split("\t")[1:] == ["0", "0", "0", "0", "24"] for state in states)


def test_each_measure_of_a_scorecard_leads_to_its_facts(chromium: Browser, installation: Installation) -> None:
    with visiting(chromium, installation.url, extra_http_headers=Caller(installation, "omb").headers) as visit:
        visit.open("/qsmo/cybersecurity/scorecard")
        figures = {link.get_attribute("href") or "" for link in visit.page.locator("main a[href^='/oversight/figures/']").all()}
        assert len(figures) > 5
        for figure in figures:
            assert visit.open(figure) == 200, figure
            assert "What it means" in visit.page.inner_text("main"), figure


def test_a_chart_is_taken_home_as_a_picture(visit: Visit) -> None:
    visit.open("/oversight?area=cybersecurity")
    link = visit.page.locator("a[data-png='funnel.png']")

    with visit.page.expect_download() as told:
        link.click()

    assert told.value.suggested_filename == "funnel.png"
    picture = Path(told.value.path()).read_bytes()
    assert picture.startswith(PNG)
    assert visit.page.evaluate(LOOKED_AT, list(picture)) == {"width": 1600, "corner": [255, 255, 255, 255], "drawn": True}
