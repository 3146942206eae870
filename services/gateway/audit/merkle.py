"""Merkle trees as RFC 9162 §2.1 has them: one root for many leaves, and a short proof for each."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """All levels, the leaves' hashes first. An odd one out rises unchanged, which is the RFC's tree."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Raises ValueError without leaves."""
        if not leaves:
            raise ValueError("a tree has leaves")
        self._levels = [[leaf_hash(leaf) for leaf in leaves]]
        while len(level := self._levels[-1]) > 1:
            paired = [_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
            self._levels.append(paired + level[len(paired) * 2 :])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0]

    def path(self, index: int) -> list[bytes]:
        """From the leaf up: what to join it with on the way to the root."""
        found = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                found.append(level[sibling])
            index //= 2
        return found


def root_of(leaf: bytes, index: int, *, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a proof leads to. Raises ValueError for a path of the wrong length."""
    at, left = leaf_hash(leaf), list(path)
    width = size
    while width > 1:
        sibling = index ^ 1
        if sibling < width:
            if not left:
                raise ValueError("the path is too short")
            other = left.pop(0)
            at = _node(other, at) if index & 1 else _node(at, other)
        index //= 2
        width = (width + 1) // 2
    if left:
        raise ValueError("the path is too long")
    return at
