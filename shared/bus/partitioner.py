"""Kafka's default partitioner, so that a key has the same partition on every adapter."""

from __future__ import annotations

from struct import unpack_from

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, unsigned, as the Java client computes it.

    Source: org.apache.kafka.common.utils.Utils.murmur2. Written for CPython: whole words at once, masked late.
    """
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


def partition_of(key: str, partitions: int) -> int:
    return (murmur2(key.encode()) & _POSITIVE) % partitions
