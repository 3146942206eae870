"""Pages follow what happens, and are whole without script."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.browser import Visit, visiting
from tests.support.furnishing import Caller, agency_id, offering_id
from tests.support.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Beside other tests; `tests/bench/bench_pages.py` holds it to a second.
WITHIN_MS = 5_000


def a_policy(installation: Installation) -> str:
    """Somebody else writes it; returns its title."""
    title = f"Memorandum {uuid4().hex[:8]}"
    body = {
        "id": f"m-{uuid4().hex[:8]}",
        "title": title,
        "issuer": "OMB",
        "issued_on": "2026-01-05",
        "url": "https://example.gov",
    }
    Caller(installation, "omb", subject="another").post("/v1/policies", body)
    return title


def is_live(visit: Visit) -> None:
    visit.page.locator("#live.on").wait_for()


def test_a_fact_comes_to_the_page_as_it_is_written(visit: Visit, installation: Installation) -> None:
    visit.open("/")
    is_live(visit)

    title = a_policy(installation)

    visit.page.get_by_text(title).wait_for(timeout=WITHIN_MS)
    assert visit.page.locator("p.hidden[role=status]").inner_text() == "Updated: Latest facts"


def test_a_figure_changes_by_the_write_of_another(chromium: Browser, installation: Installation) -> None:
    with visiting(chromium, installation.url, extra_http_headers=Caller(installation, "auditor").headers) as visit:
        visit.open("/oversight")
        is_live(visit)
        begun = visit.page.locator("#part-funnel tbody tr").first.locator("td").last
        before = int(begun.inner_text())

        body = {"agency_id": agency_id(installation, "015"), "offering_id": offering_id(installation, "soc-services")}
        Caller(installation, "agency:015:sapoc").post("/v1/adoptions", body)

        visit.page.wait_for_function(
            "n => document.querySelector('#part-funnel tbody tr td:last-child').textContent == n",
            arg=str(before + 1),
            timeout=WITHIN_MS,
        )


def test_a_workspace_follows_what_a_colleague_does(chromium: Browser, installation: Installation) -> None:
    by = Caller(installation, "agency:024:sapoc", subject="colleague")
    with visiting(chromium, installation.url, extra_http_headers=by.headers) as visit:
        visit.open("/agency/024")
        is_live(visit)
        assert visit.page.get_by_role("link", name="Protective DNS Resolver").count() == 0

        agency = agency_id(installation, "024")
        by.post("/v1/adoptions", {"agency_id": agency, "offering_id": offering_id(installation, "protective-dns")})

        visit.page.get_by_role("link", name="Protective DNS Resolver").wait_for(timeout=WITHIN_MS)
        assert visit.page.locator("p.hidden[role=status]").inner_text() == "Updated: This page"


def test_what_happened_while_the_network_was_away_is_made_up_for(visit: Visit, installation: Installation) -> None:
    visit.open("/")
    is_live(visit)
    visit.context.set_offline(True)
    visit.page.get_by_text("Reconnecting").wait_for()

    title = a_policy(installation)
    time.sleep(0.5)
    assert visit.page.get_by_text(title).count() == 0
    visit.context.set_offline(False)

    visit.page.get_by_text(title).wait_for(timeout=2 * WITHIN_MS)
    is_live(visit)
    after = a_policy(installation)
    visit.page.get_by_text(after).wait_for(timeout=WITHIN_MS)


def test_who_reads_by_keyboard_keeps_the_place_when_a_part_changes(visit: Visit, installation: Installation) -> None:
    visit.open("/")
    is_live(visit)
    link = visit.page.locator("#areas h3 a").first
    link.focus()
    href = link.get_attribute("href")

    visit.page.get_by_text(a_policy(installation)).wait_for()

    assert visit.page.evaluate("document.activeElement.getAttribute('href')") == href


@pytest.mark.parametrize(
    ("path", "said"), [("/", "Cybersecurity and Infrastructure Security Agency"), ("/oversight", "assessment")]
)
def test_reading_needs_no_script(chromium: Browser, installation: Installation, path: str, said: str) -> None:
    with visiting(chromium, installation.url, java_script_enabled=False) as visit:
        visit.open(path)
        assert said in visit.page.inner_text("main")
        assert not visit.page.locator("#live").is_visible()
