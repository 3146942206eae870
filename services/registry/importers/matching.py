"""Names and outside ids from files → organizations: matched with certainty, or put before a coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from services.registry import facts, store, tables
from services.registry.commands.match_reviews import open_reviews
from services.registry.domain.match_review import Candidate, MatchReview, Status
from services.registry.domain.names import NameIndex
from services.registry.domain.organization import Code, Organization, with_aliases, with_codes
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.imports.rows import Outcome, Result
from shared.kernel.ids import new_id

_CHUNK = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An outside reference: its id in a scheme, its name, and the name of what it belongs to."""

    scheme: str
    value: str
    name: str
    parent_name: str | None = None
    keeps_code: bool = True


@dataclass(slots=True)
class Matcher:
    """Everything that one chunk of references is matched against, and what came of it."""

    by_code: dict[Code, Organization]
    index: NameIndex
    children: dict[str, list[str]]
    reviews: dict[tuple[str, str], MatchReview]
    organizations: dict[str, Organization]
    changed: dict[str, Organization] = field(default_factory=dict)
    opened: list[MatchReview] = field(default_factory=list)

    @classmethod
    async def load(cls, tx: Transaction, references: Sequence[Reference]) -> Matcher:
        codes = [Code(scheme=reference.scheme, value=reference.value) for reference in references]
        table = tables.organizations
        children: dict[str, list[str]] = {}
        rows = await tx.rows(select(table))
        for row in rows:
            if row["parent_id"]:
                children.setdefault(row["parent_id"], []).append(row["id"])
        return cls(
            by_code=await store.organizations.by_code(tx, codes),
            index=NameIndex(
                await store.organizations.names(tx),
                abbreviations=[(row["id"], row["abbreviation"]) for row in rows if row["abbreviation"]],
            ),
            children=children,
            reviews=await _reviews(tx, references),
            organizations={row["id"]: store.organizations.from_row(row) for row in rows},
        )

    def match(self, reference: Reference) -> Outcome:
        """UNCHANGED when it was known, UPDATED when it was matched now, PARKED when a coordinator has to decide."""
        return self.place(reference)[0]

    def place(self, reference: Reference) -> tuple[Outcome, str | None]:
        """As `match`, with the id of the organization that it is."""
        known = self.by_code.get(Code(scheme=reference.scheme, value=reference.value))
        if known is not None:
            return Outcome(Result.UNCHANGED), known.id
        if earlier := self.reviews.get((reference.scheme, reference.value)):
            return _by_review(earlier), earlier.organization_id
        found, among = self._by_name(reference)
        if found is not None:
            return self._link(self.organizations[found], reference), found
        return self._ask(reference, among), None

    def _by_name(self, reference: Reference) -> tuple[str | None, frozenset[str] | None]:
        """The one organization of exactly this name, and where its like may be looked for."""
        if reference.parent_name is None:
            return self._only(self.index.exact(reference.name)), None
        parent = self._only(self.index.exact(reference.parent_name))
        if parent is None:
            return None, None
        below = frozenset(self._below(parent))
        # A part of that name must stand below; what is like it may be the parent itself under another name.
        return self._only(self.index.exact(reference.name, among=below)), (below | {parent}) if below else None

    def _only(self, ids: tuple[str, ...]) -> str | None:
        """The one; of several, the one that exists still."""
        living = ids if len(ids) == 1 else tuple(id for id in ids if not self.organizations[id].has_ended)
        return living[0] if len(living) == 1 else None

    def _below(self, id: str) -> list[str]:
        direct = self.children.get(id, [])
        return [*direct, *(deeper for child in direct for deeper in self._below(child))]

    def _link(self, organization: Organization, reference: Reference) -> Outcome:
        current = self.changed.get(organization.id, organization)
        code = Code(scheme=reference.scheme, value=reference.value)
        linked = with_aliases(with_codes(current, (code,)) if reference.keeps_code else current, (reference.name,))
        if linked == current:
            return Outcome(Result.UNCHANGED)
        self.changed[organization.id] = linked
        self.by_code.update(dict.fromkeys(linked.codes, linked))
        return Outcome(Result.UPDATED)

    def _ask(self, reference: Reference, among: frozenset[str] | None) -> Outcome:
        candidates = self.index.candidates(reference.name, among=among)
        review = MatchReview(
            id=new_id(),
            version=0,
            scheme=reference.scheme,
            value=reference.value,
            name=reference.name,
            parent_name=reference.parent_name,
            status=Status.OPEN,
            candidates=tuple(
                Candidate(
                    organization_id=c.organization_id, name=self.organizations[c.organization_id].name, score=round(c.score, 3)
                )
                for c in candidates
            ),
        )
        self.opened.append(review)
        self.reviews[reference.scheme, reference.value] = review
        return _by_review(review)

    async def write(self, tx: Transaction) -> None:
        """The organizations that learned a code or a name, and the reviews that were opened."""
        changes = [(o, facts.organization(contracts.OrganizationChanged, o)) for o in self.changed.values()]
        await store.organizations.save_all(tx, changes)
        await open_reviews(tx, self.opened)


def _by_review(review: MatchReview) -> Outcome:
    match review.status:
        case Status.DISMISSED:
            return Outcome(Result.REFUSED, f"{review.name!r} was dismissed as an organization: {review.reason}")
        case Status.RESOLVED:
            return Outcome(Result.UNCHANGED)
        case Status.OPEN:
            return Outcome(Result.PARKED, f"{review.name!r} fits no organization with certainty; it waits in a match review.")


async def _reviews(tx: Transaction, references: Sequence[Reference]) -> dict[tuple[str, str], MatchReview]:
    table = tables.match_reviews
    found: dict[tuple[str, str], MatchReview] = {}
    for start in range(0, len(references), _CHUNK):
        values = {reference.value for reference in references[start : start + _CHUNK]}
        for row in await tx.rows(select(table).where(table.c.value.in_(values))):
            found[row["scheme"], row["value"]] = store.match_reviews.from_row(row)
    return found
