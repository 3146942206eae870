"""Identifiers: UUIDv7 text (RFC 9562), so that ids sort by when they were made."""

from __future__ import annotations

import os
import time
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_RANDOM_MASK = (0xFFF << 64) | ((1 << 62) - 1)


def new_id() -> str:
    """A fresh UUIDv7 in its canonical text form."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM_MASK
    return str(UUID(int=(millis << 80) | _VERSION | _VARIANT | random))
