"""Every page is for everybody: axe finds nothing, nothing is cut off, the keyboard reaches all, and no script is needed."""

from __future__ import annotations

import pytest

from tests.support.browser import DESKTOP, PHONE, Visit
from tests.support.installation import Installation

OFFERING = "/v1/offerings/by-key/code/vulnerability-disclosure-platform"
LARGEST = "/docs"  # thousands of elements: seconds for axe
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
    "/oversight",
    "/oversight?area=cybersecurity",
    "/oversight?as_of=2019-01-01",
    "/oversight/figures/funnel",
    "/oversight/facts/3",
    "/oversight/trail",
    LARGEST,
    "/problems",
    "/problems/rule-violation",
)


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_and_nothing_is_cut_off(visit: Visit, installation: Installation, path: str) -> None:
    visit.open(path.format(offering=installation.get(OFFERING)["id"]) if "{" in path else path)

    for viewport in (DESKTOP, PHONE) if path != LARGEST else (PHONE,):
        visit.page.set_viewport_size(viewport)
        assert visit.violations() == []
        assert visit.overflow() == 0


def test_axe_finds_what_is_planted(visit: Visit) -> None:
    visit.open("/")
    visit.page.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<img src=\"/static/icon.svg\">')")

    assert any(found.startswith("image-alt") for found in visit.violations())
