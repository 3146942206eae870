"""Turns snapshots of the public designation tiles into dated designation changes, by rule.

The file has 403 rows: 32 snapshots (commits) on 23 days, 2020-03-05 to 2026-04-29, each a full set of 11 to 13 tiles,
in commit order; a day with 24, 26 or 39 rows had two or three commits. No two rows are equal in every column, but most
repeat the tile's last content: what is new stands in the rows where a tile's area, phase, lead or services change.

How it is read:

* *Area*: tile titles and file names both changed ("Civilian HR Transaction Services" → "Human Resources",
  `2-financial.md` → `1-finance.md`, "Assisted Acquisition" → "Acquistion" → "Acquisition"). Title, typo forgiven, and
  file must not disagree. An area may have two tiles: services designated, and services still pre-designated.
* *Drafts say nothing*: a tile whose services are x's (22 rows: the designated tiles of cyber, finance and HR stood
  ready since March 2020), whose lead is TBD beyond research, or with `published: False` (205 rows: prepared, or taken
  off the page, like the pre-designated finance tile after 2020-05-21). `published` is blank on a tile that shows.
* *Services* are phrases; "Enterprise Intrusion, Detection/Prevention" and "Work Schedule, Leave Management" are one
  each, "NewPay" is two. Research tiles say TBD: their area's own service is meant.
* *One snapshot, two tiles, one service* (compensation, 2020-05-22 to 2020-06-26): the further phase counts.
* *Tile-edit lag*: tiles are edited before and after the legal date: cyber 3 days before 27 Apr 2020, finance and HR 38
  days before 29 Jun 2020, grants 24 days before 11 Jan 2021, acquisition 55 days after 5 Mar 2026. So a tile that
  changes to what is on record within LAG_DAYS around it confirms the record. HR's tile followed the move to OPM
  (30 March, year inferred) only on 2022-03-31: by then the record says the same, so it confirms without a window.
* *A tile may name the department* of the component on record (Treasury for the Fiscal Service, DHS for CISA).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from services.registry.domain.designation import Status
from services.registry.importers import history_terms as terms
from shared.imports.files import csv_rows

COLUMNS = ("date", "commit", "file", "name", "phase", "agency", "services")
LAG_DAYS = 60

_ORDER = {Status.RESEARCH: 0, Status.PRE_DESIGNATED: 1, Status.DESIGNATED: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One tile in one snapshot, as the CSV has it; `number` counts from 1."""

    number: int
    date: str
    commit: str
    file: str
    name: str
    phase: str
    agency: str
    services: str
    published: str = ""
    contact: str = ""
    website: str = ""
    catalog: str = ""

    @property
    def content(self) -> tuple[str, ...]:
        return tuple(str(getattr(self, field.name)) for field in fields(self) if field.name != "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What is on record for one service from a day on; `leads`: codes of the organization and of those above it."""

    area: str
    service: str
    status: Status
    leads: tuple[str, ...]
    effective_on: date


class OutcomeKind(StrEnum):
    """What a row is worth."""

    OBSERVES = "observes"
    CHANGES = "changes"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Services of an area seen in a new state or with a new lead; `lead` is None while it is to be determined."""

    area: str
    services: tuple[str, ...]
    status: Status
    lead: str | None
    lead_code: str | None
    observed_on: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOutcome:
    """What became of the row `number`, and why."""

    number: int
    kind: OutcomeKind
    reason: str
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPlan:
    """One outcome per row, in the order of the rows."""

    outcomes: tuple[RowOutcome, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(outcome.change for outcome in self.outcomes if outcome.change is not None)

    def count(self, kind: OutcomeKind) -> int:
        return sum(outcome.kind is kind for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What one shown tile says about some services."""

    row: HistoryRow
    on: date
    area: str
    services: tuple[str, ...]
    status: Status
    lead: str | None
    lead_code: str | None


def read(path: Path) -> Iterator[HistoryRow]:
    """Rows in file order. Raises Invalid for a file that is not this CSV or is cut off."""
    names = [field.name for field in fields(HistoryRow) if field.name != "number"]
    for number, cells in csv_rows(path, required=COLUMNS):
        known = {name: " ".join(cells.get(name, "").split()) for name in names}
        yield HistoryRow(number=number, **known)


def plan(rows: Iterable[HistoryRow], *, recorded: Sequence[Recorded] = ()) -> HistoryPlan:
    """What each row adds to `recorded`; pure, and the same for the same input."""
    reading = _Reading(recorded)
    ordered = sorted(rows, key=lambda row: row.date)
    for _, snapshot in groupby(ordered, key=lambda row: (row.date, row.commit)):
        reading.take(list(snapshot))
    return HistoryPlan(outcomes=tuple(sorted(reading.outcomes, key=lambda outcome: outcome.number)))


class _Reading:
    """Walks through the snapshots, remembering what each service was last seen as."""

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        self.outcomes: list[RowOutcome] = []
        self._seen: dict[tuple[str, str], tuple[Status, str | None]] = {}
        self._rows: set[tuple[str, ...]] = set()
        self._recorded: defaultdict[tuple[str, str], list[Recorded]] = defaultdict(list)
        for step in sorted(recorded, key=lambda step: step.effective_on):
            self._recorded[step.area, step.service].append(step)

    def take(self, snapshot: Sequence[HistoryRow]) -> None:
        claims: list[_Claim] = []
        for row in snapshot:
            if row.content in self._rows:
                self._conclude(row, OutcomeKind.DUPLICATE, "The same row stands in the file before.")
                continue
            self._rows.add(row.content)
            said = _claim(row)
            if isinstance(said, _Claim):
                claims.append(said)
            else:
                self.outcomes.append(said)
        furthest: dict[tuple[str, str], int] = {}
        for claim in claims:
            for service in claim.services:
                key = (claim.area, service)
                furthest[key] = max(furthest.get(key, 0), _ORDER[claim.status])
        for claim in claims:
            self._weigh(claim, [s for s in claim.services if furthest[claim.area, s] == _ORDER[claim.status]])

    def _weigh(self, claim: _Claim, services: Sequence[str]) -> None:
        new = [s for s in services if self._seen.get((claim.area, s)) != (claim.status, claim.lead_code or claim.lead)]
        for service in new:
            self._seen[claim.area, service] = (claim.status, claim.lead_code or claim.lead)
        changed = tuple(service for service in new if not self._confirms(claim, service))
        if changed:
            self.outcomes.append(_changed(claim, changed))
        elif new:
            self._conclude(claim.row, OutcomeKind.OBSERVES, f"Confirms what is on record within {LAG_DAYS} days.")
        elif services:
            self._conclude(claim.row, OutcomeKind.OBSERVES, "Repeats what was seen before.")
        else:
            self._conclude(claim.row, OutcomeKind.OBSERVES, "Another tile of the snapshot shows a further phase.")

    def _confirms(self, claim: _Claim, service: str) -> bool:
        """Whether the record says the same at some time within the lag around the snapshot."""
        steps = self._recorded[claim.area, service]
        earliest, latest = claim.on - timedelta(days=LAG_DAYS), claim.on + timedelta(days=LAG_DAYS)
        in_force = max((step.effective_on for step in steps if step.effective_on <= earliest), default=earliest)
        near = [step for step in steps if in_force <= step.effective_on <= latest]
        return any(step.status is claim.status and _led_alike(step, claim) for step in near)

    def _conclude(self, row: HistoryRow, kind: OutcomeKind, reason: str) -> None:
        self.outcomes.append(RowOutcome(number=row.number, kind=kind, reason=reason))


def _led_alike(step: Recorded, claim: _Claim) -> bool:
    return claim.lead is None or claim.lead_code in step.leads


def _changed(claim: _Claim, services: tuple[str, ...]) -> RowOutcome:
    row = claim.row
    change = Change(
        area=claim.area,
        services=services,
        status=claim.status,
        lead=claim.lead,
        lead_code=claim.lead_code,
        observed_on=claim.on,
        source=f"GSA/USSM _qsmos/{row.file} @ {row.commit}",
    )
    lead = claim.lead or "no lead yet"
    reason = f"{claim.area}: {', '.join(services)} seen as {claim.status} ({lead}) on {claim.on}."
    return RowOutcome(number=row.number, kind=OutcomeKind.CHANGES, reason=reason, change=change)


def _claim(row: HistoryRow) -> _Claim | RowOutcome:
    on, area, status = _day(row.date), terms.area_of(row.name, row.file), terms.status_of(row.phase)
    if on is None:
        return _refused(row, f"{row.date!r} is no date.")
    if area is None:
        return _refused(row, f"The tile {row.name!r} in {row.file!r} names no known focus area, or two.")
    if status is None:
        return _refused(row, f"{row.phase!r} is no known phase.")
    if reason := _why_draft(row, status):
        return RowOutcome(number=row.number, kind=OutcomeKind.OBSERVES, reason=reason)
    if terms.is_open(row.services):
        services, unknown = terms.researched_services(area), ""
    else:
        services, unknown = terms.services_in(area, row.services)
    if unknown or not services:
        return _refused(row, f"No known service of {area}: {(unknown or row.services)!r}.")
    lead = None if terms.is_open(row.agency) else row.agency
    code = terms.lead_code(row.agency) if lead else None
    return _Claim(row=row, on=on, area=area, services=services, status=status, lead=lead, lead_code=code)


def _why_draft(row: HistoryRow, status: Status) -> str | None:
    if terms.is_placeholder(row.services):
        return "A draft: the tile has placeholders for services."
    if row.published.casefold() == "false":
        return "The tile is not shown on the page."
    if status is not Status.RESEARCH and (terms.is_open(row.agency) or terms.is_open(row.services)):
        return "A draft: the tile names no lead agency or no services yet."
    return None


def _refused(row: HistoryRow, reason: str) -> RowOutcome:
    return RowOutcome(number=row.number, kind=OutcomeKind.REFUSED, reason=reason)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
