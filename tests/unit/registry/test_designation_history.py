"""The history of the designation tiles: what changed, what only confirms, what says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from services.registry.domain.designation import MACHINE, Status
from services.registry.importers import designation_history as history
from services.registry.importers import starter
from services.registry.importers.designation_history import HistoryRow, OutcomeKind, Recorded
from services.registry.importers.starter import Starter
from shared.kernel.errors import Invalid
from tests.support.real_data import needs_real_data
from tests.unit.registry import real_data

FM_SERVICES = ("accounts-payable", "accounts-receivable", "general-ledger", "reporting")
LEGAL_DAY = date(2020, 6, 29)


AFTER = {t.action: Status(t.target) for t in MACHINE.transitions} | {"transfer": Status.PRE_DESIGNATED}


def recorded_by(starter: Starter) -> tuple[Recorded, ...]:
    """What the starter's own designation steps put on record."""
    above = {organization.key: organization.parent for organization in starter.organizations}
    leads: dict[tuple[str, str], tuple[str, ...]] = {}
    found: list[Recorded] = []
    for step in sorted(starter.steps, key=lambda step: step.effective_on):
        for service in step.services:
            if step.organization:
                leads[step.area, service] = tuple(chain(step.organization, above))
            found.append(
                Recorded(
                    area=step.area,
                    service=service,
                    status=AFTER[step.action],
                    leads=leads.get((step.area, service), ()),
                    effective_on=step.effective_on,
                )
            )
    return tuple(found)


def chain(key: str, above: dict[str, str | None]) -> Iterator[str]:
    current: str | None = key
    while current is not None:
        yield current
        current = above.get(current)


def a_row(**changes: str | int) -> HistoryRow:
    row = HistoryRow(
        number=1,
        date="2020-03-05",
        commit="8b31c7a4266a",
        file="2-financial.md",
        name="Core Financial Management",
        phase="Pre-designated",
        agency="Treasury",
        services="Accounts Payable, Accounts Receivable, General Ledger, Reporting",
    )
    return replace(row, **changes)  # type: ignore[arg-type]  # keywords are the row's own fields


def on_record(status: Status, on: date, *, leads: tuple[str, ...] = ("subtier:2036", "cgac:020")) -> list[Recorded]:
    return [
        Recorded(area="financial-management", service=service, status=status, leads=leads, effective_on=on)
        for service in FM_SERVICES
    ]


def kinds(rows: Iterable[HistoryRow], *, recorded: Iterable[Recorded] = ()) -> list[str]:
    numbered = [replace(row, number=number) for number, row in enumerate(rows, start=1)]
    return [outcome.kind.value for outcome in history.plan(numbered, recorded=list(recorded)).outcomes]


def test_the_first_sight_of_a_tile_is_a_change_and_its_repetition_is_not() -> None:
    plan = history.plan([a_row(), a_row(number=2, date="2020-03-16", commit="8ad334dae81f")])

    (change,) = plan.changes
    assert (change.area, change.services, change.status) == ("financial-management", FM_SERVICES, Status.PRE_DESIGNATED)
    assert (change.lead, change.lead_code, change.observed_on) == ("Treasury", "cgac:020", date(2020, 3, 5))
    assert change.source == "GSA/USSM _qsmos/2-financial.md @ 8b31c7a4266a"
    assert [outcome.kind for outcome in plan.outcomes] == [OutcomeKind.CHANGES, OutcomeKind.OBSERVES]


def test_an_equal_row_is_a_duplicate_but_not_one_of_another_commit() -> None:
    assert kinds([a_row(), a_row(), a_row(commit="other")]) == ["changes", "duplicate", "observes"]


