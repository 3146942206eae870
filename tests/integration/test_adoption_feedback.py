"""Feedback over HTTP: once a quarter, answered once, moderated in the open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption.domain.feedback import quarter_of
from tests.unit.adoption.builders import World, a_world, an_offering, started

OWN, OTHER, QSMO, PROVIDER = "agency:7008:cio", "agency:014:cio", "qsmo:cybersecurity", "provider:p-1"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        await world.tell(an_offering("dns", focus_areas=("cybersecurity",), provider_id="p-1"))
        yield world


async def given(world: World, adoption: str, role: str = OWN, **ratings: int) -> httpx.Response:
    body = {"ratings": ratings or {"satisfaction": 4}, "text": "Quick, but rude"}
    return await world.api.post(f"/v1/adoptions/{adoption}/feedback", body, role)


async def act(world: World, found: httpx.Response, action: str, role: str, subject: str = "gsa", **body: Any) -> httpx.Response:
    headers = {**world.api.headers(role, subject=subject), "If-Match": found.headers["etag"]}
    return await world.api.client.post(f"/v1/feedback/{found.json()['id']}/{action}", json=body, headers=headers)


@pytest.mark.parametrize(
    ("day", "quarter"),
    [
        ("2026-10-01", "2027Q1"),
        ("2026-12-31", "2027Q1"),
        ("2027-01-01", "2027Q2"),
        ("2027-06-30", "2027Q3"),
        ("2027-09-30", "2027Q4"),
    ],
)
def test_quarters_are_those_of_the_fiscal_year(day: str, quarter: str) -> None:
    assert quarter_of(date.fromisoformat(day)) == quarter


async def test_a_customer_speaks_once_a_quarter_and_the_provider_replies_once(world: World) -> None:
    adoption = (await started(world)).json()["id"]
    first = await given(world, adoption)
    replied = await act(world, first, "reply", PROVIDER, text="We are sorry")

    assert (first.status_code, (await given(world, adoption)).status_code) == (201, 409)
    assert (await given(world, adoption, OTHER)).status_code == 404
    assert (await given(world, adoption, QSMO)).status_code == 403
    assert (await given(world, adoption, satisfaction=6)).status_code == 422
    assert replied.json()["reply"]["text"] == "We are sorry"
    assert (await act(world, replied, "reply", PROVIDER, text="And again")).status_code == 409
    assert (await act(world, replied, "reply", OWN, text="Not mine")).status_code == 403
    assert (await act(world, first, "reply", PROVIDER, text="Stale")).status_code == 412
    recorded = await world.recorded("feedback")
    assert [kind for kind, _, _ in recorded] == ["given", "answered"]
    assert (recorded[0][1]["ratings"], recorded[0][2]["ce_visibility"]) == ({"satisfaction": 4}, "restricted")


async def test_moderation_hides_words_with_a_reason_that_stays(world: World) -> None:
    found = await given(world, (await started(world)).json()["id"])
    refused = await act(world, found, "moderate", QSMO, verdict="hide", reason="Insulting")
    own = await act(world, found, "moderate", "coordinator", "tester", verdict="hide", reason="Insulting")
    hidden = await act(world, found, "moderate", "coordinator", verdict="hide", reason="Insulting")

    async def text(role: str) -> str | None:
        shown: str | None = (await world.api.get(f"/v1/feedback/{found.json()['id']}", role)).json()["text"]
        return shown

    assert (refused.status_code, own.status_code) == (403, 409)
    assert [await text(role) for role in (OWN, "coordinator", QSMO, PROVIDER)] == ["Quick, but rude"] * 2 + [None] * 2
    restored = await act(world, hidden, "moderate", "coordinator", verdict="restore", reason="It is not")
    assert [(each["verdict"], each["reason"]) for each in restored.json()["log"]] == [
        ("hide", "Insulting"),
        ("restore", "It is not"),
    ]
    assert await text(PROVIDER) == "Quick, but rude"
    seen = {role: len((await world.api.get("/v1/feedback", role)).json()["items"]) for role in (OWN, QSMO, PROVIDER, OTHER)}
    assert seen == {OWN: 1, QSMO: 1, PROVIDER: 1, OTHER: 0}
