"""Identifiers: UUIDv7 text (RFC 9562), so that ids sort by when they were made; names of requests and traces."""

from __future__ import annotations

import os
import random
import time

_VARIANT = "89ab"
# Asks the system once, not for each request.
_names = random.Random()  # noqa: S311  # they keep no secret
os.register_at_fork(after_in_child=_names.seed)


def new_id() -> str:
    """A fresh UUIDv7 in its canonical text form.

    Written out by hand: an import makes several per row, and `uuid.UUID` costs four times as much.
    """
    millis = f"{time.time_ns() // 1_000_000:012x}"
    random = os.urandom(10).hex()
    variant = _VARIANT[int(random[3], 16) & 3]
    return f"{millis[:8]}-{millis[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"


def request_id() -> str:
    """Names a request that came without a name: 128 bits, in hexadecimal. Nobody is kept out by not guessing it."""
    return f"{_names.getrandbits(128):032x}"


def traceparent() -> str:
    """Begins a trace (W3C Trace Context, level 1), sampled."""
    return f"00-{_names.getrandbits(128) or 1:032x}-{_names.getrandbits(64) or 1:016x}-01"
