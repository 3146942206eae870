from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.audit.merkle import Tree, leaf_hash, root_of


def root_by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, word for word."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + root_by_the_book(leaves[:k]) + root_by_the_book(leaves[k:])).digest()


@pytest.mark.parametrize("size", [*range(1, 40), 64, 65, 1_000])
def test_the_root_is_that_of_the_rfc_and_every_leaf_has_a_path_to_it(size: int) -> None:
    leaves = [b"%d" % n for n in range(size)]
    tree = Tree(leaves)

    assert tree.root == root_by_the_book(leaves)
    for n in range(size):
        assert root_of(leaves[n], n, size=size, path=tree.path(n)) == tree.root
        assert len(tree.path(n)) <= 10


@given(size=st.integers(2, 70), data=st.data())
def test_a_path_proves_no_other_leaf_and_no_other_place(size: int, data: st.DataObject) -> None:
    leaves = [b"%d" % n for n in range(size)]
    tree = Tree(leaves)
    n = data.draw(st.integers(0, size - 1))
    path = tree.path(n)

    assert root_of(b"another", n, size=size, path=path) != tree.root
    with pytest.raises(ValueError, match="path is too"):
        root_of(leaves[n], n, size=size, path=[*path, leaf_hash(b"x")])
    with pytest.raises(ValueError, match="path is too"):
        root_of(leaves[n], n, size=size, path=path[:-1])
    changed = [leaf_hash(b"x"), *path[1:]]
    assert root_of(leaves[n], n, size=size, path=changed) != tree.root


def test_a_tree_has_leaves() -> None:
    with pytest.raises(ValueError, match="leaves"):
        Tree([])
