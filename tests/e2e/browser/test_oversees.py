"""What a member of the board and OMB do with a plan, in a browser: review, vote, decide, and look at what came of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from services.registry.domain.plan_criteria import ELEMENTS
from tests.e2e.browser.test_workspaces import signed_in
from tests.support.furnishing import Caller, agency_id
from tests.support.installation import Installation
from tests.support.plans import a_content

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AREA, TREASURY = "financial-management", "020"
SEATS = ("cio", "cfo")


@pytest.fixture
def plan(installation: Installation) -> str:
    """In review: found complete, with the seats of two councils filled. Returns its path in the API."""
    coordinator = Caller(installation, "coordinator", subject="cora")
    for seat in SEATS:
        path = f"/v1/board-seats/{seat}"
        shown = coordinator.ask("GET", path)
        values = {"title": shown.json()["title"], "council": seat, "subject": seat}
        assert coordinator.ask("PUT", path, json=values, etag=shown.headers["etag"]).is_success
    author = Caller(installation, f"qsmo:{AREA}", subject="author")
    director = {"kind": "qsmo-director", "focus_area": AREA, "effective_on": "2019-04-26"}
    coordinator.post("/v1/posts", {**director, "holder": {"name": "The director", "subject": "author"}})
    head = {"focus_area": AREA, "host_organization_id": agency_id(installation, TREASURY), "first_fiscal_year": 2027}
    content = a_content(_lead(installation), "general-ledger", first_year=2027)
    path = f"/v1/plans/{author.post('/v1/plans', {**head, **content})['id']}"
    author.move(path, "milestones", {"title": "First customer live", "due_on": "2027-09-30"})
    author.move(path, "submit", {})
    coordinator.move(path, "start-review", {})
    coordinator.move(path, "check", {"complete": True})
    return path


def _lead(installation: Installation) -> str:
    found = installation.get("/v1/organizations", q="Bureau of the Fiscal Service")["items"]
    return next(str(each["id"]) for each in found if each["name"] == "Bureau of the Fiscal Service")


def test_a_plan_is_voted_on_decided_and_seen_by_everybody(chromium: Browser, installation: Installation, plan: str) -> None:
    _votes(chromium, installation)
    Caller(installation, "board:cfo", subject="cfo").move(plan, "votes", {"seat": "cfo", "choice": "for"})
    Caller(installation, "coordinator", subject="cora").move(plan, "recommend", {})

    with signed_in(chromium, installation, "omb", "olive") as visit:
        page = visit.page
        page.get_by_role("link", name="Core Financial Management", exact=True).click()
        page.get_by_role("link", name="Plan and criteria").click()
        assert "2 in favour, 0 against" in page.inner_text("main")
        assert page.get_by_role("button", name="Approve").is_disabled()
        _waive(installation, plan)
        page.reload()
        page.get_by_role("link", name="Approve", exact=True).click()
        page.get_by_label("Policy").select_option("m-19-16")
        page.get_by_label("Clause").fill("section I")
        page.get_by_label("Title").first.fill("Report every quarter")
        page.get_by_label("Owner").first.fill("author")
        page.get_by_label("Due").first.fill("2027-03-31")
        page.get_by_role("button", name="Approve plan").click()
        assert "Done: Approve plan." in page.inner_text("main")
        conditions = page.get_by_role("region", name="Conditions and corrective actions").first
        assert "Report every quarter" in conditions.inner_text()

        page.get_by_role("link", name="Scorecard").click()
        assert "Realized savings of the ledger" in page.inner_text("main")
        visit.open("/regime")
        assert re.search(r"plan 1\s+approved\s+0", page.inner_text("#part-plans table")) is not None
        _looks_where_a_number_comes_from(visit.page)


def _votes(chromium: Browser, installation: Installation) -> None:
    with signed_in(chromium, installation, "board:cio", "cio") as visit:
        page = visit.page
        visit.open(f"/qsmo/{AREA}/plan")
        page.get_by_role("link", name="Vote for the Chief Information Officers Council").click()
        assert "Chief Information Officers Council" in page.inner_text("form.act")
        page.get_by_label("Choice").select_option("for")
        page.get_by_role("button", name="Cast vote").click()
        votes = page.get_by_role("table", name="Votes")
        votes.get_by_role("row", name=re.compile("Chief Information Officers Council for cio")).wait_for()
        assert visit.violations() == []


def _waive(installation: Installation, plan: str) -> None:
    """Each criterion that is required, as OMB may."""
    omb = Caller(installation, "omb", subject="another")
    for element in ELEMENTS:
        etag = omb.ask("GET", plan).headers["etag"]
        body = {"status": "waived", "note": "Assessed after the first year"}
        assert omb.ask("PUT", f"{plan}/criteria/{element.id}", json=body, etag=etag).is_success


def _looks_where_a_number_comes_from(page: Page) -> None:
    """From a figure to its facts, to the proof of one, to the trail that it stands in."""
    page.get_by_role("link", name="Oversight", exact=True).click()
    page.locator("#part-funnel").get_by_role("link", name="Where does this number come from?").click()
    assert "Adoptions by M3 phase and status" in page.inner_text("main")
    page.locator("main .facts a").first.click()
    assert "adopt" in page.inner_text(".lead")
    assert page.get_by_role("heading", name="Proof").is_visible()
    page.get_by_role("link", name="Oversight", exact=True).first.click()
    page.get_by_role("link", name="Look through the audit trail").click()
    page.get_by_label("Who").fill("olive")
    page.get_by_role("button", name="Show").click()
    page.wait_for_load_state()
    row = page.locator("tbody tr").filter(has_text="registry.plan.approved")
    assert re.search(r"\b[0-9a-f]{64}\b", row.inner_text()) is not None
