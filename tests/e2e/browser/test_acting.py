"""Forms of actions: done once, refused in words, never over somebody else's change, never for another site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.furnishing import Caller, agency_id, offering_id
from tests.support.installation import Installation
from tests.support.person import Form, Person, said

EDUCATION = "091"
READY = {"standings__finance__level": "3", "standings__finance__evidence": "Costs are known"}


@pytest.fixture
def ann(installation: Installation) -> Iterator[Person]:
    with Person(installation.url, role=f"agency:{EDUCATION}:sapoc", subject="ann") as person:
        yield person


@pytest.fixture
def caller(installation: Installation) -> Caller:
    """The same post, over the API."""
    return Caller(installation, f"agency:{EDUCATION}:sapoc", subject="bob")


@pytest.fixture
def adoption(installation: Installation, caller: Caller) -> Iterator[dict[str, Any]]:
    """One of this test's own; withdrawn after it."""
    body = {"agency_id": agency_id(installation, EDUCATION), "offering_id": offering_id(installation, "soc-services")}
    made = caller.post("/v1/adoptions", body)
    yield made
    caller.move(f"/v1/adoptions/{made['id']}", "withdraw", {"reason": "the test is over"})


def adoptions(caller: Caller, agency: str) -> int:
    return len(caller.ask("GET", f"/v1/agencies/{agency}/adoptions?limit=200").json()["items"])


def test_what_is_refused_says_what_is_missing_and_keeps_what_was_filled_in(ann: Person, adoption: dict[str, Any]) -> None:
    form = ann.form(f"/v1/adoptions/{adoption['id']}/advance", to=f"/adoptions/{adoption['id']}")
    refused = ann.send(form, reason="we are ready")

    assert refused.status_code == 409
    assert "What is missing: exit criterion: the service areas" in said(refused)
    assert Form(refused.text).values["reason"] == "we are ready"
    assert Form(refused.text).values["key"] != form["key"]


def test_a_criterion_is_met_and_the_board_shows_it(ann: Person, adoption: dict[str, Any]) -> None:
    page = f"/adoptions/{adoption['id']}"
    form = ann.form(f"/v1/adoptions/{adoption['id']}/criteria/assessment-scope/meet", to=page)
    done = ann.send(form, evidence="Charter of 3 May")
    shown = ann.client.get(done.headers["location"])

    assert done.status_code == 303
    assert "Done: Meet criterion" in said(shown)
    assert "Charter of 3 May (ann," in said(shown)


def test_a_form_sent_twice_is_done_once(ann: Person, installation: Installation, caller: Caller) -> None:
    agency = agency_id(installation, EDUCATION)
    before = adoptions(caller, agency)
    offering = offering_id(installation, "vulnerability-disclosure-platform")
    form = ann.form("/v1/adoptions", to="/adoptions/{id}", agency_id=agency, offering_id=offering)
    first, second = ann.send(form), ann.send(form)

    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    assert adoptions(caller, agency) == before + 1


def test_nobody_overwrites_what_they_have_not_seen(ann: Person, adoption: dict[str, Any], caller: Caller) -> None:
    path = f"/v1/adoptions/{adoption['id']}"
    form = ann.form(f"{path}/criteria/assessment-scope/meet")
    caller.move(path, "hold", {"reason": "budget"})
    stale = ann.send(form, evidence="Charter")
    caller.move(path, "resume", {})
    again = ann.send(ann.form(f"{path}/criteria/assessment-scope/meet"), evidence="Charter")

    assert stale.status_code == 412
    assert "Somebody changed this since you saw it" in said(stale)
    assert int(Form(stale.text).values["version"]) > int(form["version"])
    assert again.status_code == 303


def test_faults_stand_at_their_fields(ann: Person, installation: Installation) -> None:
    agency = agency_id(installation, EDUCATION)
    form = ann.form(f"/v1/agencies/{agency}/readiness/cybersecurity")
    refused = ann.send(form, standings__finance__level="9", standings__finance__evidence="x")

    assert refused.status_code == 422
    assert 'aria-describedby="f-standings-finance-level-error"' in refused.text
    assert 'id="f-standings-finance-evidence-error"' in refused.text


def test_what_was_assessed_is_assessed_anew_with_what_was_there(ann: Person, installation: Installation) -> None:
    path = f"/v1/agencies/{agency_id(installation, EDUCATION)}/readiness/grants-management"
    first = ann.send(ann.form(path), **READY)
    again = ann.form(path)
    second = ann.send(again, standings__finance__level="4")

    assert first.status_code == 303
    assert (again["standings/finance/level"], again["standings/finance/evidence"]) == ("3", "Costs are known")
    assert second.status_code == 303, said(second)


