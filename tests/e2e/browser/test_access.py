"""Every page is for everybody: axe finds nothing, nothing is cut off, the keyboard reaches all, and no script is needed."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import DESKTOP, PHONE, Visit, visiting
from tests.support.furnishing import Caller
from tests.support.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OFFERING = "/v1/offerings/by-key/code/vulnerability-disclosure-platform"
AT_BOTH = ("/", "/marketplace", "/oversight")
WORKSPACES = {
    "agency:012:sapoc": (
        "/agency/012",
        "/agency/012/readiness",
        "/agency/012/needs",
        "/agency/012/agreements",
        "/agency/012/iaps",
        "/agency/012/systems",
        "/agency/012/savings",
    ),
    "qsmo:cybersecurity": (
        "/qsmo/cybersecurity",
        "/qsmo/cybersecurity/plan",
        "/qsmo/cybersecurity/offerings",
        "/qsmo/cybersecurity/pipeline",
        "/qsmo/cybersecurity/demand",
        "/qsmo/cybersecurity/feedback",
        "/qsmo/cybersecurity/scorecard",
    ),
}
OK = 200
_TABS_MAX = 120
PAGES = (
    "/",
    "/marketplace",
    "/marketplace?q=VDP",
    "/marketplace?q=nothing-is-called-so",
    "/marketplace?cursor=x",
    "/offerings/{offering}",
    "/offerings/nothing",
    "/compare",
    "/compare?id={offering}",
    "/standards",
    "/areas/cybersecurity",
    "/areas/cybersecurity?as_of=2019-04-25",
    "/areas/cybersecurity/brief",
    "/areas/customer-experience/brief",
    "/regime",
    "/regime?as_of=2019-04-25",
    "/oversight",
    "/oversight?area=cybersecurity",
    "/oversight?as_of=2019-01-01",
    "/oversight/figures/funnel",
    "/oversight/facts/3",
    "/oversight/trail",
    "/docs",
    "/docs/operations/create_webhook",
    "/docs/events",
    "/docs/events/qsmo.registry.plan.submitted.v1",
    "/sign-in",
    "/problems",
    "/problems/rule-violation",
)


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_and_nothing_is_cut_off(visit: Visit, installation: Installation, path: str) -> None:
    visit.open(path.format(offering=installation.get(OFFERING)["id"]) if "{" in path else path)

    for viewport in (DESKTOP, PHONE):
        visit.page.set_viewport_size(viewport)
        assert visit.overflow() == 0
        if viewport is PHONE or path in AT_BOTH:  # axe takes a second
            assert visit.violations() == []


@pytest.mark.parametrize(("role", "path"), [(role, path) for role, paths in WORKSPACES.items() for path in paths])
def test_axe_finds_nothing_where_people_work(chromium: Browser, installation: Installation, role: str, path: str) -> None:
    with visiting(chromium, installation.url, viewport=PHONE, extra_http_headers=Caller(installation, role).headers) as visit:
        assert visit.open(path) == OK
        assert visit.violations() == []
        assert visit.overflow() == 0
        for link in visit.page.locator("a[download]").all():
            answer = visit.page.request.get(visit.base + (link.get_attribute("href") or ""))
            assert answer.ok, link
            assert len(list(csv.reader(io.StringIO(answer.text())))) > 1, link


def test_axe_finds_what_is_planted(visit: Visit) -> None:
    visit.open("/")
    visit.page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=\"/static/icon.svg\">')")

    assert any(found.startswith("image-alt") for found in visit.violations())


def test_the_main_journey_needs_no_mouse(visit: Visit) -> None:
    """From the address bar to a search, an offering, and the day that a service was designated."""
    page = visit.page
    visit.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    visit.open("/")
    follow(visit, "Marketplace")
    reach(visit, "input[type=search]")
    page.keyboard.type("VDP")
    press(visit, "Enter")
    follow(visit, "Vulnerability Disclosure Policy")
    assert page.inner_text("h1").startswith("Vulnerability Disclosure Policy")

    follow(visit, "Regime")
    reach(visit, "#day")
    for _ in range(3):
        page.keyboard.press("PageDown")
    page.wait_for_url("**/regime?as_of=*")
    assert page.evaluate("document.activeElement.id") == "day"


def reach(visit: Visit, selector: str) -> None:
    """By Tab alone, and whoever gets there sees it."""
    for _ in range(_TABS_MAX):
        visit.page.keyboard.press("Tab")
        if visit.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outlined = "getComputedStyle(document.activeElement).outlineStyle != 'none'"
            assert visit.page.evaluate(outlined), selector
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def follow(visit: Visit, text: str) -> None:
    for _ in range(_TABS_MAX):
        visit.page.keyboard.press("Tab")
        if str(visit.page.evaluate("document.activeElement.textContent")).strip().startswith(text):
            press(visit, "Enter")
            return
    raise AssertionError(f"Tab does not lead to {text}")


def press(visit: Visit, key: str) -> None:
    with visit.page.expect_navigation():
        visit.page.keyboard.press(key)