@pytest.mark.parametrize(
    ("name", "file", "area"),
    [
        ("Acquistion", "3-acquisition.md", "acquisition"),
        ("Acquistion", "moved.md", "acquisition"),
        ("Assisted Acquisition", "acquisition.md", "acquisition"),
        ("Human Resources", "1-hr-transaction.md", "human-resources"),
        ("Civilian HR Transaction Services", "2-hr-transaction.md", "human-resources"),
        ("A New Title", "1-finance.md", "financial-management"),
        ("Core\u00a0Financial Managment", "9-other.md", "financial-management"),
    ],
    ids=str,
)
def test_renamed_and_misspelt_tiles_keep_their_area(name: str, file: str, area: str) -> None:
    services = {"acquisition": "Acquisition Systems", "human-resources": "Talent Acquisition"}.get(area, "Reporting")
    (change,) = history.plan([a_row(name=name, file=file, services=services)]).changes

    assert change.area == area


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "Travel", "file": "2-grants.md"}, "names no known focus area, or two"),
        ({"name": "Fleet", "file": "9-fleet.md"}, "names no known focus area"),
        ({"phase": "Cancelled"}, "'Cancelled' is no known phase"),
        ({"date": "2020-13-01"}, "is no date"),
        ({"services": "Accounts Payable, Payroll"}, "No known service of financial-management: 'payroll'"),
    ],
    ids=["two-areas", "no-area", "phase", "date", "service"],
)
def test_a_tile_that_cannot_be_understood_is_refused_with_the_reason(changes: dict[str, str], reason: str) -> None:
    (outcome,) = history.plan([a_row(**changes)]).outcomes

    assert outcome.kind is OutcomeKind.REFUSED
    assert reason in outcome.reason


@pytest.mark.parametrize(
    "changes",
    [{"services": "xxx, xxxxx, xxxx"}, {"published": "False"}, {"agency": "TBD"}, {"services": "TBD"}],
    ids=["placeholders", "not-shown", "no-lead", "no-services"],
)
def test_a_draft_says_nothing(changes: dict[str, str]) -> None:
    assert kinds([a_row(phase="Formally Designated", **changes)]) == ["observes"]


def test_a_research_tile_means_its_areas_own_service_and_has_no_lead() -> None:
    row = a_row(name="Travel", file="3-travel.md", phase="Initiation & Research", agency="TBD", services="TBD")
    (change,) = history.plan([row]).changes

    assert (change.services, change.status, change.lead, change.lead_code) == (("travel",), Status.RESEARCH, None, None)


@pytest.mark.parametrize("phase", ["Assessment & Pre-Designation", "Pre-designated"], ids=str)
def test_phases_have_several_names(phase: str) -> None:
    assert history.plan([a_row(phase=phase)]).changes[0].status is Status.PRE_DESIGNATED


@pytest.mark.parametrize(
    ("services", "found"),
    [
        ("NewPay", ("compensation", "work-schedule-and-leave")),
        ("Compensation Management, Work Schedule and Leave Management Services", ("compensation", "work-schedule-and-leave")),
        (
            "Talent Development, and Compensation and Benefits Management",
            ("talent-development", "compensation", "benefits-management"),
        ),
        ("Work Schedule, Leave Management", ("work-schedule-and-leave",)),
    ],
    ids=str,
)
def test_services_are_found_as_phrases(services: str, found: tuple[str, ...]) -> None:
    row = a_row(name="Human Resources", file="1-hr.md", agency="GSA", services=services)

    assert history.plan([row]).changes[0].services == found


@pytest.mark.parametrize("days", [-history.LAG_DAYS, -38, 0, 55, 400], ids=str)
def test_a_tile_edited_around_the_legal_date_confirms_it(days: int) -> None:
    recorded = on_record(Status.PRE_DESIGNATED, date(2019, 4, 26)) + on_record(Status.DESIGNATED, LEGAL_DAY)
    row = a_row(phase="Formally Designated", date=str(LEGAL_DAY + timedelta(days=days)))

    assert kinds([row], recorded=recorded) == ["observes"]


def test_a_tile_edited_long_before_the_legal_date_is_a_change() -> None:
    recorded = on_record(Status.PRE_DESIGNATED, date(2019, 4, 26)) + on_record(Status.DESIGNATED, LEGAL_DAY)
    row = a_row(phase="Formally Designated", date=str(LEGAL_DAY - timedelta(days=history.LAG_DAYS + 1)))

    assert kinds([row], recorded=recorded) == ["changes"]


def test_another_lead_than_the_recorded_one_is_a_change() -> None:
    assert kinds([a_row(agency="GSA")], recorded=on_record(Status.PRE_DESIGNATED, date(2019, 4, 26))) == ["changes"]


