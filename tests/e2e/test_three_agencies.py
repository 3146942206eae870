"""Three agencies of different maturity, from assessment to operations, through the gateway's HTTP only.

One adopts fully, one chooses differently because of its needs, one stalls, is found, resumes and withdraws. Every refusal on
the way lists what is missing, and doing what it lists leads on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.importers.starter import starter
from services.embedded import embedded
from services.installation import DataFolder

FM, CYBER = "financial-management", "cybersecurity"
QSMOS = {FM: f"qsmo:{FM}", CYBER: f"qsmo:{CYBER}"}
DIMENSIONS = ("finance", "customer", "operations", "technology", "organization", "workforce")
LEDGER = ("FFM.090.010", "FFM.090.020", "FFM.110.010", "FFM.010.010")
INTERAGENCY = ("FFM.030.030", "FFM.060.070", "FFM.060.080")
STEPS_MAX = 200
STARTER_OFFERINGS = len(starter().offerings)


class Calendar:
    """The clock of the installation, turned by days."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 5, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, days: int) -> None:
        self.now += timedelta(days=days)


@dataclass
class World:
    """The gateway, and who speaks to it."""

    client: httpx.AsyncClient
    folder: DataFolder
    calendar: Calendar
    app: Any
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def headers(self, role: str, subject: str) -> dict[str, str]:
        key = (role, subject)
        if key not in self.tokens:
            self.tokens[key] = self.folder.issuer.token(subject=subject, roles=[role])
        return {"Authorization": f"Bearer {self.tokens[key]}"}

    async def get(self, path: str, role: str = "omb") -> Any:
        answer = await self.client.get(path, headers=self.headers(role, "reader"))
        assert answer.is_success, answer.text
        return answer.json()

    async def send(
        self, method: str, path: str, body: Any, role: str, *, subject: str = "sapoc", of: str | None = None
    ) -> httpx.Response:
        """`of`: the address whose newest version is changed."""
        headers = self.headers(role, subject)
        if of is not None:
            headers = {**headers, "If-Match": (await self.client.get(of, headers=headers)).headers["etag"]}
        return await self.client.request(method, path, json=body, headers=headers)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    calendar, folder = Calendar(), DataFolder(tmp_path / "data")
    async with embedded(folder, clock=calendar) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
            made = World(client, folder, calendar, app)
            async with asyncio.timeout(60):
                while not await knows_the_offerings(made):
                    await asyncio.sleep(0.1)
            yield made


async def knows_the_offerings(world: World) -> bool:
    """Whether adoption has heard of all that the catalog offers."""
    found = await world.client.get("/v1/organizations/by-key/cgac/012")
    answer = await world.client.get(f"/v1/agencies/{found.json().get('id')}/next-steps", headers=world.headers("omb", "reader"))
    offered = await world.get("/v1/stats/offerings")
    return answer.is_success and len(answer.json()["items"]) == 4 and offered["total"] == STARTER_OFFERINGS


