"""The tree of organizations as the feed has told it: which codes stand above an organization."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from services.gateway import tables
from shared.db import Transaction

_DEPTH_MAX = 20


@dataclass(frozen=True, slots=True)
class _Known:
    parent_id: str | None
    codes: tuple[str, ...]


class Organizations:
    """A copy in memory; what has been appended since is read when it is asked for."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._codes: dict[str, frozenset[str]] = {}
        self._read_at = -1
        self._checked_at = -1

    async def up_to(self, tx: Transaction, seq: int) -> None:
        """Take in every organization's fact up to `seq`, at least."""
        if seq <= self._checked_at:
            return
        table = tables.known_organizations
        newest = (await tx.execute(select(func.max(table.c.seq)))).scalar() or 0
        if newest > self._read_at:
            fresh = select(table.c.id, table.c.parent_id, table.c.codes).where(table.c.seq > self._read_at)
            for row in await tx.rows(fresh):
                self._known[row["id"]] = _Known(row["parent_id"], tuple(code["value"] for code in row["codes"]))
            self._codes = {}
            self._read_at = newest
        self._checked_at = seq

    def codes(self, organization_id: str) -> frozenset[str]:
        """Every code and id of this organization and of those above it; empty for one not heard of."""
        found = self._codes.get(organization_id)
        if found is None:
            found = self._codes[organization_id] = frozenset(self._walk(organization_id))
        return found

    def _walk(self, organization_id: str) -> list[str]:
        codes: list[str] = []
        at: str | None = organization_id
        for _ in range(_DEPTH_MAX):
            known = self._known.get(at) if at else None
            if known is None:
                break
            codes += [str(at), *known.codes]
            at = known.parent_id
        return codes
