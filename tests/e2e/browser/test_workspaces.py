"""What agencies and QSMOs do in a week, in a browser: without script, by keyboard, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.browser import DESKTOP, PHONE, Visit, visiting
from tests.support.furnishing import CYBER, Caller, agency_id, offering_id
from tests.support.installation import Installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LABOR = "016"


@contextmanager
def signed_in(browser: Browser, installation: Installation, role: str, subject: str, **options: Any) -> Iterator[Visit]:
    with visiting(browser, installation.url, **options) as visit:
        visit.open("/sign-in?to=/me")
        visit.page.get_by_label("Role", exact=True).select_option(role)
        visit.page.get_by_label("Your name on the record").fill(subject)
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.get_by_role("heading", name=subject).wait_for()
        yield visit


def first_adoption(installation: Installation, code: str) -> str:
    caller = Caller(installation, f"agency:{code}:sapoc")
    found = caller.ask("GET", f"/v1/agencies/{agency_id(installation, code)}/adoptions").json()
    return str(found["items"][0]["id"])


def test_an_agency_assesses_states_needs_and_moves_on_without_script(chromium: Browser, installation: Installation) -> None:
    with signed_in(chromium, installation, f"agency:{LABOR}:sapoc", "lee", java_script_enabled=False) as visit:
        page = visit.page
        page.get_by_role("link", name="Agency", exact=True).click()
        page.get_by_role("link", name="Readiness", exact=True).click()
        page.get_by_role("link", name="Assess Cybersecurity Services").click()
        finance = page.get_by_role("group", name="Finance")
        finance.get_by_label("Level").fill("3")
        finance.get_by_label("Evidence").fill("Costs per system are known")
        page.get_by_role("button", name="Assess readiness").click()
        assert page.get_by_role("status").inner_text().strip() == "Done: Assess readiness."
        assert "finance 3" in page.get_by_role("img").first.get_attribute("aria-label")  # type: ignore[operator]

        page.get_by_role("link", name="Needs and fit").click()
        page.get_by_role("link", name="Cybersecurity Services, fiscal year").click()
        page.get_by_label("FIBF id").first.fill("CYB.010.010")
        page.get_by_label("Scale").first.select_option("both")
        page.get_by_role("button", name="State needs").click()
        assert "offerings are possible" in page.locator("main").inner_text()
        statement = page.url
        page.get_by_role("rowheader").get_by_role("link").first.click()
        assert page.get_by_role("heading", name="What would change it").is_visible()
        page.goto(statement)
        page.get_by_role("link", name="Lock a shortlist").click()
        page.get_by_text("Protective DNS Resolver, score").click()
        page.get_by_text("Mobile Application Vetting, score").click()
        page.get_by_role("button", name="Lock shortlist").click()
        assert "Department of Labor" in page.inner_text("main")
        assert page.get_by_role("link", name="Mobile Application Vetting").count() > 0

        page.goto(visit.base + f"/adoptions/{first_adoption(installation, LABOR)}")
        assert page.get_by_role("button", name="Advance").is_disabled()
        beside = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="Advance"))
        assert "exit criterion: the service areas" in beside.first.inner_text()
        for _ in range(3):
            page.get_by_role("link", name="Meet").first.click()
            page.get_by_label("Evidence").fill("Decision of the steering committee")
            page.get_by_role("button", name="Meet criterion").click()
        page.get_by_role("link", name="Advance").click()
        page.get_by_role("button", name="Advance adoption").click()
        assert "2. Readiness now" in page.locator("[aria-current=step]").inner_text()


def test_a_qsmo_sends_an_offering_back_and_it_leaves_the_queue(chromium: Browser, installation: Installation) -> None:
    qsmo = Caller(installation, f"qsmo:{CYBER}", subject="maker")
    values = {
        "code": "browser-drafted",
        "name": "Phishing exercises",
        "kind": "service",
        "focus_areas": [CYBER],
        "services": ["network-defense"],
        "summary": "Exercises for staff.",
        "fibf_coverage": [{"fibf_id": "CYB.010.010", "coverage": "yes"}],
    }
    made = qsmo.post("/v1/offerings", values)
    qsmo.move(f"/v1/offerings/{made['id']}", "submit", {})
    with signed_in(chromium, installation, f"qsmo:{CYBER}", "quinn") as visit:
        page = visit.page
        page.get_by_role("link", name="QSMO", exact=True).click()
        page.get_by_role("link", name="Decide about Phishing exercises").click()
        page.get_by_role("link", name="Request changes").click()
        page.get_by_label("Reason").fill("Say what a year costs.")
        page.get_by_role("button", name="Request offering changes").click()
        assert "changes requested" in page.locator("main").inner_text()

        visit.open(f"/qsmo/{CYBER}/offerings")
        sent_back = page.get_by_role("region", name="Sent back")
        assert sent_back.get_by_role("link", name="Phishing exercises", exact=True).is_visible()
        assert page.get_by_role("region", name="To review").get_by_role("link", name="Phishing exercises").count() == 0


def test_an_adoption_is_held_by_keyboard_alone(chromium: Browser, installation: Installation) -> None:
    adoption = first_adoption(installation, "091")
    with signed_in(chromium, installation, "agency:091:sapoc", "kim") as visit:
        page = visit.page
        visit.open(f"/adoptions/{adoption}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        tab_to(visit, "Hold")
        page.keyboard.press("Enter")
        page.wait_for_url("**/act?**")
        tab_to(visit, "Hold adoption")
        page.keyboard.press("Enter")
        page.wait_for_url("**/adoptions/**")
        assert page.get_by_text("Done: Hold adoption.").is_visible()
    caller = Caller(installation, "agency:091:sapoc")
    caller.move(f"/v1/adoptions/{adoption}", "resume", {})


def tab_to(visit: Visit, name: str) -> None:
    for _ in range(60):
        visit.page.keyboard.press("Tab")
        if str(visit.page.evaluate("document.activeElement.textContent")).strip() == name:
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


def looked_at(visit: Visit, path: str) -> None:
    visit.page.set_viewport_size(DESKTOP)
    assert visit.open(path) == 200, path
    assert visit.violations() == [], path
    visit.page.set_viewport_size(PHONE)
    assert visit.overflow() == 0, path


def test_axe_finds_nothing_in_the_agency_workspace(chromium: Browser, installation: Installation) -> None:
    agency = agency_id(installation, "012")
    with signed_in(chromium, installation, "agency:012:sapoc", "ann") as visit:
        for part in ("", "/readiness", "/needs", "/agreements", "/iaps", "/systems", "/savings"):
            looked_at(visit, f"/agency/012{part}")
        looked_at(visit, f"/adoptions/{first_adoption(installation, '012')}")
        looked_at(visit, f"/act?path=/v1/needs&chosen=agency_id:{agency}")
        looked_at(visit, f"/act?path=/v1/agencies/{agency}/readiness/{CYBER}")
        looked_at(visit, "/me")


def test_axe_finds_nothing_in_the_qsmo_workspace(chromium: Browser, installation: Installation) -> None:
    with signed_in(chromium, installation, f"qsmo:{CYBER}", "quinn") as visit:
        for part in ("", "/plan", "/offerings", "/pipeline", "/demand", "/feedback", "/scorecard"):
            looked_at(visit, f"/qsmo/{CYBER}{part}")
        looked_at(visit, f"/records/offerings/{offering_id(installation, 'protective-dns')}")
        looked_at(visit, "/act?path=/v1/plans")


def test_axe_finds_nothing_in_a_refusal(chromium: Browser, installation: Installation) -> None:
    with signed_in(chromium, installation, "agency:012:sapoc", "ann") as visit:
        visit.open(f"/act?path=/v1/adoptions/{first_adoption(installation, '012')}/advance")
        visit.page.get_by_role("button", name="Advance adoption").click()
        visit.page.get_by_role("alert").wait_for()

        assert visit.violations() == []
