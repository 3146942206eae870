"""Authorizations and reuses of the FedRAMP marketplace: each row is one letter of one adoption in operations.

The register gives letters no ids, so a letter is known by its content. A row that stands twice in one file is a duplicate;
one that an earlier file had is unchanged: `import_sightings` remembers which import last met a row, and at which number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select, text

from services.adoption import queries, tables
from services.adoption.commands.letters import Given, record_letters
from services.adoption.importers import mapping_row
from services.adoption.importers.mapping_row import MappingRow
from shared.db import Transaction, among, upsert
from shared.imports import parking
from shared.imports.parking import WaitingRow
from shared.imports.rows import ImportRow, Outcome, Result
from shared.kernel.errors import Invalid

KIND = "fedramp"
SCHEME = "fedramp"
_OUTCOMES = {result: Outcome(result) for result in Result}
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('qsmo:adoption:references', 0))")


def agency_awaited(code: str) -> str:
    """What a row waits for whose agency is not known by its code."""
    return f"fedramp-agency:{code}"


def offering_awaited(code: str) -> str:
    """What a row waits for whose product is not known."""
    return f"offering:{code}"


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row; see the module for what is duplicate and what unchanged."""
    await _alone(tx)
    read, outcomes = _read(rows)
    outcomes.update(await _repeated(tx, rows, read))
    fresh = {number: mapping for number, mapping in read.items() if number not in outcomes}
    outcomes.update(await _taken(tx, rows, fresh))
    return [outcomes[number] for number in range(len(rows))]


async def take_up(tx: Transaction, *, fedramp_codes: Sequence[str] = (), offering_codes: Sequence[str] = ()) -> None:
    """Apply the rows that waited for these, which the same transaction has just made known."""
    await _alone(tx)
    awaited = [*map(agency_awaited, fedramp_codes), *map(offering_awaited, offering_codes)]
    await parking.unpark(tx, tables.imports.parked, kind=KIND, found=awaited, apply=_apply_parked)


async def _alone(tx: Transaction) -> None:
    """Else a row could be parked by one transaction while another, which cannot see it, makes known what it waits for."""
    if tx.is_postgresql:
        await tx.execute(_LOCK)


async def _apply_parked(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """Without looking for repetitions: the import that met these rows has counted them."""
    read, outcomes = _read(rows)
    outcomes.update(await _taken(tx, rows, read))
    return [outcomes[number] for number in range(len(rows))]


def _read(rows: Sequence[ImportRow]) -> tuple[dict[int, MappingRow], dict[int, Outcome]]:
    """By position: what can be read, and what is refused."""
    read: dict[int, MappingRow] = {}
    refused: dict[int, Outcome] = {}
    for number, row in enumerate(rows):
        try:
            read[number] = mapping_row.read(row)
        except Invalid as fault:
            pointer = fault.errors[0].pointer if fault.errors else ""
            refused[number] = Outcome(Result.REFUSED, fault.detail, pointer)
    return read, refused


async def _repeated(tx: Transaction, rows: Sequence[ImportRow], read: Mapping[int, MappingRow]) -> dict[int, Outcome]:
    """Rows that this import has met before at another number; every other row is remembered."""
    keys = {number: mapping.key for number, mapping in read.items()}
    met = await _met(tx, list(keys.values()))
    repeated: dict[int, Outcome] = {}
    sightings: list[dict[str, object]] = []
    for number, key in keys.items():
        first = met.setdefault(key, rows[number].number)
        if first != rows[number].number:
            repeated[number] = Outcome(Result.DUPLICATE, f"Row {first} of this section says the same.")
        else:
            sightings.append({"key": key, "correlation_id": tx.cause.correlation_id, "number": first})
    await upsert(tx, tables.import_sightings, sightings)
    return repeated


async def _met(tx: Transaction, keys: Sequence[str]) -> dict[str, int]:
    """By key: the number at which this import met it."""
    table = tables.import_sightings
    within = among(tx, table.c.key, keys)
    query = select(table.c.key, table.c.number).where(table.c.correlation_id == tx.cause.correlation_id, within)
    return {row["key"]: row["number"] for row in await tx.rows(query)}


async def _taken(tx: Transaction, rows: Sequence[ImportRow], read: Mapping[int, MappingRow]) -> dict[int, Outcome]:
    """Letters whose agency and offering are known are recorded; the other rows are parked."""
    organizations = await queries.organizations_by_code(tx, SCHEME, {mapping.agency for mapping in read.values()})
    offerings = await queries.offerings_by_code(tx, {mapping.product for mapping in read.values()})
    given: dict[int, Given] = {}
    waiting: dict[int, WaitingRow] = {}
    for number, mapping in read.items():
        organization, offering = organizations.get(mapping.agency), offerings.get(mapping.product)
        if organization and offering:
            given[number] = Given(organization=organization, offering=offering, letter=mapping.letter)
        elif organization is None:
            reason = f"No organization has the FedRAMP agency id {mapping.agency} yet."
            waiting[number] = WaitingRow(row=_kept(rows[number]), waits_for=agency_awaited(mapping.agency), reason=reason)
        else:
            reason = f"There is no offering {mapping.product} yet."
            waiting[number] = WaitingRow(row=_kept(rows[number]), waits_for=offering_awaited(mapping.product), reason=reason)
    await parking.park(tx, tables.imports.parked, kind=KIND, waiting=list(waiting.values()))
    results = await record_letters(tx, list(given.values()))
    outcomes = {number: _OUTCOMES[result] for number, result in zip(given, results, strict=True)}
    outcomes.update((number, Outcome(Result.PARKED, row.reason, _pointer(row))) for number, row in waiting.items())
    return outcomes


def _kept(row: ImportRow) -> ImportRow:
    """Only what was checked: other fields may hold what a database refuses."""
    return replace(row, data={name: row.data[name] for name in mapping_row.FIELDS if row.data.get(name)})


def _pointer(row: WaitingRow) -> str:
    if row.waits_for.startswith("offering:"):
        return "/id"
    return "/sub_id" if row.row.data.get("sub_id") else "/agency_id"
