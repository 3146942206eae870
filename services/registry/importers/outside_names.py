"""The .gov registry and the FedRAMP agency list: names and ids of others for organizations we know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from services.registry.importers import dotgov
from services.registry.importers.matching import Matcher, Reference
from shared.db import Transaction
from shared.imports.rows import ImportRow, Outcome, Result

# Headings of the FedRAMP list under which it books what is no agency's own decision.
PSEUDO_AGENCIES = frozenset({"Legacy JAB Authorization", "JAB Authorization", "Other Federal Entity"})
_NAME_MAX_CHARS = 300


def read_dotgov(path: Path) -> Iterator[ImportRow]:
    """Raises Invalid for a file that is neither of the two .gov CSVs or is cut off."""
    for row in dotgov.read(path):
        data = {"agency": row.agency, "bureau": row.bureau, "refusal": row.refusal}
        yield ImportRow(section="dotgov", number=row.number, data=data)


async def apply_dotgov(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """Spellings that are matched become aliases; the others wait for a coordinator, once per name."""
    references = [None if row.data["refusal"] else _dotgov_reference(row) for row in rows]
    outcomes = await _matched(tx, references)
    return [
        Outcome(Result.REFUSED, row.data["refusal"]) if row.data["refusal"] else outcome
        for row, outcome in zip(rows, outcomes, strict=True)
    ]


def _dotgov_reference(row: ImportRow) -> Reference:
    agency, bureau = row.data["agency"], row.data["bureau"]
    if bureau is None:
        return Reference(scheme="dotgov", value=agency, name=agency, keeps_code=False)
    return Reference(scheme="dotgov", value=f"{agency} / {bureau}", name=bureau, parent_name=agency, keeps_code=False)


async def apply_fedramp(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """Agencies of the FedRAMP list: the matched organizations get the code `fedramp:<id>`."""
    seen: set[str] = set()
    judged = [_fedramp_reference(row, seen) for row in rows]
    outcomes = await _matched(tx, [found if isinstance(found, Reference) else None for found in judged])
    return [found if isinstance(found, Outcome) else outcome for found, outcome in zip(judged, outcomes, strict=True)]


def _fedramp_reference(row: ImportRow, seen: set[str]) -> Reference | Outcome:
    given = {name: row.data.get(name) or "" for name in ("id", "parent", "sub")}
    if not all(isinstance(value, str) for value in given.values()):
        return Outcome(Result.REFUSED, "id, parent and sub must be text.")
    id_, parent, sub = (" ".join(given[name].split()) for name in ("id", "parent", "sub"))
    if not id_ or not parent:
        return Outcome(Result.REFUSED, "The agency has no id or no name.", "/id" if not id_ else "/parent")
    if parent in PSEUDO_AGENCIES:
        return Outcome(Result.REFUSED, f"{parent!r} is a heading of the list, not an agency.", "/parent")
    if max(len(id_), len(parent), len(sub)) > _NAME_MAX_CHARS:
        return Outcome(Result.REFUSED, f"A name has more than {_NAME_MAX_CHARS} characters.")
    if id_ in seen:
        return Outcome(Result.DUPLICATE, f"The id {id_} stands in the file before.")
    seen.add(id_)
    return Reference(scheme="fedramp", value=id_, name=sub or parent, parent_name=parent if sub else None)


async def _matched(tx: Transaction, references: Sequence[Reference | None]) -> list[Outcome]:
    given = [reference for reference in references if reference is not None]
    matcher = await Matcher.load(tx, given)
    outcomes = [Outcome(Result.REFUSED) if reference is None else matcher.match(reference) for reference in references]
    await matcher.write(tx)
    return outcomes