def test_more_rows_are_added_and_nothing_is_sent(ann: Person, installation: Installation) -> None:
    agency = agency_id(installation, EDUCATION)
    form = ann.form("/v1/needs", agency_id=agency, focus_area="cybersecurity", fiscal_year=2031)
    filled = {f"needs__{n}__fibf_id": f"CYB.010.0{n}0" for n in range(1, 3)} | {"needs__0__scale": "both"}
    more = ann.send(form, more="needs", needs__0__fibf_id="CYB.010.010", **filled)
    rows = {name for name in Form(more.text).values if name.endswith("/fibf_id")}

    assert more.status_code == 200
    assert len(rows) == 6
    assert Form(more.text).values["needs/0/scale"] == "both"
    assert "2031" not in ann.text(f"/agency/{EDUCATION}/needs").partition("State needs")[0]


def test_what_is_stated_can_be_changed_where_it_is(ann: Person, installation: Installation) -> None:
    agency = agency_id(installation, EDUCATION)
    form = ann.form(
        "/v1/needs", to=f"/agency/{EDUCATION}/needs/{{id}}", agency_id=agency, focus_area="cybersecurity", fiscal_year=2029
    )
    made = ann.send(form, needs__0__fibf_id="CYB.010.010", needs__0__scale="both", size__user="400")
    page = made.headers["location"].partition("?")[0]
    change = ann.form(f"/v1/needs/{page.rpartition('/')[2]}", to=page)
    changed = ann.send(change, needs__0__scale="system", needs__1__fibf_id="CYB.020.010", needs__1__scale="both")
    shown = ann.text(page)

    assert change["size/user"] == "400"
    assert changed.status_code == 303, said(changed)
    assert "CYB.010.010" in shown
    assert "CYB.020.010" in shown


def test_who_may_not_is_told_so(installation: Installation, adoption: dict[str, Any]) -> None:
    with Person(installation.url, role="agency:012:sapoc", subject="eve") as eve:
        hidden = eve.client.get("/act", params={"path": f"/v1/adoptions/{adoption['id']}/withdraw"})
        agency = agency_id(installation, EDUCATION)
        refused = eve.send(eve.form(f"/v1/agencies/{agency}/readiness/cybersecurity"), **READY)

    assert hidden.status_code == 404
    assert refused.status_code in {403, 404}
    assert refused.text.count('role="alert"') == 1


def test_a_form_of_another_site_does_nothing(ann: Person, adoption: dict[str, Any]) -> None:
    form = ann.form(f"/v1/adoptions/{adoption['id']}/hold")
    refused = [ann.send({**form, "csrf": csrf}, reason="not ours") for csrf in ("", form["csrf"][::-1])]

    assert [answer.status_code for answer in refused] == [403, 403]
    assert "on hold" not in ann.text(f"/adoptions/{adoption['id']}").partition("What you can do")[0]


def test_the_public_is_asked_to_sign_in_first(installation: Installation) -> None:
    answer = httpx.get(installation.url + "/act", params={"path": "/v1/adoptions"})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?to=%2Fact")


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/metrics", "/v1/adoptions/../../metrics", "https://else.example/", "/v1/regime", "/v1/webhooks"]
)
def test_forms_lead_to_writes_of_the_services_alone(ann: Person, path: str) -> None:
    assert ann.client.get("/act", params={"path": path}).status_code == 404


@pytest.mark.parametrize("to", ["https://else.example/", "//else.example/"])
def test_forms_lead_back_to_our_pages_alone(ann: Person, adoption: dict[str, Any], to: str) -> None:
    form = ann.form(f"/v1/adoptions/{adoption['id']}/hold", to=to)
    done = ann.send({**form, "to": to}, reason="elsewhere")

    assert done.status_code == 303
    assert done.headers["location"].startswith("/?done=")


@pytest.mark.parametrize(
    "kind", ["plans", "iaps", "designations", "posts", "vacancies", "organizations", "policies", "vehicles"]
)
def test_whatever_the_api_lists_is_a_page(installation: Installation, kind: str) -> None:
    with Person(installation.url, role="omb", subject="olga") as olga:
        shown = olga.client.get(f"/records/{kind}")

    assert shown.status_code == 200
    assert shown.text.count("<h1>") == 1


def test_a_record_shows_what_it_holds_and_what_can_be_done_with_it(installation: Installation) -> None:
    with Person(installation.url, role="omb", subject="olga") as olga:
        (one, *_) = olga.client.get("/v1/designations", params={"area": "cybersecurity", "limit": 1}).json()["items"]
        page = f"/records/designations/{one['id']}"
        shown = olga.text(page)
        form = olga.form(f"/v1/designations/{one['id']}/suspend", to=page)

    assert "Suspend" in shown
    assert form["version"] == str(one["version"])


@pytest.mark.parametrize("path", ["/records/nothing", "/records/webhooks", "/records/designations/none"])
def test_what_is_no_record_is_not_there(ann: Person, path: str) -> None:
    assert ann.client.get(path).status_code == 404
