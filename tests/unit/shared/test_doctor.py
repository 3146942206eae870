"""What the doctor finds in an installation that is not well, each with what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.commandline.doctor.asking import Finding
from services.commandline.doctor.embedded import seen_by
from services.installation import DataFolder

WELL: dict[str, tuple[int, Any, dict[str, str]]] = {
    "/readyz": (200, {"status": "ok", "checks": {"database": "ok"}}, {}),
    "/livez": (200, {}, {}),
    "/metrics": (200, 'qsmo_outbox_oldest_age_seconds{service="catalog"} 0.5\n', {}),
    "/v1/parked-events/registry": (200, {"items": []}, {}),
    "/v1/parked-events/catalog": (200, {"items": []}, {}),
    "/v1/parked-events/adoption": (200, {"items": []}, {}),
    "/v1/parked-events/gateway": (200, {"items": []}, {}),
    "/v1/search/offerings": (200, {"count": 3}, {"x-index-lag": "0"}),
    "/v1/audit/head": (200, {"seq": 7}, {}),
}


async def examined(folder: Path, **ill: tuple[int, Any, dict[str, str]]) -> list[Finding]:
    answers = {**WELL, **{f"/{path}": answer for path, answer in ill.items()}}

    def answer(request: httpx.Request) -> httpx.Response:
        status, body, headers = answers[request.url.path]
        content = {"text": body} if isinstance(body, str) else {"json": body}
        return httpx.Response(status, headers=headers, **content)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://x") as client:
        return [finding async for finding in seen_by(client, DataFolder(folder))]


async def test_nothing_is_found_where_all_is_well(tmp_path: Path) -> None:
    assert [finding for finding in await examined(tmp_path) if finding.remedy] == []


@pytest.mark.parametrize(
    ("path", "answer", "what", "says"),
    [
        ("readyz", (503, {"checks": {"bus": "The bus is away.", "database": "ok"}}, {}), "ready", "bus: The bus is away."),
        ("metrics", (200, "qsmo_outbox_oldest_age_seconds 61.0\n", {}), "outbox", "61 s"),
        ("v1/parked-events/adoption", (200, {"items": [{"reason": "no offering"}]}, {}), "events at adoption", "no offering"),
        ("v1/parked-events/registry", (200, {"items": [{"reason": "no finding"}]}, {}), "events at registry", "no finding"),
        ("v1/search/offerings", (503, {}, {}), "search", "HTTP 503"),
        ("v1/search/offerings", (200, {"count": 3}, {"x-index-lag": "1001"}), "search", "1001 facts behind"),
        ("v1/audit/head", (500, {}, {}), "feed", "HTTP 500"),
        (
            "livez",
            (200, {}, {"date": format_datetime(datetime.now(UTC) - timedelta(minutes=1), usegmt=True)}),
            "clock",
            "differs by",
        ),
    ],
)
async def test_each_trouble_is_found_with_a_remedy(tmp_path: Path, path: str, answer: Any, what: str, says: str) -> None:
    (found,) = [finding for finding in await examined(tmp_path, **{path: answer}) if finding.remedy]

    assert found.what == what
    assert says in found.said