def test_only_what_is_not_on_record_changes() -> None:
    recorded = [step for step in on_record(Status.PRE_DESIGNATED, date(2019, 4, 26)) if step.service != "reporting"]

    assert history.plan([a_row()], recorded=recorded).changes[0].services == ("reporting",)


def test_of_two_tiles_in_one_snapshot_the_further_phase_counts() -> None:
    rows = [a_row(phase="Formally Designated", file="1-finance.md"), a_row(), a_row(commit="next")]

    assert kinds(rows) == ["changes", "observes", "changes"]


def test_a_move_to_another_agency_that_falls_back_a_state_is_a_change() -> None:
    hr = {"name": "Human Resources", "file": "2-hr.md", "services": "Compensation Management"}
    rows = [a_row(**hr, phase="Formally Designated", agency="GSA"), a_row(**hr, number=2, date="2022-03-31", agency="OPM")]

    before, after = history.plan(rows).changes

    assert (before.status, before.lead_code) == (Status.DESIGNATED, "cgac:047")
    assert (after.status, after.lead_code) == (Status.PRE_DESIGNATED, "cgac:024")


def test_outcomes_come_in_the_order_of_the_rows_even_when_the_days_do_not() -> None:
    plan = history.plan([a_row(number=1, date="2021-01-01", commit="b"), a_row(number=2)])

    assert [(outcome.number, outcome.kind.value) for outcome in plan.outcomes] == [(1, "observes"), (2, "changes")]


def test_a_file_with_bom_crlf_and_stray_columns_is_read(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    lines = (
        "stray,services,agency,phase,name,file,commit,date",
        'x,"A, B",HHS,Pre-designated,\u00a0Grants  Management,2-grants.md,abc,2020-03-05',
    )
    file.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())

    (row,) = history.read(file)

    assert (row.number, row.name, row.services, row.published) == (1, "Grants Management", "A, B", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"date,file\n2020-03-05,x\n", "lacks 'commit', 'name'"),
        (b'date,commit,file,name,phase,agency,services\na,b,"c', "cannot be read"),
    ],
    ids=["empty", "header", "cut-off"],
)
def test_a_file_that_is_not_this_csv_is_refused_with_the_reason(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "history.csv"
    file.write_bytes(content)

    with pytest.raises(Invalid, match=said):
        list(history.read(file))


@needs_real_data
def test_the_real_history_adds_to_the_starter_only_what_is_researched() -> None:
    rows = list(history.read(real_data.HISTORY))
    plan = history.plan(rows, recorded=recorded_by(starter.load()))

    assert [outcome.number for outcome in plan.outcomes] == list(range(1, 404))
    assert Counter(outcome.kind.value for outcome in plan.outcomes) == {"observes": 398, "changes": 5}
    assert {change.area for change in plan.changes} == {
        "contract-writing",
        "customer-experience",
        "foia",
        "real-property",
        "travel",
    }
    assert {(change.status, change.observed_on) for change in plan.changes} == {(Status.RESEARCH, date(2020, 3, 5))}


@needs_real_data
def test_the_real_history_taken_again_adds_nothing() -> None:
    rows = list(history.read(real_data.HISTORY))
    recorded = list(recorded_by(starter.load()))
    recorded += [
        Recorded(area=change.area, service=service, status=change.status, leads=(), effective_on=change.observed_on)
        for change in history.plan(rows, recorded=recorded).changes
        for service in change.services
    ]

    assert history.plan(rows, recorded=recorded).changes == ()


@needs_real_data
def test_the_real_history_alone_tells_the_story_of_each_area() -> None:
    changes = history.plan(history.read(real_data.HISTORY)).changes
    told = [(str(c.observed_on), c.status.value, c.lead) for c in changes if c.area == "human-resources"]

    assert len(changes) == 19
    assert told == [
        ("2020-03-05", "pre_designated", "GSA"),
        ("2020-05-22", "designated", "GSA"),
        ("2022-03-31", "pre_designated", "OPM"),
        ("2025-03-18", "designated", "OPM"),
    ]
