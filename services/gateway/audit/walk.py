"""Walks the chain link by link, wherever the links come from, and past the checkpoints that cover them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.gateway.audit.checkpoint import NONE_BEFORE, Checkpoint
from services.gateway.audit.merkle import Tree
from services.gateway.chain import GENESIS, link


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`events`: how many links held. `reason` says what is wrong with `first_bad_seq`.

    `covered`: up to where signed checkpoints vouch for it; after that, only the chain itself does.
    """

    ok: bool
    events: int
    first_bad_seq: int | None = None
    reason: str | None = None
    covered: int = field(default=0, compare=False)


class Broken(Exception):
    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


class ChainWalk:
    """`pass_link` from the first event on. Raises Broken naming the seq that should stand there."""

    def __init__(self, checkpoints: Iterable[Checkpoint] = (), *, trusted: frozenset[str] = frozenset()) -> None:
        """`checkpoints` in the order of their seq; without `trusted` keys none are looked at."""
        self.seq = 0
        self.hash = GENESIS
        self.covered = 0
        self._checkpoints = [_checked(found, trusted) for found in checkpoints] if trusted else []
        self._previous = NONE_BEFORE
        self._leaves: list[bytes] = []

    def pass_link(self, seq: int, event: bytes, *, prev_hash: str, hash: str) -> None:  # noqa: A002 - the field's word
        wanted = self.seq + 1
        if seq != wanted:
            reason = f"seq {wanted} is missing; {seq} follows {self.seq}" if seq > wanted else f"there is a row with seq {seq}"
            raise Broken(min(wanted, max(seq, 1)), reason)
        if prev_hash != self.hash:
            raise Broken(seq, "its prev_hash is not the hash of the event before")
        if link(prev_hash, seq, event) != hash:
            raise Broken(seq, "its hash is not that of its content")
        self.seq, self.hash = seq, hash
        if self._checkpoints:
            self._leaves.append(bytes.fromhex(hash))
            if seq >= self._checkpoints[0].statement.seq:
                self._pass_checkpoint(self._checkpoints.pop(0))

    def _pass_checkpoint(self, checkpoint: Checkpoint) -> None:
        stated = checkpoint.statement
        first = self.covered + 1
        if (stated.first, stated.previous) != (first, self._previous):
            raise Broken(first, f"the checkpoint at {stated.seq} does not follow the one before: one was taken away or changed")
        if (stated.seq, stated.hash) != (self.seq, self.hash) or Tree(self._leaves).root.hex() != stated.root:
            raise Broken(first, f"the events up to {stated.seq} are not those that its checkpoint was signed over")
        self._previous = stated.digest
        self.covered = stated.seq
        self._leaves = []

    def end(self) -> None:
        """The links have come to an end. Raises Broken when a checkpoint says that there must be more."""
        if self._checkpoints:
            signed = self._checkpoints[-1].statement.seq
            raise Broken(
                self.seq + 1, f"the feed ends at {self.seq}, but a checkpoint at {signed} was signed: rows were cut off"
            )


def _checked(checkpoint: Checkpoint, trusted: frozenset[str]) -> Checkpoint:
    if fault := checkpoint.fault(trusted=trusted):
        raise Broken(checkpoint.statement.first, fault)
    return checkpoint
