"""That one event is covered by a signed checkpoint, without showing any other event."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from services.gateway import tables
from services.gateway.audit.checkpoint import Checkpoint
from services.gateway.audit.making import covering, hashes
from services.gateway.audit.merkle import Tree, root_of
from services.gateway.chain import link
from shared.db import Transaction
from shared.kernel.errors import Conflict

_f = tables.feed.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`event` is the exact text that is hashed. `path`: hex, from the leaf up."""

    seq: int
    event: str
    prev_hash: str
    hash: str
    path: tuple[str, ...]
    checkpoint: Checkpoint


class Proofs:
    """Keeps the tree of the stretch asked about last."""

    def __init__(self) -> None:
        self._tree: tuple[int, Tree] | None = None

    async def of(self, tx: Transaction, seq: int) -> Proof:
        """Of an event that is there. Raises Conflict while no checkpoint covers it."""
        checkpoint = await covering(tx, seq)
        if checkpoint is None:
            raise Conflict("No checkpoint covers this event yet; one is made daily.", code="not-covered-yet")
        row = await tx.row(select(_f.event, _f.prev_hash, _f.hash).where(_f.seq == seq))
        assert row is not None
        tree = await self._tree_of(tx, checkpoint)
        path = tuple(step.hex() for step in tree.path(seq - checkpoint.statement.first))
        return Proof(seq=seq, path=path, checkpoint=checkpoint, **row)

    async def _tree_of(self, tx: Transaction, checkpoint: Checkpoint) -> Tree:
        stated = checkpoint.statement
        if self._tree is None or self._tree[0] != stated.seq:
            self._tree = (stated.seq, Tree(await hashes(tx, stated.first, stated.seq)))
        return self._tree[1]


def fault_of(proof: Proof, *, trusted: frozenset[str]) -> str | None:
    """What does not hold; None when a trusted key vouches for the event."""
    stated = proof.checkpoint.statement
    if link(proof.prev_hash, proof.seq, proof.event.encode()) != proof.hash:
        return "the hash is not that of the event"
    if not stated.first <= proof.seq <= stated.seq:
        return "the checkpoint does not cover the event"
    size, index = stated.seq - stated.first + 1, proof.seq - stated.first
    try:
        root = root_of(bytes.fromhex(proof.hash), index, size=size, path=[bytes.fromhex(step) for step in proof.path])
    except ValueError as error:
        return str(error)
    if root.hex() != stated.root:
        return "the path does not lead to the root of the checkpoint"
    return proof.checkpoint.fault(trusted=trusted)
