"""Identifiers: UUIDv7 text (RFC 9562), so that ids sort by when they were made."""

from __future__ import annotations

import os
import time

_VARIANT = "89ab"


def new_id() -> str:
    """A fresh UUIDv7 in its canonical text form.

    Written out by hand: an import makes several per row, and `uuid.UUID` costs four times as much.
    """
    millis = f"{time.time_ns() // 1_000_000:012x}"
    random = os.urandom(10).hex()
    variant = _VARIANT[int(random[3], 16) & 3]
    return f"{millis[:8]}-{millis[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"
