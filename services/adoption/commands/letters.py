"""Authorization letters from a public register: they tell of adoptions in operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.adoption import facts, store
from services.adoption.domain import adoption as domain
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.letter import Letter, with_letters
from services.adoption.store import KnownOffering, KnownOrganization
from shared.contracts import adoption as contracts
from shared.contracts.fact import Fact
from shared.db import Transaction
from shared.imports.rows import Result
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One letter, and whose it is."""

    organization: KnownOrganization
    offering: KnownOffering
    letter: Letter

    @property
    def pair(self) -> str:
        return store.pair(self.organization.id, self.offering.id)


@dataclass(slots=True)
class _Changes:
    added: list[tuple[Adoption, Fact]]
    saved: list[tuple[Adoption, Fact]]


async def record_letters(tx: Transaction, given: Sequence[Given]) -> list[Result]:
    """What each letter did, in order: CREATED an adoption, UPDATED it, or UNCHANGED. One fact per adoption."""
    by_pair: dict[str, list[int]] = {}
    for number, item in enumerate(given):
        by_pair.setdefault(item.pair, []).append(number)
    existing = await store.adoptions.of_pairs(tx, list(by_pair))
    results: dict[int, Result] = {}
    changes = _Changes([], [])
    for pair, numbers in by_pair.items():
        items = [given[number] for number in numbers]
        adoption = existing.get(pair)
        results.update(zip(numbers, _results(adoption, items), strict=True))
        _collect(tx, changes, adoption, items)
    await store.adoptions.add_all(tx, changes.added)
    await store.adoptions.save_all(tx, changes.saved)
    return [results[number] for number in range(len(given))]


def _results(adoption: Adoption | None, items: Sequence[Given]) -> list[Result]:
    results: list[Result] = []
    known: tuple[Letter, ...] | None = adoption.letters if adoption else None
    for item in items:
        after = with_letters(known or (), [item.letter])
        results.append(Result.CREATED if known is None else Result.UNCHANGED if after is known else Result.UPDATED)
        known = after
    return results


def _collect(tx: Transaction, changes: _Changes, adoption: Adoption | None, items: Sequence[Given]) -> None:
    first = items[0]
    letters = [item.letter for item in items]
    if adoption is None:
        begun = domain.record(
            letters,
            id=new_id(),
            organization_id=first.organization.id,
            offering_id=first.offering.id,
            offering_revision=first.offering.revision,
            at=tx.at,
            by=tx.cause.actor,
        )
        changes.added.append((begun, _fact(contracts.AdoptionWentLive, begun, first)))
        return
    changed = domain.learn(adoption, letters, at=tx.at, by=tx.cause.actor)
    if changed is not adoption:
        changes.saved.append((changed, _fact(contracts.AdoptionAuthorizationRecorded, changed, first)))


def _fact(kind: type[contracts.AdoptionFact], adoption: Adoption, given: Given) -> Fact:
    return facts.adoption(kind, adoption, agency=given.organization, offering=given.offering)
