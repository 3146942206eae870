from __future__ import annotations

from importlib import import_module

import pytest

from services.gateway.dashboard.sentences import sentence
from services.gateway.queries import Names
from shared.contracts.fact import FACTS

for module in ("registry", "catalog", "adoption"):
    import_module(f"shared.contracts.{module}")

NAMES = Names({"o1": "CISA"}, {"cybersecurity": "Cybersecurity"}, {("cybersecurity", "dns"): "DNS resolver"})
DATA = {
    "policy": "m-19-16", "title": "Cybersecurity", "issuer": "OMB", "services": [{"slug": "dns"}], "name": "Thing",
    "kind": "agency", "status": "open", "focus_area": "cybersecurity", "service": "dns", "organization_id": "o1",
    "effective_on": "2020-04-27", "opened_on": "2020-04-27", "provider_name": "Acme", "revision": 2, "reason": "none",
    "agency_id": "o1", "offering_code": "FR1", "phase": "migration", "cents": 123456, "hours": 1200, "fiscal_year": 2027,
}  # fmt: skip


@pytest.mark.parametrize("type_name", sorted(FACTS))
def test_every_fact_is_a_sentence(type_name: str) -> None:
    text = sentence(type_name, DATA, NAMES)

    assert text[0].isupper() or text[0] == "“"
    assert text.endswith(".")
    assert "_" not in text


def test_a_designation_says_who_leads_what_since_when() -> None:
    text = sentence("qsmo.registry.designation.designated.v1", DATA, NAMES)

    assert text == "CISA was designated to lead DNS resolver (Cybersecurity), effective 27 April 2020."


def test_a_type_of_tomorrow_is_told_by_its_name() -> None:
    assert sentence("qsmo.registry.corrective_action.opened.v1", {}, NAMES) == "Corrective action opened."


def test_savings_and_systems_say_whose_and_how_much() -> None:
    ended = {**DATA, "name": "Old ledger", "decommissioned_on": "2026-09-30"}

    entered = sentence("qsmo.adoption.savings.recorded.v1", {**DATA, "kind": "estimate"}, NAMES)
    gone = sentence("qsmo.adoption.system.decommissioned.v1", ended, NAMES)

    assert entered == "CISA entered $1,234.56 and 1,200 hours as estimate of fiscal year 2027."
    assert gone == "CISA decommissioned Old ledger on 30 September 2026."
