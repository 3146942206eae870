"""A customer's feedback → a finding of oversight → a corrective action of the plan in force → verified, over the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.embedded import embedded
from services.installation import DataFolder
from tests.support.plans import EVIDENCE, PlanOffice, a_content

AREA = "cybersecurity"
AGENCY = "agency:014:sapoc"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[PlanOffice]:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
            yield PlanOffice(client, lambda subject, roles: folder.issuer.token(subject=subject, roles=roles))


async def got(office: PlanOffice, path: str, by: str = "omb") -> Any:
    answer = await office.call("GET", path, by=by)
    assert answer.is_success, answer.text
    return answer.json()


async def sent(office: PlanOffice, path: str, body: Any, by: str) -> Any:
    answer = await office.call("POST", path, body, by=by)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def offering_of(office: PlanOffice) -> str:
    """One of the starter data that adoption has heard of."""
    async with asyncio.timeout(60):
        while not (found := (await got(office, f"/v1/offerings?area={AREA}&q=vulnerability"))["items"]):
            await asyncio.sleep(0.1)
    return str(found[0]["id"])


async def feedback_given(office: PlanOffice) -> str:
    """Its id."""
    offering, interior = await offering_of(office), (await got(office, "/v1/organizations/by-key/cgac/014"))["id"]
    body = {"agency_id": interior, "offering_id": offering}
    async with asyncio.timeout(60):  # until adoption has heard of both
        while (begun := await office.call("POST", "/v1/adoptions", body, by=AGENCY)).status_code != 201:
            await asyncio.sleep(0.1)
    words = {"ratings": {"support": 1}, "text": "Nobody answers."}
    return str((await sent(office, f"/v1/adoptions/{begun.json()['id']}/feedback", words, AGENCY))["id"])


async def plan_in_force(office: PlanOffice) -> tuple[str, str]:
    """The plan, and its lead office."""
    dhs = (await got(office, "/v1/organizations/by-key/cgac/070"))["id"]
    components = (await got(office, f"/v1/organizations?parent_id={dhs}"))["items"]
    cisa = next(each["id"] for each in components if "Cybersecurity" in each["name"])
    for seat in ("cio", "cfo"):  # vacant in the starter data
        path, held = f"/v1/board-seats/{seat}", {"title": seat.upper(), "subject": seat}
        assert (await office.call("PUT", path, held, by="coordinator", etag='"1"')).is_success
    return await office.approved(dhs, a_content(cisa, "dns-resolver")), cisa


async def corrected(office: PlanOffice, finding: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            shown = await got(office, f"/v1/findings/{finding}")
            if shown["correction"] and shown["correction"]["status"] == status:
                return dict(shown)
            await asyncio.sleep(0.05)


async def test_a_finding_is_corrected_in_the_registry_and_adoption_hears_of_it(office: PlanOffice) -> None:
    source = {"kind": "feedback", "id": await feedback_given(office)}
    given = {"focus_area": AREA, "title": "Answer customers within a day", "due_on": "2099-01-31"}
    unfounded = await office.call("POST", "/v1/findings", {**given, "sources": []}, by="omb")
    strange = await office.call("POST", "/v1/findings", {**given, "sources": [{"kind": "sla", "id": "x"}]}, by="omb")
    finding = await sent(office, "/v1/findings", {**given, "sources": [source]}, "omb")
    listed = await got(office, "/v1/findings?filter=not status = withdrawn&fields=status&count=true")
    assert unfounded.json()["missing"] == ["a month missed or feedback given in the area"]
    assert strange.json()["errors"][0]["pointer"] == "/sources/0/id"
    assert finding["correction"] is None
    assert (listed["items"], listed["count"]) == ([{"id": finding["id"], "status": finding["status"]}], 1)

    plan, cisa = await plan_in_force(office)
    opened = (await corrected(office, finding["id"], "open"))["correction"]
    assert (opened["plan_id"], opened["owner"]) == (plan, cisa)
    path, reason = f"/v1/findings/{finding['id']}/withdraw", {"reason": "Not so bad"}
    refused = await office.call("POST", path, reason, by="omb", etag='"1"')
    assert refused.json()["missing"] == ["no corrective action opened for it"]

    action = f"corrective-actions/{opened['action_id']}"
    await office.did(plan, f"{action}/propose-done", {"evidence": [EVIDENCE]}, by="author")
    done = await office.did(plan, f"{action}/verify", by="omb")
    assert [each["finding_id"] for each in done["corrective_actions"]] == [finding["id"]]
    await corrected(office, finding["id"], "verified")
    events = await got(office, "/v1/events?type=qsmo.registry.corrective_action&limit=200")
    told = [event["data"]["corrective_action"] for event in events["items"]]
    assert [each["status"] for each in told if each.get("finding_id") == finding["id"]] == ["open", "proposed_done", "verified"]


async def test_a_finding_withdrawn_before_there_was_a_plan_is_never_corrected(office: PlanOffice) -> None:
    source = {"kind": "feedback", "id": await feedback_given(office)}
    given = {"focus_area": AREA, "title": "Answer customers", "due_on": "2099-01-31", "sources": [source]}
    kept, dropped = [await sent(office, "/v1/findings", given, "omb") for _ in range(2)]
    path = f"/v1/findings/{dropped['id']}/withdraw"
    withdrawn = await office.call("POST", path, {"reason": "Said twice"}, by="omb", etag='"1"')
    assert withdrawn.json()["status"] == "withdrawn", withdrawn.text

    await plan_in_force(office)
    await corrected(office, kept["id"], "open")
    assert (await got(office, f"/v1/findings/{dropped['id']}"))["correction"] is None
