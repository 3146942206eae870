"""Kafka's default partitioner, so that a key has the same partition on every adapter."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from struct import unpack_from

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF

# Below this many keys of one length, preparing the lanes costs more than they save.
_LANES_FROM = 4


def partition_of(key: str, partitions: int) -> int:
    return (murmur2(key.encode()) & _POSITIVE) % partitions


def partitions_of(keys: Sequence[str], partitions: int) -> list[int]:
    """`partition_of` each key, at 0.4 instead of 2.5 µs when there are many of one length, as ids are."""
    if len(keys) < _LANES_FROM:
        return [partition_of(key, partitions) for key in keys]
    values = [key.encode() for key in keys]
    places: defaultdict[int, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        places[len(value)].append(place)
    found = [0] * len(values)
    for length, alike in places.items():
        for place, hashed in zip(alike, _hashes([values[place] for place in alike], length), strict=True):
            found[place] = (hashed & _POSITIVE) % partitions
    return found


def _hashes(values: list[bytes], length: int) -> list[int]:
    if len(values) < _LANES_FROM or length == 0 or length % 4 or sys.byteorder == "big":
        return [murmur2(value) for value in values]
    return _murmur2_lanes(values, length)


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, unsigned. Source: org.apache.kafka.common.utils.Utils.murmur2."""
    length = len(data)
    words = length >> 2
    h = _SEED ^ length
    for word in unpack_from(f"<{words}I", data):
        k = word * _M & _MASK
        h = (h * _M ^ (k ^ k >> 24) * _M) & _MASK
    tail = data[words << 2 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def _murmur2_lanes(values: list[bytes], length: int) -> list[int]:
    """`murmur2` of values that are all `length` bytes of whole words, step by step for all of them.

    One int holds them in lanes of 64 bits: a product of two 32-bit numbers stays in its lane, and `low`
    clears what a shift brings in from the next.
    """
    words = memoryview(b"".join(values)).cast("I")
    low = int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * len(values), "little")
    wide = bytearray(8 * len(values))
    lanes = memoryview(wide).cast("I")[::2]
    h = low // _MASK * (_SEED ^ length)
    for place in range(length >> 2):
        lanes[:] = words[place :: length >> 2]
        k = int.from_bytes(wide, "little") * _M & low
        h = (h * _M ^ (k ^ k >> 24 & low) * _M) & low
    h = (h ^ h >> 13 & low) * _M & low
    h ^= h >> 15 & low
    return memoryview(h.to_bytes(8 * len(values), "little")).cast("Q").tolist()
