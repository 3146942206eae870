"""Implementation plans over HTTP, each step taken by the person whose step it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from services.registry.domain.plan_criteria import ELEMENTS

BASIS = {"policy": "m-19-16", "clause": "section I"}
OPENED_ON = "2019-04-26"
EVIDENCE = "https://example.gov/evidence"
SECTIONS = {
    "offerings": "Security operations, vulnerability management, protective DNS",
    "acquisition_strategy": "Existing vehicles first",
    "governance": "An advisory board of customers",
    "funding_mechanism": "Appropriation, then fee for service",
    "organization": "An office of forty",
}
PEOPLE = {
    "coordinator": ("coordinator",),
    "omb": ("omb",),
    "cio": ("board:cio",),
    "cfo": ("board:cfo",),
    "dhs": ("board:dhs",),
}


def a_content(lead: str, *services: str, first_year: int = 2020, **more: Any) -> dict[str, Any]:
    """What a complete plan says."""
    years = [
        {"fiscal_year": year, "capacity": "12 agencies", "skills": "analysts", "funds": {"amount": "5000000.00"}}
        for year in range(first_year, first_year + 5)
    ]
    return {"lead_office_id": lead, "services": list(services), "sections": SECTIONS, "years": years, **more}


@dataclass
class PlanOffice:
    """Takes steps on plans; `token` makes one for a subject with roles."""

    client: httpx.AsyncClient
    token: Callable[[str, list[str]], str]
    area: str = "cybersecurity"

    async def call(self, method: str, path: str, body: Any = None, *, by: str, etag: str | None = None) -> httpx.Response:
        roles = [f"qsmo:{self.area}"] if by == "author" else list(PEOPLE.get(by, (by,)))
        headers = {"Authorization": f"Bearer {self.token(by, roles)}"}
        if etag:
            headers["If-Match"] = etag
        return await self.client.request(method, path, json=body, headers=headers)

    async def do(self, plan: str, path: str, body: Any = None, *, by: str, method: str = "POST") -> httpx.Response:
        """On the newest version of the plan."""
        etag = (await self.call("GET", f"/v1/plans/{plan}", by="omb")).headers["etag"]
        return await self.call(method, f"/v1/plans/{plan}/{path}".rstrip("/"), body or {}, by=by, etag=etag)

    async def did(self, plan: str, path: str, body: Any = None, *, by: str, method: str = "POST") -> Any:
        answer = await self.do(plan, path, body, by=by, method=method)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def seats(self, *ids: str, organization_id: str | None = None) -> None:
        """Each held by the person of its name; the last one belongs to the organization, if one is given."""
        for id in ids:
            seat = {"id": id, "title": id.upper(), "subject": id}
            if id == ids[-1] and organization_id:
                seat["organization_id"] = organization_id
            answer = await self.call("POST", "/v1/board-seats", seat, by="coordinator")
            assert answer.status_code == 201, answer.text

    async def director(self, *, subject: str = "author", on: str = OPENED_ON) -> None:
        """The post that signs what is submitted, held by the author unless it is on record already."""
        body = {"kind": "qsmo-director", "focus_area": self.area, "effective_on": on}
        holder = {"name": "The director", "subject": subject}
        answer = await self.call("POST", "/v1/posts", {**body, "holder": holder}, by="coordinator")
        assert answer.status_code in {201, 409}, answer.text

    async def drafted(self, host: str, content: dict[str, Any], *, first_year: int = 2020, on: str = OPENED_ON) -> str:
        await self.director()
        head = {"focus_area": self.area, "host_organization_id": host, "first_fiscal_year": first_year}
        answer = await self.call("POST", "/v1/plans", {**head, **content, "effective_on": on}, by="author")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def submitted(self, host: str, content: dict[str, Any], *, on: str = OPENED_ON) -> str:
        plan = await self.drafted(host, content, on=on)
        await self.did(plan, "milestones", {"title": "First customer live", "due_on": "2021-09-30"}, by="author")
        await self.did(plan, "submit", {"effective_on": on}, by="author")
        return plan

    async def in_review(self, host: str, content: dict[str, Any], *, on: str = OPENED_ON) -> str:
        plan = await self.submitted(host, content, on=on)
        await self.did(plan, "start-review", {"effective_on": on}, by="coordinator")
        return plan

    async def recommended(self, host: str, content: dict[str, Any], *, on: str = OPENED_ON) -> str:
        """Needs the seats `cio` and `cfo`."""
        plan = await self.in_review(host, content, on=on)
        await self.did(plan, "check", {"complete": True}, by="coordinator")
        await self.did(plan, "votes", {"seat": "cio", "choice": "for"}, by="cio")
        await self.did(plan, "votes", {"seat": "cfo", "choice": "for"}, by="cfo")
        await self.did(plan, "recommend", {"effective_on": on}, by="coordinator")
        return plan

    async def met(self, plan: str) -> None:
        """Every criterion of the plan."""
        for element in ELEMENTS:
            body = {"status": "met", "evidence": [EVIDENCE]}
            await self.did(plan, f"criteria/{element.id}", body, by="coordinator", method="PUT")

    async def approved(self, host: str, content: dict[str, Any], *, on: str = OPENED_ON, **more: Any) -> str:
        plan = await self.recommended(host, content, on=on)
        await self.met(plan)
        await self.did(plan, "approve", {"effective_on": on, **BASIS, **more}, by="omb")
        return plan
