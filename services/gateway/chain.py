"""The hash chain of the feed: each link covers the one before, its own number and the exact bytes of the event."""

from __future__ import annotations

from hashlib import sha256

GENESIS = "0" * 64


def link(prev_hash: str, seq: int, event: bytes) -> str:
    """SHA-256 in hex of: `prev_hash` (64 hex digits, as text), `seq` (8 bytes, big endian), `event` (JSON without `seq`)."""
    return sha256(prev_hash.encode("ascii") + seq.to_bytes(8, "big") + event).hexdigest()
