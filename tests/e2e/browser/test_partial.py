"""When a service is down, pages say which and since when, and show the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import PHONE, visiting
from tests.support.installation import Installation
from tests.unit.gateway.builders import a_gateway, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PARTS = ("registry", "catalog", "adoption")
# What is down → what pages say all the same.
STILL: Mapping[str, Mapping[str, str]] = {
    "registry": {"/": "Focus areas", "/regime": "The regime", "/oversight": "assessment"},
    "catalog": {"/": "Cybersecurity", "/areas/cybersecurity": "DNS resolver", "/marketplace": "What do you need?"},
    "adoption": {"/": "Cybersecurity", "/oversight": "chained by hashes", "/areas/cybersecurity/brief": "DNS resolver"},
}


@contextmanager
def a_gateway_without(down: str, installation: Installation, folder: Path) -> Iterator[str]:
    """Its address. It has the installation's services behind it, but for one."""
    there: dict[str, Any] = {f"{name}_url": installation.url for name in PARTS if name != down}
    ready, stop = threading.Event(), asyncio.Event()
    said: dict[str, str] = {}
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with (
            a_gateway(f"sqlite+aiosqlite:///{folder / 'gateway.db'}", folder, compose_deadline_s=2, **there) as harness,
            served(harness.app) as url,
        ):
            said["url"] = url
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield said["url"]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("down", PARTS)
def test_what_is_down_is_named_and_the_rest_is_shown(
    chromium: Browser, installation: Installation, tmp_path: Path, down: str
) -> None:
    with (
        a_gateway_without(down, installation, tmp_path) as url,
        visiting(chromium, url, viewport=PHONE) as visit,
    ):
        for path, still in STILL[down].items():
            visit.open(path)
            said = visit.page.inner_text("main")
            assert f"The {down} service does not answer, since" in said, path
            assert still in said, path
            assert visit.violations() == []
            assert visit.overflow() == 0
