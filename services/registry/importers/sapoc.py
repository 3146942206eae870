"""The SAPOC register → posts: held by whom it names, vacant where it says so, from the day of the import."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from services.registry import store
from services.registry.commands import posts
from services.registry.domain.post import Holder, PostKind, post_id
from services.registry.importers import sapoc_register
from services.registry.importers.matching import Matcher, Reference
from shared.auth import Principal, Role
from shared.db import Transaction
from shared.imports.rows import ImportRow, Outcome, Result

_SECTION = "sapoc"
_SOURCE = "SAPOC register"


def read(path: Path) -> Iterator[ImportRow]:
    """Raises Invalid for a file without the list of agencies, or that is cut off."""
    for row in sapoc_register.read(path):
        yield ImportRow(section=_SECTION, number=row.number, data=asdict(row))


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row, with what was repaired; an agency that is not known waits in a match review."""
    references = {row.number: _reference(row) for row in rows if not _settled(row)}
    matcher = await Matcher.load(tx, list(references.values()))
    placed = {number: matcher.place(reference) for number, reference in references.items()}
    await matcher.write(tx)
    outcomes = []
    for row in rows:
        outcome, organization_id = placed.get(row.number) or (_settled(row) or Outcome(Result.REFUSED), None)
        if organization_id is not None:
            outcome = await _hold(tx, row, organization_id)
        outcomes.append(replace(outcome, repairs=tuple(row.data["repairs"])))
    return outcomes


def _settled(row: ImportRow) -> Outcome | None:
    """What the reader found out already."""
    if row.data["refusal"]:
        return Outcome(Result.REFUSED, row.data["refusal"])
    if first := row.data["duplicate_of"]:
        return Outcome(Result.DUPLICATE, f"{row.data['agency']} stands in row {first} with the same.")
    return None


def _reference(row: ImportRow) -> Reference:
    agency = row.data["agency"]
    return Reference(scheme="sapoc", value=agency, name=agency, keeps_code=False)


async def _hold(tx: Transaction, row: ImportRow, organization_id: str) -> Outcome:
    """The register knows names, not how people sign in: who holds the post still keeps their subject."""
    by = Principal(tx.cause.actor, (Role("coordinator"),))
    name, title = row.data["holder"], row.data["title"]
    post = await store.posts.find(tx, post_id(PostKind.SAPOC, organization_id))
    held = post.last.holder if post else None
    same_person = held is not None and held.name == name
    holder = Holder(name=name, title=title, subject=held.subject if held and same_person else None) if name else None
    if post is not None and holder == held:
        return Outcome(Result.UNCHANGED)
    change = posts.PostChange(on=tx.at.date(), holder=holder, source=f"{_SOURCE}, row {row.number}")
    if post is None:
        await posts.open_post(tx, PostKind.SAPOC, organization_id, change, by=by)
        return Outcome(Result.CREATED)
    await posts.move_post(tx, post.id, change.action, change, expected_version=post.version, by=by)
    return Outcome(Result.UPDATED)