@dataclass
class Agency:
    """One agency's way, with the roles of its people."""

    world: World
    id: str
    role: str
    area: str

    @classmethod
    async def named(cls, world: World, name: str, code: str, area: str) -> Agency:
        found = await world.get(f"/v1/organizations/by-key/cgac/{code}")
        assert found["name"] == name
        return cls(world, found["id"], f"agency:{code}:sapoc", area)

    async def next_step(self) -> dict[str, Any]:
        steps = (await self.world.get(f"/v1/agencies/{self.id}/next-steps", self.role))["items"]
        return dict(next(step for step in steps if step["focus_area"] == self.area))

    async def is_ready(self, level: int) -> None:
        step = await self.next_step()
        assert step["state"] == "readiness not known"
        body = {"standings": {d: {"level": level, "evidence": "Assessed in a workshop"} for d in DIMENSIONS}}
        answer = await self.world.send("PUT", step["href"], body, self.role)
        assert answer.is_success, answer.text

    async def needs(self, *activities: str, **more: Any) -> str:
        assert (await self.next_step())["href"] == "/v1/needs"
        stated = [{"fibf_id": id_, "scale": "both", "mission_critical": n == 0} for n, id_ in enumerate(activities)]
        body = {"agency_id": self.id, "focus_area": self.area, "fiscal_year": 2027, "needs": stated, **more}
        answer = await self.world.send("POST", "/v1/needs", body, self.role)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def chooses(self, needs_id: str, *, decide: bool = True) -> dict[str, Any]:
        """The best that fits, shortlisted with the runner-up and selected."""
        fit = await self.world.get(f"/v1/needs/{needs_id}/fit?limit=2", self.role)
        assert (await self.next_step())["href"] == f"/v1/needs/{needs_id}/fit"
        ids = [item["offering_id"] for item in fit["items"] if item["possible"]]
        locked = await self.world.send("POST", "/v1/shortlists", {"needs_id": needs_id, "offering_ids": ids}, self.role)
        assert locked.status_code == 201, locked.text
        path = f"/v1/shortlists/{locked.json()['id']}"
        verified = await self.world.get(f"{path}/verification", self.role)
        assert verified["digest_holds"]
        assert verified["scores_hold"]
        body = {"outcome": "selected", "offering_id": ids[0], "reason": "It fits best"}
        decided = await self.world.send("POST", f"{path}/decide", body, self.role, of=path)
        assert decided.is_success, decided.text
        return dict(fit["items"][0])

    async def starts(self, offering_id: str) -> str:
        assert (await self.next_step())["href"] == "/v1/adoptions"
        answer = await self.world.send("POST", "/v1/adoptions", {"agency_id": self.id, "offering_id": offering_id}, self.role)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def act(
        self, adoption: str, action: str, body: Any = None, *, role: str = "", subject: str = "sapoc"
    ) -> httpx.Response:
        path = f"/v1/adoptions/{adoption}"
        return await self.world.send("POST", f"{path}/{action}", body or {}, role or self.role, subject=subject, of=path)

    async def goes_on_to(self, adoption: str, phase: str) -> int:
        """Tries to advance and does what each refusal lists, until the phase is reached; returns how many refusals."""
        refusals = 0
        for _ in range(STEPS_MAX):
            answer = await self.act(adoption, "advance")
            if answer.is_success:
                if answer.json()["phase"] == phase:
                    return refusals
                continue
            assert answer.status_code == 409
            assert answer.json()["missing"], answer.text
            refusals += 1
            await self.does(adoption, answer.json()["missing"][0])
        raise AssertionError("the lists led nowhere")

    async def does(self, adoption: str, missing: str) -> None:
        evidence = {"evidence": "https://example.gov/evidence"}
        if missing.startswith("exit criterion "):
            criterion = missing.removeprefix("exit criterion ").partition(":")[0]
            answer = await self.act(adoption, f"criteria/{criterion}/meet", evidence)
        elif missing.startswith("tollgate"):
            side = missing.rpartition(" ")[2]
            role = self.role if side == "agency" else QSMOS[self.area]
            answer = await self.act(adoption, "tollgate/sign", {"side": side}, role=role, subject=f"{side} signer")
        elif missing.startswith("risk assessment"):
            tool = await self.world.get("/v1/meta/m3/risk")
            ratings = {c: {"level": "medium", "grounds": "Rated together"} for c in tool["weights"]["large"]["readiness"]}
            answer = await self.act(adoption, "risk", {"size": "large", "ratings": ratings})
        elif missing == "a live agreement for this adoption":
            answer = await self.agrees(adoption)
        else:
            assert missing == "a decision to go live"
            day = (self.world.calendar.now + timedelta(days=45)).date().isoformat()
            answer = await self.act(adoption, "go-live", {"outcome": "go", "go_live_on": day})
        assert answer.is_success, (missing, answer.text)

    async def agrees(self, adoption: str) -> httpx.Response:
        body = {
            "adoption_id": adoption,
            "number": f"IAA-{self.id[-4:]}",
            "kind": "iaa",
            "begins_on": "2026-10-01",
            "ends_on": "2029-09-30",
            "funding": {"2027": {"amount": "250000.00"}},
        }
        answer = await self.world.send("POST", "/v1/agreements", body, self.role)
        path = f"/v1/agreements/{answer.json()['id']}"
        turns = (("send", self.role, "sapoc"), ("sign", self.role, "sapoc"), ("countersign", QSMOS[self.area], "qsmo"))
        for action, role, subject in (*turns, ("activate", self.role, "sapoc")):
            answer = await self.world.send("POST", f"{path}/{action}", {}, role, subject=subject, of=path)
            assert answer.is_success, answer.text
        return answer


