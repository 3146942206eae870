"""Takes the pictures of docs/images anew: `make pictures`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize

from tests.support.browser import PHONE, launched, visiting
from tests.support.furnishing import furnish
from tests.support.installation import an_installation
from tests.support.servers import REPOSITORY

IMAGES = REPOSITORY / "docs/images"
SIZE: ViewportSize = {"width": 1280, "height": 860}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        an_installation(Path(folder)) as installation,
        launched() as browser,
    ):
        furnish(installation)
        for name, path, role in (
            ("regime", "/regime?as_of=2020-06-29", None),
            ("marketplace", "/marketplace?q=vulnerability", None),
            ("oversight", "/oversight", "auditor"),
            ("agency", "/agency/012", "agency:012:sapoc"),
            ("pipeline", "/qsmo/cybersecurity/pipeline", "qsmo:cybersecurity"),
            ("phone", "/agency/012", "agency:012:sapoc"),
        ):
            with visiting(browser, installation.url, viewport=PHONE if name == "phone" else SIZE) as visit:
                if role:
                    visit.open("/sign-in")
                    visit.page.get_by_label("Role", exact=True).select_option(role)
                    visit.page.get_by_role("button", name="Sign in").click()
                    visit.page.get_by_role("button", name="Sign out").wait_for()
                visit.open(path)
                visit.page.locator("#live.on, main:not(:has(#live))").first.wait_for()
                visit.page.screenshot(path=IMAGES / f"{name}.png")
                print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
