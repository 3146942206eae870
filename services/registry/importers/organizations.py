"""Agency codes → organizations: found by any code, completed by what the file knows more, never overwritten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.registry import facts, store
from services.registry.domain.organization import Code, Kind, Organization, with_aliases, with_codes
from services.registry.importers import agency_codes
from services.registry.importers.agency_tree import OrganizationRow
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.imports.rows import ImportRow, Outcome, Result
from shared.kernel.ids import new_id

_SECTION = "organizations"


def read(path: Path) -> Iterator[ImportRow]:
    """Raises Invalid for a file that is not this CSV or is cut off."""
    for record in agency_codes.read(path):
        data = {"refusal": record.refusal, "organizations": [_document(row) for row in record.organizations]}
        yield ImportRow(section=_SECTION, number=record.number, data=data)


def _document(row: OrganizationRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "kind": row.kind.value,
        "codes": [f"{code.scheme}:{code.value}" for code in row.codes],
        "parent": row.parent,
        "abbreviation": row.abbreviation,
        "cfo_act": row.cfo_act,
        "aliases": list(row.aliases),
    }


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row: what became of the organization that the row itself describes."""
    documents = [document for row in rows for document in row.data["organizations"]]
    taken = _Taken(await store.organizations.by_code(tx, [_code(text) for d in documents for text in d["codes"]]))
    outcomes = [_outcome(row, taken) for row in rows]
    await taken.write(tx)
    return outcomes


def _outcome(row: ImportRow, taken: _Taken) -> Outcome:
    if row.data["refusal"]:
        return Outcome(Result.REFUSED, row.data["refusal"])
    outcome = Outcome(Result.UNCHANGED)
    for document in row.data["organizations"]:
        outcome = taken.take(document)
    return outcome


def _code(text: str) -> Code:
    scheme, _, value = text.partition(":")
    return Code(scheme=scheme, value=value)


class _Taken:
    """What a chunk has found, begun and changed so far; written at its end."""

    def __init__(self, found: dict[Code, Organization]) -> None:
        self._by_code = dict(found)
        self._before = {organization.id: organization for organization in found.values()}
        self._begun: dict[str, Organization] = {}
        self._changed: dict[str, Organization] = {}

    def take(self, document: dict[str, Any]) -> Outcome:
        codes = tuple(_code(text) for text in document["codes"])
        known = {self._by_code[code].id: self._by_code[code] for code in codes if code in self._by_code}
        if len(known) > 1:
            names = " and ".join(sorted(organization.name for organization in known.values()))
            return Outcome(
                Result.REFUSED, f"The codes {', '.join(document['codes'])} belong to different organizations: {names}."
            )
        parent = self._by_code.get(_code(document["parent"])) if document["parent"] else None
        if not known:
            self._remember(_begun(document, codes, parent), new=True)
            return Outcome(Result.CREATED)
        (current,) = known.values()
        completed = _completed(current, document, codes, parent)
        if completed == current:
            return Outcome(Result.UNCHANGED)
        self._remember(completed, new=current.id in self._begun)
        return Outcome(Result.UPDATED)

    def _remember(self, organization: Organization, *, new: bool) -> None:
        (self._begun if new else self._changed)[organization.id] = organization
        for code in organization.codes:
            self._by_code[code] = organization

    async def write(self, tx: Transaction) -> None:
        begun = [(o, facts.organization(contracts.OrganizationRegistered, o)) for o in self._begun.values()]
        changed = [(o, facts.organization(contracts.OrganizationChanged, o)) for o in self._changed.values()]
        await store.organizations.add_all(tx, begun)
        await store.organizations.save_all(tx, changed)


def _begun(document: dict[str, Any], codes: tuple[Code, ...], parent: Organization | None) -> Organization:
    organization = Organization(
        id=new_id(),
        version=0,
        name=document["name"],
        kind=Kind(document["kind"]),
        abbreviation=document["abbreviation"],
        parent_id=parent.id if parent else None,
        codes=codes,
        cfo_act=document["cfo_act"],
    )
    return with_aliases(organization, tuple(document["aliases"]))


def _completed(
    current: Organization, document: dict[str, Any], codes: tuple[Code, ...], parent: Organization | None
) -> Organization:
    """What was set by hand stays; what is absent is filled in."""
    named = with_aliases(with_codes(current, codes), (document["name"], *document["aliases"]))
    return replace(
        named,
        abbreviation=named.abbreviation or document["abbreviation"],
        parent_id=named.parent_id or (parent.id if parent and parent.id != named.id else None),
    )
