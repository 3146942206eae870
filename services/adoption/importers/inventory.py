"""Inventories of legacy systems: CSV with a row per system and fiscal year, or NDJSON of such rows.

Columns: `agency` (an id, or a code of any scheme that is one organization's), `number`, `name`, `focus_area`; where known
`capabilities` and `contracts` (semicolons between), `since`, and `fiscal_year` with `development`, `operation`, `staff` in US
dollars and `fte`. A row says anew what its system is, and of its costs the year that it names; other years stay.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select

from services.adoption import store, tables
from services.adoption.commands.systems import put_system
from services.adoption.domain.system import Cost, Facts
from shared.db import Transaction, among
from shared.imports.files import csv_rows, ndjson_rows, refuse_archives
from shared.imports.rows import ImportRow, Outcome, Result
from shared.kernel.errors import Invalid, RuleViolation

KIND = "inventory"
REQUIRED = ("agency", "number", "name", "focus_area")
_SECTION = "systems"
_TEXT_MAX_CHARS = 300
_LIST_MAX = 1_000
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FIBF = re.compile(r"[A-Z]{2,8}(\.[A-Z0-9-]+){1,6}", re.ASCII)
_MONEY = re.compile(r"\d{1,14}(\.\d{1,2})?", re.ASCII)
_FTE = re.compile(r"\d{1,6}(\.\d{1,2})?", re.ASCII)
_YEAR = re.compile(r"20\d\d", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A row as it was understood; `costs` of one year, or none."""

    agency: str
    number: str
    facts: Facts


def read(path: Path) -> Iterator[ImportRow]:
    """NDJSON where the first character is a brace, else CSV. Raises Invalid for a file that cannot be read whole."""
    refuse_archives(path)
    with path.open("rb") as file:
        is_ndjson = file.read(1) == b"{"
    if is_ndjson:
        yield from ndjson_rows(path)
        return
    for number, row in csv_rows(path, required=REQUIRED):
        yield ImportRow(section=_SECTION, number=number, data=dict(row))


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row; a row of an agency that is not known is refused, by its own code."""
    outcomes: dict[int, Outcome] = {}
    given: dict[int, _Given] = {}
    for place, row in enumerate(rows):
        try:
            given[place] = _understood(row.data)
        except Invalid as fault:
            outcomes[place] = Outcome(Result.REFUSED, fault.detail, fault.errors[0].pointer if fault.errors else "")
    agencies = await _agencies(tx, {each.agency for each in given.values()})
    for place, each in given.items():
        found = agencies.get(each.agency, ())
        if len(found) != 1:
            reason = f"{len(found)} organizations have the code or id {each.agency!r}; name one by its id."
            outcomes[place] = Outcome(Result.REFUSED, reason, "/agency")
        else:
            outcomes[place] = await _put(tx, found[0], each)
    return [outcomes[place] for place in range(len(rows))]


async def _put(tx: Transaction, organization_id: str, given: _Given) -> Outcome:
    """Other years of a system that is known stay."""
    table = tables.systems
    query = select(table).where(table.c.organization_id == organization_id, table.c.number == given.number)
    row = await tx.row(query)
    current = store.systems.from_row(row) if row else None
    costs = {**(current.facts.costs if current else {}), **given.facts.costs}
    facts = replace(given.facts, costs=dict(sorted(costs.items())))
    if current is not None and current.facts == facts:
        return Outcome(Result.UNCHANGED)
    try:
        await put_system(tx, current, organization_id=organization_id, number=given.number, facts=facts)
    except RuleViolation as refusal:
        return Outcome(Result.REFUSED, refusal.detail)
    return Outcome(Result.UPDATED if current else Result.CREATED)


async def _agencies(tx: Transaction, named: set[str]) -> dict[str, tuple[str, ...]]:
    """Id or code → the organizations that have it; an id comes before a code."""
    organizations, codes = tables.known_organizations, tables.known_codes
    by_id = await tx.rows(select(organizations.c.id).where(among(tx, organizations.c.id, sorted(named))))
    by_code = await tx.rows(
        select(codes.c.value, codes.c.organization_id).where(among(tx, codes.c.value, sorted(named))).distinct()
    )
    found: dict[str, set[str]] = defaultdict(set)
    for row in by_code:
        found[row["value"]].add(row["organization_id"])
    return {**{value: tuple(sorted(ids)) for value, ids in found.items()}, **{row["id"]: (row["id"],) for row in by_id}}


def _understood(data: Mapping[str, object]) -> _Given:
    """Raises Invalid naming the column."""
    facts = Facts(
        name=_text(data, "name"),
        focus_area=_matching(data, "focus_area", _SLUG, what="a slug such as cybersecurity"),
        capabilities=_listed(data, "capabilities", _FIBF, what="FIBF ids with semicolons between"),
        costs=_costs(data),
        contracts=_listed(data, "contracts", _LINE, what="numbers with semicolons between"),
        since=_day(data, "since"),
    )
    return _Given(agency=_text(data, "agency"), number=_text(data, "number"), facts=facts)


def _costs(data: Mapping[str, object]) -> dict[int, Cost]:
    if not _cell(data, "fiscal_year"):
        return {}
    year = int(_matching(data, "fiscal_year", _YEAR, what="a fiscal year such as 2027"))

    def amount(name: str, pattern: re.Pattern[str]) -> Decimal:
        return Decimal(_matching(data, name, pattern, what="a number such as 12500.00")) if _cell(data, name) else Decimal(0)

    money = {name: amount(name, _MONEY) for name in ("development", "operation", "staff")}
    return {year: Cost(**money, fte=amount("fte", _FTE))}


def _cell(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    return "" if value is None else str(value).strip()


def _text(data: Mapping[str, object], name: str) -> str:
    return _matching(data, name, _LINE, what="a line of text")


def _matching(data: Mapping[str, object], name: str, pattern: re.Pattern[str], *, what: str) -> str:
    value = _cell(data, name)
    if len(value) > _TEXT_MAX_CHARS or not pattern.fullmatch(value):
        raise Invalid.at(f"/{name}", f"{name} is {what}, of at most {_TEXT_MAX_CHARS} characters; it is {value[:40]!r}.")
    return value


def _listed(data: Mapping[str, object], name: str, pattern: re.Pattern[str], *, what: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in _cell(data, name).split(";") if part.strip()))
    if len(found) > _LIST_MAX or not all(len(each) <= _TEXT_MAX_CHARS and pattern.fullmatch(each) for each in found):
        raise Invalid.at(f"/{name}", f"{name} are {what}, at most {_LIST_MAX}.")
    return found


def _day(data: Mapping[str, object], name: str) -> date | None:
    value = _cell(data, name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as err:
        raise Invalid.at(f"/{name}", f"{name} is a day as YYYY-MM-DD; it is {value[:40]!r}.") from err