async def test_three_agencies_find_their_way(world: World) -> None:
    agriculture = await Agency.named(world, "Department of Agriculture", "012", FM)
    education = await Agency.named(world, "Department of Education", "091", FM)
    labor = await Agency.named(world, "Department of Labor", "016", CYBER)

    # Agriculture wants a ledger and adopts it fully.
    await agriculture.is_ready(4)
    ledger = await agriculture.chooses(await agriculture.needs(*LEDGER))
    whole = await agriculture.starts(ledger["offering_id"])
    refusals = await agriculture.goes_on_to(whole, "operations")
    done = await agriculture.act(whole, "complete")

    # Education has other needs, and other offerings come first.
    await education.is_ready(2)
    invoicing = await education.chooses(await education.needs(*INTERAGENCY))
    await education.starts(invoicing["offering_id"])

    assert ledger["code"] == "arc-financial-management"
    assert invoicing["code"] == "g-invoicing"
    assert refusals == 33 + 3 * 3 + 2  # criteria, risks and signatures at tollgates, the agreement and the decision to go live
    assert done.json()["status"] == "completed"

    # Labor begins with security operations, stands still, is found, goes on, and withdraws.
    await labor.is_ready(1)
    soc = await labor.chooses(await labor.needs("CYB.100.010", "CYB.100.020"))
    adoption = await labor.starts(soc["offering_id"])
    await labor.goes_on_to(adoption, "readiness")
    world.calendar.passes(200)
    stalled = await until_stalled(world, adoption)
    await labor.does(adoption, stalled["next_step"]["what"])
    moving = await world.get(f"/v1/adoptions/{adoption}", labor.role)
    unreasoned = await labor.act(adoption, "withdraw")
    gone = await labor.act(adoption, "withdraw", {"reason": "The department keeps its own center"})

    assert stalled["stall"]["threshold_days"] == 180
    assert stalled["next_step"]["whose"] == "agency"
    assert moving["stall"] is None
    assert unreasoned.json()["missing"] == ["reason"]
    assert gone.json()["status"] == "withdrawn"

    # The catalog heard who uses what, and since when; of those, callers learn what they may see of adoptions.
    live_on = (await world.get(f"/v1/adoptions/{whole}"))["live_on"]
    uses = await until_used(world, ledger["offering_id"])
    assert [(use["agency_id"], use["since"]) for use in uses] == [(agriculture.id, live_on)]
    assert (await world.get(f"/v1/offerings/{ledger['offering_id']}/reuse", QSMOS[FM]))["agencies"] == 1
    for path, role in ((ledger, education.role), (ledger, QSMOS[CYBER]), (invoicing, "omb"), (soc, "omb")):
        assert (await world.get(f"/v1/offerings/{path['offering_id']}/reuse", role))["agencies"] == 0

    # Another agency sees nothing of it, and the QSMO of the area all.
    outsider = await world.client.get(f"/v1/adoptions/{whole}", headers=world.headers("agency:091:sapoc", "x"))
    assert outsider.status_code == 404
    assert (await world.get(f"/v1/adoptions/{whole}", QSMOS[FM]))["phase"] == "operations"


async def until_used(world: World, offering_id: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        while not (found := (await world.get(f"/v1/offerings/{offering_id}/uses"))["items"]):
            await asyncio.sleep(0.05)
    return list(found)


async def until_stalled(world: World, adoption: str) -> dict[str, Any]:
    """The hourly look finds it; here it looks at once."""
    owner = world.app.state.context.upstreams["adoption"]._transport._app.state.context
    await owner.tell_due()
    found = await world.get("/v1/adoptions?stalled=true&limit=200", "omb")
    return dict(next(item for item in found["items"] if item["id"] == adoption))
