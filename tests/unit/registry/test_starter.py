"""The starter data: consistent in itself, with the domain's rules, and with the real codes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from services.registry.domain import designation as domain
from services.registry.domain.designation import Basis, Designation, Status
from services.registry.importers import starter
from services.registry.importers.starter import Starter, StarterStep
from tests.support.real_data import needs_real_data
from tests.unit.registry import real_data

AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def data() -> Starter:
    return starter.load()


def replayed(data: Starter) -> dict[tuple[str, str], list[Designation]]:
    """The designations of every service after all steps, by the domain's own rules."""
    found: dict[tuple[str, str], list[Designation]] = {}
    for step in data.steps:
        for service in step.services:
            found[step.area, service] = taken(found.get((step.area, service), []), step, service)
    return found


def taken(history: list[Designation], step: StarterStep, service: str) -> list[Designation]:
    basis = Basis(policy=step.policy, clause=step.clause, reason=step.reason, source=step.source)
    if not history:
        return [begun(step, service, step.action, basis)]
    *ended, live = history
    lead = None if step.action == "transfer" else step.organization
    moved = domain.move(live, step.action, on=step.effective_on, at=AT, by="omb", basis=basis, organization_id=lead)
    if step.action != "transfer":
        return [*ended, moved]
    return [*ended, moved, begun(step, service, "pre-designate", basis)]


def begun(step: StarterStep, service: str, action: str, basis: Basis) -> Designation:
    return domain.begin(
        action,
        id=f"{service}-{step.effective_on}",
        focus_area=step.area,
        service=service,
        organization_id=step.organization,
        on=step.effective_on,
        at=AT,
        by="omb",
        basis=basis,
    )


def as_of(history: list[Designation], day: date) -> tuple[Status, str | None] | None:
    found = [(designation, step) for designation in history if (step := designation.as_of(day))]
    live = [(step.status, designation.organization_id) for designation, step in found if step.status is not Status.ENDED]
    return live[-1] if live else None


def test_every_reference_is_known(data: Starter) -> None:
    services = {area.slug: {service.slug for service in area.services} for area in data.areas}
    keys = {organization.key for organization in data.organizations}

    assert [step for step in data.steps if not set(step.services) <= services[step.area]] == []
    assert [step for step in data.steps if step.organization and step.organization not in keys] == []
    assert {step.policy for step in data.steps} == {data.policy.id}


def test_parents_stand_before_their_parts_and_codes_are_unique(data: Starter) -> None:
    known: set[str] = set()
    for organization in data.organizations:
        assert organization.parent is None or organization.parent in known
        known.add(organization.key)

    assert Counter(code for o in data.organizations for code in o.codes).most_common(1)[0][1] == 1


def test_the_24_cfo_act_agencies_are_there(data: Starter) -> None:
    assert sum(organization.cfo_act for organization in data.organizations) == 24


def test_steps_are_in_order_and_give_their_source(data: Starter) -> None:
    days = [step.effective_on for step in data.steps]

    assert days == sorted(days)
    assert all(step.source for step in data.steps)
    assert all(step.clause for step in data.steps if step.action != "research")


def test_the_steps_are_what_the_domain_allows_and_each_service_has_one_live_designation(data: Starter) -> None:
    live = {key: sum(designation.is_live for designation in history) for key, history in replayed(data).items()}

    assert {area for (area, _), count in live.items() if count == 0} == {"electronic-records", "regulations"}
    assert max(live.values()) == 1


@pytest.mark.parametrize(
    ("area", "service", "day", "expected"),
    [
        ("cybersecurity", "dns-resolver", date(2020, 4, 26), (Status.PRE_DESIGNATED, "subtier:7061")),
        ("cybersecurity", "dns-resolver", date(2020, 5, 1), (Status.DESIGNATED, "subtier:7061")),
        ("cybersecurity", "network-defense", date(2026, 1, 1), (Status.PRE_DESIGNATED, "subtier:7061")),
        ("financial-management", "reporting", date(2020, 6, 29), (Status.DESIGNATED, "subtier:2036")),
        ("human-resources", "compensation", date(2020, 7, 1), (Status.DESIGNATED, "cgac:047")),
        ("human-resources", "compensation", date(2021, 4, 1), (Status.PRE_DESIGNATED, "cgac:024")),
        ("human-resources", "compensation", date(2025, 3, 18), (Status.DESIGNATED, "cgac:024")),
        ("grants-management", "grant-award-management", date(2021, 1, 11), (Status.DESIGNATED, "cgac:075")),
        ("acquisition", "assisted-acquisition", date(2026, 3, 1), (Status.RESEARCH, "cgac:047")),
        ("acquisition", "acquisition-systems", date(2026, 3, 1), None),
        ("acquisition", "assisted-acquisition", date(2026, 3, 5), (Status.PRE_DESIGNATED, "cgac:047")),
    ],
    ids=str,
)
def test_the_record_answers_by_date(
    data: Starter, area: str, service: str, day: date, expected: tuple[Status, str] | None
) -> None:
    assert as_of(replayed(data)[area, service], day) == expected


def test_exactly_three_cyber_services_are_designated(data: Starter) -> None:
    found = replayed(data)
    designated = {
        service
        for (area, service), history in found.items()
        if area == "cybersecurity" and history[-1].status is Status.DESIGNATED
    }

    assert designated == {"soc-standardization", "vulnerability-management", "dns-resolver"}


def test_human_services_finds_the_human_resources_area(data: Starter) -> None:
    assert [area.slug for area in data.areas if "human services" in area.aliases] == ["human-resources"]


def test_marketplaces_open_on_their_dates(data: Starter) -> None:
    assert {area.slug: area.marketplace_opens_on for area in data.areas if area.marketplace_opens_on} == {
        "cybersecurity": date(2020, 4, 27),
        "financial-management": date(2022, 11, 29),
        "grants-management": date(2022, 9, 29),
        "human-resources": date(2024, 5, 14),
    }


@needs_real_data
def test_importing_the_real_codes_would_change_nothing_about_the_starter_organizations(data: Starter) -> None:
    by_code = {code: row for row in real_data.organizations().values() for code in row.codes}
    checked = 0
    for organization in data.organizations:
        rows = {by_code[code].key for code in organization.codes if code in by_code}
        if organization.key.startswith("office:"):
            assert rows == set()
            continue
        (key,) = rows
        row = real_data.organizations()[key]
        assert (row.key, row.name, row.kind, row.parent) == (
            organization.key,
            organization.name,
            organization.kind,
            organization.parent,
        )
        assert (row.abbreviation, row.cfo_act) == (organization.abbreviation, organization.cfo_act)
        assert set(row.codes) == set(organization.codes)
        assert set(row.aliases) <= set(organization.aliases)
        checked += 1

    assert checked >= 60


def test_the_board_has_its_co_chairs_and_the_eight_councils_of_the_charter(data: Starter) -> None:
    councils = [seat.council for seat in data.board_seats if seat.council]

    assert sorted(councils) == ["cao", "cdo", "cfo", "chco", "cio", "coffa", "pic", "sac"]
    assert [seat.id for seat in data.board_seats if not seat.council] == ["co-chair-gsa", "co-chair-elected"]
    assert {seat.organization for seat in data.board_seats if seat.organization} <= {o.key for o in data.organizations}
