"""One event of the feed as readers get it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import orjson

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


@dataclass(slots=True)
class Entry:
    """A numbered event; its bytes are encoded once and shared by every reader."""

    seq: int
    type: str
    subject: str
    actor: str
    focus_area: str | None
    agency: str | None
    visibility: str
    event: bytes
    # The span of this process that appended it.
    appended_in: str | None = field(default=None, repr=False, compare=False)
    _frame: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The event's own, as its service gave it."""
        return str(orjson.loads(self.event)["id"])

    @property
    def time(self) -> str:
        """RFC 3339, UTC."""
        return str(orjson.loads(self.event)["time"])

    @property
    def traceparent(self) -> str | None:
        """What its delivery continues."""
        return self.appended_in or orjson.loads(self.event).get("traceparent")

    @property
    def structured(self) -> bytes:
        """The CloudEvent with its `seq`."""
        return b'{"seq":%d,%b' % (self.seq, self.event[1:])

    @property
    def line(self) -> bytes:
        """As a line of NDJSON."""
        return _LINE_ENDS.sub(b" ", self.structured) + b"\n"

    @property
    def frame(self) -> bytes:
        """As a Server-Sent Event."""
        if self._frame is None:
            data = _LINE_ENDS.sub(b"\ndata: ", self.structured)
            self._frame = b"id: %d\nevent: %b\ndata: %b\n\n" % (self.seq, self.type.encode(), data)
        return self._frame
