"""The page of an offering shows all that the offering says, and where each field comes from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from services.embedded import embedded
from services.installation import DataFolder
from tests.integration.test_catalog_imports import given

SAID: dict[str, Any] = {
    "bundle": ["part-one", "part-two"],
    "depends_on": ["identity-service"],
    "migrates_to": "its-heir",
    "standards": ["fibf-grm"],
    "lessons": ["Begin with the data."],
    "promises": [{"measure_id": "GRM.010", "target": ">=99%"}],
    "guide": {
        "body": "How it goes.",
        "steps": ["Look at it."],
        "artifacts": ["A cutover plan"],
        "standards": ["Uniform Guidance"],
    },
}


async def an_offering(client: httpx.AsyncClient) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while not (found := (await client.get("/v1/offerings?area=grants-management&status=published")).json()["items"]):
            await asyncio.sleep(0.1)
    return dict((await client.get(f"/v1/offerings/{found[0]['id']}")).json())


async def test_the_page_shows_what_belongs_to_it_and_where_each_field_comes_from(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
            offering = await an_offering(client)
            path = f"/v1/offerings/{offering['id']}"
            seen = await client.get(path)
            token = folder.issuer.token(subject="editor", roles=["qsmo:grants-management"])
            headers = {"Authorization": f"Bearer {token}", "If-Match": seen.headers["etag"]}
            for code in (*SAID["bundle"], *SAID["depends_on"], SAID["migrates_to"]):
                drafted = await client.post("/v1/offerings", json={**given(offering), "code": code}, headers=headers)
                assert drafted.status_code == 201, drafted.text
            revised = await client.put(path, json={**given(offering), **SAID}, headers=headers)
            page = (await client.get(f"/offerings/{offering['id']}")).text

    assert revised.status_code == 200, revised.text
    codes = [*SAID["bundle"], *SAID["depends_on"], SAID["migrates_to"], "GRM.010"]
    assert [code for code in codes if f"<code>{code}</code>" not in page] == []
    texts = ["Begin with the data.", "&gt;=99%", "Look at it.", "A cutover plan", "Uniform Guidance", "/standards/fibf-grm"]
    assert [text for text in texts if text not in page] == []
    assert "Where each field comes from" in page
    assert "set by hand" in page
    assert offering["origins"]["name"]["by"] == "system:starter"
    assert revised.json()["origins"]["lessons"]["by"] == "editor"
