"""QSMO-Version of a write, brought along as QSMO-After: a read waits until it can show it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.embedded import embedded
from services.installation import DataFolder


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder, starter=False) as app:
        token = folder.issuer.token(subject="someone", roles=["coordinator", "omb"])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers, timeout=30) as client:
            yield client


async def an_agency(client: httpx.AsyncClient, n: int) -> tuple[str, str]:
    """Its id, and what the write said it had recorded."""
    codes = [{"scheme": "cgac", "value": f"{900 + n}"}]
    made = await client.post("/v1/organizations", json={"name": f"Agency {n}", "kind": "department", "codes": codes})
    assert made.status_code == 201, made.text
    return made.json()["id"], made.headers["qsmo-version"]


async def test_what_was_written_here_is_in_what_is_read_there(client: httpx.AsyncClient) -> None:
    """Adoption hears of an agency by the bus; without waiting it would not know of most of these yet."""
    for n in range(12):
        id_, version = await an_agency(client, n)
        assert version == f"registry@1/{id_}"

        page = (await client.get(f"/v1/agencies/{id_}/overview", headers={"QSMO-After": version})).json()
        renamed = await client.get(f"/v1/organizations/{id_}")
        event = (await client.get("/v1/events", params={"subject": id_}, headers={"QSMO-After": version})).json()["items"]

        assert page["missing"] == []
        assert page["organization"]["name"] == f"Agency {n}" == renamed.json()["name"]
        assert [item["aggregateversion"] for item in event] == [1]


async def test_a_page_that_was_kept_is_not_shown_to_who_has_written_since(client: httpx.AsyncClient) -> None:
    id_, _ = await an_agency(client, 1)
    for n in range(8):
        await client.get(f"/v1/agencies/{id_}/overview")
        found = await client.get(f"/v1/organizations/{id_}")
        body = {"name": f"Renamed {n}", "kind": "department", "codes": found.json()["codes"]}
        changed = await client.put(f"/v1/organizations/{id_}", json=body, headers={"If-Match": found.headers["etag"]})
        assert changed.status_code == 200, changed.text

        after = {"QSMO-After": changed.headers["qsmo-version"]}
        page = (await client.get(f"/v1/agencies/{id_}/overview", headers=after)).json()

        assert page["organization"]["name"] == f"Renamed {n}"


async def test_what_does_not_come_is_503_after_two_seconds(client: httpx.AsyncClient) -> None:
    id_, _ = await an_agency(client, 1)
    begun = time.monotonic()

    answer = await client.get("/v1/events", headers={"QSMO-After": f"registry@2/{id_}"})

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert 1.9 <= time.monotonic() - begun < 4


async def test_an_owner_does_not_wait_for_what_is_its_own(client: httpx.AsyncClient) -> None:
    id_, _ = await an_agency(client, 1)
    begun = time.monotonic()

    answer = await client.get(f"/v1/organizations/{id_}", headers={"QSMO-After": f"registry@7/{id_}, gateway@1/x"})

    assert answer.status_code == 200
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "given", ["", "registry", "registry@x/1", "registry@1", "registry@-1/a", "a@1/b\tc", "registry@1/a,," * 40]
)
async def test_what_no_write_says_is_400(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/v1/events", headers={"QSMO-After": given})

    assert answer.status_code == 400
    assert "QSMO-Version" in answer.json()["detail"]


async def test_a_dry_run_recorded_nothing_and_a_replay_says_what_the_first_said(client: httpx.AsyncClient) -> None:
    body = {"name": "Once", "kind": "department", "codes": []}
    key = {"Idempotency-Key": "k-1"}

    dry = await client.post("/v1/organizations?validate_only=true", json=body)
    first = await client.post("/v1/organizations", json=body, headers=key)
    again = await client.post("/v1/organizations", json=body, headers=key)

    assert "qsmo-version" not in dry.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["qsmo-version"] == first.headers["qsmo-version"]
