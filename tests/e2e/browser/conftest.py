"""A browser for each module, and one installation for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Visit, launched, visiting
from tests.support.furnishing import furnish
from tests.support.installation import Installation, an_installation

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Not for the session: while Playwright runs, no test with a loop of its own can."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With the starter data, and a little of what agencies do."""
    with an_installation(tmp_path_factory.mktemp("browser")) as served:
        furnish(served)
        yield served


@pytest.fixture
def visit(chromium: Browser, installation: Installation) -> Iterator[Visit]:
    """A person at a desktop who has not signed in."""
    with visiting(chromium, installation.url) as visit:
        yield visit
