"""Pages in a real Chromium: what it refuses, what axe finds, and what it says is collected."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from tests.support.servers import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "section508")
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_FAULT = 500
_REFUSED = ("Content Security Policy", "Content-Security-Policy")


@contextmanager
def launched() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, chromium_sandbox=os.geteuid() != 0)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One person at one browser window, and what went wrong in it."""

    context: BrowserContext
    page: Page
    base: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> int:
        """Returns the status, which is no fault's."""
        answer = self.page.goto(self.base + path, wait_until="load")
        assert answer is not None
        assert answer.status < _FAULT, path
        return answer.status

    def violations(self) -> list[str]:
        """What axe finds on the page as it is now: rule, element, and why."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_axe_script())
        found = self.page.evaluate(_RUN % json.dumps(RULES))
        return [f"{rule['id']}: {node['html'][:160]} – {node['failureSummary']}" for rule in found for node in rule["nodes"]]

    def overflow(self) -> int:
        """How many pixels of the page lie beyond the right edge."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return found

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and any(word in message.text for word in _REFUSED):
            self.faults.append(message.text)


@contextmanager
def visiting(browser: Browser, base: str, *, viewport: ViewportSize | None = None, **options: Any) -> Iterator[Visit]:
    """`options`: of Playwright's new_context. Raises AssertionError when a script failed or the policy was violated."""
    context = browser.new_context(viewport=viewport or DESKTOP, **options)
    context.set_default_timeout(20_000)
    page = context.new_page()
    visit = Visit(context, page, base)
    page.on("console", visit._heard)
    page.on("pageerror", lambda error: visit.faults.append(str(error)))
    try:
        yield visit
        assert not visit.faults, visit.faults
    finally:
        context.close()


_RUN = "axe.run(document, {runOnly: {type: 'tag', values: %s}, resultTypes: ['violations']}).then(found => found.violations)"


@functools.cache
def _axe_script() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
